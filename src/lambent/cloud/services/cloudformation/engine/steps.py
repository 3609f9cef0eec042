"""One step with one resource: made, changed, replaced or removed, with its events."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn, TypeVar

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import Principal, root_of
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.services.cloudformation import repository
from lambent.cloud.services.cloudformation.engine.journal import Also, Journal
from lambent.cloud.services.cloudformation.engine.reasons import INTERNAL_FAILURE
from lambent.cloud.services.cloudformation.engine.signals import wait_for_signals
from lambent.cloud.services.cloudformation.model import stack_policy
from lambent.cloud.services.cloudformation.model.creation_policy import ResourceSignal
from lambent.cloud.services.cloudformation.model.removal import keeps
from lambent.cloud.services.cloudformation.model.replacement import changed_properties, must_replace, possibly
from lambent.cloud.services.cloudformation.model.stack import HOST, ResourceStatus, Stack, StackResource
from lambent.cloud.services.cloudformation.resources.contract import (
    Live,
    Properties,
    ResourceContext,
    ResourceFailedError,
    ResourceType,
    words_of,
)
from lambent.cloud.services.cloudformation.resources.table import ResourceTypes
from lambent.cloud.services.cloudformation.resources.waiting import Bells, Halt, HaltedError
from lambent.cloud.store.unit_of_work import Store, Transaction
from lambent.template.document import TemplateError

_log = logging.getLogger(__name__)
_R = ResourceStatus
INITIATED = "Resource creation Initiated"
_REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."
_CANCELLED = {_R.CREATE_FAILED: "Resource creation cancelled", _R.UPDATE_FAILED: "Resource update cancelled"}
_DELETION_CANCELLED = "Resource deletion cancelled"
_FAILED_TO_BE = frozenset({_R.CREATE_FAILED, _R.DELETE_IN_PROGRESS, _R.DELETE_FAILED})
FAILURES = (ServiceError, ResourceFailedError, TemplateError)
T = TypeVar("T")


class StepFailedError(Exception):
    """A step failed; its event is written."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A resource as it is to be: evaluated, and with what the stack keeps about it."""

    logical_id: str
    type: str
    properties: Properties
    needs: tuple[str, ...] = ()
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"
    metadata: Any = None  # Any: whatever the template says
    signal: ResourceSignal | None = None


@dataclass(frozen=True, slots=True)
class Tools:
    """What steps work with; `bells` ring when a stack moves (its id) or a resource is signalled (`id/logical id`)."""

    types: ResourceTypes
    client: InternalClient
    clock: Clock
    ids: IdSource
    bells: Bells = field(default_factory=Bells)


def principal_of(stack: Stack) -> Principal:
    """Return on whose behalf the stack's resources are made: its role, or else the account."""
    role = stack.definition.role_arn
    if role is None:
        return replace(root_of(stack.scope.account), via=HOST)
    return Principal("assumed-role", stack.scope.account, role, f"{role}/AWSCloudFormation", via=HOST)


