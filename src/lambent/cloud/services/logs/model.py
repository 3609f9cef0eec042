"""Log groups, streams and events as values, and the rules for a batch of events."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lambent.cloud.services.logs.errors import invalid_parameter
from lambent.cloud.store.scope import Scope

RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
MAX_BATCH_BYTES = 1_048_576
EVENT_OVERHEAD_BYTES = 26
DAY_MS = 86_400_000
_TOO_OLD_MS = 14 * DAY_MS
_TOO_NEW_MS = 2 * 3_600_000

CHUNK_SPAN_MS = 10_000
_CHUNK_BYTES = 65_536

_GROUP_ARN = re.compile(r"arn:aws[a-z-]*:logs:[^:]*:\d{12}:log-group:(?P<name>[^:]+)(:\*)?")

InputEvent = tuple[int, str]
"""A timestamp in milliseconds, and a message."""


class Position(NamedTuple):
    """A place between events in their order: before the event at `place` of `chunk`, which is at `timestamp`.

    It stays where it is while events are added, so it can be handed out as a page's token.
    """

    timestamp: int
    chunk: int
    place: int


START = Position(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Group:
    """A log group; `id` names it inside the store."""

    id: int
    scope: Scope
    name: str
    log_class: str
    created_ms: int
    retention_days: int | None
    kms_key: str | None
    is_protected: bool
    tags: Mapping[str, str]

    @property
    def arn(self) -> str:
        """Its ARN, without the trailing `:*`."""
        scope = self.scope
        return f"arn:{scope.partition}:logs:{scope.region}:{scope.account}:log-group:{self.name}"

    def oldest_kept_ms(self, now_ms: int) -> int:
        """Return the time before which its events have expired; 0 if they never do."""
        return 0 if self.retention_days is None else max(0, now_ms - self.retention_days * DAY_MS)


@dataclass(frozen=True, slots=True)
class Stream:
    """A log stream of a group; `id` names it inside the store."""

    id: int
    group_id: int
    name: str
    created_ms: int
    first_event_ms: int | None
    last_event_ms: int | None
    last_ingested_ms: int | None

    def arn(self, group: Group) -> str:
        """Return its ARN."""
        return f"{group.arn}:log-stream:{self.name}"


@dataclass(frozen=True, slots=True)
class Event:
    """One log event where it is kept."""

    position: Position
    stream_id: int
    message: str
    ingested_ms: int

    @property
    def id(self) -> str:
        """Its id: 56 digits that ascend in the order of events, as AWS's do."""
        timestamp, chunk, place = self.position
        return f"{timestamp:015d}{chunk:030d}{place:011d}"

    @property
    def size(self) -> int:
        """What it counts against a page's limit of bytes."""
        return len(self.message) + EVENT_OVERHEAD_BYTES


@dataclass(frozen=True, slots=True)
class Chunk:
    """Neighbouring events of one batch, to be kept together."""

    events: Sequence[InputEvent]
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """Which events of a batch are not kept: before `too_old_end`, before `expired_end`, from `too_new_start` on."""

    too_old_end: int | None = None
    expired_end: int | None = None
    too_new_start: int | None = None

    def __bool__(self) -> bool:
        return (self.too_old_end, self.expired_end, self.too_new_start) != (None, None, None)


def name_in_identifier(identifier: str) -> str:
    """Return the log group's name in a name or an ARN."""
    found = _GROUP_ARN.fullmatch(identifier)
    return found["name"] if found else identifier


def examined(events: Sequence[InputEvent], group: Group, now_ms: int) -> tuple[Sequence[InputEvent], Rejected]:
    """Return the events of a batch that are kept, and which are not.

    Raises InvalidParameterException for a batch that is too large, out of order, or spans more than a day.
    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
    """
    size = sum(_size_of(message) for _, message in events)
    if size > MAX_BATCH_BYTES:
        raise invalid_parameter(f"Upload too large: {size} bytes exceeds limit of {MAX_BATCH_BYTES}")
    times = [timestamp for timestamp, _ in events]
    if any(later < earlier for earlier, later in itertools.pairwise(times)):
        raise invalid_parameter("Log events in a single PutLogEvents request must be in chronological order.")
    too_old = _count_before(times, now_ms - _TOO_OLD_MS)
    expired = _count_before(times, group.oldest_kept_ms(now_ms))
    too_new = _count_before(times, now_ms + _TOO_NEW_MS + 1)
    first = max(too_old, expired)
    kept = events[first:too_new]
    if kept and kept[-1][0] - kept[0][0] > DAY_MS:
        raise invalid_parameter(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        )
    rejected = Rejected(
        too_old_end=too_old or None,
        expired_end=expired if expired > too_old else None,
        too_new_start=too_new if too_new < len(events) else None,
    )
    return kept, rejected


def chunks_of(events: Sequence[InputEvent]) -> Iterator[Chunk]:
    """Yield the events, which are in order, in pieces that a row may hold."""
    piece: list[InputEvent] = []
    size = 0
    for event in events:
        if piece and (event[0] - piece[0][0] > CHUNK_SPAN_MS or size >= _CHUNK_BYTES):
            yield Chunk(piece, size)
            piece, size = [], 0
        piece.append(event)
        size += _size_of(event[1])
    if piece:
        yield Chunk(piece, size)


def _size_of(message: str) -> int:
    # ASCII is its own UTF-8, and most log lines are ASCII.
    return (len(message) if message.isascii() else len(message.encode())) + EVENT_OVERHEAD_BYTES


def _count_before(times: Sequence[int], moment: int) -> int:
    return next((index for index, time in enumerate(times) if time >= moment), len(times))
