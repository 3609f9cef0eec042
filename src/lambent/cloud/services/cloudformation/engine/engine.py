"""The engine: begins operations of stacks, runs them in the background, and takes them up again after a restart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from lambent.base.tasks import OwnedTask, TaskOwner, wait_for_event
from lambent.cloud.errors import ServiceError
from lambent.cloud.services.cloudformation import errors, repository
from lambent.cloud.services.cloudformation.engine.journal import Journal
from lambent.cloud.services.cloudformation.engine.operation import Operation
from lambent.cloud.services.cloudformation.engine.steps import Tools
from lambent.cloud.services.cloudformation.model import events
from lambent.cloud.services.cloudformation.model.stack import Stack
from lambent.cloud.services.cloudformation.model.states import STABLE, StackStatus, WrongMoveError, moved
from lambent.cloud.store.unit_of_work import Store, Transaction

_S = StackStatus
_KINDS = {
    _S.CREATE_IN_PROGRESS: "CREATE_STACK",
    _S.UPDATE_IN_PROGRESS: "UPDATE_STACK",
    _S.DELETE_IN_PROGRESS: "DELETE_STACK",
    _S.ROLLBACK_IN_PROGRESS: "ROLLBACK",
    _S.UPDATE_ROLLBACK_IN_PROGRESS: "ROLLBACK",
}
_VERBS = {_S.DELETE_IN_PROGRESS: "deleted", _S.UPDATE_IN_PROGRESS: "updated", _S.CREATE_IN_PROGRESS: "created"}


class StackEngine:
    """Runs the operations of all stacks; `begin` returns as soon as one is written down."""

    def __init__(self, store: Store, tools: Tools) -> None:
        self._store = store
        self._clock = tools.clock
        self._ids = tools.ids
        self._tools = tools
        self._owner = TaskOwner("cloudformation", clock=tools.clock)
        self._running: dict[str, tuple[Operation, OwnedTask[None]]] = {}

    async def start(self) -> None:
        """Take up what was under way when the platform ended."""
        for stack in repository.unfinished(self._store.read):
            self._run(stack)

    async def stop(self) -> None:
        """End the background work; what is not finished goes on at the next start."""
        await self._owner.aclose()

    async def begin(  # noqa: PLR0913 - each is another operation's word
        self,
        seen: Stack,
        to: StackStatus,
        *,
        reason: str = "User Initiated",
        retained: Iterable[str] = (),
        skipped: Iterable[str] = (),
        change_set_id: str | None = None,
        **changes: Any,  # Any: fields of Stack, by name
    ) -> Stack:
        """Bring a stack into a state in progress, with changes of its fields, and go on from there by itself.

        `seen` is the stack as the caller read it, or a new one; what else was changed since stays. A creation under way
        is let come to the end of its steps first. Raises ServiceError where the state that the stack then is in does
        not allow the operation, or another operation began since. `retained` are left alone by a deletion; `skipped` by
        a rollback that is continued. `change_set_id` is the change set that is carried out.
        """
        known = await self._ready_for(seen, to)
        now = self._clock.now()
        fixed: dict[str, Any] = {  # Any: as above
            **changes,
            "status": to,
            "status_reason": reason,
            "operation_id": self._ids.uuid(),
            "spared": (*retained, *skipped),
            "begun": now,
            "is_cancelled": False,
            "is_held": bool(changes.get("is_held", seen.is_held)) and to is _S.UPDATE_IN_PROGRESS,
        }
        if to is _S.UPDATE_IN_PROGRESS:
            fixed["updated"] = now
        if change_set_id is not None:
            fixed["change_set_id"] = change_set_id

        def work(transaction: Transaction) -> Stack:
            before = _as_it_is(transaction, seen, known, to)
            begun = replace(before, **fixed)
            repository.save_stack(transaction, begun)
            self._clear_the_way(transaction, begun, known, change_set_id)
            repository.add_operation(transaction, begun, _kind(known, to), now)
            repository.add_event(transaction, begun.id, events.of_stack(begun, now, self._ids))
            return begun

        try:
            begun = await self._store.write(work)
        except ServiceError:
            self._take_up_again(seen)
            raise
        self._tools.bells.ring(begun.id)
        self._run(begun)
        return begun

    def _clear_the_way(
        self, transaction: Transaction, begun: Stack, known: Stack | None, change_set_id: str | None
    ) -> None:
        """Keep what a rollback goes back to: the last stable state, which a second attempt at an update does not move.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html
        """
        if begun.status not in {_S.CREATE_IN_PROGRESS, _S.UPDATE_IN_PROGRESS}:
            return
        if known is None or known.status in {*STABLE, _S.REVIEW_IN_PROGRESS}:
            repository.take_snapshot(transaction, begun.id)
        if change_set_id is None and begun.status is _S.CREATE_IN_PROGRESS:
            repository.outdate_change_sets(transaction, begun.id)
            return
        repository.remove_change_sets(transaction, begun.id, but=change_set_id)
        found = None if change_set_id is None else repository.change_set_by_id(transaction, change_set_id)
        if found is not None:
            repository.save_change_set(transaction, replace(found, execution_status="EXECUTE_IN_PROGRESS"))

    async def _ready_for(self, seen: Stack, to: StackStatus) -> Stack | None:
        """Return the stack as it is, with nothing under way any longer. Raises ServiceError."""
        stack_id = seen.id
        known = repository.stack_by_id(self._store.read, stack_id)
        _require_allowed(known, to)
        running = self._running.get(stack_id)
        if running is None:
            return known
        running[0].supersede()
        await running[1].result()
        known = repository.stack_by_id(self._store.read, stack_id)
        try:
            _require_allowed(known, to)
        except ServiceError:
            self._take_up_again(seen)
            raise
        return known

    def _take_up_again(self, seen: Stack) -> None:
        """Go on with what was stopped for an operation that is then refused; not with what somebody else began."""
        known = repository.stack_by_id(self._store.read, seen.id)
        if known is None or known.operation_id != seen.operation_id or seen.id in self._running:
            return
        if known.status.is_in_progress:
            self._run(known)

    async def cancel_update(self, stack_id: str) -> None:
        """Let an update turn back, be it after a restart. Raises ServiceError for what is no update under way."""

        def work(transaction: Transaction) -> None:
            found = repository.stack_by_id(transaction, stack_id)
            if found is None or found.status is not _S.UPDATE_IN_PROGRESS:
                raise errors.invalid("CancelUpdateStack cannot be called from current stack status")
            repository.amend_stack(transaction, stack_id, is_cancelled=True)

        await self._store.write(work)
        if (running := self._running.get(stack_id)) is not None:
            running[0].cancel()

    async def signal(self, stack: Stack, logical_id: str, unique_id: str, status: str) -> None:
        """Tell a resource that waits for signals of one. Raises ServiceError where none waits."""
        now = self._clock.now()

        def work(transaction: Transaction) -> None:
            current = repository.stack_by_id(transaction, stack.id) or stack
            if not current.status.is_in_progress:
                raise errors.wrong_state(current, "signaled")
            row = repository.resource(transaction, stack.id, logical_id)
            if row is None:
                raise errors.invalid(f"Resource {logical_id} does not exist for stack {stack.name}")
            if not row.status.is_in_progress:
                raise errors.invalid(f"Resource {logical_id} is in {row.status} state and can not be signaled.")
            if unique_id in repository.signals(transaction, stack.id, logical_id) and status != "FAILURE":
                raise errors.invalid(
                    f"Signal with ID {unique_id} for resource {logical_id} already exists. "
                    "Signals may only be updated with a FAILURE status."
                )
            repository.add_signal(transaction, stack.id, logical_id, unique_id, status)
            if status == "SUCCESS":
                reason = f"Received SUCCESS signal with UniqueId {unique_id}"
                event = events.of_resource(current, row, now, self._ids, reason, row.status)
                repository.add_event(transaction, stack.id, event)

        await self._store.write(work)
        self._tools.bells.ring(f"{stack.id}/{logical_id}")

    async def _release(self, stack_id: str) -> None:
        """Let the stacks nested in one clean up what their updates left, and wait until they have."""
        for child in repository.children(self._store.read, stack_id):
            if child.is_held:
                await self._let_go(child.id)
            if child.status is _S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS:
                await self._until_at_rest(child.id)

    async def _let_go(self, stack_id: str) -> None:
        free = await self._store.write(lambda transaction: repository.amend_stack(transaction, stack_id, is_held=False))
        if free.status is _S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS:
            self._run(free)

    async def _until_at_rest(self, stack_id: str) -> None:
        with self._tools.bells.heard(stack_id) as rung:
            while (found := repository.stack_by_id(self._store.read, stack_id)) and found.status.is_in_progress:
                rung.clear()
                await wait_for_event(rung, self._clock)

    def _run(self, stack: Stack) -> None:
        journal = Journal(self._store, self._clock, self._ids, stack, self._tools.bells)
        operation = Operation(self._store, self._tools, journal, self._release)

        async def work() -> None:
            try:
                await operation.run()
            finally:
                running = self._running.get(stack.id)
                if running is not None and running[0] is operation:
                    del self._running[stack.id]

        task = self._owner.start(work(), name=f"{stack.status} {stack.name}")
        self._running[stack.id] = operation, task


def _kind(known: Stack | None, to: StackStatus) -> str:
    is_back = to is _S.UPDATE_ROLLBACK_IN_PROGRESS
    is_continued = known is not None and known.status is _S.UPDATE_ROLLBACK_FAILED
    return "CONTINUE_ROLLBACK" if is_back and is_continued else _KINDS[to]


def _verb(to: StackStatus) -> str:
    return _VERBS.get(to, "rolled back")


def _as_it_is(transaction: Transaction, seen: Stack, known: Stack | None, to: StackStatus) -> Stack:
    """Return the stack at this moment, or the new one. Raises ServiceError where somebody was quicker."""
    if known is None:
        if repository.stack(transaction, seen.scope, seen.name) is not None:
            raise errors.stack_exists(seen.name)
        return seen
    current = repository.stack_by_id(transaction, seen.id)
    if current is None:
        raise errors.nothing_to_change(seen.name)
    if current.status is not known.status or current.operation_id != seen.operation_id:
        raise errors.wrong_state(current, _verb(to))
    _require_allowed(current, to)
    return current


def _require_allowed(known: Stack | None, to: StackStatus) -> None:
    if known is None:
        return  # an unknown stack goes anywhere
    if to is _S.DELETE_IN_PROGRESS and known.termination_protection:
        raise errors.protected(known.name)
    try:
        moved(known.status, to)
    except WrongMoveError as error:
        raise errors.wrong_state(known, _verb(to)) from error
