"""How many messages a queue has is counted of those that are hidden or have expired, however many there are."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lambent.cloud.services import sqs
from lambent.cloud.services.sqs import message_repository

SCHEMA = Path(sqs.__file__).with_name("schema.sql")
COUNT = 20_000
NOW_MS = 1000


class CountingReader:
    """Reads a box of messages, of which 3 are delayed, 7 in flight and 5 expired; counts every hundred steps."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:")
        self._connection.executescript(SCHEMA.read_text(encoding="utf-8"))
        self._connection.execute("INSERT INTO sqs_box (id) VALUES (1)")
        self._connection.executemany(
            "INSERT INTO sqs_message VALUES (?, 1, ?, ?, ?, 0, NULL, NULL)",
            [
                (number, NOW_MS + (number < 10), 500 if number < COUNT - 5 else 1, int(3 <= number < 10))
                for number in range(COUNT)
            ],
        )
        self.hundreds = 0
        self._connection.set_progress_handler(self._count, 100)

    def one(self, sql: str, parameters: Sequence[Any] = ()) -> Any:  # Any: rows, as in the store's own
        return self._connection.execute(sql, parameters).fetchone()

    def all(self, sql: str, parameters: Sequence[Any] = ()) -> Any:  # Any: as above
        return self._connection.execute(sql, parameters).fetchall()

    def close(self) -> None:
        self._connection.close()

    def _count(self) -> int:
        self.hundreds += 1
        return 0


def test_counting_messages_reads_none_that_can_be_received() -> None:
    reader = CountingReader()
    assert message_repository.hidden(reader, 1, NOW_MS) == (7, 3)
    assert message_repository.total(reader, 1, 10) == COUNT - 5
    assert reader.hundreds < 5
    reader.close()
