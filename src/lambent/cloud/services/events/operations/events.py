"""Events put on buses, and patterns tried on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from lambent.aws.event_pattern import EventPattern
from lambent.base.identifiers import IdSource
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.events import repository
from lambent.cloud.services.events.accepting import Acceptance, BusEvent
from lambent.cloud.services.events.errors import disabled, invalid
from lambent.cloud.services.events.event import Entry, RefusedEntry, check_size, event_of
from lambent.cloud.services.events.model import DEFAULT_BUS, Bus, bus_meant
from lambent.cloud.services.events.operations.common import check_pattern
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Store

_REQUIRED_OF_EVENTS = ("id", "account", "source", "time", "region", "detail-type")


class EventOperations:
    """The operations on events."""

    def __init__(self, store: Store, acceptance: Acceptance, ids: IdSource) -> None:
        self._store = store
        self._acceptance = acceptance
        self._ids = ids

    @operation("PutEvents")
    async def put(self, context: RequestContext, parameters: Parameters) -> Result:
        """Put events on buses; return of each its id, or why it is none, once what they set off is durable."""
        entries: Sequence[Entry] = parameters["Entries"]
        if "EndpointId" in parameters:
            raise disabled("Global endpoints are not simulated.")
        check_size(entries)
        answers, accepted = [], []
        for entry in entries:
            answer, event = self._take(context, entry)
            answers.append(answer)
            if event is not None:
                accepted.append(event)
        await self._acceptance.accept(accepted, context.now)
        failed = sum("ErrorCode" in answer for answer in answers)
        return {"FailedEntryCount": failed, "Entries": answers}

    @operation("PutPartnerEvents")
    async def put_partner(self, context: RequestContext, parameters: Parameters) -> Result:
        """Refuse: nobody is a partner here."""
        raise disabled("Partner event sources are not simulated.")

    @operation("TestEventPattern")
    async def test_pattern(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return whether an event fits a pattern."""
        check_pattern(parameters["EventPattern"])
        try:
            event = orjson.loads(parameters["Event"])
        except orjson.JSONDecodeError:
            event = None
        if not isinstance(event, dict) or any(name not in event for name in _REQUIRED_OF_EVENTS):
            raise invalid("Parameter Event is not valid.")
        return {"Result": EventPattern.parse(parameters["EventPattern"]).matches(event)}

    def _take(self, context: RequestContext, entry: Entry) -> tuple[Mapping[str, str], BusEvent | None]:
        scope, bus = bus_meant(context.scope, entry.get("EventBusName"))
        made = event_of(entry, context.scope, self._ids.uuid(), context.now, is_aws=context.caller.kind == "service")
        if isinstance(made, RefusedEntry):
            return {"ErrorCode": made.code, "ErrorMessage": made.message}, None
        answer = {"EventId": str(made["id"])}
        # AWS takes events for a bus that is not there, and nobody gets them.
        if not self._is_there(scope, bus):
            return answer, None
        trace = entry.get("TraceHeader") or context.headers.get("x-amzn-trace-id")
        return answer, BusEvent(scope, bus, made, trace)

    def _is_there(self, scope: Scope, bus: str) -> bool:
        return bus == DEFAULT_BUS or repository.resource(self._store.read, scope, Bus, bus) is not None
