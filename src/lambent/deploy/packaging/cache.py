"""Folders that take long to make, and are made once for each name."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lambent.deploy.packaging.pruning import used


def made_once(target: Path, make: Callable[[Path], None]) -> Path:
    """Return the folder `target`; where it is not there, it is what `make` puts into an empty one, all or nothing.

    Who comes while somebody else makes it, in this process or in another, waits for it.
    """
    if target.is_dir() and used(target):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target.with_suffix(".lock")):
        if target.is_dir():
            return target
        building = Path(tempfile.mkdtemp(prefix="building-", dir=target.parent))
        try:
            make(building)
            building.rename(target)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    return target


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    with file.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
