"""One operation of a stack from the state it is in to a state of rest; begun anew it goes on where it was.

The state says what is to be done: forward (create, update), back (rollback), clean-up, or deletion. Each phase ends by
moving the stack, so a platform that is started again after a crash simply runs the phase that the state names. What a
phase began before the crash it brings to its end first; what failed in it has failed.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass, replace

from lambent.base.tasks import wait_for_event
from lambent.cloud.services.cloudformation import preflight, repository
from lambent.cloud.services.cloudformation.account import Account
from lambent.cloud.services.cloudformation.engine.display import displayed
from lambent.cloud.services.cloudformation.engine.dynamic_references import resolved
from lambent.cloud.services.cloudformation.engine.journal import Journal
from lambent.cloud.services.cloudformation.engine.reasons import (
    INTERNAL_FAILURE,
    NOT_DELETED,
    TIMED_OUT,
    delete_requested,
    rollback_requested,
    what_failed,
)
from lambent.cloud.services.cloudformation.engine.scheduling import in_dependency_order
from lambent.cloud.services.cloudformation.engine.steps import (
    FAILURES,
    StepFailedError,
    Steps,
    Tools,
    Wanted,
    principal_of,
)
from lambent.cloud.services.cloudformation.engine.surroundings import surroundings
from lambent.cloud.services.cloudformation.engine.taking_back import Release, TakingBack
from lambent.cloud.services.cloudformation.model import stack_policy
from lambent.cloud.services.cloudformation.model.creation_policy import resource_signal
from lambent.cloud.services.cloudformation.model.stack import ResourceStatus, Stack, StackOutput, StackResource
from lambent.cloud.services.cloudformation.model.states import StackStatus
from lambent.cloud.services.cloudformation.resources.contract import ResourceFailedError
from lambent.cloud.services.cloudformation.resources.waiting import Halt
from lambent.cloud.store.unit_of_work import Reader, Store, Transaction
from lambent.template.document import Resource, Template, TemplateError, as_text, read_template
from lambent.template.graph import dependencies
from lambent.template.intrinsics import Environment, evaluate, holds

_S = StackStatus
_R = ResourceStatus
_log = logging.getLogger(__name__)
_FORWARD = frozenset({_S.CREATE_IN_PROGRESS, _S.UPDATE_IN_PROGRESS})
_CLEAN_UPS = frozenset({_S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS, _S.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS})
# Where a way back ends that cannot be gone to its end.
_STUCK = {
    _S.ROLLBACK_IN_PROGRESS: _S.ROLLBACK_FAILED,
    _S.DELETE_IN_PROGRESS: _S.DELETE_FAILED,
    _S.UPDATE_ROLLBACK_IN_PROGRESS: _S.UPDATE_ROLLBACK_FAILED,
    _S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS: _S.UPDATE_COMPLETE,
    _S.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS: _S.UPDATE_ROLLBACK_COMPLETE,
}
_FAILED = frozenset({_R.CREATE_FAILED, _R.UPDATE_FAILED, _R.DELETE_FAILED})


@dataclass(frozen=True, slots=True)
class Goal:
    """What a stack is to become: the resources whose conditions hold, what each needs, and what they refer to."""

    template: Template
    active: dict[str, Resource]
    needs: dict[str, frozenset[str]]
    around: Environment


class Operation:
    """An operation under way: `cancel` turns an update back, `supersede` stops any, as soon as may be."""

    def __init__(self, store: Store, tools: Tools, journal: Journal, release: Release) -> None:
        self._store = store
        self._tools = tools
        self._journal = journal
        self._release = release
        self._imported: set[str] = set()
        self._halt = Halt()
        self._is_superseded = False
        self._is_late = False

    def cancel(self) -> None:
        """Let an update turn back: what is under way is cancelled, nothing new begins."""
        self._journal.stack = replace(self._journal.stack, is_cancelled=True)
        self._halt.call()

    def supersede(self) -> None:
        """Let it stop where it is, for another operation to begin."""
        self._is_superseded = True
        self._halt.call()

    async def run(self) -> None:
        """Go from phase to phase until the stack rests."""
        while not self._is_superseded and (status := self._journal.stack.status).is_in_progress:
            if status in _FORWARD:
                await self._guarded_forward()
                continue
            if status is _S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS and self._journal.stack.is_held:
                return  # until the stack around it lets it go on
            self._halt = Halt()
            await self._guarded_back(status)

    # A mistake must not leave the stack under way for ever; one in a step fails that step, so these catch what is rare.

    async def _guarded_forward(self) -> None:
        try:
            await self._forward()
        except Exception:  # noqa: BLE001 - whatever it was: see above
            _log.exception("an operation of stack %s failed", self._journal.stack.id)
            if self._journal.stack.status in _FORWARD and not self._is_superseded:
                await self._turn_back(INTERNAL_FAILURE)

    async def _guarded_back(self, status: StackStatus) -> None:
        try:
            await self._way_back()
        except Exception:  # noqa: BLE001 - whatever it was: see above
            _log.exception("an operation of stack %s failed", self._journal.stack.id)
            stack = self._journal.stack
            if stack.status is not status:
                return
            if status in _CLEAN_UPS:
                await self._journal.move(_STUCK[status], NOT_DELETED, deployed=stack.definition, outputs_before=None)
            else:
                await self._journal.move(_STUCK[status], INTERNAL_FAILURE)

    async def _way_back(self) -> None:
        back = self._taking_back()
        phases = {
            _S.ROLLBACK_IN_PROGRESS: back.take_down,
            _S.DELETE_IN_PROGRESS: back.take_down,
            _S.UPDATE_ROLLBACK_IN_PROGRESS: back.back,
            _S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS: back.clean_up,
            _S.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS: back.clean_up,
        }
        await phases[self._journal.stack.status]()

    def _taking_back(self) -> TakingBack:
        steps = Steps(self._store, self._tools, self._journal, Halt())
        return TakingBack(self._store, self._journal, steps, self._tools.clock, self._release)

    # ── forward: everything as the template says ──

    async def _forward(self) -> None:
        try:
            goal = await self._goal()
        except TemplateError as error:
            await self._turn_back(str(error))
            return
        if self._journal.stack.is_cancelled:
            self._halt.call()
        failed = await self._bring_about(goal)
        if self._is_superseded:
            return
        if self._is_late:
            await self._turn_back(TIMED_OUT)
        elif self._journal.stack.is_cancelled and self._journal.stack.status is _S.UPDATE_IN_PROGRESS:
            await self._turn_back("User Initiated")
        elif failed:
            await self._turn_back(what_failed(failed, self._journal.resources))
        else:
            await self._arrive(goal)

    async def _goal(self) -> Goal:
        stack = self._journal.stack
        preflight.require_made(stack.definition)
        template = read_template(json.loads(stack.definition.processed))
        around = surroundings(template, stack, self._journal.resources, self._tools.types, self._export)
        account = Account(self._tools.client, stack.scope, principal_of(stack))
        await preflight.require_met(template, around, stack.definition, account)
        active = {name: one for name, one in template.resources.items() if _is_active(one, around)}
        return Goal(template, active, dependencies(active), around)

    async def _bring_about(self, goal: Goal) -> list[str]:
        """Carry out the steps until the time is over; return what failed, in this run or before a restart."""
        until = self._until()
        if until is None:
            return await self._all_steps(goal)
        if self._tools.clock.now() >= until:
            self._be_late()
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch_the_time(over, until))
            try:
                return await self._all_steps(goal)
            finally:
                over.set()

    def _until(self) -> float | None:
        stack = self._journal.stack
        if stack.timeout_minutes is None or stack.status is not _S.CREATE_IN_PROGRESS:
            return None
        return (stack.created if stack.begun is None else stack.begun) + stack.timeout_minutes * 60

    async def _watch_the_time(self, over: asyncio.Event, until: float) -> None:
        if not await wait_for_event(over, self._tools.clock, until):
            self._be_late()

    def _be_late(self) -> None:
        self._is_late = True
        self._halt.call()

    async def _all_steps(self, goal: Goal) -> list[str]:
        stack = self._journal.stack
        steps = Steps(self._store, self._tools, self._journal, self._halt, _policy(stack))
        goes_on = _goes_on(stack)
        had_failed = [name for name, row in self._journal.resources.items() if self._is_of_this(row) and _failed(row)]
        begun = {name for name, row in self._journal.resources.items() if self._is_of_this(row) and _goes(row)}
        if had_failed and not goes_on:
            self._halt.call()
        removed = self._removed(goal)

        async def step(name: str) -> None:
            if name in had_failed or (self._halt.is_called and name not in begun):
                raise StepFailedError(name)
            try:
                if name in removed:
                    await steps.require_allowed(removed[name], stack_policy.DELETE)
                else:
                    await steps.bring_about(await self._wanted(steps, goal, name))
            except Exception as error:
                if not goes_on:
                    self._halt.call()
                if isinstance(error, StepFailedError):
                    raise
                _log.exception("a step with %s of stack %s failed", name, stack.id)
                await steps.refuse(_as_written(goal, name), ResourceFailedError(INTERNAL_FAILURE))

        # What was begun before a restart waits for nothing, and comes first: only then is it known what there is of it.
        first = {name: frozenset[str]() for name in goal.active if name in begun}
        if self._halt.is_called:
            return had_failed + await in_dependency_order(first, step, self._tools.clock, goes_on=True)
        rest = {name: needed for name, needed in goal.needs.items() if name not in first}
        needs = {**first, **{name: frozenset[str]() for name in removed}, **rest}
        return await in_dependency_order(needs, step, self._tools.clock, goes_on=goes_on)

    def _is_of_this(self, row: StackResource) -> bool:
        return row.operation_id == self._journal.stack.operation_id

    def _removed(self, goal: Goal) -> dict[str, StackResource]:
        rows = self._journal.resources.items()
        return {name: row for name, row in rows if name not in goal.active and not row.status.is_gone}

    async def _wanted(self, steps: Steps, goal: Goal, name: str) -> Wanted:
        resource, wanted = goal.active[name], _as_written(goal, name)
        try:
            written = evaluate(resource.properties, goal.around)
            found = await resolved(written, self._call)
            told = displayed(resource, written, goal.around, self._journal.stack.definition)
            self._journal.mask(name, found, told)
            signal = resource_signal(evaluate(resource.creation_policy, goal.around))
        except FAILURES as error:
            await steps.refuse(wanted, error)
        return replace(wanted, properties=found, signal=signal)

    async def _call(self, service: str, operation: str, **parameters: object) -> repository.Body:
        stack = self._journal.stack
        principal = principal_of(stack)
        found = await self._tools.client.call(service, operation, parameters, scope=stack.scope, principal=principal)
        return dict(found)

    def _export(self, name: str) -> str:
        exported = repository.exports(self._store.read, self._journal.stack.scope).get(name)
        if exported is None:
            raise TemplateError(f"No export named {name} found")
        self._imported.add(name)
        return exported[1]

    async def _turn_back(self, reason: str) -> None:
        """Leave the way forward: to a rollback, or to a stop where none is wanted."""
        stack = self._journal.stack
        if stack.status is _S.UPDATE_IN_PROGRESS:
            await self._turn_update_back(stack, reason)
        elif stack.on_failure == "DELETE":
            await self._journal.move(_S.DELETE_IN_PROGRESS, delete_requested(reason))
        elif stack.disable_rollback or stack.on_failure == "DO_NOTHING":
            await self._journal.move(_S.CREATE_FAILED, reason)
        else:
            await self._journal.move(_S.ROLLBACK_IN_PROGRESS, rollback_requested(reason))

    async def _turn_update_back(self, stack: Stack, reason: str) -> None:
        if stack.disable_rollback and not stack.is_cancelled:
            await self._taking_back().settle_failures()
            await self._release(stack.id)
            await self._journal.move(_S.UPDATE_FAILED, reason, policy_override=None)
        elif stack.deployed is None:  # it was never stable
            await self._journal.move(_S.ROLLBACK_IN_PROGRESS, rollback_requested(reason), policy_override=None)
        else:
            await self._journal.move(_S.UPDATE_ROLLBACK_IN_PROGRESS, reason, policy_override=None)

    async def _arrive(self, goal: Goal) -> None:
        """Everything is as it should be: outputs and exports, and what is no longer in the template is left over."""
        stack = self._journal.stack
        try:
            outputs = _outputs(goal.template, goal.around)
        except TemplateError as error:
            await self._turn_back(str(error))
            return
        removed = {name: row for name, row in self._journal.resources.items() if name not in goal.active}
        exported = {one.export_name: one.value for one in outputs if one.export_name is not None}

        def also(transaction: Transaction) -> None:
            self._require_free(transaction, outputs)
            repository.set_exports(transaction, stack, exported)
            repository.set_imports(transaction, stack, self._imported)
            for row in removed.values():
                repository.remove_resource(transaction, stack.id, row.logical_id)
                if not row.status.is_gone and row.physical_id:
                    repository.add_leftover(transaction, stack.id, row)

        is_new = stack.status is _S.CREATE_IN_PROGRESS
        to = _S.CREATE_COMPLETE if is_new else _S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
        before = {"outputs_before": stack.outputs, "policy_override": None}
        try:
            await self._journal.move(
                to, also=also, outputs=outputs, **({"deployed": stack.definition} if is_new else before)
            )
        except TemplateError as error:
            await self._turn_back(str(error))
            return
        for name in removed:
            del self._journal.resources[name]

    def _require_free(self, reader: Reader, outputs: tuple[StackOutput, ...]) -> None:
        """Raise TemplateError for exports that others have or use, and for imports that are gone, at this moment."""
        stack = self._journal.stack
        known = repository.exports(reader, stack.scope)
        if lost := sorted(self._imported - known.keys()):
            raise TemplateError(f"No export named {lost[0]} found")
        told = {one.export_name: one.value for one in outputs if one.export_name is not None}
        for name in told:
            owner = known.get(name)
            if owner is not None and owner[0] != stack.id:
                raise TemplateError(f"Export with name {name} is already exported by stack {_name_in(owner[0])}. ")
        for name, (owner_id, value) in known.items():
            if owner_id == stack.id and told.get(name) != value:
                users = [_name_in(one) for one in repository.importers(reader, stack.scope, name)]
                if users:
                    verb = "updated" if name in told else "deleted"
                    raise TemplateError(f"Export {name} cannot be {verb} as it is in use by {', '.join(users)}")


def _goes_on(stack: Stack) -> bool:
    """Whether a failure leaves the other paths alone: what was made is preserved, so as much as may be is made."""
    is_left = stack.status is _S.CREATE_IN_PROGRESS and stack.on_failure == "DO_NOTHING"
    return stack.disable_rollback or (is_left and stack.parent_id is None)


def _policy(stack: Stack) -> stack_policy.StackPolicy:
    text = stack.policy if stack.policy_override is None else stack.policy_override
    return () if text is None or stack.status is not _S.UPDATE_IN_PROGRESS else stack_policy.read_stack_policy(text)


def _failed(row: StackResource) -> bool:
    return row.status in _FAILED


def _goes(row: StackResource) -> bool:
    return row.status.is_in_progress


def _as_written(goal: Goal, name: str) -> Wanted:
    """Return a resource as the template has it, its properties not yet evaluated."""
    resource = goal.active[name]
    return Wanted(
        logical_id=name,
        type=resource.type,
        properties={},
        needs=tuple(sorted(goal.needs[name])),
        deletion_policy=resource.deletion_policy or "Delete",
        replace_policy=resource.update_replace_policy or "Delete",
        metadata=resource.metadata,
    )


def _is_active(resource: Resource, around: Environment) -> bool:
    return resource.condition is None or holds(resource.condition, around)


def _outputs(template: Template, around: Environment) -> tuple[StackOutput, ...]:
    found = []
    for output in template.outputs.values():
        if output.condition is not None and not holds(output.condition, around):
            continue
        value = evaluate(output.value, around)
        if isinstance(value, dict | list) or value is None:
            raise TemplateError(f"Template format error: The Value field of every Outputs member must evaluate to a String. [/Outputs/{output.name}]")  # fmt: skip  # noqa: E501 - a message in one piece
        name = None if output.export_name is None else as_text(evaluate(output.export_name, around))
        found.append(StackOutput(output.name, as_text(value), output.description, name))
    return tuple(found)


def _name_in(stack_id: str) -> str:
    return stack_id.split("/")[1]
