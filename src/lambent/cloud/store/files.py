"""Files with one owner each: bytes that come as a stream, are never changed, and go when their owner goes.

Unlike a blob, a file is named by whoever puts it there, so its name needs no digest and its removal no look at who
else may refer to it: an owner that shares bytes has a name of its own for them (`link`). A file is written under the
same name in a directory beside it, synced, renamed into place, and its directory is synced: what has its final name is
whole.
"""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from lambent.cloud.store.blobs import SharedDirectorySync
from lambent.cloud.store.errors import StoreClosed, StoreError, StoreFailed, StoreFull
from lambent.cloud.store.syncing import make_directory, sync_descriptor

T = TypeVar("T")
# They wait for the disk, and syncs that wait together share one commit of its journal.
_THREADS = 6
_INCOMING = "incoming"
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_COPIED_AT_ONCE = 8 * 1024 * 1024


class FileMissing(StoreError):
    """There is no file of that name."""


class DraftFile:
    """A file that is being written; used by one thread at a time, and ended by `keep` or `drop`."""

    def __init__(self, directory: Path, name: str, sync_names: Callable[[], None] | None) -> None:
        self._draft = directory / _INCOMING / name
        self._target = directory / name
        self._sync_names = sync_names
        # Whoever waits for a write may be cancelled: the descriptor is not closed beneath it.
        self._ending = threading.Lock()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._descriptor: int | None = _guarded(os.open, self._draft, flags, 0o600)

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes; raises StoreFull or StoreFailed."""
        rest = memoryview(data)
        with self._ending:
            while rest:
                rest = rest[_guarded(os.write, self._open_descriptor(), rest) :]

    def sync(self) -> None:
        """Return once what has been written so far is on the disk; one other thread may write meanwhile."""
        if self._sync_names is not None:
            _guarded(sync_descriptor, self._open_descriptor())

    def keep(self) -> None:
        """Return once the file is durable under its name; raises StoreFull or StoreFailed."""
        self.sync()
        descriptor, self._descriptor = self._open_descriptor(), None
        os.close(descriptor)
        _guarded(self._draft.rename, self._target)
        if self._sync_names is not None:
            _guarded(self._sync_names)

    def drop(self) -> None:
        """Remove what was written; a second call, or one after `keep`, does nothing."""
        with self._ending:
            descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
            self._draft.unlink(missing_ok=True)

    def _open_descriptor(self) -> int:
        if self._descriptor is None:
            raise ValueError("the draft has been ended")
        return self._descriptor


class Files:
    """The files of one directory, with a few threads for the disk; used on one loop.

    `durable=False` leaves out every sync: for a platform whose state is in memory, in a directory that goes with it.
    """

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self._directory = directory
        self._durable = durable
        self._threads: ThreadPoolExecutor | None = None
        self._sync_names = SharedDirectorySync(directory) if durable else None
        self._closed = False

    def prepare(self) -> None:
        """Make the directory, and remove what an earlier run left unfinished; called once, before all else."""
        incoming = self._directory / _INCOMING
        if self._durable:
            make_directory(incoming)
        else:
            incoming.mkdir(parents=True, exist_ok=True)
        for unfinished in incoming.iterdir():
            unfinished.unlink()

    def run(self, work: Callable[..., T], *arguments: object) -> asyncio.Future[T]:
        """Begin `work` in one of the threads, and return what will have its result."""
        if self._closed:
            raise StoreClosed("The store is closed.")
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="lambent-files")
        return asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    def draft(self, name: str) -> DraftFile:
        """Begin a file (in a thread)."""
        return DraftFile(self._directory, name, self._sync_names)

    def read(self, name: str, first: int, count: int) -> bytes:
        """Return up to `count` bytes of a file from `first` on (in a thread); raises FileMissing."""
        descriptor = self._open(name)
        try:
            return os.pread(descriptor, count, first)
        finally:
            os.close(descriptor)

    def send(self, name: str, first: int, count: int, outlet: Callable[[int, int, int], int]) -> int:
        """Have bytes of a file taken by an outlet, and return how many it took (in a thread); raises FileMissing."""
        descriptor = self._open(name)
        try:
            return outlet(descriptor, first, count)
        finally:
            os.close(descriptor)

    def link(self, names: Sequence[tuple[str, str]]) -> None:
        """Give files second names, each with its own life, durably (in a thread); raises FileMissing."""
        for present, added in names:
            self._link_one(present, added)
        if self._sync_names is not None:
            _guarded(self._sync_names)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files, those that are still there (in a thread)."""
        for name in names:
            (self._directory / name).unlink(missing_ok=True)

    def older_than(self, before: float) -> list[str]:
        """Return the names of files put there before a moment of real time (in a thread)."""
        with os.scandir(self._directory) as entries:
            return [entry.name for entry in entries if entry.is_file() and entry.stat().st_mtime < before]

    async def close(self) -> None:
        """Return once what was begun is done; later calls raise StoreClosed."""
        self._closed = True
        if self._threads is not None:
            await asyncio.to_thread(self._threads.shutdown)

    def _link_one(self, present: str, added: str) -> None:
        try:
            os.link(self._directory / present, self._directory / added)
            os.utime(self._directory / added)  # young, for whoever looks for files that nobody owns
        except FileNotFoundError:
            raise FileMissing(f"There is no file {present}.") from None
        except OSError as error:
            if error.errno not in {errno.EMLINK, errno.EPERM, errno.ENOTSUP}:
                raise StoreFailed(f"A file could not be linked: {error}") from error
            self._copy(present, added)  # it has as many names as it may, or the disk knows no second names

    def _open(self, name: str) -> int:
        try:
            return os.open(self._directory / name, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise FileMissing(f"There is no file {name}.") from None

    def _copy(self, present: str, added: str) -> None:
        source = self._open(present)
        draft = self.draft(added)
        try:
            while data := os.read(source, _COPIED_AT_ONCE):
                draft.write(data)
            draft.keep()
        finally:
            os.close(source)
            draft.drop()


def _guarded(work: Callable[..., T], *arguments: object) -> T:
    try:
        return work(*arguments)
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise StoreFull(f"The disk is full: {error}") from error
        raise StoreFailed(f"A file could not be written: {error}") from error
