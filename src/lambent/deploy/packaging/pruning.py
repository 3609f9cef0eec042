"""What nobody has used for a month leaves the cache of packages.

Whoever uses an entry touches it, so its time of change is that of its last use.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_UNUSED_S = 30 * 86_400
_FOLDERS = ("packages", "wheels", "node", "deployed")


def used(entry: Path) -> bool:
    """Note that an entry is used; False where there is none."""
    try:
        os.utime(entry)
    except OSError:
        return entry.exists()  # in a cache that is somebody else's to change
    return True


@contextmanager
def held(cache: Path) -> Iterator[Callable[[float], None]]:
    """Hold a cache while packages of it are made and sent; yield what prunes it, given the time.

    It is pruned only where nobody else holds it: who deploys at the same time does it the next time.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        file = (cache / "lock").open("w")
    except OSError:
        yield lambda _now: None  # a cache that cannot be written is nobody's to prune
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield lambda now: _prune(cache, file, now)


def _prune(cache: Path, file: IO[str], now: float) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    for name in _FOLDERS:
        for entry in _entries(cache / name):
            if _is_unused(entry, now):
                _remove(entry)


def _entries(folder: Path) -> Iterator[Path]:
    # What says that something is being made goes after what was made.
    found = sorted(folder.glob("*"), key=lambda one: one.suffix == ".lock")
    return (one for one in found if one.suffix != ".lock" or not one.with_suffix("").exists())


def _is_unused(entry: Path, now: float) -> bool:
    try:
        return entry.lstat().st_mtime < now - _UNUSED_S
    except OSError:
        return False  # gone already


def _remove(entry: Path) -> None:
    with contextlib.suppress(OSError):  # what cannot go stays
        if not entry.is_dir():
            entry.unlink()
            return
        # At once, so that nobody finds half of it.
        doomed = entry.rename(entry.with_name(f"building-{entry.name}"))
        shutil.rmtree(doomed, ignore_errors=True)
