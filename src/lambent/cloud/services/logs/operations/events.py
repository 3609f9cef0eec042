"""Log events: put, read from a stream, and searched in a group."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.paging import InvalidMarkerError, decode_marker, encode_marker
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.logs import follower_repository as followers
from lambent.cloud.services.logs import repository
from lambent.cloud.services.logs.deliveries import message_effect, points_effects
from lambent.cloud.services.logs.errors import invalid_parameter, stream_not_found
from lambent.cloud.services.logs.filters import InvalidPatternError, Matcher, compile_pattern
from lambent.cloud.services.logs.followers import matching, message_for, points_of
from lambent.cloud.services.logs.model import START, Event, Group, Position, Rejected, chunks_of, examined
from lambent.cloud.services.logs.operations.common import group_meant, now_ms, the_group, the_stream
from lambent.cloud.services.logs.reading import Source, Span, ascending, descending
from lambent.cloud.services.logs.repository import StreamQuery
from lambent.cloud.store.unit_of_work import OutboxEffect, Store, Transaction

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
_PAGE_EVENTS = 10_000
_PAGE_BYTES = 1_048_576
# How much one request may look at; what is left is for the next page, which AWS allows to be empty as well.
_SEARCHED_EVENTS = 50_000
_TURN_EVENTS = 500
_FAR_MS = 1 << 62
_ALL_STREAMS = 1_000_000
_FORWARD, _BACKWARD = "f", "b"


class EventOperations:
    """The operations on log events."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @operation("PutLogEvents")
    async def put(self, context: RequestContext, parameters: Parameters) -> Result:
        """Keep a batch of events; returns once they are durable, and says which were too old or too new."""
        moment_ms = now_ms(context)
        group = the_group(self._store.read, context.scope, parameters["logGroupName"])
        stream = the_stream(self._store.read, group, parameters["logStreamName"])
        events = [(event["timestamp"], event["message"]) for event in parameters["logEvents"]]
        kept, rejected = examined(events, group, moment_ms)
        if kept:
            rows = [repository.chunk_row(stream, chunk, moment_ms) for chunk in chunks_of(kept)]
            subscriptions = [
                (one, places)
                for one in followers.subscription_filters(self._store.read, group.id)
                if (places := matching(one, kept))
            ]
            effects = self._metric_effects(group, kept)

            def put(transaction: Transaction) -> None:
                if not repository.add_events(transaction, stream, rows, moment_ms):
                    raise stream_not_found()
                added = followers.events_just_added(transaction, stream, len(rows)) if subscriptions else []
                for one, places in subscriptions:
                    message = message_for(one, group, stream.name, [added[place] for place in places])
                    transaction.enqueue(message_effect(group, message))
                for effect in effects:
                    transaction.enqueue(effect)

            await self._store.write(put)
        answer: dict[str, object] = {"nextSequenceToken": f"{moment_ms:056d}"}
        return answer | ({"rejectedLogEventsInfo": _show_rejected(rejected)} if rejected else {})

    @operation("GetLogEvents")
    async def get(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of one stream's events, and the tokens that lead on in both directions."""
        group = group_meant(self._store.read, context, parameters)
        stream = the_stream(self._store.read, group, parameters["logStreamName"])
        oldest = max(parameters.get("startTime", 0), group.oldest_kept_ms(now_ms(context)))
        start, end = Position(oldest, 0, 0), Position(parameters.get("endTime", _FAR_MS), 0, 0)
        forward = bool(parameters.get("startFromHead"))
        token = parameters.get("nextToken")
        at: Position | None = None
        if token is not None:
            forward, at = _read_token(token)
            start, end = (max(start, at), end) if forward else (start, min(end, at))
        read = ascending if forward else descending
        events = read(self._store.read, Source("stream_id", stream.id), Span(start, end))
        shown, _ = _page(events, parameters.get("limit", _PAGE_EVENTS))
        if not forward:
            shown.reverse()
        first, last = _edges(shown, at, start if forward else end)
        return {
            "events": [
                {"timestamp": event.position.timestamp, "message": event.message, "ingestionTime": event.ingested_ms}
                for event in shown
            ],
            "nextForwardToken": _token(_FORWARD, last),
            "nextBackwardToken": _token(_BACKWARD, first),
        }

    @operation("FilterLogEvents")
    async def filter(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the group's events that match a pattern, all streams interleaved."""
        group = group_meant(self._store.read, context, parameters)
        matches = _matcher(parameters)
        source = self._source(group, parameters)
        oldest = max(parameters.get("startTime", 0), group.oldest_kept_ms(now_ms(context)))
        start, end = Position(oldest, 0, 0), Position(parameters.get("endTime", _FAR_MS - 1) + 1, 0, 0)
        forward = parameters.get("startFromHead", True)
        if (token := parameters.get("nextToken")) is not None:
            forward, at = _read_search_token(token)
            start, end = (max(start, at), end) if forward else (start, min(end, at))
        read = ascending if forward else descending
        events = read(self._store.read, source, Span(start, end))
        found, stopped_at = await _search(events, matches, parameters.get("limit", _PAGE_EVENTS))
        names = repository.stream_names(self._store.read, {event.stream_id for event in found})
        answer: dict[str, object] = {
            "events": [
                {
                    "logStreamName": names[event.stream_id],
                    "timestamp": event.position.timestamp,
                    "message": event.message,
                    "ingestionTime": event.ingested_ms,
                    "eventId": event.id,
                }
                for event in found
                if event.stream_id in names
            ],
            "searchedLogStreams": [],
        }
        if stopped_at is not None:
            answer["nextToken"] = encode_marker(_token(_FORWARD if forward else _BACKWARD, stopped_at))
        return answer

    def _metric_effects(self, group: Group, events: Sequence[tuple[int, str]]) -> list[OutboxEffect]:
        filters = followers.metric_filters(self._store.read, group.id)
        return [effect for one in filters for effect in points_effects(group, one, points_of(one, events))]

    def _source(self, group: Group, parameters: Parameters) -> Source:
        names, prefix = parameters.get("logStreamNames"), parameters.get("logStreamNamePrefix")
        if names and prefix:
            raise invalid_parameter("logStreamNamePrefix and logStreamNames are mutually exclusive parameters.")
        if names:
            only = {the_stream(self._store.read, group, name).id for name in names}
        elif prefix:
            query = StreamQuery(group_id=group.id, limit=_ALL_STREAMS, prefix=prefix)
            only = {stream.id for stream in repository.streams(self._store.read, query)}
        else:
            return Source("group_id", group.id)
        if len(only) == 1:
            return Source("stream_id", only.pop())
        return Source("group_id", group.id, only)


def _matcher(parameters: Parameters) -> Matcher:
    try:
        return compile_pattern(parameters.get("filterPattern", ""))
    except InvalidPatternError as error:
        raise invalid_parameter(str(error)) from error


def _page(events: Iterator[Event], limit: int) -> tuple[list[Event], bool]:
    """Return up to a page of events, and whether there are more."""
    shown: list[Event] = []
    size = 0
    for event in events:
        size += event.size
        if len(shown) >= limit or (shown and size > _PAGE_BYTES):
            return shown, True
        shown.append(event)
    return shown, False


async def _search(events: Iterator[Event], matches: Matcher, limit: int) -> tuple[list[Event], Position | None]:
    """Return a page of the events that match, and where to go on; None when all were looked at.

    Going forward that place is an event's own; going backward it is the one behind, as a span ends before its end.
    """
    found: list[Event] = []
    size = 0
    last: Event | None = None
    for count, event in enumerate(events, start=1):
        is_match = matches(event.message)
        size += event.size if is_match else 0
        if count > _SEARCHED_EVENTS or (is_match and (len(found) >= limit or (found and size > _PAGE_BYTES))):
            backward = last is not None and last.position > event.position
            return found, _behind(event.position) if backward else event.position
        if is_match:
            found.append(event)
        last = event
        if count % _TURN_EVENTS == 0:
            await asyncio.sleep(0)  # noqa: TID251 - waits for nothing: lets other requests have their turn
    return found, None


def _edges(shown: list[Event], at: Position | None, nowhere: Position) -> tuple[Position, Position]:
    """Return the places before and behind a page.

    An empty page has one place only, the caller's own: at the end of a stream the token given is given back.
    """
    if shown:
        return shown[0].position, _behind(shown[-1].position)
    place = at if at is not None else nowhere
    place = place if place.timestamp < _FAR_MS else START
    return place, place


def _behind(position: Position) -> Position:
    return position._replace(place=position.place + 1)


def _token(direction: str, position: Position) -> str:
    timestamp, chunk, place = position
    return f"{direction}/{timestamp:015d}{chunk:030d}{place:011d}/s"


def _read_token(token: str) -> tuple[bool, Position]:
    direction, _, rest = token.partition("/")
    digits, _, end = rest.partition("/")
    if direction not in {_FORWARD, _BACKWARD} or end != "s" or len(digits) != 56 or not digits.isdecimal():
        raise invalid_parameter("The specified nextToken is invalid.")
    return direction == _FORWARD, Position(int(digits[:15]), int(digits[15:45]), int(digits[45:]))


def _read_search_token(token: str) -> tuple[bool, Position]:
    try:
        return _read_token(decode_marker(token))
    except InvalidMarkerError as error:
        raise invalid_parameter("The specified nextToken is invalid.") from error


def _show_rejected(rejected: Rejected) -> dict[str, int]:
    members = {
        "tooOldLogEventEndIndex": rejected.too_old_end,
        "expiredLogEventEndIndex": rejected.expired_end,
        "tooNewLogEventStartIndex": rejected.too_new_start,
    }
    return {name: index for name, index in members.items() if index is not None}
