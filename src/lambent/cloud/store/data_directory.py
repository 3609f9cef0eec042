"""The data directory: made so that it survives a power cut, and open in one platform at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from lambent.cloud.store.errors import DirectoryInUse
from lambent.cloud.store.syncing import make_directory

_LOCK = "lock"


class DataDirectory:
    """A claimed data directory; `release` gives it up, and so does the end of the process, however it ends."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    @classmethod
    def claim(cls, path: Path) -> DataDirectory:
        """Make `path` durably if it is missing and claim it; raise DirectoryInUse if another platform has it."""
        path = path.absolute()
        make_directory(path)
        # Not inherited by programs we start, so that a child outliving us cannot keep the directory claimed.
        descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            written = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise DirectoryInUse(path, int(written) if written.isdigit() else None) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return cls(path, descriptor)

    @property
    def database(self) -> Path:
        """Where the database is."""
        return self.path / "lambent.db"

    @property
    def blobs(self) -> Path:
        """Where the blobs are."""
        return self.path / "blobs"

    def release(self) -> None:
        """Give the directory up; a second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
