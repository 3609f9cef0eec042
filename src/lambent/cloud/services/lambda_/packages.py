"""Deployment packages and layers: taken in, kept as blobs, and unpacked once per content for all who run them."""

from __future__ import annotations

import asyncio
import base64
import itertools
import logging
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lambent.cloud.services.lambda_.model.function import Code
from lambent.cloud.services.lambda_.unpacking import unpack
from lambent.cloud.store.blobs import Blobs, Digest, digest_of

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Unpacked:
    digest: str
    size: int


class Packages:
    """Content-addressed directories of unpacked archives under `root`, which this object owns.

    The directories are a cache of the blobs: none is kept over a start, since a power cut may have left it half
    written, and they come back when they are first needed.
    """

    def __init__(self, root: Path, blobs: Blobs) -> None:
        self._root = root
        self._discarded = root.with_name(f"{root.name}-discarded")
        self._blobs = blobs
        self._ready: dict[str, int] = {}
        """The digest of every archive that is unpacked, and the bytes it holds."""
        self._restoring: dict[str, asyncio.Lock] = {}
        self._workers: ThreadPoolExecutor | None = None
        self._is_stopping = threading.Event()

    async def start(self) -> None:
        """Begin with an empty cache. What an earlier run unpacked is removed in the background: it may be thousands."""
        self._workers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="lambda-packages")
        await self._in_worker(self._set_aside)
        self._workers.submit(self._remove_discarded)

    async def stop(self) -> None:
        """End the workers when they have done what they are at; removing is gone on with at the next start."""
        self._is_stopping.set()
        if self._workers is not None:
            await asyncio.get_running_loop().run_in_executor(None, self._workers.shutdown)
            self._workers = None

    async def accept(self, archive: bytes) -> Code:
        """Check, unpack and durably store an archive. Raises InvalidParameterValueException as AWS does."""
        unpacked = await self._in_worker(lambda: self._known(archive) or self._install(archive))
        # Only now does the name hold: should storing fail, the directory is a cache of nothing, emptied at next start.
        digest = await self._blobs.put(archive)
        self._ready[digest] = unpacked.size
        sha256 = base64.b64encode(bytes.fromhex(unpacked.digest)).decode()
        return Code(sha256=sha256, size=len(archive), digest=digest, unzipped_size=unpacked.size)

    def path(self, digest: str) -> Path:
        """Return where the archive of this digest is, or will be, unpacked."""
        return self._root / digest

    def is_ready(self, digest: str) -> bool:
        """Whether the archive is unpacked; quick enough for the invocation path."""
        return digest in self._ready

    async def restore(self, digest: str) -> None:
        """Unpack a stored archive if it is not unpacked; several callers wait for one unpacking."""
        async with self._restoring.setdefault(digest, asyncio.Lock()):
            if digest not in self._ready:
                archive = await self._blobs.read(Digest(digest))
                unpacked = await self._in_worker(lambda: self._install(archive))
                self._ready[digest] = unpacked.size
        self._restoring.pop(digest, None)

    def _known(self, archive: bytes) -> _Unpacked | None:
        digest = digest_of(archive)
        size = self._ready.get(digest)
        return None if size is None else _Unpacked(digest, size)

    def _install(self, archive: bytes) -> _Unpacked:
        """Unpack into the directory of the archive's digest."""
        directory, size = unpack(archive, self._root)
        digest = digest_of(archive)
        try:
            directory.rename(self.path(digest))
        except OSError:
            shutil.rmtree(directory)
            if not self.path(digest).is_dir():
                raise
            # The same bytes were unpacked before.
        return _Unpacked(digest, size)

    def _set_aside(self) -> None:
        self._discarded.mkdir(parents=True, exist_ok=True)
        if self._root.exists():
            free = next(number for number in itertools.count() if not (self._discarded / f"{number}").exists())
            self._root.rename(self._discarded / f"{free}")
        self._root.mkdir()

    def _remove_discarded(self) -> None:
        for unpacked in self._discarded.glob("*/*"):
            if self._is_stopping.is_set():
                return
            shutil.rmtree(unpacked, ignore_errors=True)  # what it leaves is met once more, and told, below
        try:
            shutil.rmtree(self._discarded)
        except OSError as error:
            logger.warning("what earlier runs unpacked stays in %s: %s", self._discarded, error)

    async def _in_worker(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._workers, work)
