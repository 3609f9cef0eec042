"""Bytes by their SHA-256 digest: function code, layers, object bodies.

A blob is written under a temporary name, synced, renamed to its digest, and the directory is synced. What has its
final name is therefore whole, and what `put` has returned is there after a power cut. Putting the same bytes again
is cheap. What nobody refers to any more is removed by `collect`, never by counting.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import itertools
import logging
import os
import re
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, NewType, TypeVar

from lambent.cloud.store.errors import StoreClosed, StoreError, StoreFailed, StoreFull
from lambent.cloud.store.syncing import make_directory, sync_descriptor, sync_directory

Digest = NewType("Digest", str)
"""The SHA-256 of a blob, as 64 lower-case hexadecimal digits."""

_log = logging.getLogger(__name__)
T = TypeVar("T")
_DIGEST = re.compile(r"[0-9a-f]{64}")
# More threads than cores: they wait for the disk, and syncs that wait together share one commit of its journal.
_THREADS = 4
_INCOMING = "incoming"
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}


class BlobMissing(StoreError):
    """There is no blob with that digest."""


def digest_of(data: bytes) -> Digest:
    """Return the digest under which `data` is kept."""
    return Digest(hashlib.sha256(data).hexdigest())


class SharedDirectorySync:
    """Syncs one directory for many threads: those that ask while a sync runs share the next one."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._asking = threading.Lock()
        self._syncing = threading.Lock()
        self._asked = 0
        self._done = 0
        self._failure: OSError | None = None

    def __call__(self) -> None:
        """Return once every name made before the call is on the disk."""
        with self._asking:
            self._asked += 1
            ticket = self._asked
        with self._syncing:
            if self._done >= ticket:
                return
            if self._failure is not None:
                raise self._failure
            with self._asking:
                covered = self._asked
            try:
                sync_directory(self._directory)
            except OSError as error:
                # The kernel reports a failed sync once; the next one would succeed and mean nothing.
                self._failure = error
                raise
            self._done = covered


class Blobs:
    """The blobs of one directory, with a few threads for the disk; used on one loop.

    `durable=False` leaves out every sync: for a platform whose state is in memory, in a directory that goes with it.
    """

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self._directory = directory
        self._incoming = directory / _INCOMING
        self._durable = durable
        self._sync_names = SharedDirectorySync(directory)
        self._names = itertools.count()
        # Digests whose name is known to be on the disk. A file that an earlier run left may only be in the kernel's
        # memory: that run may have been killed between the rename and the sync.
        self._settled: set[Digest] = set()
        self._renewing = threading.Lock()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="lambent-blobs")
        self._closed = False
        self._prepare()

    async def put(self, data: bytes) -> Digest:
        """Keep `data` and return its digest, once it is durable; raises StoreFull or StoreFailed.

        It is safe from `collect` for as long as that is told to spare the young, which is the time to refer to it.
        """
        return await self._run(self._put, data)

    async def read(self, digest: Digest) -> bytes:
        """Return the bytes of a blob; raises BlobMissing."""
        return await self._run(self._read, digest)

    async def open(self, digest: Digest) -> BinaryIO:
        """Return the blob opened for reading, which stays readable if the blob is removed; raises BlobMissing."""
        return await self._run(self._open, digest)

    def path(self, digest: Digest) -> Path:
        """Return where the blob lies or would lie; its bytes never change."""
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"not a digest: {digest!r}")
        return self._directory / digest

    def has(self, digest: Digest) -> bool:
        """Return whether there is such a blob."""
        return self.path(digest).exists()

    async def delete(self, digest: Digest) -> None:
        """Remove a blob, if it is there; for a caller who knows that nobody refers to it."""
        await self._run(self._delete, digest)

    async def collect(
        self, referenced: Callable[[], Iterable[Digest]], *, now: float, spared_age_s: float = 3600.0
    ) -> int:
        """Remove blobs that nobody refers to and that were put more than `spared_age_s` before `now` (real time).

        `referenced` is called on the loop, after the candidates were chosen, so it sees every reference committed by
        then. Putting a blob again makes it young. Returns how many were removed.
        """
        before = now - spared_age_s
        candidates = await self._run(self._older_than, before)
        if not candidates:
            return 0
        unwanted = candidates.difference(referenced())
        return await self._run(self._delete_older_than, unwanted, before)

    async def close(self) -> None:
        """Return once what was begun is done; later calls raise StoreClosed."""
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)

    async def _run(self, work: Callable[..., T], *arguments: object) -> T:
        if self._closed:
            raise StoreClosed("The store is closed.")
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    def _prepare(self) -> None:
        if self._durable:
            make_directory(self._incoming)
        else:
            self._incoming.mkdir(parents=True, exist_ok=True)
        for unfinished in self._incoming.iterdir():
            unfinished.unlink()

    def _put(self, data: bytes) -> Digest:
        digest = digest_of(data)
        target = self._directory / digest
        try:
            if not self._renew(target):
                self._write(data, target)
            if self._durable and digest not in self._settled:
                self._sync_names()
                self._settled.add(digest)
        except OSError as error:
            if error.errno in _NO_SPACE:
                raise StoreFull(f"The disk is full: {error}") from error
            raise StoreFailed(f"A blob could not be written: {error}") from error
        return digest

    def _renew(self, target: Path) -> bool:
        # Under the lock, so that `collect` either sees the new age or has removed the blob already.
        with self._renewing:
            try:
                os.utime(target)
            except FileNotFoundError:
                return False
            return True

    def _write(self, data: bytes, target: Path) -> None:
        draft = self._incoming / f"{next(self._names)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            try:
                _write_all(descriptor, data)
                if self._durable:
                    sync_descriptor(descriptor)
            finally:
                os.close(descriptor)
            draft.rename(target)
        except OSError:
            draft.unlink(missing_ok=True)
            raise

    def _read(self, digest: Digest) -> bytes:
        with self._open(digest) as blob:
            return blob.read()

    def _open(self, digest: Digest) -> BinaryIO:
        try:
            return self.path(digest).open("rb")
        except FileNotFoundError:
            raise BlobMissing(f"There is no blob {digest}.") from None

    def _delete(self, digest: Digest) -> None:
        self._settled.discard(digest)
        self.path(digest).unlink(missing_ok=True)

    def _older_than(self, before: float) -> set[Digest]:
        with os.scandir(self._directory) as entries:
            return {
                Digest(entry.name)
                for entry in entries
                if _DIGEST.fullmatch(entry.name) and entry.stat().st_mtime < before
            }

    def _delete_older_than(self, unwanted: Iterable[Digest], before: float) -> int:
        removed = 0
        for digest in unwanted:
            with self._renewing:
                if self.path(digest).stat().st_mtime < before:
                    self._delete(digest)
                    removed += 1
        _log.info("removed %d blobs that nobody refers to", removed)
        return removed


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
