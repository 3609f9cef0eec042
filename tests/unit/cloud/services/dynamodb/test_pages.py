"""Pages of items and of stream records: how much is read for them at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import islice

import pytest

from lambent.base.tasks import let_others_run
from lambent.cloud.services.dynamodb import stream_repository
from lambent.cloud.services.dynamodb.item_repository import Range
from lambent.cloud.services.dynamodb.model.table import KeySchema, Table
from lambent.cloud.services.dynamodb.operations.queries import _Page, _rows
from lambent.cloud.services.dynamodb.reading import Selection
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import SqlValue

TABLE = Table(Scope("0" * 12, "us-east-1"), "tab", "id", 0.0, KeySchema("pk", "sk"), {}, number=1)
SELECTION = Selection(TABLE, None, Range(hash_key=b"h"), None, None, counts_only=False, fetches=False)


class Endless:
    """A reader of a partition without end, whose items are all of one size; it notes how many are asked for."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._count = 0
        self.asked: list[int] = []

    def all(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[tuple[SqlValue, ...]]:
        limit = parameters[-1]
        assert isinstance(limit, int)
        self.asked.append(limit)
        self._count += limit
        first = self._count - limit
        return [(b"h", number.to_bytes(4, "big"), self._size, b"{}") for number in range(first, first + limit)]

    def one(self, sql: str, parameters: Sequence[SqlValue] = ()) -> tuple[SqlValue, ...] | None:
        raise AssertionError(sql)


@pytest.mark.parametrize(("size", "limit"), [(400_000, 1000), (400_000, None), (100_000, None), (100, 5000)])
def test_no_more_is_read_at_once_than_some_pages_hold(size: int, limit: int | None) -> None:
    reader = Endless(size)
    found = list(islice(_rows(reader, SELECTION, limit), 3000))
    assert [int.from_bytes(each.range_key, "big") for each in found] == list(range(len(found)))
    assert len(found) == min(limit or 3000, 3000)
    assert reader.asked[0] == 32
    assert max(asked * size for asked in reader.asked[1:]) <= 1024 * 1024 + size
    assert max(reader.asked) <= 1024


def test_a_limit_is_the_most_that_is_read() -> None:
    reader = Endless(100)
    assert len(list(_rows(reader, SELECTION, 150))) == 150
    assert sum(reader.asked) == 150


async def test_others_have_their_turn_while_a_large_page_is_read() -> None:
    page = _Page(SELECTION)
    turns_at_end: list[int] = []

    async def read() -> None:
        await page.read(Endless(100), 5000)
        turns_at_end.append(turns)

    turns = 0

    async def others() -> None:
        nonlocal turns
        while not turns_at_end:
            turns += 1
            await let_others_run()

    await asyncio.gather(read(), others())
    assert page.scanned == 5000
    assert turns_at_end[0] > 10


class Records:
    """A reader of a stream whose records are all of one size; it notes how many are asked for."""

    def __init__(self, count: int, size: int) -> None:
        self._count = count
        self._document = bytes(size)
        self.asked: list[int] = []

    def all(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[tuple[SqlValue, ...]]:
        _, after, limit = parameters
        assert isinstance(after, int)
        assert isinstance(limit, int)
        self.asked.append(limit)
        last = min(after + limit, self._count)
        return [(sequence, 0.0, self._document) for sequence in range(after + 1, last + 1)]

    def one(self, sql: str, parameters: Sequence[SqlValue] = ()) -> tuple[SqlValue, ...] | None:
        raise AssertionError(sql)


@pytest.mark.parametrize(
    ("count", "size", "limit", "expected"),
    [
        (5000, 100, 1000, 1000),
        (5000, 800_000, 1000, 1),
        (5000, 10_000, 1000, 104),
        (5000, 2_000_000, 1000, 1),
        (7, 100, 1000, 7),
        (0, 100, 1000, 0),
        (5000, 100, 3, 3),
    ],
)
def test_of_a_stream_a_page_is_read_and_one_record_at_least(count: int, size: int, limit: int, expected: int) -> None:
    reader = Records(count, size)
    found = stream_repository.records(reader, 1, 0, limit)
    assert [each.sequence for each in found] == list(range(1, expected + 1))
    assert sum(reader.asked[1:]) * size <= 1024 * 1024
    assert reader.asked[0] <= 32
