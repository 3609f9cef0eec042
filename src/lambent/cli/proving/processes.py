"""What a function's processes use: CPU time and memory as /proc tells, for as long as they are there (Linux)."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lambent.insight.migration.candidate import Compute
from lambent.insight.migration.proof import Memory

_EVERY_S: Final = 0.1
_KB_PER_MB: Final = 1024
_TASK_ROOT: Final = "/var/task"


def can_watch() -> bool:
    """Whether this machine tells of processes as Linux does."""
    return Path("/proc/self/smaps_rollup").exists()


@dataclass(slots=True)
class _Process:
    """A process of a function as it was last seen; memory in KB."""

    parent: int
    cpu_s: float = 0.0
    resident_kb: int = 0
    most_kb: int = 0
    own_kb: int = 0
    is_there: bool = True


@dataclass(slots=True)
class _Sandbox:
    """The processes of one execution environment; the first is its runtime."""

    runtime: int
    processes: dict[int, _Process] = field(default_factory=dict)
    rest_kb: dict[int, int] = field(default_factory=dict)


class ProcessWatch:
    """Looks at all execution environments beneath a platform's process, ten times a second."""

    def __init__(self, platform: int) -> None:
        self._platform = platform
        self._sandboxes: dict[int, _Sandbox] = {}
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._is_on = can_watch()
        self._thread = threading.Thread(target=self._run, name="process watch", daemon=True)
        if self._is_on:
            self._thread.start()

    @property
    def is_on(self) -> bool:
        """Whether anything is seen."""
        return self._is_on

    def close(self) -> None:
        """Look no more."""
        self._ended.set()
        if self._is_on:
            self._thread.join(5)

    def forget(self) -> None:
        """Count from nothing: what follows is another deployment's."""
        with self._lock:
            self._sandboxes.clear()

    def cpu_s(self) -> float:
        """Return the CPU time that the function's processes have used so far."""
        self._look()
        with self._lock:
            return sum(one.cpu_s for box in self._sandboxes.values() for one in box.processes.values())

    def runtimes(self) -> list[int]:
        """Return the process ids of the runtimes that are there."""
        self._look()
        with self._lock:
            return [pid for pid, box in self._sandboxes.items() if box.processes[pid].is_there]

    def rest(self) -> None:
        """Note the memory of now as what the environments have at rest."""
        self._look()
        with self._lock:
            for box in self._sandboxes.values():
                box.rest_kb = {pid: _own_kb(pid) for pid, one in box.processes.items() if one.is_there}

    def own_mb(self) -> float:
        """Return the memory that the workers of the fullest environment have of their own now, on average."""
        self._look()
        with self._lock:
            found = [_own_mb(box) for box in self._sandboxes.values()]
        return max(found, default=0.0)

    def memory(self, compute: Compute) -> Memory | None:
        """Return the memory of the environment that had the most, None where none was seen."""
        self._look()
        with self._lock:
            found = [_memory(box, compute) for box in self._sandboxes.values()]
        return max(found, key=lambda one: one.peak_mb, default=None)

    def _run(self) -> None:
        while not self._ended.wait(_EVERY_S):
            self._look()

    def _look(self) -> None:
        if not self._is_on:
            return
        with self._lock:
            for box in self._sandboxes.values():
                for one in box.processes.values():
                    one.is_there = False
            for keeper in self._keepers():
                for runtime in _children(keeper):
                    if runtime in self._sandboxes or _is_function(runtime):
                        box = self._sandboxes.setdefault(runtime, _Sandbox(runtime))
                        self._note(box, runtime, keeper)

    def _keepers(self) -> Iterator[int]:
        for server in _children(self._platform):
            yield from _children(server)

    def _note(self, box: _Sandbox, pid: int, parent: int) -> None:
        with contextlib.suppress(OSError, IndexError, ValueError):
            one = box.processes.setdefault(pid, _Process(parent))
            one.cpu_s = max(one.cpu_s, _cpu_s(pid))
            one.resident_kb, most = _resident_kb(pid)
            one.most_kb = max(one.most_kb, most)
            one.is_there = True
        for child in _children(pid):
            self._note(box, child, pid)


def _own_mb(box: _Sandbox) -> float:
    workers = [pid for pid, one in box.processes.items() if one.parent == box.runtime and one.is_there]
    sizes = [_own_kb(pid) for pid in workers or [box.runtime]]
    return sum(sizes) / len(sizes) / _KB_PER_MB


def _memory(box: _Sandbox, compute: Compute) -> Memory:
    """Return what an environment has: its runtime's memory is shared by the workers forked from it."""
    runtime = box.processes[box.runtime]
    workers = [pid for pid, one in box.processes.items() if one.parent == box.runtime]
    several = compute is Compute.MANAGED_INSTANCES and len(workers) > 1
    if not several:
        extra = sum(one.most_kb for pid, one in box.processes.items() if pid != box.runtime)
        rest = runtime.resident_kb if runtime.is_there else runtime.most_kb
        return Memory(compute, 1, 0.0, rest / _KB_PER_MB, (runtime.most_kb + extra) / _KB_PER_MB)
    peaks, rests = [], []
    for pid in workers:
        one = box.processes[pid]
        rest = box.rest_kb.get(pid, 0)
        own = _own_kb(pid) if one.is_there else rest
        rests.append(rest or own)
        # What was resident at the most beyond now was the worker's own: what is shared does not go.
        peaks.append(max(rest, own + max(0, one.most_kb - one.resident_kb)))
    return Memory(
        compute,
        len(workers),
        runtime.resident_kb / _KB_PER_MB,
        sum(rests) / len(rests) / _KB_PER_MB,
        max(peaks) / _KB_PER_MB,
    )


def _is_function(pid: int) -> bool:
    """Whether a process is a runtime that works for a function, rather than waits to become one."""
    with contextlib.suppress(OSError):
        where = str(Path(f"/proc/{pid}/cwd").readlink())
        return where == _TASK_ROOT or "/packages/" in where
    return False


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - names alone
            with contextlib.suppress(OSError):
                found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text(encoding="ascii").split())
    return found


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    exact = 0
    with contextlib.suppress(OSError, ValueError, IndexError):  # a thread that ends meanwhile
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - names alone
            exact += int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text(encoding="ascii").split()[0])
    # Ticks of 10 ms miss short requests; what is exact misses threads that have ended.
    return max((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), exact / 1e9)


def _resident_kb(pid: int) -> tuple[int, int]:
    """Return the memory that is resident now, and the most that was."""
    found = {"VmRSS": 0, "VmHWM": 0}
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, rest = line.partition(":")
        if name in found:
            found[name] = int(rest.split()[0])
    return found["VmRSS"], max(found.values())


def _own_kb(pid: int) -> int:
    """Return the memory that no other process shares."""
    total = 0
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith(("Private_Clean", "Private_Dirty", "Private_Hugetlb")):
                total += int(line.split()[1])
    return total
