"""The routing snapshot: what it reads of a function anew, and what it knows already."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lambent.base.clock import ManualClock
from lambent.cloud.services.lambda_ import repository
from lambent.cloud.services.lambda_.model.function import LATEST, Code, Function, FunctionVersion, Logging, Settings
from lambent.cloud.services.lambda_.model.state import ACTIVE, Event, State, move
from lambent.cloud.services.lambda_.packages import Packages
from lambent.cloud.services.lambda_.routing import Routes
from lambent.cloud.services.lambda_.schema import scripts
from lambent.cloud.store.blobs import Blobs
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.sqlite_store import SqliteStore, memory_store
from lambent.cloud.store.unit_of_work import Reader, SqlValue, Transaction

SCOPE = Scope("123456789012", "us-east-1")
LATEST_VERSION = FunctionVersion(
    scope=SCOPE,
    function="f",
    version=LATEST,
    settings=Settings(role="role", logging=Logging("group"), runtime="python3.13", handler="h.h"),
    code=Code(sha256="", size=1, digest="0" * 64),
    status=ACTIVE,
    revision_id="0",
    last_modified=0.0,
)


class Watched:
    """A reader that notes of which versions it reads everything."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.versions: list[SqlValue] = []

    def all(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[tuple[SqlValue, ...]]:
        rows = self._reader.all(sql, parameters)
        if "settings" in sql and "FROM lambda_versions" in sql:
            self.versions += [row[1] for row in rows]
        return rows

    def one(self, sql: str, parameters: Sequence[SqlValue] = ()) -> tuple[SqlValue, ...] | None:
        return next(iter(self.all(sql, parameters)), None)


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    opened = memory_store(ManualClock())
    await opened.migrate("lambda", scripts())
    published = [
        LATEST_VERSION.published(number, revision_id=f"{number}", description=None, now=0.0) for number in (1, 2, 3)
    ]
    await opened.write(lambda transaction: repository.put_function(transaction, Function(SCOPE, "f")))
    await put(opened, LATEST_VERSION, *published)
    yield opened
    await opened.close()


async def put(store: SqliteStore, *versions: FunctionVersion) -> None:
    def work(transaction: Transaction) -> None:
        for version in versions:
            repository.put_version(transaction, version)

    await store.write(work)


async def test_a_change_of_a_function_reads_the_versions_that_have_changed(store: SqliteStore, tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs", durable=False)
    read = Watched(store.read)
    routes = Routes(read, Packages(tmp_path / "packages", blobs), lambda *_: None)
    first = routes.find(SCOPE.account, SCOPE.region, "f")
    assert first is not None
    assert len(read.versions) == 4

    read.versions.clear()
    two = repository.version(store.read, SCOPE, "f", "2")
    assert two is not None
    # The state alone: its revision stays.
    await put(store, replace(LATEST_VERSION, revision_id="new"), replace(two, status=move(two.status, Event.DELETED)))
    await store.write(lambda transaction: repository.delete_version(transaction, replace(two, version="3")))
    routes.refresh(SCOPE, "f")
    after = routes.find(SCOPE.account, SCOPE.region, "f")
    assert after is not None
    assert len(read.versions) == 2
    assert list(after.versions) == [LATEST, "1", "2"]
    assert after.versions["2"].state is State.DELETING
    assert after.versions["1"] is first.versions["1"]
    await blobs.close()
