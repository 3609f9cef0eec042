"""What an operation writes down as it goes: rows and events together, so that a restart knows how far it came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import orjson

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.services.cloudformation import repository
from lambent.cloud.services.cloudformation.model.stack import ResourceStatus, Stack, StackEvent, StackResource
from lambent.cloud.services.cloudformation.model.states import StackStatus, moved
from lambent.cloud.store.unit_of_work import Store, Transaction

STACK_TYPE = "AWS::CloudFormation::Stack"
Also = Callable[[Transaction], None]


class Journal:
    """One stack's state while an operation goes on: in memory as it is in the store."""

    def __init__(self, store: Store, clock: Clock, ids: IdSource, stack: Stack) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self.stack = stack
        self.resources = repository.resources(store.read, stack.id)

    async def move(self, to: StackStatus, reason: str = "", *, also: Also | None = None, **changes: object) -> None:
        """Bring the stack into another state, with its event and further changes of the stack, in one transaction."""
        now = self._clock.now()
        stack = replace(self.stack, status=moved(self.stack.status, to), status_reason=reason, **changes)  # type: ignore[arg-type] # fields of Stack, by name
        if to is StackStatus.DELETE_COMPLETE:
            stack = replace(stack, deleted=now)

        def work(transaction: Transaction) -> None:
            repository.save_stack(transaction, stack)
            repository.add_event(transaction, stack.id, self._stack_event(stack, now))
            if also is not None:
                also(transaction)

        await self._store.write(work)
        self.stack = stack

    async def note(self, resource: StackResource, *reasons: str, also: Also | None = None) -> None:
        """Write a resource as it is now, with an event for each reason (at least one)."""
        now = self._clock.now()
        row = replace(resource, since=now)

        def work(transaction: Transaction) -> None:
            repository.save_resource(transaction, self.stack.id, row)
            for reason in reasons[:-1]:
                status = ResourceStatus(f"{row.status.value.rpartition('_')[0]}_IN_PROGRESS")
                repository.add_event(transaction, self.stack.id, self._event(row, now, reason, status))
            repository.add_event(transaction, self.stack.id, self._event(row, now, (reasons or ("",))[-1], row.status))
            if also is not None:
                also(transaction)

        await self._store.write(work)
        self.resources[row.logical_id] = row

    async def note_leftover(self, resource: StackResource, reason: str = "", *, also: Also | None = None) -> None:
        """Write the event of a physical resource that the stack no longer lists."""
        now = self._clock.now()

        def work(transaction: Transaction) -> None:
            repository.add_event(transaction, self.stack.id, self._event(resource, now, reason, resource.status))
            if also is not None:
                also(transaction)

        await self._store.write(work)

    async def write(self, work: Also) -> None:
        """Write something else."""
        await self._store.write(work)

    def _stack_event(self, stack: Stack, now: float) -> StackEvent:
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

    def _event(self, row: StackResource, now: float, reason: str, status: ResourceStatus) -> StackEvent:
        return StackEvent(
            id=f"{row.logical_id}-{status}-{self._ids.uuid()}",
            at=now,
            logical_id=row.logical_id,
            physical_id=row.physical_id,
            type=row.type,
            status=status,
            reason=reason,
            properties=orjson.dumps(row.properties).decode() if row.properties else None,
            client_token=self.stack.client_token,
            operation_id=self.stack.operation_id,
        )