class Steps:
    """The steps of one phase of an operation of one stack; `policy` is what an update is held to."""

    def __init__(
        self, store: Store, tools: Tools, journal: Journal, halt: Halt, policy: stack_policy.StackPolicy = ()
    ) -> None:
        self._store = store
        self._tools = tools
        self._journal = journal
        self._halt = halt
        self._policy = policy

    async def refuse(self, wanted: Wanted, error: Exception) -> NoReturn:
        """Note that a resource's properties cannot be evaluated. Raises StepFailedError."""
        row = self._journal.resources.get(wanted.logical_id)
        is_new = row is None or row.status in {_R.DELETE_COMPLETE, _R.CREATE_FAILED, _R.CREATE_IN_PROGRESS}
        found = self._new(wanted, _R.CREATE_FAILED) if row is None or row.status is _R.DELETE_COMPLETE else row
        await self._failed(found, _R.CREATE_FAILED if is_new else _R.UPDATE_FAILED, error)

    def kind(self, name: str) -> ResourceType:
        """Return a resource type; templates with unknown ones never come this far."""
        found = self._tools.types.get(name)
        if found is None:
            raise ResourceFailedError(f"Unrecognized resource types: [{name}]")
        return found

    async def bring_about(self, wanted: Wanted) -> None:
        """Let the resource be as wanted. Raises StepFailedError."""
        if (problem := self.kind(wanted.type).problem(wanted.logical_id, wanted.properties)) is not None:
            await self.refuse(wanted, ResourceFailedError(problem))
        row = self._journal.resources.get(wanted.logical_id)
        if row is None or row.status.is_gone:
            await self._create(wanted, None)
        elif row.status in _FAILED_TO_BE:
            await self._make_anew(wanted, row)
        elif row.status.is_in_progress and row.attempted is None:
            await self._create(wanted, row)  # begun before a restart, and nobody knows how far it came
        elif row.type != wanted.type or must_replace(self.kind(row.type), row.properties, wanted.properties):
            await self.require_allowed(row, stack_policy.REPLACE)
            await self._replace(wanted, row)
        else:
            await self._change(wanted, row)

    async def _change(self, wanted: Wanted, row: StackResource) -> None:
        if changed_properties(row.properties, wanted.properties):
            await self.require_allowed(row, stack_policy.MODIFY)
            await self._update(wanted, row)
        elif row.attempted is not None or self.kind(row.type).is_visited:
            await self._update(wanted, row)
        elif row.status is _R.UPDATE_FAILED:
            await self._journal.note(replace(_merged(row, wanted), status=_R.UPDATE_COMPLETE, status_reason=""))
        elif _noted(row) != _noted(wanted):
            await self._journal.write(lambda transaction: self._keep(transaction, _merged(row, wanted)))
            self._journal.resources[row.logical_id] = _merged(row, wanted)

    async def require_allowed(self, row: StackResource, action: str) -> None:
        """Note what the stack's policy forbids. Raises StepFailedError."""
        reason = stack_policy.denial(self._policy, action, row.logical_id, row.type)
        if reason is not None:
            await self._failed(row, _R.UPDATE_FAILED, ResourceFailedError(reason))

    def _keep(self, transaction: Transaction, row: StackResource) -> None:
        repository.save_resource(transaction, self._journal.stack.id, row)

    async def _make_anew(self, wanted: Wanted, row: StackResource) -> None:
        """Take down what a failed creation left, then create: the failed one may hold the name."""
        if row.physical_id:
            await self.remove(row, policy="Delete")
        await self._create(wanted, None)

    async def _create(self, wanted: Wanted, begun: StackResource | None, *, is_repeated: bool = True) -> None:
        """Make a resource whose row is there already (`begun`): repeated, unless it is the first attempt."""
        row = begun or self._new(wanted, _R.CREATE_IN_PROGRESS)
        if begun is None:
            await self._journal.note(row)
        failed = _R(f"{row.status.value.rpartition('_IN')[0]}_FAILED")
        told = [INITIATED, ""]
        try:
            if not row.physical_id:  # otherwise it was made before a restart, and waits for its signals
                context = self._context(row, is_repeated=begun is not None and is_repeated)
                live = await self._handled(self.kind(wanted.type).handler.create(context, wanted.properties))
                row = replace(row, **_of(live), properties=wanted.properties)
            if wanted.signal is not None:
                told = [""]
                await self._signalled(row, wanted.signal)
        except FAILURES as error:
            await self._failed(row, failed, error, *told[:-1])
        except HaltedError as halted:
            row = replace(row, physical_id=row.physical_id or halted.physical_id)
            await self._cancelled(row, failed, *told[:-1])
        if self._halt.is_called:
            await self._cancelled(row, failed, *told[:-1])
        done = replace(row, status=_R(failed.value.replace("FAILED", "COMPLETE")), status_reason="")
        await self._journal.note(done, *told)

    async def _signalled(self, row: StackResource, wanted: ResourceSignal) -> None:
        if self._journal.resources[row.logical_id].physical_id != row.physical_id:
            await self._journal.note(row, INITIATED)
        until = self._journal.resources[row.logical_id].since + wanted.timeout_s
        name = self._journal.stack.id, row.logical_id
        await wait_for_signals(self._store, self._tools.bells, self._tools.clock, name, wanted.count, until, self._halt)

    async def _replace(self, wanted: Wanted, row: StackResource) -> None:
        new = self._new(wanted, _R.UPDATE_IN_PROGRESS)
        await self._journal.note(new, _REPLACING, also=self._leave(row, policy=row.replace_policy))
        await self._create(wanted, self._journal.resources[new.logical_id], is_repeated=False)

    async def _update(self, wanted: Wanted, row: StackResource) -> None:
        is_repeated = row.status is _R.UPDATE_IN_PROGRESS
        begun = replace(row, status=_R.UPDATE_IN_PROGRESS, attempted=wanted.properties, status_reason="")
        if not is_repeated:
            await self._journal.note(begun)
        before = possibly(row.properties, row.attempted, wanted.properties)
        try:
            context = self._context(row, is_repeated=is_repeated)
            handler = self.kind(row.type).handler
            live = await self._handled(handler.update(context, _live(row), before, wanted.properties))
        except FAILURES as error:
            await self._failed(begun, _R.UPDATE_FAILED, error)
        except HaltedError:
            await self._cancelled(begun, _R.UPDATE_FAILED)
        # A custom resource may answer a change with another physical id: what it had before is then deleted.
        is_another = live.physical_id != row.physical_id
        leave = self._leave(row, policy=row.replace_policy) if is_another else None
        if self._halt.is_called:
            await self._cancelled(replace(begun, **_of(live)), _R.UPDATE_FAILED, also=leave)
        done = replace(_merged(row, wanted), status=_R.UPDATE_COMPLETE, **_of(live), properties=wanted.properties)
        await self._journal.note(replace(done, attempted=None), also=leave)

    async def restore(self, row: StackResource, before: StackResource, *, skipped: tuple[str, ...] = ()) -> None:
        """Change a resource back to what it was; from then on the operation has not touched it. Raises StepFailedError.

        `skipped` are the resources of a nested stack that it leaves alone.
        """
        # From what it has: begun anew after a restart, the way back is the same.
        begun = replace(
            row, properties=possibly(row.properties, row.attempted, before.properties), attempted=before.properties
        )
        begun = replace(begun, status=_R.UPDATE_IN_PROGRESS, status_reason="")
        await self._journal.note(begun)
        try:
            live = await self.taken_back(row, before, skipped=skipped)
        except FAILURES as error:
            await self._failed(begun, _R.UPDATE_FAILED, error)
        done = replace(_with(before, live), status=_R.UPDATE_COMPLETE)

        def also(transaction: Transaction) -> None:
            repository.note_restored(transaction, self._journal.stack.id, row.logical_id)
            for other in {row.physical_id, before.physical_id} - {live.physical_id, ""}:
                self._leave(replace(row, physical_id=other), policy="Delete")(transaction)

        await self._journal.note(done, also=also)

    async def taken_back(self, row: StackResource, before: StackResource, *, skipped: tuple[str, ...] = ()) -> Live:
        """Let a resource have its properties of before, without a word; return it. Raises what its handler raises."""
        has, kind = possibly(row.properties, row.attempted, before.properties), self.kind(row.type)
        if row.attempted is None and not kind.is_visited and not changed_properties(has, before.properties):
            return _live(row)  # nothing was tried: it could not be evaluated, or the policy forbade it
        stack = self._journal.stack
        acknowledged = (stack.deployed or stack.definition).capabilities
        context = self._context(row, is_repeated=True)
        context = replace(context, is_rollback=True, skipped=skipped, capabilities=acknowledged)
        return await self._handled(kind.handler.update(context, _live(row), has, before.properties))

    async def skip(self, row: StackResource, before: StackResource) -> None:
        """Let a resource count as rolled back though it is not."""
        done = replace(_with(before, _live(row)), status=_R.UPDATE_COMPLETE)
        stack_id = self._journal.stack.id
        await self._journal.note(
            done, also=lambda transaction: repository.note_restored(transaction, stack_id, row.logical_id)
        )

    async def remove(self, row: StackResource, *, policy: str) -> None:
        """Delete a resource that the stack lists, or skip it as its policy says. Raises StepFailedError."""
        if keeps(policy):
            await self._journal.note(replace(row, status=_R.DELETE_SKIPPED, status_reason=""))
            return
        begun = replace(row, status=_R.DELETE_IN_PROGRESS, attempted=None, status_reason="")
        await self._journal.note(begun)
        try:
            await self._delete(row)
        except FAILURES as error:
            await self._failed(begun, _R.DELETE_FAILED, error)
        except HaltedError:  # of what a creation that failed had left, on the way forward
            await self._failed(begun, _R.DELETE_FAILED, ResourceFailedError(_DELETION_CANCELLED))
        await self._journal.note(replace(begun, status=_R.DELETE_COMPLETE))

    async def clean_up(self, number: int, row: StackResource, *, is_last: bool) -> bool:
        """Delete a leftover; return whether that is done with. At the last attempt it is, whatever comes of it."""
        forget = self._forget(number)
        if keeps(row.left_by or row.deletion_policy):
            await self._journal.tell(replace(row, status=_R.DELETE_SKIPPED), also=forget)
            return True
        await self._journal.tell(replace(row, status=_R.DELETE_IN_PROGRESS))
        try:
            await self._delete(row)
        except FAILURES as error:
            failed = replace(row, status=_R.DELETE_FAILED)
            await self._journal.tell(failed, words_of(error), also=forget if is_last else None)
            return False
        await self._journal.tell(replace(row, status=_R.DELETE_COMPLETE), also=forget)
        return True

    def _leave(self, row: StackResource, *, policy: str) -> Also:
        stack_id, left = self._journal.stack.id, replace(row, left_by=policy)
        return lambda transaction: repository.add_leftover(transaction, stack_id, left)

    def _forget(self, number: int) -> Also:
        return lambda transaction: repository.remove_leftover(transaction, number)

    async def _delete(self, row: StackResource) -> None:
        # Without a physical id nothing is known to exist: better than deleting what somebody else made.
        if row.physical_id:
            context = replace(self._context(row), began=self._tools.clock.now())
            await self._handled(self.kind(row.type).handler.delete(context, _live(row), row.properties))

    async def _handled(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except (*FAILURES, HaltedError):
            raise
        except Exception as error:  # a handler's mistake must not leave the stack under way for ever
            _log.exception("a resource handler failed")
            raise ResourceFailedError(INTERNAL_FAILURE) from error

    async def _failed(
        self, row: StackResource, status: ResourceStatus, error: Exception, *before: str, also: Also | None = None
    ) -> NoReturn:
        """Note a failure; `before` is what is told first where there is something that was made."""
        if isinstance(error, ResourceFailedError) and error.physical_id:
            row = replace(row, physical_id=error.physical_id)
        told = (*(before if row.physical_id else ()), words_of(error))
        await self._journal.note(replace(row, status=status, status_reason=told[-1]), *told, also=also)
        raise StepFailedError(row.logical_id) from error

    async def _cancelled(
        self, row: StackResource, status: ResourceStatus, *before: str, also: Also | None = None
    ) -> NoReturn:
        await self._failed(row, status, ResourceFailedError(_CANCELLED[status]), *before, also=also)

    def _new(self, wanted: Wanted, status: ResourceStatus) -> StackResource:
        token = f"{self._tools.ids.uuid()}".replace("-", "").upper()
        return StackResource(
            logical_id=wanted.logical_id,
            type=wanted.type,
            status=status,
            since=self._tools.clock.now(),
            token=token,
            properties=wanted.properties,
            needs=wanted.needs,
            deletion_policy=wanted.deletion_policy,
            replace_policy=wanted.replace_policy,
            metadata=wanted.metadata,
        )

    def _context(self, row: StackResource, *, is_repeated: bool = False) -> ResourceContext:
        noted = self._journal.resources.get(row.logical_id, row)
        context = context_of(self._tools, self._journal.stack, row, is_repeated=is_repeated)
        return replace(context, halt=self._halt, began=noted.since)


def context_of(tools: Tools, stack: Stack, row: StackResource, *, is_repeated: bool = False) -> ResourceContext:
    """Return for whom a handler works on a resource."""
    return ResourceContext(
        scope=stack.scope,
        principal=principal_of(stack),
        stack_id=stack.id,
        stack_name=stack.name,
        logical_id=row.logical_id,
        token=row.token,
        type_name=row.type,
        tags=stack.definition.tags,
        client=tools.client,
        clock=tools.clock,
        ids=tools.ids,
        is_repeated=is_repeated,
        capabilities=stack.definition.capabilities,
        step=f"{stack.operation_id}/{stack.status}/{row.token}/{row.physical_id}",
    )


def _live(row: StackResource) -> Live:
    return Live(row.physical_id, row.attributes)


def _of(live: Live) -> dict[str, Any]:  # Any: fields of StackResource, by name
    return {"physical_id": live.physical_id, "attributes": live.attributes, "status_reason": ""}


def _with(row: StackResource, live: Live) -> StackResource:
    return replace(row, **_of(live), attempted=None)


def _noted(one: StackResource | Wanted) -> tuple[object, ...]:
    return one.needs, one.deletion_policy, one.replace_policy, one.metadata


def _merged(row: StackResource, wanted: Wanted) -> StackResource:
    return replace(
        row,
        needs=wanted.needs,
        deletion_policy=wanted.deletion_policy,
        replace_policy=wanted.replace_policy,
        metadata=wanted.metadata,
    )
