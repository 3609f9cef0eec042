"""Watches an environment's `/tmp` from outside, by inotify: what changes there, whoever does it (Linux)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import struct
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lambent.base.clock import Clock
from lambent.insight.migration.judging import Run

_EVENT: Final = struct.Struct("iIII")
_MODIFY, _CLOSE_WRITE, _MOVED_TO, _CREATE, _DELETE, _IS_FOLDER = 0x2, 0x8, 0x80, 0x100, 0x200, 0x40000000
_WATCHED: Final = _MODIFY | _CLOSE_WRITE | _MOVED_TO | _CREATE | _DELETE
_NONBLOCK: Final = 0o4000
_LOOK_MS: Final = 100


@dataclass(frozen=True, slots=True)
class Change:
    """Something beneath `/tmp` was made, written or removed at a moment (monotonic seconds)."""

    at: float
    path: str


class FolderWatch:
    """Watches the `/tmp` of the environment that a process runs in, and folders in it, until it is closed."""

    def __init__(self, runtime: int, clock: Clock) -> None:
        self._root = f"/proc/{runtime}/root/tmp"
        self._clock = clock
        self._places: dict[int, str] = {}
        self._changes: list[Change] = []
        self._ended = threading.Event()
        self._inotify = -1
        self._thread = threading.Thread(target=self._run, name="folder watch", daemon=True)
        self._libc = ctypes.CDLL(None, use_errno=True)
        if hasattr(self._libc, "inotify_init1") and self._is_its_own():
            self._inotify = self._libc.inotify_init1(_NONBLOCK)
            self._add("/tmp")
            self._thread.start()

    @property
    def is_on(self) -> bool:
        """Whether the folder is watched: not where it is this machine's own."""
        return bool(self._places)

    def changes(self) -> list[Change]:
        """Return what changed since the last call."""
        self._read()
        found, self._changes = self._changes, []
        return found

    def close(self) -> None:
        """Watch no more."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(5)
        if self._inotify >= 0:
            os.close(self._inotify)
            self._inotify = -1

    def _is_its_own(self) -> bool:
        with contextlib.suppress(OSError):
            return not os.path.samestat(Path(self._root).stat(), Path("/tmp").stat())
        return False

    def _add(self, folder: str) -> None:
        seen = self._root + folder.removeprefix("/tmp")
        number = self._libc.inotify_add_watch(self._inotify, os.fsencode(seen), _WATCHED)
        if number >= 0:
            self._places[number] = folder

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._inotify, select.POLLIN)
        while not self._ended.is_set():
            if poll.poll(_LOOK_MS):
                self._read()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while self._inotify >= 0:
                self._take(os.read(self._inotify, 65_536))

    def _take(self, told: bytes) -> None:
        now, place = self._clock.monotonic(), 0
        while place < len(told):
            number, mask, _, size = _EVENT.unpack_from(told, place)
            place += _EVENT.size + size
            name = os.fsdecode(told[place - size : place].rstrip(b"\0"))
            folder = self._places.get(number)
            if folder is None or not name:
                continue
            path = f"{folder}/{name}"
            if mask & _IS_FOLDER:
                if mask & _CREATE:
                    self._add(path)
            else:
                self._changes.append(Change(now, path))


def fixed(changes: Sequence[Change], runs: Sequence[Run]) -> frozenset[str]:
    """Return the paths that more than one request changed, each of which ran alone."""
    whose: dict[str, set[int]] = defaultdict(set)
    for index, run in enumerate(runs):
        for change in changes:
            if run.started <= change.at <= run.ended:
                whose[change.path].add(index)
    return frozenset(path for path, requests in whose.items() if len(requests) > 1)


def met(changes: Sequence[Change], runs: Sequence[Run], fixed_paths: frozenset[str]) -> dict[str, int]:
    """Return how often such a path changed while several requests were under way."""
    found: dict[str, int] = defaultdict(int)
    for change in changes:
        if change.path in fixed_paths and sum(run.started <= change.at <= run.ended for run in runs) > 1:
            found[change.path] += 1
    return dict(found)
