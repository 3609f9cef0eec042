"""The journal of the bridge: what is written down, where, and in which order it comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lambent.base.clock import ManualClock
from lambent.cloud.bridge.journal import COMPONENT, SCHEMA, Journal
from lambent.cloud.bridge.messages import Message, decode_value, encode_value
from lambent.cloud.store.blobs import Blobs
from lambent.cloud.store.sqlite_store import SqliteStore, store_in

_INLINE = 64 * 1024


@asynccontextmanager
async def journal_in(folder: Path) -> AsyncIterator[tuple[Journal, SqliteStore, Path]]:
    store, blobs = store_in(folder, ManualClock()), Blobs(folder / "blobs")
    try:
        await store.migrate(COMPONENT, [SCHEMA])
        yield Journal(store, blobs), store, folder / "blobs"
    finally:
        await blobs.close()
        await store.close()


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(("size", "blobs_made"), [(0, 0), (_INLINE, 0), (_INLINE + 1, 1)])
async def test_small_bodies_lie_in_the_row_and_large_ones_among_the_blobs(
    tmp_path: Path, size: int, blobs_made: int
) -> None:
    message = Message({"kind": "http", "seed": 7}, b"\x00" * size)
    async with journal_in(tmp_path) as (journal, store, blobs):
        await journal.append(message)
        row = store.read.one("SELECT body IS NOT NULL, digest IS NULL FROM bridge_journal")
        assert row == (1 - blobs_made, 1 - blobs_made)
        assert len(files_in(blobs)) == blobs_made
    async with journal_in(tmp_path) as (journal, _, _):
        assert [each async for each in journal.replay()] == [message]


async def test_a_replay_keeps_the_order_over_many_pages(tmp_path: Path) -> None:
    sent = [Message({"number": number}, str(number).encode()) for number in range(450)]
    async with journal_in(tmp_path) as (journal, _, _):
        for message in sent:
            await journal.append(message)
        assert [each async for each in journal.replay()] == sent


def test_parameters_keep_their_bytes_on_the_way() -> None:
    value = {"Blob": b"\x00\xff", "List": [{"Inner": b""}, 1.5, None, "text"], "Flag": True}
    assert decode_value(encode_value(value)) == value
