"""One operation of a stack from the state it is in to a state of rest; begun anew it goes on where it was.

The state says what is to be done: forward (create, update), back (rollback), clean-up, or deletion. Each phase ends by
moving the stack, so a platform that is started again after a crash simply runs the phase that the state names.
"""

from __future__ import annotations

import json
import logging
from dataclasses import replace

from lambent.cloud.services.cloudformation import repository
from lambent.cloud.services.cloudformation.engine.dynamic_references import resolved
from lambent.cloud.services.cloudformation.engine.journal import Journal
from lambent.cloud.services.cloudformation.engine.scheduling import in_dependency_order, reversed_needs
from lambent.cloud.services.cloudformation.engine.steps import FAILURES, StepFailedError, Steps, Tools, Wanted
from lambent.cloud.services.cloudformation.engine.surroundings import surroundings
from lambent.cloud.services.cloudformation.model.replacement import changed_properties
from lambent.cloud.services.cloudformation.model.stack import ResourceStatus, StackOutput, StackResource
from lambent.cloud.services.cloudformation.model.states import StackStatus
from lambent.cloud.store.unit_of_work import Store, Transaction
from lambent.template.document import Resource, Template, TemplateError, as_text, read_template
from lambent.template.graph import dependencies
from lambent.template.intrinsics import Environment, evaluate, holds

_log = logging.getLogger(__name__)
_S = StackStatus
_R = ResourceStatus
_GONE = frozenset({_R.DELETE_COMPLETE, _R.DELETE_SKIPPED})
_VERBS = {_R.CREATE_FAILED: "create", _R.UPDATE_FAILED: "update", _R.DELETE_FAILED: "delete"}


