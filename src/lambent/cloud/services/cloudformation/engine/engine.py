"""The engine: begins operations of stacks, runs them in the background, and takes them up again after a restart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lambent.base.tasks import OwnedTask, TaskOwner
from lambent.cloud.services.cloudformation import errors, repository
from lambent.cloud.services.cloudformation.engine.journal import STACK_TYPE, Journal
from lambent.cloud.services.cloudformation.engine.operation import Operation
from lambent.cloud.services.cloudformation.engine.steps import Tools
from lambent.cloud.services.cloudformation.model.stack import Stack, StackEvent
from lambent.cloud.services.cloudformation.model.states import StackStatus, WrongMoveError, moved
from lambent.cloud.store.unit_of_work import Store, Transaction


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
        stack: Stack,
        to: StackStatus,
        *,
        reason: str = "User Initiated",
        retained: Iterable[str] = (),
        skipped: Iterable[str] = (),
        change_set_id: str | None = None,
    ) -> Stack:
        """Bring a stack (new, or with a new definition) into a state in progress, and go on from there by itself.

        What is under way for the stack is let come to the end of its steps first. Raises ServiceError where the state
        it then is in does not allow the operation. `retained` are left alone by a deletion; `skipped` by a rollback
        that is continued.
        """
        await self._end(stack.id)
        now = self._clock.now()
        known = repository.stack_by_id(self._store.read, stack.id)
        begun = replace(
            stack,
            status=_allowed(known, to),
            status_reason=reason,
            operation_id=self._ids.uuid(),
            spared=(*retained, *skipped),
        )
        if to is StackStatus.UPDATE_IN_PROGRESS:
            begun = replace(begun, updated=now)

        def work(transaction: Transaction) -> None:
            if known is None and repository.stack(transaction, stack.scope, stack.name) is not None:
                raise errors.stack_exists(stack.name)  # somebody was quicker
            repository.save_stack(transaction, begun)
            if to in {StackStatus.CREATE_IN_PROGRESS, StackStatus.UPDATE_IN_PROGRESS}:
                repository.take_snapshot(transaction, begun.id)
                repository.remove_change_sets(transaction, begun.id, but=change_set_id)
            repository.add_event(transaction, begun.id, self._event(begun, now))

        await self._store.write(work)
        self._run(begun)
        return begun

    def cancel_update(self, stack_id: str) -> None:
        """Let an update turn back before its next step."""
        if (running := self._running.get(stack_id)) is not None:
            running[0].cancelled = True

    def _run(self, stack: Stack) -> None:
        journal = Journal(self._store, self._clock, self._ids, stack)
        operation = Operation(self._store, self._tools, journal)

        async def work() -> None:
            try:
                await operation.run()
            finally:
                running = self._running.get(stack.id)
                if running is not None and running[0] is operation:
                    del self._running[stack.id]

        task = self._owner.start(work(), name=f"{stack.status} {stack.name}")
        self._running[stack.id] = operation, task

    async def _end(self, stack_id: str) -> None:
        if (running := self._running.get(stack_id)) is not None:
            running[0].superseded = True
            await running[1].result()

    def _event(self, stack: Stack, now: float) -> StackEvent:
        return StackEvent(
            id=self._ids.uuid(),
            at=now,
            logical_id=stack.name,
            physical_id=stack.id,
            type=STACK_TYPE,
            status=stack.status,
            reason=stack.status_reason,
            client_token=stack.client_token,
            operation_id=stack.operation_id,
        )


def _allowed(known: Stack | None, to: StackStatus) -> StackStatus:
    try:
        return to if known is None else moved(known.status, to)
    except WrongMoveError as error:
        assert known is not None  # noqa: S101 - an unknown stack goes anywhere
        raise errors.wrong_state(known, "deleted" if to is StackStatus.DELETE_IN_PROGRESS else "updated") from error
