"""The directory of a platform with its state in memory: it goes with the platform, or with the next that starts."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import tempfile
from pathlib import Path

from lambent.assembly.settings import StartError

_log = logging.getLogger(__name__)
_TEMPORARY = "lambent-"


class TemporaryHome:
    """A temporary directory, held by a lock so that the next platform knows what a killed one left."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def make(cls) -> TemporaryHome:
        """Make one, after removing those that nobody holds any more."""
        for left in Path(tempfile.gettempdir()).glob(f"{_TEMPORARY}*"):
            abandoned = cls._held(left)
            if abandoned is not None:
                _log.info("removing %s, which a killed platform left", left)
                abandoned.remove()
        # It gets its name once it is held: another platform that starts at this moment must not take it for abandoned.
        unnamed = Path(tempfile.mkdtemp(prefix=f".{_TEMPORARY}"))
        made = cls._held(unnamed, new=True)
        if made is None:
            raise StartError("A temporary directory that was just made is held by another process.")
        made.path = unnamed.rename(unnamed.with_name(unnamed.name.removeprefix(".")))
        return made

    @classmethod
    def _held(cls, path: Path, *, new: bool = False) -> TemporaryHome | None:
        """Return the directory, held by us; None where another process holds it, or it is none of a platform's."""
        flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if new else 0)
        try:
            descriptor = os.open(path / "lock", flags, 0o600)
        except OSError:  # it is no directory of a platform, another user's, or just being removed
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(path, descriptor)

    def remove(self) -> None:
        """Remove the directory and give up the lock."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._descriptor)
