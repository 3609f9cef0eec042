"""Getting bytes and directory entries onto the disk, not just to the kernel.

A file's `fsync` does not promise its name: POSIX wants the directory synced as well. On macOS `fsync` stops at the
drive's own cache; only F_FULLFSYNC goes through it.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)


def sync_descriptor(descriptor: int) -> None:
    """Return once all that was written to the open file or directory has reached the disk."""
    if _FULL_SYNC is None:
        os.fsync(descriptor)
    else:
        fcntl.fcntl(descriptor, _FULL_SYNC)


def sync_directory(directory: Path) -> None:
    """Return once the names in `directory`, made or removed before, are on the disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync_descriptor(descriptor)
    finally:
        os.close(descriptor)


def make_directory(directory: Path) -> None:
    """Make `directory` and its missing parents, readable by us alone, each name synced in its parent."""
    missing = [directory, *directory.parents]
    missing = missing[: next((place for place, path in enumerate(missing) if path.exists()), len(missing))]
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
        sync_directory(path.parent)
