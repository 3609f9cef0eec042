from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lambent.base.clock import ManualClock
from lambent.cloud.store.database import APPLICATION_ID, FORMAT, Connection, statements
from lambent.cloud.store.errors import (
    Conflict,
    CorruptStore,
    DirectoryInUse,
    NewerFormat,
    StoreClosed,
    StoreError,
    StoreFailed,
    StoreFull,
)
from lambent.cloud.store.sqlite_store import SqliteStore, memory_store, store_in
from lambent.cloud.store.unit_of_work import SqlValue, Transaction

_LOGGED_PAGE = 24 + 4096  # https://www.sqlite.org/fileformat2.html#the_write_ahead_log
TABLE = "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"


@pytest.fixture(params=["file", "memory"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = memory_store(ManualClock()) if request.param == "memory" else store_in(tmp_path / "data", ManualClock())
    await opened.migrate("things", [TABLE])
    yield opened
    await opened.close()


def add(number: int, name: str | None = None) -> Callable[[Transaction], int]:
    return lambda transaction: transaction.execute(
        "INSERT INTO things VALUES (?, ?)", (number, name or f"thing {number}")
    )


def names(store: SqliteStore) -> list[SqlValue]:
    return [name for (name,) in store.read.all("SELECT name FROM things ORDER BY id")]


async def test_a_write_is_seen_by_the_next_read_and_returns_its_result(store: SqliteStore) -> None:
    assert await store.write(add(1)) == 1
    assert store.read.one("SELECT name FROM things WHERE id = ?", (1,)) == ("thing 1",)
    assert store.read.one("SELECT name FROM things WHERE id = ?", (2,)) is None
    assert await store.write(lambda transaction: transaction.all("SELECT id FROM things")) == [(1,)]


async def test_a_failing_unit_is_undone_alone(store: SqliteStore) -> None:
    def fail_half_way(transaction: Transaction) -> None:
        transaction.execute("INSERT INTO things VALUES (3, 'half')")
        transaction.after_commit(lambda: pytest.fail("it was never committed"))
        raise LookupError("no such thing")

    answers = await asyncio.gather(
        *(store.write(work) for work in (add(1), fail_half_way, add(2), add(4, "thing 1"))), return_exceptions=True
    )
    assert answers[0] == answers[2] == 1
    assert isinstance(answers[1], LookupError)
    assert isinstance(answers[3], Conflict)
    assert names(store) == ["thing 1", "thing 2"]
    with pytest.raises(LookupError):
        await store.write(fail_half_way)
    assert names(store) == ["thing 1", "thing 2"]


async def test_units_that_fail_before_the_others_take_nothing_of_them_along(tmp_path: Path) -> None:
    store = store_in(tmp_path, ManualClock())
    await store.migrate("things", [TABLE])

    def fail_half_way(transaction: Transaction) -> None:
        transaction.execute("INSERT INTO things VALUES (9, 'half')")
        raise LookupError("no such thing")

    async with writer_held(store):
        failing = asyncio.gather(*(store.write(fail_half_way) for _ in range(2)), return_exceptions=True)
    assert [type(answer) for answer in await failing] == [LookupError, LookupError]
    async with writer_held(store):
        works = (fail_half_way, fail_half_way, add(1), fail_half_way, add(2))
        rest = asyncio.gather(*(store.write(work) for work in works), return_exceptions=True)
    assert [type(answer) for answer in await rest] == [LookupError, LookupError, int, LookupError, int]
    assert names(store) == ["thing 1", "thing 2"]
    await store.close()


async def test_callbacks_run_on_the_loop_in_the_order_of_the_commits_before_anyone_is_answered(
    store: SqliteStore,
) -> None:
    order: list[str] = []
    here = threading.get_ident()

    def work(number: int) -> Callable[[Transaction], None]:
        def unit(transaction: Transaction) -> None:
            transaction.execute("INSERT INTO things VALUES (?, ?)", (number, str(number)))
            transaction.after_commit(lambda: seen(number))

        return unit

    def seen(number: int) -> None:
        assert threading.get_ident() == here
        assert store.read.one("SELECT 1 FROM things WHERE id = ?", (number,)) == (1,)
        order.append(f"committed {number}")

    async def write(number: int) -> None:
        await store.write(work(number))
        order.append(f"answered {number}")

    await asyncio.gather(*(write(number) for number in range(5)))
    assert [line for line in order if line.startswith("committed")] == [f"committed {number}" for number in range(5)]
    for number in range(5):
        assert order.index(f"committed {number}") < order.index(f"answered {number}")


async def test_a_failing_callback_is_logged_and_the_answers_still_come(
    store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    def work(transaction: Transaction) -> str:
        transaction.after_commit(broken)
        return "done"

    def broken() -> None:
        raise LookupError("broken")

    assert await store.write(work) == "done"
    assert "a callback failed" in caplog.text


@asynccontextmanager
async def writer_held(store: SqliteStore) -> AsyncIterator[None]:
    """Keep the writer at a unit of work, so that what is handed over meanwhile waits together."""
    entered, go_on = threading.Event(), threading.Event()

    def hold(transaction: Transaction) -> None:
        entered.set()
        go_on.wait(10)
        assert transaction.all("SELECT * FROM things") == []

    async with asyncio.TaskGroup() as group:
        group.create_task(store.write(hold))
        await asyncio.to_thread(entered.wait, 10)
        try:
            yield
            await asyncio.sleep(0)  # noqa: TID251 - lets them be handed over
        finally:
            go_on.set()


async def test_units_that_wait_together_share_a_commit(tmp_path: Path) -> None:
    store = store_in(tmp_path, ManualClock())
    await store.migrate("things", [TABLE])
    log = tmp_path / "lambent.db-wal"
    async with writer_held(store):
        before = log.stat().st_size
        rest = asyncio.gather(*(store.write(add(number)) for number in range(20)))
    await rest
    # Each commit of its own would have logged both changed pages again; together they are logged once.
    assert 0 < log.stat().st_size - before <= 2 * _LOGGED_PAGE
    assert len(names(store)) == 20
    await store.close()


def add_all(transaction: Transaction, numbers: Sequence[int]) -> None:
    transaction.execute("INSERT INTO calls VALUES (?)", (len(numbers),))
    for number in numbers:
        add(number)(transaction)


async def test_items_of_one_work_that_wait_for_a_commit_are_written_in_one_call(tmp_path: Path) -> None:
    store = store_in(tmp_path, ManualClock())
    await store.migrate("things", [TABLE, "CREATE TABLE calls (items INTEGER);"])
    async with writer_held(store):
        waiting = [store.write_with_others(add_all, number) for number in range(5)]
        rest = asyncio.gather(*waiting[:3], store.write(add(9)), *waiting[3:])
    await rest
    assert names(store) == [f"thing {number}" for number in (0, 1, 2, 3, 4, 9)]
    assert store.read.all("SELECT items FROM calls") == [(5,)]
    await store.close()
    with pytest.raises(StoreClosed):
        await store.write_with_others(add_all, 6)


async def test_what_a_shared_work_raises_is_raised_to_its_items_and_to_no_other_unit(tmp_path: Path) -> None:
    store = store_in(tmp_path, ManualClock())
    await store.migrate("things", [TABLE, "CREATE TABLE calls (items INTEGER);"])
    async with writer_held(store):
        shared = [store.write_with_others(add_all, number) for number in (1, 2, 2)]
        rest = asyncio.gather(*shared, store.write(add(7)), return_exceptions=True)
    *failed, alone = await rest
    assert [type(each) for each in failed] == [Conflict, Conflict, Conflict]
    assert alone == 1
    assert names(store) == ["thing 7"]
    assert store.read.all("SELECT items FROM calls") == []
    await store.close()


async def test_an_item_is_written_alone_where_nothing_waits_for_a_commit(store: SqliteStore) -> None:
    await store.migrate("calls", ["CREATE TABLE calls (items INTEGER);"])
    await store.write_with_others(add_all, 1)
    assert names(store) == ["thing 1"]
    with pytest.raises(Conflict):
        await store.write_with_others(add_all, 1)


async def test_a_cancelled_caller_leaves_its_unit_to_be_committed(tmp_path: Path) -> None:
    store = store_in(tmp_path, ManualClock())
    await store.migrate("things", [TABLE])
    seen: list[int] = []
    entered, go_on = threading.Event(), threading.Event()

    def work(transaction: Transaction) -> None:
        entered.set()
        go_on.wait(10)
        transaction.execute("INSERT INTO things VALUES (1, 'kept')")
        transaction.after_commit(lambda: seen.append(1))

    async with asyncio.TaskGroup() as group:
        caller = group.create_task(store.write(work))
        await asyncio.to_thread(entered.wait, 10)
        caller.cancel()
        go_on.set()
    assert caller.cancelled()
    await store.write(add(2))
    assert names(store) == ["kept", "thing 2"]
    assert seen == [1]
    await store.close()


async def test_closing_answers_everything_handed_over_and_refuses_the_rest(tmp_path: Path) -> None:
    store = store_in(tmp_path, ManualClock())
    await store.migrate("things", [TABLE])
    writes = [asyncio.gather(store.write(add(number))) for number in range(50)]
    await asyncio.sleep(0)  # noqa: TID251 - lets them be handed over
    await store.close()
    assert sum([sum(await write) for write in writes]) == 50
    with pytest.raises(StoreClosed):
        await store.write(add(99))
    await store.close()
    reopened = store_in(tmp_path, ManualClock())
    assert len(names(reopened)) == 50
    await reopened.close()


async def test_each_upgrade_runs_once_and_an_old_file_is_brought_up_to_date(tmp_path: Path) -> None:
    store = store_in(tmp_path, ManualClock())
    await store.migrate("things", [TABLE])
    await store.write(add(1))
    await store.close()

    upgrades = [TABLE, "ALTER TABLE things ADD COLUMN size INTEGER NOT NULL DEFAULT 3;\nUPDATE things SET size = 4;"]
    for _ in range(2):
        store = store_in(tmp_path, ManualClock())
        await store.migrate("things", upgrades)
        assert store.read.all("SELECT * FROM things") == [(1, "thing 1", 4)]
        await store.close()

    store = store_in(tmp_path, ManualClock())
    with pytest.raises(NewerFormat, match="tables of things are at version 2; this version of Lambent knows up to 1"):
        await store.migrate("things", [TABLE])
    await store.close()


async def test_an_upgrade_that_fails_leaves_the_tables_as_they_were(store: SqliteStore) -> None:
    await store.write(add(1))
    broken = "ALTER TABLE things ADD COLUMN size INTEGER; INSERT INTO nowhere VALUES (1)"
    with pytest.raises(StoreError):
        await store.migrate("things", [TABLE, broken])
    assert store.read.all("SELECT * FROM things") == [(1, "thing 1")]
    await store.migrate("things", [TABLE, "ALTER TABLE things ADD COLUMN size INTEGER"])
    assert store.read.all("SELECT * FROM things") == [(1, "thing 1", None)]


def test_a_script_is_taken_apart_at_the_ends_of_its_statements() -> None:
    script = """
    -- a comment; with a semicolon
    CREATE TABLE a (b TEXT DEFAULT 'x;y');
    CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET b = 1; DELETE FROM a; END;
    ;
    INSERT INTO a VALUES ('last, without its semicolon')
    -- the end
    """
    connection = Connection("file::memory:")
    found = list(statements(script))
    assert len(found) == 3
    for statement in found:
        connection.execute(statement)
    assert connection.one("SELECT count(*) FROM sqlite_schema") == (2,)
    connection.close()


async def test_a_second_platform_is_refused_by_the_pid_of_the_first(tmp_path: Path) -> None:
    store = store_in(tmp_path, ManualClock())
    with pytest.raises(DirectoryInUse, match=f"in use by process {os.getpid()}") as refusal:
        store_in(tmp_path, ManualClock())
    assert refusal.value.pid == os.getpid()
    await store.close()
    await store_in(tmp_path, ManualClock()).close()


async def test_a_directory_from_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    connection = Connection(f"file:{tmp_path / 'lambent.db'}")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    connection.close()
    before = (tmp_path / "lambent.db").read_bytes()
    with pytest.raises(NewerFormat, match=f"is in format {FORMAT + 1}; this version of Lambent knows up to {FORMAT}"):
        store_in(tmp_path, ManualClock())
    assert (tmp_path / "lambent.db").read_bytes() == before


async def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    connection = Connection(f"file:{tmp_path / 'lambent.db'}")
    connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    before = (tmp_path / "lambent.db").read_bytes()
    for _ in range(2):  # the refusal has given the directory up
        with pytest.raises(CorruptStore, match="is not a database of Lambent"):
            store_in(tmp_path, ManualClock())
    assert (tmp_path / "lambent.db").read_bytes() == before


async def test_a_damaged_database_is_refused_with_a_remedy(tmp_path: Path) -> None:
    await store_in(tmp_path, ManualClock()).close()
    (tmp_path / "lambent.db").write_bytes(b"not a database at all" * 1000)
    with pytest.raises(CorruptStore, match="Restore the data directory from a copy"):
        store_in(tmp_path, ManualClock())


async def test_a_full_disk_fails_the_write_and_spares_the_store(tmp_path: Path) -> None:
    store = store_in(tmp_path, ManualClock())
    await store.migrate("things", [TABLE])

    def limit(pages: int) -> Callable[[Transaction], object]:
        return lambda transaction: transaction.all(f"PRAGMA max_page_count = {pages}")

    await store.write(limit(1))  # SQLite keeps it at the present size
    with pytest.raises(StoreFull):
        await store.write(add(1, "x" * 100_000))
    await store.write(limit(1_000_000))
    await store.write(add(1))
    assert names(store) == ["thing 1"]
    await store.close()


async def test_tables_wait_for_no_sync_of_their_own_and_every_write_behind_them_does(tmp_path: Path) -> None:
    def syncing(transaction: Transaction) -> object:
        return transaction.one("PRAGMA synchronous")

    store = store_in(tmp_path, ManualClock())
    connection = store._writer._committer._connection  # type: ignore[attr-defined]  # no other way shows it without an end
    await store.migrate("things", [TABLE])
    normal, full = (1,), (2,)  # https://www.sqlite.org/pragma.html#pragma_synchronous
    assert connection.one("PRAGMA synchronous") == normal
    assert await store.write(syncing) == full
    await store.write(lambda transaction: transaction.all("PRAGMA max_page_count = 1"))
    with pytest.raises(StoreFull):
        await store.migrate("more", [TABLE.replace("things", "more")])
    assert connection.one("PRAGMA synchronous") == normal
    assert await store.write(syncing) == full
    # What waits together with a write is synced with it.
    await store.write(lambda transaction: transaction.all("PRAGMA max_page_count = 1000"))
    seen = await asyncio.gather(store.migrate("more", [TABLE.replace("things", "more")]), store.write(syncing))
    assert seen[1] == full
    await store.close()


async def test_after_a_failed_sync_nothing_more_is_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = store_in(tmp_path, ManualClock())
    await store.migrate("things", [TABLE])

    class FailingCommits(Connection):
        def execute(self, sql: str, parameters: object = ()) -> int:
            raise StoreFailed("disk I/O error")

    committer = store._writer._committer  # type: ignore[attr-defined]  # a disk that fails cannot be had otherwise
    sound = committer._connection
    committer._connection = FailingCommits("file::memory:")
    with pytest.raises(StoreFailed, match="disk I/O error"):
        await store.write(add(1))
    committer._connection.close()
    committer._connection = sound
    with pytest.raises(StoreFailed, match="takes no more writes until it is reopened"):
        await store.write(add(2))
    assert names(store) == []
    assert "the store takes no more writes" in caplog.text
    await store.close()


async def test_an_idle_store_uses_no_processor_time(tmp_path: Path) -> None:
    store = store_in(tmp_path, ManualClock())
    await store.migrate("things", [TABLE])
    writer = next(thread for thread in threading.enumerate() if thread.name == "lambent-store-writer")
    if sys.platform == "linux":
        status = Path(f"/proc/self/task/{writer.native_id}/status")
        wakeups = [await asyncio.to_thread(_voluntary_switches, status) for _ in range(2)]
        assert wakeups[0] == wakeups[1]
    await store.close()
    assert not writer.is_alive()


def _voluntary_switches(status: Path) -> str:
    threading.Event().wait(0.1)
    return next(line for line in status.read_text().splitlines() if line.startswith("voluntary"))
