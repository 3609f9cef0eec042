"""The way back of an operation: what an update made is undone, what it left is cleaned up, a stack is taken down."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from lambent.base.clock import Clock
from lambent.cloud.services.cloudformation import repository
from lambent.cloud.services.cloudformation.engine.journal import Journal
from lambent.cloud.services.cloudformation.engine.reasons import NOT_DELETED, what_failed
from lambent.cloud.services.cloudformation.engine.scheduling import (
    in_dependency_order,
    reversed_needs,
    without_circles,
)
from lambent.cloud.services.cloudformation.engine.steps import FAILURES, StepFailedError, Steps
from lambent.cloud.services.cloudformation.model.removal import on_deletion, on_rollback
from lambent.cloud.services.cloudformation.model.replacement import changed_properties
from lambent.cloud.services.cloudformation.model.stack import ResourceStatus, StackResource
from lambent.cloud.services.cloudformation.model.states import StackStatus
from lambent.cloud.store.unit_of_work import Store, Transaction

_S = StackStatus
_R = ResourceStatus
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-monitor-stack.html
_ATTEMPTS = 3
Release = Callable[[str], Awaitable[None]]
Leftover = tuple[int, StackResource]


@dataclass(frozen=True, slots=True)
class TakingBack:
    """The phases that lead back, of one stack; `release` lets the stacks nested in it clean up, and waits for them."""

    store: Store
    journal: Journal
    steps: Steps
    clock: Clock
    release: Release

    # ── back: everything as it was before the update ──

    async def back(self) -> None:
        """Bring back what was before the update; what it made is left over."""
        stack = self.journal.stack
        before = repository.snapshot(self.store.read, stack.id)
        await self._drop_what_is_new(before)
        skipped, within = _skipped(stack.spared)
        touched = {
            name: frozenset(row.needs)
            for name, row in before.items()
            if self._is_touched(self.journal.resources[name], row)
        }

        async def step(name: str) -> None:
            row = self.journal.resources[name]
            if name in skipped:
                await self.steps.skip(row, before[name])
            else:
                await self.steps.restore(row, before[name], skipped=within.get(name, ()))

        if failed := await in_dependency_order(without_circles(touched), step, self.clock, goes_on=True):
            await self.journal.move(_S.UPDATE_ROLLBACK_FAILED, what_failed(failed, self.journal.resources))
            return
        outputs = stack.outputs if stack.outputs_before is None else stack.outputs_before
        exported = {one.export_name: one.value for one in outputs if one.export_name is not None}
        await self.journal.move(
            _S.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS,
            also=lambda transaction: repository.set_exports(transaction, stack, exported),
            definition=stack.deployed or stack.definition,
            outputs=outputs,
            outputs_before=None,
        )

    def _is_touched(self, now: StackResource, before: StackResource) -> bool:
        """Whether the operation did anything to a resource that it has not undone yet."""
        return (now.since, now.operation_id) != (before.since, before.operation_id) or bool(
            changed_properties(now.properties, before.properties)
        )

    async def _drop_what_is_new(self, before: dict[str, StackResource]) -> None:
        """Let what the update made be left over, and list what it replaced or removed as it was."""
        stack, resources = self.journal.stack, self.journal.resources
        new = [row for name, row in resources.items() if name not in before or before[name].token != row.token]
        # As it was when it was replaced: an update that was preserved may have changed it before.
        left = {(row.token, row.physical_id): row for _, row in repository.leftovers(self.store.read, stack.id)}
        again = {
            name: replace(left.get((row.token, row.physical_id), row), left_by=None)
            for name, row in before.items()
            if name not in resources or resources[name] in new
        }

        def work(transaction: Transaction) -> None:
            repository.keep_from_clean_up(transaction, stack.id, before.values())
            for row in new:
                repository.remove_resource(transaction, stack.id, row.logical_id)
                is_another = row.logical_id in before  # a new generation of what was there
                policy = "Delete" if is_another else self._on_rollback(row)
                if row.physical_id and not row.status.is_gone:
                    repository.add_leftover(transaction, stack.id, replace(row, left_by=policy))
            for row in again.values():
                repository.save_resource(transaction, stack.id, row)

        await self.journal.write(work)
        for row in new:
            del resources[row.logical_id]
        resources.update(again)

    def _on_rollback(self, row: StackResource) -> str:
        return on_rollback(row, retain_except_on_create=self.journal.stack.retain_except_on_create)

    async def settle_failures(self) -> None:
        """Bring what failed to be updated back to its last state, where all else is left as the update made it.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html
        """
        left = {row.logical_id: row for _, row in repository.leftovers(self.store.read, self.journal.stack.id)}
        for row in list(self.journal.resources.values()):
            if row.status is not _R.UPDATE_FAILED:
                continue
            old = left.get(row.logical_id)
            if old is not None and old.token != row.token:
                await self._list_again(row, old)
            elif row.attempted is not None:
                await self._undo(row)

    async def _list_again(self, failed: StackResource, old: StackResource) -> None:
        stack_id = self.journal.stack.id
        row = replace(old, status=_R.UPDATE_FAILED, status_reason=failed.status_reason, left_by=None)
        row = replace(row, operation_id=failed.operation_id)

        def work(transaction: Transaction) -> None:
            repository.keep_from_clean_up(transaction, stack_id, [old])
            repository.save_resource(transaction, stack_id, row)
            if failed.physical_id:
                repository.add_leftover(transaction, stack_id, replace(failed, left_by="Delete"))

        await self.journal.write(work)
        self.journal.resources[row.logical_id] = row

    async def _undo(self, row: StackResource) -> None:
        try:
            live = await self.steps.taken_back(row, row)
        except FAILURES:
            return  # it stays known what was attempted: the next operation begins from there
        undone = replace(row, physical_id=live.physical_id, attributes=live.attributes, attempted=None)
        stack_id = self.journal.stack.id
        await self.journal.write(lambda transaction: repository.save_resource(transaction, stack_id, undone))
        self.journal.resources[row.logical_id] = undone

    # ── what is left over ──

    async def clean_up(self) -> None:
        """Delete what the update replaced or removed, or what a rollback has no use for; three times if need be."""
        stack = self.journal.stack
        await self.release(stack.id)
        failed = await self._sweep_up()
        forward = stack.status is _S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
        to = _S.UPDATE_COMPLETE if forward else _S.UPDATE_ROLLBACK_COMPLETE
        await self.journal.move(to, NOT_DELETED if failed else "", deployed=stack.definition, outputs_before=None)

    async def _sweep_up(self) -> bool:
        """Try to delete all that is left over, again and again; return whether any could not be."""
        failed = False
        for attempt in range(1, _ATTEMPTS + 1):
            if left := repository.leftovers(self.store.read, self.journal.stack.id):
                failed = await self._sweep(left, is_last=attempt == _ATTEMPTS)
        return failed

    async def _sweep(self, left: list[Leftover], *, is_last: bool) -> bool:
        """Try to delete each; return whether any could not be."""
        by_key = {str(number): (number, row) for number, row in left}
        keys: dict[str, list[str]] = {}
        for key, (_, row) in by_key.items():
            keys.setdefault(row.logical_id, []).append(key)
        needs = {
            key: frozenset(found for one in row.needs for found in keys.get(one, ()))
            for key, (_, row) in by_key.items()
        }
        failed = []

        async def step(key: str) -> None:
            number, row = by_key[key]
            if not await self.steps.clean_up(number, row, is_last=is_last):
                failed.append(key)

        await in_dependency_order(reversed_needs(without_circles(needs)), step, self.clock)
        return bool(failed)

    # ── deletion, and the rollback of a creation ──

    async def take_down(self) -> None:
        """Delete every resource that is not to be kept."""
        stack = self.journal.stack
        is_back = stack.status is _S.ROLLBACK_IN_PROGRESS
        is_forced = stack.deletion_mode == "FORCE_DELETE_STACK" and not is_back
        rows = {name: row for name, row in self.journal.resources.items() if not row.status.is_gone}
        needs = {name: frozenset(row.needs) & rows.keys() for name, row in rows.items()}

        async def step(name: str) -> None:
            try:
                await self.steps.remove(rows[name], policy=self._on_taking_down(rows[name]))
            except StepFailedError:
                if not is_forced:
                    raise
                await self.steps.remove(self.journal.resources[name], policy="Retain")

        failed = await in_dependency_order(reversed_needs(without_circles(needs)), step, self.clock, goes_on=True)
        if failed:
            reason = what_failed(failed, self.journal.resources)
            await self.journal.move(_S.ROLLBACK_FAILED if is_back else _S.DELETE_FAILED, reason)
            return
        await self._sweep_up()

        def also(transaction: Transaction) -> None:
            repository.set_exports(transaction, stack, {})
            repository.set_imports(transaction, stack, ())
            if not is_back:
                repository.remove_change_sets(transaction, stack.id)
                repository.forget_waits(transaction, stack.id, all_of_them=True)

        await self.journal.move(_S.ROLLBACK_COMPLETE if is_back else _S.DELETE_COMPLETE, also=also)

    def _on_taking_down(self, row: StackResource) -> str:
        stack = self.journal.stack
        if row.logical_id in stack.spared:
            return "Retain"
        if not row.physical_id:
            return "Delete"
        return on_deletion(row) if stack.deployed is not None else self._on_rollback(row)


def _skipped(spared: tuple[str, ...]) -> tuple[frozenset[str], dict[str, tuple[str, ...]]]:
    """Return the resources of the stack that a rollback leaves alone, and those of the stacks nested in it, by theirs.

    >>> _skipped(("A", "Inner.B"))
    (frozenset({'A'}), {'Inner': ('B',)})
    """
    within: dict[str, tuple[str, ...]] = {}
    for name, _, rest in (one.partition(".") for one in spared if "." in one):
        within[name] = (*within.get(name, ()), rest)
    return frozenset(one for one in spared if "." not in one), within
