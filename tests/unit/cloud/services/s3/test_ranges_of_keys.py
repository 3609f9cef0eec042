"""Ranges of keys and names: what is read is what lies in them, wherever they lie among the others."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from lambent.cloud.services.s3 import repository, upload_repository
from lambent.cloud.services.s3.repository import BucketRange, KeyRange
from lambent.cloud.services.s3.service import SCRIPTS
from lambent.cloud.services.s3.upload_repository import UploadRange

COUNT = 20_000


class CountingReader:
    """Reads the tables, and counts how often SQLite has done a hundred steps."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:")
        for script in SCRIPTS:
            self._connection.executescript(script.read_text(encoding="utf-8"))
        names = [f"k{number:06d}" for number in range(COUNT)]
        self._connection.executemany(
            "INSERT INTO s3_version VALUES (?, 1, ?, 'null', 0, 1, 1, 0, 0, '', '', '', '', '{}', '[]')",
            enumerate(names, 1),
        )
        self._connection.executemany(
            "INSERT INTO s3_upload VALUES (?, 1, ?, ?, 0, '', '', '', '', '{}')",
            [(number, name, f"u-{name}") for number, name in enumerate(names, 1)],
        )
        self._connection.executemany(
            "INSERT INTO s3_bucket VALUES (?, '1', 'r', ?, 0, '', 0)", list(enumerate(names, 1))
        )
        self.hundreds = 0
        self._connection.set_progress_handler(self._count, 100)

    def one(self, sql: str, parameters: Sequence[Any] = ()) -> Any:  # Any: rows, as in the store's own
        return self._connection.execute(sql, parameters).fetchone()

    def all(self, sql: str, parameters: Sequence[Any] = ()) -> Any:  # Any: as above
        return self._connection.execute(sql, parameters).fetchall()

    def _count(self) -> int:
        self.hundreds += 1
        return 0


@pytest.fixture(scope="module")
def reader() -> CountingReader:
    return CountingReader()


def objects(reader: CountingReader, prefix: str, begin: str) -> list[str]:
    return [each.key for each in repository.listed(reader, KeyRange(1, prefix, begin, includes_begin=False, limit=3))]


def versions(reader: CountingReader, prefix: str, begin: str) -> list[str]:
    return [each.key for each in repository.versions(reader, KeyRange(1, prefix, begin, includes_begin=False, limit=3))]


def uploads(reader: CountingReader, prefix: str, begin: str) -> list[str]:
    marker = f"u-{begin}" if begin else None
    return [each.key for each in upload_repository.uploads(reader, UploadRange(1, prefix, begin, marker, 3))]


def buckets(reader: CountingReader, prefix: str, begin: str) -> list[str]:
    return [each.name for each in repository.buckets(reader, BucketRange("1", prefix, begin, None, 3))]


@pytest.mark.parametrize("listed", [objects, versions, uploads, buckets])
@pytest.mark.parametrize(
    ("prefix", "begin", "expected"),
    [
        ("k01999", "", ["k019990", "k019991", "k019992"]),
        ("k01999", "k000005", ["k019990", "k019991", "k019992"]),
        ("k0", "k019996", ["k019997", "k019998", "k019999"]),
        ("k000007", "k000007", []),
        ("k00001", "k000018", ["k000019"]),
    ],
)
def test_a_page_costs_what_is_on_it(
    reader: CountingReader,
    listed: Callable[[CountingReader, str, str], list[str]],
    prefix: str,
    begin: str,
    expected: list[str],
) -> None:
    before = reader.hundreds
    assert listed(reader, prefix, begin) == expected
    assert reader.hundreds - before < 10
