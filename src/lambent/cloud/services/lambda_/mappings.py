"""Event source mappings and their states: every change sets one out, and it comes to rest in the background."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from lambent.base.clock import Clock
from lambent.base.tasks import TaskOwner
from lambent.cloud.services.lambda_ import errors, mapping_repository
from lambent.cloud.services.lambda_.documents import WHOLE, Part
from lambent.cloud.services.lambda_.model.event_source_mapping import EventSourceMapping, MappingEvent, MappingState
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Store, Transaction


class Polling(Protocol):
    """Who polls the sources of mappings, as `Mappings` uses it."""

    def resume(self) -> None:
        """Take up the enabled mappings, in the background."""

    async def stop(self) -> None:
        """End all polling."""

    async def begin(self, mapping: EventSourceMapping) -> None:
        """Poll a mapping's source from now on; return once it is, or was found not to be readable."""

    def end(self, uuid: str) -> None:
        """Poll no more for a mapping; what was received is handled in the background."""

    def forget(self, uuid: str) -> None:
        """Forget a mapping that is gone."""


MappingChange = Callable[[EventSourceMapping], EventSourceMapping]


class Mappings:
    """Keeps mappings, and carries those that are under way to the state they are on the way to."""

    def __init__(self, store: Store, clock: Clock, pollers: Polling) -> None:
        self._store = store
        self._pollers = pollers
        self._clock = clock
        self._tasks = TaskOwner("lambda event source mappings", clock=clock)

    def resume(self) -> None:
        """Take up what was under way when the platform stopped, and the polling of what is enabled."""
        self._pollers.resume()
        for mapping in mapping_repository.unsettled_mappings(self._store.read):
            self._begin(mapping)

    async def stop(self) -> None:
        """Give up what is under way, and end all polling; `resume` takes it up again."""
        await self._tasks.aclose()
        await self._pollers.stop()

    def find(self, scope: Scope, uuid: str) -> EventSourceMapping:
        """Return a mapping; raises ResourceNotFoundException."""
        return _find(self._store.read, scope, uuid)

    def find_resting(self, scope: Scope, uuid: str, verb: str) -> EventSourceMapping:
        """Return a mapping that may be changed; raises ResourceNotFoundException, ResourceInUseException."""
        return _find_resting(self._store.read, scope, uuid, verb)

    def listed(self, scope: Scope, part: Part = WHOLE) -> list[EventSourceMapping]:
        """Return part of the scope's mappings by UUID."""
        return mapping_repository.mappings(self._store.read, scope, part)

    async def add(self, mapping: EventSourceMapping) -> EventSourceMapping:
        """Keep a new mapping and return it; raises ResourceConflictException where its source is mapped already."""

        def work(transaction: Transaction) -> EventSourceMapping:
            return self._keep(transaction, mapping)

        return await self._store.write(work)

    async def change(self, scope: Scope, uuid: str, verb: str, change: MappingChange) -> EventSourceMapping:
        """Change a mapping that rests and return it; raises as `find_resting` and `add`. `verb` is what was asked."""

        def work(transaction: Transaction) -> EventSourceMapping:
            return self._keep(transaction, change(_find_resting(transaction, scope, uuid, verb)))

        return await self._store.write(work)

    def _keep(self, transaction: Transaction, mapping: EventSourceMapping) -> EventSourceMapping:
        for other in mapping_repository.mappings_of(transaction, mapping.scope, mapping.function_arn):
            conflict = None if other.uuid == mapping.uuid else mapping.conflict_with(other)
            if conflict is not None:
                raise errors.conflict(conflict)
        mapping_repository.put_mapping(transaction, mapping)
        transaction.after_commit(lambda: self._changed(mapping))
        return mapping

    def _changed(self, mapping: EventSourceMapping) -> None:
        self._pollers.end(mapping.uuid)
        self._begin(mapping)

    def _begin(self, mapping: EventSourceMapping) -> None:
        if not mapping.state.is_settled:
            self._tasks.start(self._settle(mapping), name=mapping.arn)

    async def _settle(self, mapping: EventSourceMapping) -> None:
        """Bring a mapping to rest: enabled once its source is polled, disabled or gone once it no longer is."""
        if mapping.state is not MappingState.DELETING and mapping.is_enabled:
            await self._pollers.begin(mapping)
        now = self._clock.now()

        def work(transaction: Transaction) -> None:
            current = mapping_repository.mapping(transaction, mapping.scope, mapping.uuid)
            if current is None or current.state.is_settled:
                return
            if current.state is MappingState.DELETING:
                mapping_repository.delete_mapping(transaction, current)
                transaction.after_commit(lambda: self._pollers.forget(mapping.uuid))
            else:
                mapping_repository.put_mapping(transaction, current.moved(MappingEvent.SETTLE, now))

        await self._store.write(work)


def _find(reader: Reader, scope: Scope, uuid: str) -> EventSourceMapping:
    found = mapping_repository.mapping(reader, scope, uuid)
    if found is None:
        raise errors.no_such_resource()
    return found


def _find_resting(reader: Reader, scope: Scope, uuid: str, verb: str) -> EventSourceMapping:
    found = _find(reader, scope, uuid)
    if not found.state.is_settled:
        raise errors.in_use(verb)
    return found
