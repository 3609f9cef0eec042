"""Deployment packages and layers: taken in, kept as blobs, and unpacked once per content for all who run them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from lambent.cloud.services.lambda_.model.function import Code
from lambent.cloud.services.lambda_.unpacking import unpack
from lambent.cloud.store.blobs import Blobs, Digest

T = TypeVar("T")


class Packages:
    """Content-addressed directories of unpacked archives under `root`, which this object owns.

    The directories are a cache of the blobs: they are emptied at start, since a power cut may have left them half
    written, and come back when they are first needed.
    """

    def __init__(self, root: Path, blobs: Blobs) -> None:
        self._root = root
        self._blobs = blobs
        self._ready: set[str] = set()
        self._restoring: dict[str, asyncio.Lock] = {}
        self._workers: ThreadPoolExecutor | None = None

    async def start(self) -> None:
        """Begin with an empty cache."""
        self._workers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="lambda-packages")
        await self._in_worker(self._empty)

    async def stop(self) -> None:
        """End the workers; what they are doing is finished first."""
        if self._workers is not None:
            await asyncio.get_running_loop().run_in_executor(None, self._workers.shutdown)
            self._workers = None

    async def accept(self, archive: bytes) -> Code:
        """Check, unpack and durably store an archive. Raises InvalidParameterValueException as AWS does."""
        directory, size, digest = await self._in_worker(lambda: self._take_in(archive))
        try:
            blob = await self._blobs.put(archive)
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise
        await self._install(directory, blob)
        sha256 = base64.b64encode(digest).decode()
        return Code(sha256=sha256, size=len(archive), digest=blob, unzipped_size=size)

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
                directory, _, _ = await self._in_worker(lambda: self._take_in(archive))
                await self._install(directory, digest)
        self._restoring.pop(digest, None)

    def _take_in(self, archive: bytes) -> tuple[Path, int, bytes]:
        directory, size = unpack(archive, self._root)
        return directory, size, hashlib.sha256(archive).digest()

    async def _install(self, directory: Path, digest: str) -> None:
        if digest in self._ready:
            await self._in_worker(lambda: shutil.rmtree(directory))
            return
        # A rename inside one directory is a single system call: cheaper here than a hop to the worker.
        os.rename(directory, self.path(digest))  # noqa: PTH104 - so that the one blocking call is plain to see
        self._ready.add(digest)

    def _empty(self) -> None:
        if self._root.exists():
            shutil.rmtree(self._root)
        self._root.mkdir(parents=True)

    async def _in_worker(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._workers, work)
