"""A process's memory as /proc tells it, where no control group counts it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Final, Protocol

from lambent.dataplane.sandbox.processes import descendants
from lambent.dataplane.types import ProcessExit

_KB_PER_MB: Final = 1024
_INTERVAL_S: Final = 0.05


class ProcessMemory:
    """The memory of a keeper's runtime, read from a held descriptor: a process that ended reads as nothing."""

    def __init__(self, keeper: int) -> None:
        self._keeper = keeper
        self._status: int | None = None

    def peak_mb(self) -> int | None:
        """Return the most memory that was resident at once, in MB, rounded up; None where nothing tells."""
        return self._field(b"VmHWM:")

    def resident_mb(self) -> int | None:
        """Return the memory that is resident now, in MB, rounded up; None where nothing tells."""
        return self._field(b"VmRSS:")

    def close(self) -> None:
        """Let go of the descriptor; idempotent."""
        if self._status is not None:
            os.close(self._status)
            self._status = None

    def _field(self, name: bytes) -> int | None:
        if self._status is None:
            self._status = self._open()
        if self._status is None:
            return None
        with contextlib.suppress(OSError):
            _, found, rest = os.pread(self._status, 4096, 0).partition(name)
            if found:
                return -(-int(rest.split(None, 1)[0]) // _KB_PER_MB)
        return None

    def _open(self) -> int | None:
        children = Path(f"/proc/{self._keeper}/task/{self._keeper}/children")
        with contextlib.suppress(OSError, IndexError):
            runtime = children.read_text(encoding="ascii").split()[0]
            return os.open(f"/proc/{runtime}/status", os.O_RDONLY | os.O_CLOEXEC)
        return None


class Measure(Protocol):
    """How much memory a sandbox uses, where no control group counts it."""

    def peak_mb(self) -> int | None:
        """Return the most memory that was resident at once, in MB, rounded up; None where nothing tells."""

    def resident_mb(self) -> int | None:
        """Return the memory that is resident now, in MB, rounded up; None where nothing tells."""

    def close(self) -> None:
        """Let go of what is held open; idempotent."""


class GroupMemory:
    """The memory of a keeper's runtime and of the workers it has forked, who share what it had by then.

    What is theirs alone is counted: the runtime's whole memory, and of every other process what it has beyond that.
    The peak is the highest that was looked at.
    """

    def __init__(self, keeper: int) -> None:
        self._keeper = keeper
        self._peak: int | None = None

    def peak_mb(self) -> int | None:
        """Return the most memory that was seen to be resident at once, in MB; None where nothing tells."""
        self.resident_mb()
        return self._peak

    def resident_mb(self) -> int | None:
        """Return the memory that is resident now, in MB, rounded up; None where nothing tells."""
        sizes = [size for pid in descendants(self._keeper) if (size := _resident_kb(pid)) is not None]
        if not sizes:
            return None
        runtime, *others = sizes
        whole = -(-(runtime + sum(max(0, size - runtime) for size in others)) // _KB_PER_MB)
        self._peak = max(self._peak or 0, whole)
        return whole

    def close(self) -> None:
        """Hold nothing open; nothing is to be let go of."""


def _resident_kb(pid: int) -> int | None:
    with contextlib.suppress(OSError):
        _, found, rest = Path(f"/proc/{pid}/status").read_bytes().partition(b"VmRSS:")
        if found:
            return int(rest.split(None, 1)[0])
    return None


class Watched(Protocol):
    """A sandbox whose memory we watch."""

    @property
    def exited(self) -> asyncio.Future[ProcessExit]:
        """Resolves when it has ended."""

    def measure_by(self, memory: Measure) -> None:
        """Read its memory there."""

    def end_for_memory(self) -> None:
        """End it for using too much."""


class MemoryWatch:
    """Ends sandboxes whose runtime has more resident memory than it may; for where no control group does.

    Looks at all of them at a fixed real interval, and not at all while there are none.
    """

    def __init__(self) -> None:
        self._watched: dict[Watched, tuple[Measure, int]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, sandbox: Watched, memory: Measure, limit_mb: int) -> None:
        """Watch `sandbox` until it ends."""
        sandbox.measure_by(memory)
        self._watched[sandbox] = (memory, limit_mb)
        sandbox.exited.add_done_callback(lambda _: self._watched.pop(sandbox, None))
        if self._timer is None:
            self._look_later()

    def stop(self) -> None:
        """Look no more; idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_INTERVAL_S, self._look)

    def _look(self) -> None:
        self._timer = None
        for sandbox, (memory, limit_mb) in list(self._watched.items()):
            if (memory.resident_mb() or 0) > limit_mb:
                sandbox.end_for_memory()
        if self._watched:
            self._look_later()
