from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lambent.cloud.store import blobs as blobs_module
from lambent.cloud.store.blobs import BlobMissing, Blobs, Digest, SharedDirectorySync, digest_of
from lambent.cloud.store.errors import StoreClosed, StoreFailed

NOW = 1_767_225_600.0


@pytest.fixture(params=[True, False], ids=["durable", "scratch"])
async def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Blobs]:
    opened = Blobs(tmp_path / "blobs", durable=request.param)
    yield opened
    await opened.close()


def make_old(blobs: Blobs, *digests: Digest) -> None:
    for digest in digests:
        os.utime(blobs.path(digest), (NOW - 7200, NOW - 7200))


async def test_a_blob_is_kept_under_the_sha256_of_its_bytes(blobs: Blobs) -> None:
    digest = await blobs.put(b"code")
    assert digest == hashlib.sha256(b"code").hexdigest() == digest_of(b"code")
    assert blobs.has(digest)
    assert await blobs.read(digest) == blobs.path(digest).read_bytes() == b"code"
    assert stat.S_IMODE(blobs.path(digest).stat().st_mode) == 0o600
    with await blobs.open(digest) as opened:
        await blobs.delete(digest)
        assert opened.read() == b"code"
    assert not blobs.has(digest)


async def test_many_puts_at_once_of_the_same_and_of_other_bytes_all_succeed(blobs: Blobs) -> None:
    bodies = [bytes([number % 10]) * 3000 for number in range(60)]
    digests = await asyncio.gather(*(blobs.put(body) for body in bodies))
    assert digests == [digest_of(body) for body in bodies]
    assert {path.name for path in blobs.path(digests[0]).parent.iterdir()} == {*digests, "incoming"}
    assert [await blobs.read(digest) for digest in digests] == bodies


async def test_a_missing_blob_is_named_and_a_name_that_is_no_digest_refused(blobs: Blobs) -> None:
    missing = digest_of(b"never put")
    with pytest.raises(BlobMissing, match=missing):
        await blobs.read(missing)
    await blobs.delete(missing)
    with pytest.raises(ValueError, match="not a digest"):
        blobs.path(Digest("../lock"))


async def test_only_old_blobs_that_nobody_refers_to_are_collected(blobs: Blobs) -> None:
    kept, dropped, renewed, young = [await blobs.put(name) for name in (b"kept", b"dropped", b"renewed", b"young")]
    make_old(blobs, kept, dropped, renewed)
    await blobs.put(b"renewed")
    os.utime(blobs.path(young), (NOW - 10, NOW - 10))
    assert await blobs.collect(lambda: [kept], now=NOW) == 1
    assert [blobs.has(digest) for digest in (kept, dropped, renewed, young)] == [True, False, True, True]
    assert await blobs.collect(lambda: [kept], now=NOW) == 0


async def test_a_blob_put_again_while_it_is_being_collected_stays(blobs: Blobs) -> None:
    digest = await blobs.put(b"wanted again")
    make_old(blobs, digest)

    def no_references_yet() -> list[Digest]:
        os.utime(blobs.path(digest))  # what a put on another thread does at this very moment
        return []

    assert await blobs.collect(no_references_yet, now=NOW) == 0
    assert blobs.has(digest)


async def test_a_blob_collected_and_put_again_is_synced_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(blobs_module, "sync_directory", synced.append)
    blobs = Blobs(tmp_path / "blobs")
    digest = await blobs.put(b"code")
    await blobs.put(b"code")
    assert len(synced) == 1
    await blobs.delete(digest)
    await blobs.put(b"code")
    assert len(synced) == 2
    await blobs.close()


async def test_what_a_crash_left_half_written_is_gone_after_the_next_start(tmp_path: Path) -> None:
    await Blobs(tmp_path).close()
    (tmp_path / "incoming" / "0").write_bytes(b"half")
    blobs = Blobs(tmp_path)
    assert list((tmp_path / "incoming").iterdir()) == []
    await blobs.put(b"whole")
    await blobs.close()
    with pytest.raises(StoreClosed):
        await blobs.put(b"late")


async def test_a_disk_that_cannot_be_written_is_reported_and_leaves_nothing(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    obstacle = tmp_path / digest_of(b"code")
    obstacle.mkdir()
    (obstacle / "in the way").touch()
    blobs._renew = lambda _target: False  # type: ignore[method-assign, assignment]  # as if it had come after the look
    with pytest.raises(StoreFailed):
        await blobs.put(b"code")
    assert list((tmp_path / "incoming").iterdir()) == []
    await blobs.close()


def test_directory_syncs_are_shared_but_never_with_one_that_had_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on = threading.Semaphore(0), threading.Semaphore(0)

    def slow(_directory: Path) -> None:
        began.release()
        assert go_on.acquire(timeout=10)

    monkeypatch.setattr(blobs_module, "sync_directory", slow)
    sync = SharedDirectorySync(tmp_path)
    first = threading.Thread(target=sync)
    first.start()
    assert began.acquire(timeout=10)
    late = [threading.Thread(target=sync) for _ in range(5)]
    for thread in late:
        thread.start()
    while sync._asked < 6:
        threading.Event().wait(0.001)
    go_on.release()
    assert began.acquire(timeout=10)  # one more sync for all who came during the first
    go_on.release()
    for thread in (first, *late):
        thread.join(10)
    assert not began.acquire(blocking=False)


def test_after_a_failed_directory_sync_no_later_one_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_directory: Path) -> None:
        raise OSError(5, "Input/output error")

    sync = SharedDirectorySync(tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(blobs_module, "sync_directory", fail)
        with pytest.raises(OSError, match="Input/output"):
            sync()
    with pytest.raises(OSError, match="Input/output"):
        sync()
