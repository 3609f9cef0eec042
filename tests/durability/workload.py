"""A program that keeps the store busy and prints what it was promised, line by line, as soon as it was.

    python workload.py DIRECTORY SEED UNITS [CARELESSNESS]

    row N        row N and its twin are committed, and so is the blob they name
    effect N     effect N is in the outbox
    delivered N  effect N has reached its handler

Every seventh unit fails half-way and must leave no trace. With a carelessness ("commits", "contents", "names") one of
the store's syncs is left out, so that a test can show that it would notice.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lambent.base.clock import SystemClock
from lambent.base.identifiers import SeededIds
from lambent.cloud.store import blobs as blobs_module
from lambent.cloud.store.blobs import Blobs
from lambent.cloud.store.sqlite_store import SqliteStore, store_in
from lambent.cloud.store.unit_of_work import OutboxEffect, Transaction

SCHEMA = (
    "CREATE TABLE rows (id INTEGER PRIMARY KEY, blob TEXT NOT NULL, body TEXT NOT NULL);"
    "CREATE TABLE twins (id INTEGER PRIMARY KEY REFERENCES rows (id), body TEXT NOT NULL);"
)
CLIENTS = 6
HALF_DONE = "half done"


def say(line: str) -> None:
    """Print a promise that has been given, at once."""
    os.write(1, f"{line}\n".encode())


def bring_pair(number: int, blob: str, body: str) -> Callable[[Transaction], None]:
    """Return the unit that inserts a row, its twin and every third time an effect."""

    def work(transaction: Transaction) -> None:
        transaction.execute("INSERT INTO rows VALUES (?, ?, ?)", (number, blob, body))
        if number % 7 == 3:
            raise ValueError(HALF_DONE)
        transaction.execute("INSERT INTO twins VALUES (?, ?)", (number, body))
        if number % 3 == 0:
            transaction.enqueue(OutboxEffect("workload", str(number)))

    return work


@dataclass(frozen=True, slots=True)
class Work:
    """Which units this run brings: the numbers from `first` on, up to but without `end`."""

    seed: int
    first: int
    end: int


async def client(store: SqliteStore, blobs: Blobs, work: Work, numbers: Iterator[int]) -> None:
    """Bring the pairs of the next numbers until there are none; two runs with one seed put the same blobs."""
    for number in numbers:
        ids = SeededIds(work.seed * 1_000_000 + number - work.first)
        blob = await blobs.put(ids.hex(200 + int(ids.fraction() * 6000)).encode())
        try:
            await store.write(bring_pair(number, blob, ids.hex(int(ids.fraction() * 900) + 1)))
        except ValueError as error:
            if str(error) != HALF_DONE:
                raise
            continue
        say(f"row {number}")
        if number % 3 == 0:
            say(f"effect {number}")


async def deliver(payload: str) -> None:
    """Take an effect."""
    say(f"delivered {payload}")


async def be_careless(store: SqliteStore, blobs: Blobs, what: str) -> None:
    """Leave out one of the store's syncs."""
    if what == "commits":
        store._writing.all("PRAGMA synchronous = OFF")
        vars(store._writing)["sync_commits"] = lambda **_wanted: None
    elif what == "contents":
        vars(blobs_module)["sync_descriptor"] = lambda _descriptor: None
    elif what == "names":
        blobs._sync_names = lambda: None  # type: ignore[assignment]  # as if the directory were never synced


async def main(directory: Path, seed: int, units: int, carelessness: str) -> None:
    """Work until `units` were tried."""
    store = store_in(directory, SystemClock())
    blobs = Blobs(directory / "blobs")
    await be_careless(store, blobs, carelessness)
    await store.migrate("workload", [SCHEMA])
    store.deliver("workload", deliver)
    store.start_delivery()
    (highest,) = store.read.one("SELECT coalesce(max(id), -1) FROM rows") or (-1,)
    first = int(highest if highest is not None else -1) + 1
    work = Work(seed, first, first + units)
    numbers = iter(range(work.first, work.end))
    await asyncio.gather(*(client(store, blobs, work, numbers) for _ in range(CLIENTS)))
    await blobs.close()
    await store.close()


if __name__ == "__main__":
    folder, seed, units, *rest = sys.argv[1:]
    asyncio.run(main(Path(folder), int(seed), int(units), rest[0] if rest else ""))
