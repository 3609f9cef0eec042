"""Bodies in files that go to a socket by themselves: whole, in order, as fast as is read, and counted as being read."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from lambent.cloud.errors import CutShortError
from lambent.cloud.gateway.outlet import SocketOutlet
from lambent.cloud.services.s3.model.records import StoredFile
from lambent.cloud.services.s3.reading import FileBody
from lambent.cloud.store.files import Files

MB = 1024 * 1024


@pytest.fixture
def files(tmp_path: Path) -> Files:
    found = Files(tmp_path, durable=False)
    found.prepare()
    return found


def stored(directory: Path, sizes: Sequence[int]) -> tuple[list[StoredFile], bytes]:
    whole = b""
    for number, size in enumerate(sizes):
        content = hashlib.shake_128(bytes([number])).digest(size)
        (directory / str(number)).write_bytes(content)
        whole += content
    return [StoredFile(str(number), size) for number, size in enumerate(sizes)], whole


@pytest.mark.parametrize(("first", "count"), [(0, 5 * MB + 100), (MB - 7, 3 * MB), (2 * MB + 50, MB), (7, 9)])
async def test_a_range_of_several_files_goes_out_whole_however_slowly_it_is_read(
    files: Files, tmp_path: Path, first: int, count: int
) -> None:
    parts, whole = stored(tmp_path, [2 * MB, 100, 3 * MB])
    ours, theirs = socket.socketpair()
    ours.settimeout(0)
    theirs.settimeout(0)
    readers: Counter[str] = Counter()
    outlet = SocketOutlet(ours)
    loop = asyncio.get_running_loop()

    async def send() -> None:
        body = FileBody(files, readers, parts, first, count)
        while body.pays:
            await body.send(outlet)
            await loop.sock_sendall(ours, await anext(body, b""))
        async for piece in body:
            await loop.sock_sendall(ours, piece)
        ours.close()

    received = b""
    async with asyncio.TaskGroup() as group:
        group.create_task(send())
        while len(received) < count and (piece := await loop.sock_recv(theirs, 100_000)):
            received += piece
    outlet.close()
    theirs.close()
    await files.close()
    assert received == whole[first : first + count]
    assert not readers


async def test_a_file_is_being_read_until_its_reader_ends(files: Files, tmp_path: Path) -> None:
    parts, _ = stored(tmp_path, [10, 20])
    readers: Counter[str] = Counter()
    body = FileBody(files, readers, parts, 0, 30)
    other = FileBody(files, readers, parts, 15, 1)
    assert readers == {"0": 1, "1": 2}
    assert len(await anext(body)) == 10
    assert readers == {"1": 2}
    await body.aclose()
    del other
    assert not readers
    await files.close()


async def test_who_is_gone_or_a_file_that_is_gone_cuts_a_body_short(files: Files, tmp_path: Path) -> None:
    parts, _ = stored(tmp_path, [MB])
    ours, theirs = socket.socketpair()
    outlet = SocketOutlet(ours)
    theirs.close()
    body = FileBody(files, Counter(), parts, 0, MB)
    with pytest.raises(CutShortError, match="client is gone"):
        await body.send(outlet)
    (tmp_path / "0").unlink()
    with pytest.raises(CutShortError, match="no file"):
        await body.send(outlet)
    with pytest.raises(CutShortError, match="no file"):
        await anext(body)
    outlet.close()
    assert outlet(0, 0, 1) == 0
    ours.close()
    await files.close()
