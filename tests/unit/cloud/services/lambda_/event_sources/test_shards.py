"""Reading a shard, whatever befalls its iterator."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from lambent.base.clock import SystemClock
from lambent.cloud.errors import ServiceError
from lambent.cloud.services.lambda_.checkpoint_repository import Checkpoint
from lambent.cloud.services.lambda_.event_sources.counts import Counts
from lambent.cloud.services.lambda_.event_sources.shards import ShardReader
from lambent.cloud.services.lambda_.event_sources.stream_source import HORIZON, Position, Read
from lambent.cloud.services.lambda_.model.event_source import SourceKind
from tests.unit.cloud.services.lambda_.mappings import mapping


class Source:
    """A shard that ends where its first iterator has expired while the stream could not be read."""

    kind = SourceKind.KINESIS
    can_wait = False

    def __init__(self, *errors: str) -> None:
        self._errors = list(errors)
        self.positions: list[Position] = []

    async def iterator(self, shard: str, position: Position) -> str:
        self.positions.append(position)
        return f"iterator {len(self.positions)}"

    async def read(self, shard: str, iterator: str, most: int, *, wait_s: float = 0.0) -> Read:
        if iterator == "iterator 1":
            raise ServiceError(self._errors.pop(0) if len(self._errors) > 1 else self._errors[0], "")
        return Read((), None)


class Store:
    """Keeps nothing."""

    async def write_with_others(self, *_: object) -> None:
        return None


class FewWorkers:
    """Workers that end after some pauses."""

    def __init__(self) -> None:
        self.pauses = 0

    @property
    def has_ended(self) -> bool:
        return self.pauses > 5

    def waiting(self) -> nullcontext[None]:
        return nullcontext()

    async def sleep_until(self, moment: float) -> None:
        self.pauses += 1


class Parts:
    """What a reader needs of the platform."""

    clock = SystemClock()
    counts = Counts()
    store = Store()


@pytest.mark.parametrize("lost", ["ExpiredIteratorException", "TrimmedDataAccessException"])
@pytest.mark.parametrize("before", [(), ("InternalFailure", "InternalFailure")])
async def test_an_iterator_that_is_lost_is_replaced_whatever_failed_before(before: tuple[str, ...], lost: str) -> None:
    source, workers = Source(*before, lost), FewWorkers()
    checkpoint = Checkpoint("s", "7", 0, 1)
    doubles: Any = (mapping(SourceKind.KINESIS), checkpoint, source, Parts(), workers)  # Any: stand-ins
    reader = ShardReader(*doubles)
    await reader.open(HORIZON, is_new=False)
    await reader.run()
    assert reader.has_ended
    kinds = [each.kind for each in source.positions]
    after = "TRIM_HORIZON" if lost.startswith("Trimmed") else "AFTER_SEQUENCE_NUMBER"
    assert kinds == ["AFTER_SEQUENCE_NUMBER", after]
