"""EventBridge by itself: on a clock that a test moves, with a stand-in for all other services."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from lambent.base.clock import ManualClock
from lambent.base.identifiers import SeededIds
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import Principal, RequestContext, root_of
from lambent.cloud.framework.service import Parameters, Result
from lambent.cloud.services.events.service import EventsService
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.sqlite_store import SqliteStore

SCOPE = Scope("123456789012", "eu-central-1")
FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:work"
LETTERS = "arn:aws:sqs:eu-central-1:123456789012:letters"


class Others:
    """Every other service: functions and queues that note what they are sent.

    `refusals` are raised by functions, one at each event, before one is taken; `always` is raised each time.
    """

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.refusals: list[ServiceError] = []
        self.always: ServiceError | None = None
        self.tried: list[float] = []
        self.events: list[Any] = []  # Any: JSON
        self.letters: list[Parameters] = []

    async def call(
        self, service: str, operation: str, parameters: Parameters, *, scope: Scope, principal: Principal
    ) -> Result:
        """Take an event, or a dead letter."""
        assert scope == SCOPE
        assert principal.arn == "events.amazonaws.com"
        if (service, operation) == ("sqs", "SendMessage"):
            self.letters.append(parameters)
            return {}
        assert (service, operation) == ("lambda", "Invoke")
        self.tried.append(self._clock.now())
        if self.always is not None or self.refusals:
            raise self.always or self.refusals.pop(0)
        self.events.append(json.loads(parameters["Payload"]))
        return {}


class Alone:
    """A running EventBridge."""

    def __init__(self, service: EventsService, clock: ManualClock, others: Others) -> None:
        self.service = service
        self.clock = clock
        self.others = others

    async def ask(self, operation: str, **parameters: object) -> Mapping[str, Any]:  # Any: as AWS answers
        """Carry out an operation; raises ServiceError."""
        context = RequestContext(SCOPE, root_of(SCOPE.account), "request", self.clock.now())
        self.service.authorise(context, operation, parameters)
        return await self.service.operations()[operation](context, parameters)

    async def rule(self, name: str, *, target: Mapping[str, object] | None = None, **rule: object) -> None:
        """Make a rule that sends events to the function: those of the source `shop` unless something else is said."""
        said = rule if "ScheduleExpression" in rule else {"EventPattern": '{"source": ["shop"]}', **rule}
        await self.ask("PutRule", Name=name, **said)
        await self.ask("PutTargets", Rule=name, Targets=[{"Id": "1", "Arn": FUNCTION, **(target or {})}])

    async def put(self, count: int = 1) -> None:
        """Put events of the source `shop`, numbered in their detail, each at a second of its own."""
        for number in range(count):
            entry = {"Source": "shop", "DetailType": "Order", "Detail": json.dumps({"n": number})}
            await self.ask("PutEvents", Entries=[entry])
            await self.clock.advance(1)


@asynccontextmanager
async def closing(store: SqliteStore) -> AsyncIterator[SqliteStore]:
    """Close a store at the end."""
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def alone(store: SqliteStore, clock: ManualClock, others: Others) -> AsyncIterator[Alone]:
    """Run EventBridge on a store, as often as a test likes."""
    service = EventsService(store, others, clock=clock, ids=SeededIds(7))
    await service.start()
    try:
        yield Alone(service, clock, others)
    finally:
        await service.stop()
