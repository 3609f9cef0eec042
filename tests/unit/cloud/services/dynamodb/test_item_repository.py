from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from lambent.cloud.services.dynamodb import item_repository
from lambent.cloud.services.dynamodb.item_repository import Range
from lambent.cloud.services.dynamodb.model.table import Index, KeySchema, Table
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import SqlValue

INDEX = Index("i", 1, is_global=True, key=KeySchema("g", "n"), projection="ALL")
TABLE = Table(Scope("0" * 12, "us-east-1"), "tab", "id", 0.0, KeySchema("pk", "sk"), {}, (INDEX,), number=1)
SCHEMA = Path(item_repository.__file__).with_name("schema.sql")


class Planner:
    """A reader that notes how SQLite would carry out what it is asked."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.plans: list[str] = []

    def all(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[tuple[SqlValue, ...]]:
        plan = self._connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall()
        self.plans.append("; ".join(str(row[3]) for row in plan))
        return []

    def one(self, sql: str, parameters: Sequence[SqlValue] = ()) -> tuple[SqlValue, ...] | None:
        self.all(sql, parameters)
        return None


@pytest.fixture
def planner() -> Iterator[Planner]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(SCHEMA.read_text(encoding="utf-8"))
        yield Planner(connection)


@pytest.mark.parametrize(
    ("index", "wanted", "search"),
    [
        (None, Range(after=(b"h", b"r")), "(hash_key,range_key)>(?,?)"),
        (None, Range(hash_high=b"z", after=(b"h", b"r")), "(hash_key,range_key)>(?,?) AND hash_key<?"),
        (None, Range(b"h", b"a", b"z", after=(b"h", b"r")), "range_key>? AND range_key<?"),
        (None, Range(b"h", b"a", b"z", after=(b"h", b"r"), is_forward=False), "range_key>? AND range_key<?"),
        (INDEX, Range(b"h", b"a", after=(b"h", b"r", b"i", b"s")), "(range_key,item_hash,item_range)>(?,?,?)"),
        (
            INDEX,
            Range(b"h", b"a", after=(b"h", b"r", b"i", b"s"), is_forward=False),
            "range_key>? AND (range_key,item_hash,item_range)<(?,?,?)",
        ),
    ],
)
def test_a_late_page_begins_at_its_place(planner: Planner, index: Index | None, wanted: Range, search: str) -> None:
    item_repository.read_range(planner, TABLE, index, wanted, 10)
    (plan,) = planner.plans
    assert search in plan
    assert "SCAN" not in plan
    assert "TEMP B-TREE" not in plan


def test_what_expired_is_found_by_its_time(planner: Planner) -> None:
    item_repository.expired(planner, 0.0, 1.0, 10)
    assert "USING INDEX dynamodb_item_expiry (expires_at>? AND expires_at<?)" in planner.plans[0]
