"""What nobody waits for joins the commits of others, is written soon where there are none, and is never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from lambent.base.clock import ManualClock
from lambent.cloud.store.errors import Conflict, StoreClosed
from lambent.cloud.store.sqlite_store import SqliteStore, memory_store, store_in
from lambent.cloud.store.unit_of_work import SqlValue, Transaction

TABLE = "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL);"


async def opened(path: Path) -> SqliteStore:
    store = store_in(path, ManualClock())
    await store.migrate("things", [TABLE])
    return store


def add_passing(transaction: Transaction, numbers: Sequence[int]) -> None:
    for number in numbers:
        transaction.execute("INSERT INTO things VALUES (?, ?)", (number, f"with {len(numbers)}"))


def add_others(transaction: Transaction) -> None:
    transaction.execute("INSERT INTO things SELECT 100, 'others saw ' || count(*) FROM things")


def rows(store: SqliteStore) -> list[tuple[SqlValue, ...]]:
    return store.read.all("SELECT id, name FROM things ORDER BY id")


async def test_it_goes_with_the_next_commit_behind_what_that_is_made_for(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    async with asyncio.TaskGroup() as group:
        passing = [group.create_task(store.write_in_passing(add_passing, number)) for number in (1, 2)]
        await asyncio.sleep(0)  # noqa: TID251 - lets them be handed over
        await store.write(add_others)
        assert rows(store) == [(1, "with 2"), (2, "with 2"), (100, "others saw 0")]
    assert all(each.done() for each in passing)
    await store.close()


async def test_it_is_written_by_itself_where_nobody_else_writes(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await store.write_in_passing(add_passing, 1, 2)
    await store.write_in_passing(add_passing, 3)
    assert rows(store) == [(1, "with 2"), (2, "with 2"), (3, "with 1")]
    await store.close()


async def test_it_is_written_before_the_store_is_closed(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    async with asyncio.TaskGroup() as group:
        group.create_task(store.write_in_passing(add_passing, 1))
        await asyncio.sleep(0)  # noqa: TID251 - lets it be handed over
        await store.close()
    with pytest.raises(StoreClosed):
        await store.write_in_passing(add_passing, 2)
    again = store_in(tmp_path, ManualClock())
    assert rows(again) == [(1, "with 1")]
    await again.close()


async def test_its_failure_is_its_own(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    failing = asyncio.gather(store.write_in_passing(add_passing, 1, 1), return_exceptions=True)
    await asyncio.sleep(0)  # noqa: TID251 - lets it be handed over
    await store.write(add_others)
    (failure,) = await failing
    assert isinstance(failure, Conflict)
    assert rows(store) == [(100, "others saw 0")]
    await store.close()


async def test_a_store_in_memory_writes_it_at_once() -> None:
    store = memory_store(ManualClock())
    await store.migrate("things", [TABLE])
    await store.write_in_passing(add_passing, 1)
    assert rows(store) == [(1, "with 1")]
    await store.close()
