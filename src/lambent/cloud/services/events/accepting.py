"""Events taken in: one commit keeps what they set off, a delivery for each target and a copy for each archive.

Many of them share a commit, for they come by the thousand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from lambent.cloud.framework.deliveries import Addition, Deliveries
from lambent.cloud.services.events import archive_repository
from lambent.cloud.services.events.archive_repository import ArchivedEvent
from lambent.cloud.services.events.event import Event
from lambent.cloud.services.events.routing import Route, Routing
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Store, Transaction


@dataclass(frozen=True, slots=True)
class BusEvent:
    """An event on a bus; one that another bus sent goes to no third one."""

    scope: Scope
    bus: str
    event: Event
    trace: str | None = None
    is_forwarded: bool = False


class Acceptance:
    """Takes events in."""

    def __init__(self, store: Store, routing: Routing, deliveries: Deliveries) -> None:
        self._store = store
        self._routing = routing
        self._deliveries = deliveries

    async def accept(self, events: Sequence[BusEvent], now: float) -> None:
        """Return once everything that the events set off is durable."""
        for event in events:
            await self._routing.ready(event.scope, event.bus)
        consequences = [each for event in events for each in self._consequences(event, now)]
        if consequences:
            await self._store.write_with_others(self._write, *consequences)

    def add(self, transaction: Transaction, deliveries: Sequence[Addition]) -> None:
        """Add deliveries of events in a unit of work of the caller's."""
        if deliveries:
            self._deliveries.add_all(transaction, deliveries)

    def _consequences(self, one: BusEvent, now: float) -> list[Addition | ArchivedEvent]:
        concern = self._routing.concern(one.scope, one.bus, one.event)
        if not (concern.routes or concern.archives):
            return []
        told = orjson.dumps(one.event)
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-bus-to-bus.html: no further than one bus.
        routes = [route for route in concern.routes if not (one.is_forwarded and route.is_bus)]
        return [
            *(delivery_of(route, told, one.trace) for route in routes),
            *(ArchivedEvent(archive, now, told) for archive in concern.archives),
        ]

    def _write(self, transaction: Transaction, items: Sequence[Addition | ArchivedEvent]) -> None:
        additions = [item for item in items if isinstance(item, Addition)]
        archived = [item for item in items if isinstance(item, ArchivedEvent)]
        if additions:
            self._deliveries.add_all(transaction, additions)
        if archived:
            archive_repository.add(transaction, archived)


def deliveries_of(event: Event, routes: Sequence[Route]) -> list[Addition]:
    """Return the deliveries of an event to some targets."""
    told = orjson.dumps(event)
    return [delivery_of(route, told) for route in routes]


def delivery_of(route: Route, event: bytes, trace: str | None = None) -> Addition:
    """Return the delivery of an event, given as JSON, to a target."""
    return Addition(b'{"event":%b,"route":%b,"trace":%b}' % (event, route.told, orjson.dumps(trace)))
