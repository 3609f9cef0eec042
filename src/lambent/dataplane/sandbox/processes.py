"""The processes below another one, and the CPU they have used, as /proc tells it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_FIRST_TIME: Final = 11
"""The place of utime among the fields after the program's name; stime, cutime and cstime follow it. See proc(5)."""


def descendants(pid: int) -> Iterator[int]:
    """Yield the children of a process, each followed by its own."""
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
            yield int(child)
            yield from descendants(int(child))


def cpu_s(pid: int) -> float | None:
    """Return the CPU time in seconds of all processes below one, those that have ended included; None if unknown."""
    read = [ticks for each in descendants(pid) if (ticks := _ticks(each)) is not None]
    return sum(read) / os.sysconf("SC_CLK_TCK") if read else None


def _ticks(pid: int) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        # The name may hold anything, spaces and brackets too.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return sum(int(field) for field in fields[_FIRST_TIME : _FIRST_TIME + 4])
    return None