class Operation:
    """An operation under way: `cancelled` turns an update back, `superseded` stops any, before the next step."""

    def __init__(self, store: Store, tools: Tools, journal: Journal) -> None:
        self._store = store
        self._tools = tools
        self._journal = journal
        self._steps = Steps(tools, journal)
        self._imported: set[str] = set()
        self.cancelled = False
        self.superseded = False
        spared = frozenset(journal.stack.spared)
        self.retained = self.skipped = spared

    async def run(self) -> None:
        """Go from phase to phase until the stack rests."""
        phases = {
            _S.CREATE_IN_PROGRESS: self._forward,
            _S.UPDATE_IN_PROGRESS: self._forward,
            _S.ROLLBACK_IN_PROGRESS: self._take_down,
            _S.DELETE_IN_PROGRESS: self._take_down,
            _S.UPDATE_ROLLBACK_IN_PROGRESS: self._back,
            _S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS: self._clean_up,
            _S.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS: self._clean_up,
        }
        while not self.superseded and (phase := phases.get(self._journal.stack.status)) is not None:
            await phase()

    # ── forward: everything as the template says ──

    async def _forward(self) -> None:
        try:
            template = read_template(json.loads(self._journal.stack.definition.processed))
            around = surroundings(
                template, self._journal.stack, self._journal.resources, self._tools.types, self._export
            )
            active = {name: one for name, one in template.resources.items() if _is_active(one, around)}
            needs = dependencies(active)
        except TemplateError as error:
            await self._turn_back(str(error))
            return

        async def step(name: str) -> None:
            if self.cancelled or self.superseded:
                raise StepFailedError(name)
            await self._steps.bring_about(await self._wanted(active[name], needs[name], around))

        failed = await in_dependency_order(needs, step)
        if self.superseded:
            return
        if self.cancelled:
            await self._turn_back("")
        elif failed:
            await self._turn_back(self._what_failed(failed))
        else:
            await self._arrive(template, active, around)

    async def _wanted(self, resource: Resource, needs: frozenset[str], around: Environment) -> Wanted:
        retention = resource.deletion_policy or "Delete"
        wanted = Wanted(
            logical_id=resource.logical_id,
            type=resource.type,
            properties={},
            needs=tuple(sorted(needs)),
            deletion_policy=retention,
            replace_policy=resource.update_replace_policy or "Delete",
            metadata=resource.metadata,
        )
        try:
            found = evaluate(resource.properties, around)
            found = await resolved(found, self._call)
        except FAILURES as error:
            await self._steps.refuse(wanted, error)
        return replace(wanted, properties=found)

    async def _call(self, service: str, operation: str, **parameters: object) -> repository.Body:
        stack = self._journal.stack
        principal = self._steps.principal
        found = await self._tools.client.call(service, operation, parameters, scope=stack.scope, principal=principal)
        return dict(found)

    def _export(self, name: str) -> str:
        exported = repository.exports(self._store.read, self._journal.stack.scope).get(name)
        if exported is None:
            raise TemplateError(f"No export named {name} found.")
        self._imported.add(name)
        return exported[1]

    def _what_failed(self, names: list[str]) -> str:
        sentences = []
        for status, verb in _VERBS.items():
            those = sorted(name for name in names if self._journal.resources[name].status is status)
            if those:
                sentences.append(f"The following resource(s) failed to {verb}: [{', '.join(those)}]. ")
        return "".join(sentences)

    async def _turn_back(self, reason: str) -> None:
        """Leave the way forward: to a rollback, or to a stop where none is wanted."""
        stack = self._journal.stack
        if stack.status is _S.UPDATE_IN_PROGRESS:
            to = _S.UPDATE_FAILED if stack.disable_rollback and not self.cancelled else _S.UPDATE_ROLLBACK_IN_PROGRESS
            await self._journal.move(to, reason)
        elif stack.on_failure == "DELETE":
            await self._journal.move(_S.DELETE_IN_PROGRESS, reason)
        elif stack.disable_rollback or stack.on_failure == "DO_NOTHING":
            await self._journal.move(_S.CREATE_FAILED, reason)
        else:
            await self._journal.move(_S.ROLLBACK_IN_PROGRESS, f"{reason}Rollback requested by user.")

    async def _arrive(self, template: Template, active: dict[str, Resource], around: Environment) -> None:
        """Everything is as it should be: outputs and exports, and what is no longer in the template is left over."""
        stack = self._journal.stack
        try:
            outputs = _outputs(template, around)
            self._require_free(outputs)
        except TemplateError as error:
            await self._turn_back(str(error))
            return
        removed = [row for name, row in self._journal.resources.items() if name not in active]
        exported = {one.export_name: one.value for one in outputs if one.export_name is not None}

        def also(transaction: Transaction) -> None:
            repository.set_exports(transaction, stack, exported)
            repository.set_imports(transaction, stack, self._imported)
            for row in removed:
                repository.remove_resource(transaction, stack.id, row.logical_id)
                if row.status not in _GONE and row.physical_id:
                    repository.add_leftover(transaction, stack.id, row)

        is_new = stack.status is _S.CREATE_IN_PROGRESS
        to = _S.CREATE_COMPLETE if is_new else _S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
        await self._journal.move(to, also=also, outputs=outputs, deployed=stack.definition)
        for row in removed:
            del self._journal.resources[row.logical_id]

    def _require_free(self, outputs: tuple[StackOutput, ...]) -> None:
        stack = self._journal.stack
        known = repository.exports(self._store.read, stack.scope)
        told = {one.export_name: one.value for one in outputs if one.export_name is not None}
        for name in told:
            owner = known.get(name)
            if owner is not None and owner[0] != stack.id:
                raise TemplateError(f"Export with name {name} is already exported by stack {_name_in(owner[0])}. ")
        for name, (owner_id, value) in known.items():
            if owner_id == stack.id and told.get(name) != value:
                users = [_name_in(one) for one in repository.importers(self._store.read, stack.scope, name)]
                if users:
                    verb = "updated" if name in told else "deleted"
                    raise TemplateError(f"Export {name} cannot be {verb} as it is in use by {', '.join(users)}")

    # ── back: everything as it was before the update ──

    async def _back(self) -> None:
        stack = self._journal.stack
        before = repository.snapshot(self._store.read, stack.id)
        await self._drop_what_is_new(before)
        touched = {
            name: frozenset(row.needs)
            for name, row in before.items()
            if name not in self.skipped and self._is_touched(row)
        }

        async def step(name: str) -> None:
            await self._steps.restore(self._journal.resources[name], before[name])

        if failed := await in_dependency_order(touched, step):
            await self._journal.move(_S.UPDATE_ROLLBACK_FAILED, self._what_failed(failed))
            return
        await self._journal.move(
            _S.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS, definition=stack.deployed or stack.definition
        )

    def _is_touched(self, before: StackResource) -> bool:
        now = self._journal.resources[before.logical_id]
        return now.status in {_R.UPDATE_IN_PROGRESS, _R.UPDATE_FAILED} or bool(
            changed_properties(now.properties, before.properties)
        )

    async def _drop_what_is_new(self, before: dict[str, StackResource]) -> None:
        """Let what the update made be left over, and list what it replaced as it was."""
        stack_id = self._journal.stack.id
        new = [
            row
            for name, row in self._journal.resources.items()
            if name not in before or before[name].token != row.token
        ]
        if not new:
            return

        def work(transaction: Transaction) -> None:
            repository.clear_leftovers(transaction, stack_id)
            for row in new:
                old = before.get(row.logical_id)
                if old is None:
                    repository.remove_resource(transaction, stack_id, row.logical_id)
                else:
                    repository.save_resource(transaction, stack_id, old)
                if row.physical_id:
                    repository.add_leftover(transaction, stack_id, replace(row, deletion_policy=_on_creation(row)))

        await self._journal.write(work)
        for row in new:
            old = before.get(row.logical_id)
            if old is None:
                del self._journal.resources[row.logical_id]
            else:
                self._journal.resources[row.logical_id] = old

    # ── what is left over ──

    async def _clean_up(self) -> None:
        stack = self._journal.stack
        left = {str(number): (number, row) for number, row in repository.leftovers(self._store.read, stack.id)}
        by_id = {row.logical_id: key for key, (_, row) in left.items()}
        needs = {key: frozenset(by_id[one] for one in row.needs if one in by_id) for key, (_, row) in left.items()}

        async def step(key: str) -> None:
            number, row = left[key]
            replaced = row.logical_id in self._journal.resources
            await self._steps.clean_up(number, row, policy=row.replace_policy if replaced else row.deletion_policy)

        await in_dependency_order(reversed_needs(_without_circles(needs)), step)
        forward = stack.status is _S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
        await self._journal.move(_S.UPDATE_COMPLETE if forward else _S.UPDATE_ROLLBACK_COMPLETE)

    # ── deletion, and the rollback of a creation ──

    async def _take_down(self) -> None:
        stack = self._journal.stack
        back = stack.status is _S.ROLLBACK_IN_PROGRESS
        rows = {
            name: row
            for name, row in self._journal.resources.items()
            if row.status not in _GONE and name not in self.retained
        }
        needs = {name: frozenset(row.needs) & rows.keys() for name, row in rows.items()}

        async def step(name: str) -> None:
            row = rows[name]
            policy = _on_creation(row) if back else row.deletion_policy
            await self._steps.remove(row, policy="Delete" if not row.physical_id else policy)

        failed = await in_dependency_order(reversed_needs(needs), step)
        if failed:
            await self._journal.move(_S.ROLLBACK_FAILED if back else _S.DELETE_FAILED, self._what_failed(failed))
            return

        def also(transaction: Transaction) -> None:
            repository.set_exports(transaction, stack, {})
            repository.set_imports(transaction, stack, ())
            if not back:
                repository.remove_change_sets(transaction, stack.id)

        await self._journal.move(_S.ROLLBACK_COMPLETE if back else _S.DELETE_COMPLETE, also=also)


def _is_active(resource: Resource, around: Environment) -> bool:
    return resource.condition is None or holds(resource.condition, around)


def _on_creation(row: StackResource) -> str:
    """What becomes of a resource when the very operation that made it is rolled back."""
    return "Delete" if row.deletion_policy == "RetainExceptOnCreate" else row.deletion_policy


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


def _without_circles(needs: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Return the needs without those on oneself: of two generations of a resource both may be left over."""
    return {key: needed - {key} for key, needed in needs.items()}


def _name_in(stack_id: str) -> str:
    return stack_id.split("/")[1]
