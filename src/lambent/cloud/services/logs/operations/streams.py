"""Log streams: their life, and their listing in two orders."""

from __future__ import annotations

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.paging import InvalidMarkerError, decode_marker, encode_marker
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.logs import repository
from lambent.cloud.services.logs.errors import invalid_parameter, stream_exists
from lambent.cloud.services.logs.model import Group, Stream
from lambent.cloud.services.logs.operations.common import group_meant, now_ms, the_group, the_stream
from lambent.cloud.services.logs.repository import StreamQuery
from lambent.cloud.store.unit_of_work import Store, Transaction

_PAGE = 50


class StreamOperations:
    """The operations on log streams."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @operation("CreateLogStream")
    async def create(self, context: RequestContext, parameters: Parameters) -> Result:
        """Create a log stream; raises ResourceAlreadyExistsException."""
        name, created_ms = parameters["logStreamName"], now_ms(context)

        def create(transaction: Transaction) -> None:
            group = the_group(transaction, context.scope, parameters["logGroupName"])
            if repository.stream(transaction, group.id, name) is not None:
                raise stream_exists()
            repository.add_stream(transaction, group.id, name, created_ms)

        await self._store.write(create)
        return {}

    @operation("DeleteLogStream")
    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete the log stream with its events."""

        def delete(transaction: Transaction) -> None:
            group = the_group(transaction, context.scope, parameters["logGroupName"])
            repository.delete_stream(transaction, the_stream(transaction, group, parameters["logStreamName"]).id)

        await self._store.write(delete)
        return {}

    @operation("DescribeLogStreams")
    async def describe(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the group's streams, by name or by their last event."""
        group = group_meant(self._store.read, context, parameters)
        by_last_event = parameters.get("orderBy") == "LastEventTime"
        prefix = parameters.get("logStreamNamePrefix", "")
        if by_last_event and prefix:
            raise invalid_parameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
        limit = parameters.get("limit", _PAGE)
        query = StreamQuery(
            group_id=group.id,
            limit=limit + 1,
            prefix=prefix,
            by_last_event=by_last_event,
            descending=bool(parameters.get("descending")),
            after=_position(parameters.get("nextToken")),
        )
        streams = repository.streams(self._store.read, query)
        shown: dict[str, object] = {"logStreams": [_show(group, stream) for stream in streams[:limit]]}
        if len(streams) > limit:
            last = streams[limit - 1]
            shown["nextToken"] = encode_marker(f"{last.last_event_ms or 0}/{last.name}")
        return shown


def _position(token: str | None) -> tuple[int, str] | None:
    if token is None:
        return None
    try:
        time, _, name = decode_marker(token).partition("/")
        return int(time), name
    except (InvalidMarkerError, ValueError) as error:
        raise invalid_parameter("The specified nextToken is invalid.") from error


def _show(group: Group, stream: Stream) -> dict[str, object]:
    shown: dict[str, object] = {
        "logStreamName": stream.name,
        "creationTime": stream.created_ms,
        "arn": stream.arn(group),
        # Of a stream AWS has reported no bytes since 2019; a group's are real.
        "storedBytes": 0,
    }
    if stream.first_event_ms is not None:
        shown["firstEventTimestamp"] = stream.first_event_ms
        shown["lastEventTimestamp"] = stream.last_event_ms
        shown["lastIngestionTime"] = stream.last_ingested_ms
        shown["uploadSequenceToken"] = f"{stream.last_ingested_ms or 0:056d}"
    return shown
