"""How much of the disk's own speed the store keeps: durable writes against a bare loop of fsyncs, in one run.

    python bench/store.py [DIRECTORY]

The floor is one file of 4 KB, written and synced over and over by one thread. "Bare files" is what a new durable file
cannot avoid (create, sync, rename, sync the directory), with as many threads as the store has clients.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lambent.base.clock import SystemClock
from lambent.cloud.store.blobs import Blobs
from lambent.cloud.store.sqlite_store import SqliteStore, store_in
from lambent.cloud.store.syncing import sync_directory
from lambent.cloud.store.unit_of_work import Transaction

_CLIENTS = 8
_ROUNDS = 150
_TABLE = "CREATE TABLE bench (digest TEXT, body TEXT)"
_BODY = "x" * 1000


def floor(directory: Path) -> float:
    """Return bare fsyncs of 4 KB per second."""
    descriptor = os.open(directory / "floor", os.O_WRONLY | os.O_CREAT)
    began = time.perf_counter()
    for _ in range(_ROUNDS * 4):
        os.pwrite(descriptor, os.urandom(4096), 0)
        os.fsync(descriptor)
    took = time.perf_counter() - began
    os.close(descriptor)
    return _ROUNDS * 4 / took


def bare_files(directory: Path) -> float:
    """Return new durable files of 5 KB per second, with as many threads as the store has clients."""

    def one_client(client: int) -> None:
        for number in range(_ROUNDS):
            draft = directory / f"draft-{client}-{number}"
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT)
            os.write(descriptor, os.urandom(5000))
            os.fsync(descriptor)
            os.close(descriptor)
            draft.rename(directory / f"{client}-{number}")
            sync_directory(directory)

    began = time.perf_counter()
    with ThreadPoolExecutor(_CLIENTS) as threads:
        list(threads.map(one_client, range(_CLIENTS)))
    return _ROUNDS * _CLIENTS / (time.perf_counter() - began)


async def rate(clients: int, action: Callable[[], Awaitable[None]]) -> float:
    """Return how many actions per second that many concurrent clients get done."""

    async def one_client() -> None:
        for _ in range(_ROUNDS):
            await action()

    began = time.perf_counter()
    await asyncio.gather(*(one_client() for _ in range(clients)))
    return clients * _ROUNDS / (time.perf_counter() - began)


def _insert(digest: str) -> Callable[[Transaction], int]:
    return lambda transaction: transaction.execute("INSERT INTO bench VALUES (?, ?)", (digest, _BODY))


async def ours(store: SqliteStore, blobs: Blobs) -> dict[str, float]:
    """Return the store's rates by what was measured."""

    async def commit() -> None:
        await store.write(_insert("none"))

    async def put() -> None:
        await blobs.put(os.urandom(5000))

    async def put_and_commit() -> None:
        await store.write(_insert(await blobs.put(os.urandom(5000))))

    await store.migrate("bench", [_TABLE])
    return {
        "commit, 1 client": await rate(1, commit),
        f"commit, {_CLIENTS} clients": await rate(_CLIENTS, commit),
        f"blob of 5 KB, {_CLIENTS} clients": await rate(_CLIENTS, put),
        "blob of 5 KB and commit, 1 client": await rate(1, put_and_commit),
        f"blob of 5 KB and commit, {_CLIENTS} clients": await rate(_CLIENTS, put_and_commit),
    }


async def main(directory: Path) -> None:
    """Measure and print everything."""
    store = store_in(directory / "store", SystemClock())
    blobs = Blobs(directory / "blobs")
    bare = floor(directory)
    results = {
        f"bare files of 5 KB, {_CLIENTS} threads": bare_files(directory),
        **await ours(store, blobs),
    }
    await blobs.close()
    await store.close()
    print(f"{'floor: fsync of 4 KB, 1 thread':<42}{bare:>9.0f}/s")
    for name, per_second in results.items():
        print(f"{name:<42}{per_second:>9.0f}/s{per_second / bare:>7.2f} x floor")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as scratch:
        asyncio.run(main(Path(scratch)))
