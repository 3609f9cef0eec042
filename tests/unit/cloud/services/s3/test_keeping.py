"""Bodies of objects are written and hashed beside one another while they come."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lambent.base.identifiers import SeededIds
from lambent.cloud.services.s3.bodies import Bodies, Stated
from lambent.cloud.store.errors import StoreFull
from lambent.cloud.store.files import DraftFile, Files

MEGABYTE = 1024 * 1024
PIECES = [bytes([number]) * MEGABYTE for number in range(24)]
STATED = Stated(most=1 << 40, sha256=hashlib.sha256(b"".join(PIECES)).hexdigest())


@pytest.fixture
def files(tmp_path: Path) -> Files:
    found = Files(tmp_path)
    found.prepare()
    return found


def left(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def coming() -> AsyncIterator[bytes]:
    for piece in PIECES:
        yield piece


async def test_a_body_is_kept_whole_with_what_was_computed_of_it(files: Files, tmp_path: Path) -> None:
    stored = await Bodies(files, SeededIds(1)).keep(coming(), STATED)
    assert (stored.size, stored.md5) == (
        24 * MEGABYTE,
        hashlib.md5(b"".join(PIECES), usedforsecurity=False).hexdigest(),
    )
    (file,) = left(tmp_path)
    assert file.read_bytes() == b"".join(PIECES)
    await files.close()


async def test_a_disk_that_fills_up_in_the_middle_leaves_nothing(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written = DraftFile.write, 0

    def full_after_three(draft: DraftFile, data: bytes) -> None:
        nonlocal written
        written += 1
        if written > 3:
            raise StoreFull("no space left")
        write(draft, data)

    monkeypatch.setattr(DraftFile, "write", full_after_three)
    with pytest.raises(StoreFull):
        await Bodies(files, SeededIds(1)).keep(coming(), STATED)
    assert left(tmp_path) == []
    assert written == 4
    await files.close()


async def test_a_client_that_goes_leaves_nothing(files: Files, tmp_path: Path) -> None:
    async def leaving() -> AsyncIterator[bytes]:
        for piece in PIECES[:3]:
            yield piece
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await Bodies(files, SeededIds(1)).keep(leaving(), STATED)
    assert left(tmp_path) == []
    await files.close()
