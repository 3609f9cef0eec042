"""What a run of the tests left behind: processes, listening ports, temporary files."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

_PROC = Path("/proc")
_LISTEN = "0A"  # TCP_LISTEN, include/net/tcp_states.h


def leftovers(marks: Sequence[str], temporary: Path, patience_s: float = 5.0) -> list[str]:
    """Return a line for each thing still there after `patience_s`, in which what is ending may end.

    A process is ours when it descends from this one, or when its folder, its arguments or its environment name one
    of `marks`; a port when this process listens on it; a file when it lies in `temporary`.
    """

    def look() -> list[str]:
        return [*_processes(marks), *_listening_ports(), *(f"file {entry}" for entry in sorted(temporary.iterdir()))]

    return _look_until_clean(look, patience_s)


def _look_until_clean(look: Callable[[], list[str]], patience_s: float) -> list[str]:
    pause = threading.Event()
    for _ in range(int(patience_s / 0.1)):
        if not look():
            return []
        pause.wait(0.1)
    return look()


def _processes(marks: Sequence[str]) -> Iterator[str]:
    table = _process_table()
    me = os.getpid()
    for pid in table.keys() - _ancestors(me, table) - {me}:
        if me in _ancestors(pid, table) or _names(pid, marks):
            yield f"process {pid}: {table[pid][1]}"


def _process_table() -> dict[int, tuple[int, str]]:
    # `ps` is the one way that every POSIX system shares; it lists itself, and is gone by the time we have its list.
    command = ["ps", "-axo", "pid=,ppid=,stat=,args="]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as lister:
        listing, _ = lister.communicate()
    table = {}
    for line in listing.splitlines():
        pid, parent, state, words = (*line.split(None, 3), "")[:4]
        # What has ended and waits to be collected by a parent that is not us holds nothing.
        if int(pid) != lister.pid and not (state.startswith("Z") and int(parent) != os.getpid()):
            table[int(pid)] = (int(parent), words)
    return table


def _ancestors(pid: int, table: dict[int, tuple[int, str]]) -> set[int]:
    seen: set[int] = set()
    while (entry := table.get(pid)) and entry[0] not in seen:
        pid = entry[0]
        seen.add(pid)
    return seen


def _names(pid: int, marks: Sequence[str]) -> bool:
    facts = _fact(pid, "cwd") + _fact(pid, "cmdline") + _fact(pid, "environ")
    return any(mark.encode() in facts for mark in marks)


def _fact(pid: int, name: str) -> bytes:
    path = _PROC / str(pid) / name
    try:
        return os.fsencode(path.readlink()) + b"/" if name == "cwd" else path.read_bytes()
    except OSError:  # it has ended, or is another user's
        return b""


def _listening_ports() -> Iterator[str]:
    ours = set()
    for descriptor in (_PROC / "self/fd").glob("*"):
        try:
            ours.add(str(descriptor.readlink()))
        except OSError:  # the one that lists this folder
            continue
    for name in ("tcp", "tcp6"):
        table = _PROC / "self/net" / name
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            fields = line.split()
            if fields[3] == _LISTEN and f"socket:[{fields[9]}]" in ours:
                yield f"listening port {int(fields[1].rpartition(':')[2], 16)}"
