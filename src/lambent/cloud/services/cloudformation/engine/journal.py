"""What an operation writes down as it goes: rows and events together, so that a restart knows how far it came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.services.cloudformation import repository
from lambent.cloud.services.cloudformation.model import events
from lambent.cloud.services.cloudformation.model.masking import Properties, keys_of, masks
from lambent.cloud.services.cloudformation.model.stack import ResourceStatus, Stack, StackResource
from lambent.cloud.services.cloudformation.model.states import StackStatus, moved
from lambent.cloud.services.cloudformation.resources.waiting import Bells
from lambent.cloud.store.unit_of_work import Store, Transaction

Also = Callable[[Transaction], None]


class Journal:
    """One stack's state while an operation goes on: in memory as it is in the store; `rests` rings at each move."""

    def __init__(self, store: Store, clock: Clock, ids: IdSource, stack: Stack, rests: Bells) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._rests = rests
        self.stack = stack
        self.resources = repository.resources(store.read, stack.id)
        self._masked = {name: dict(row.masked) for name, row in self.resources.items()}

    def mask(self, logical_id: str, properties: Properties, told: Properties) -> None:
        """Let these properties of a resource be told in another way, wherever its row or its events tell them."""
        self._masked.setdefault(logical_id, {}).update(masks(properties, told))

    def _with_masks(self, row: StackResource) -> StackResource:
        # Steps go on with rows that they began with, so what is to be hidden is put into each row that is written.
        known = {**row.masked, **self._masked.get(row.logical_id, {})}
        if not known:
            return row
        keys = {*keys_of(row.properties).values(), *keys_of(row.attempted or {}).values()}
        return replace(row, masked={key: told for key, told in known.items() if key in keys})

    async def move(self, to: StackStatus, reason: str = "", *, also: Also | None = None, **changes: object) -> None:
        """Bring the stack into another state, with its event and further changes of the stack, in one transaction."""
        now = self._clock.now()
        if to is StackStatus.DELETE_COMPLETE:
            changes = {**changes, "deleted": now}

        def work(transaction: Transaction) -> Stack:
            before = repository.stack_by_id(transaction, self.stack.id) or self.stack
            # From the store: its protection or policy may have been changed since the operation began.
            stack = replace(before, status=moved(before.status, to), status_reason=reason, **changes)  # type: ignore[arg-type] # fields of Stack, by name
            repository.save_stack(transaction, stack)
            repository.add_event(transaction, stack.id, events.of_stack(stack, now, self._ids))
            repository.settle_change_set(transaction, stack)
            if also is not None:
                also(transaction)
            return stack

        self.stack = await self._store.write(work)
        self._rests.ring(self.stack.id)

    async def note(self, resource: StackResource, *reasons: str, also: Also | None = None) -> None:
        """Write a resource as it is now, with an event for each reason (at least one)."""
        now = self._clock.now()
        row = self._with_masks(replace(resource, since=now, operation_id=self.stack.operation_id))
        begun = ResourceStatus(f"{row.status.value.rpartition('_')[0]}_IN_PROGRESS") if reasons[1:] else row.status

        def work(transaction: Transaction) -> None:
            repository.save_resource(transaction, self.stack.id, row)
            for reason in reasons[:-1]:
                self._tell(transaction, row, now, reason, begun)
            self._tell(transaction, row, now, (reasons or ("",))[-1], row.status)
            if also is not None:
                also(transaction)

        await self._store.write(work)
        self.resources[row.logical_id] = row

    async def tell(self, row: StackResource, reason: str = "", *, also: Also | None = None) -> None:
        """Write an event of a resource whose row stays as it is, or that the stack no longer lists."""
        now = self._clock.now()

        def work(transaction: Transaction) -> None:
            self._tell(transaction, row, now, reason, row.status)
            if also is not None:
                also(transaction)

        await self._store.write(work)

    async def write(self, work: Also) -> None:
        """Write something else."""
        await self._store.write(work)

    def _tell(
        self, transaction: Transaction, row: StackResource, now: float, reason: str, status: ResourceStatus
    ) -> None:
        event = events.of_resource(self.stack, self._with_masks(row), now, self._ids, reason, status)
        repository.add_event(transaction, self.stack.id, event)
