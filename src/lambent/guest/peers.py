"""Whether a connection comes from this sandbox: all sandboxes share the machine's ports."""

from __future__ import annotations

import os

_TABLES = ("/proc/self/net/tcp", "/proc/self/net/tcp6")
_LOCAL, _INODE = 1, 9


def is_of_this_sandbox(port: int) -> bool:
    """Return whether the socket bound to the local `port` belongs to a process beneath our keeper."""
    inodes = {f"socket:[{inode}]" for inode in _inodes_of(port)}
    return bool(inodes) and any(_holds(pid, inodes) for pid in _family())


def _inodes_of(port: int) -> set[str]:
    wanted = f":{port:04X}"
    found = set()
    for table in _TABLES:
        try:
            with open(table, encoding="ascii") as file:
                rows = [line.split() for line in file.readlines()[1:]]
        except OSError:
            continue
        found |= {row[_INODE] for row in rows if row[_LOCAL].endswith(wanted) and row[_INODE] != "0"}
    return found


def _family() -> list[int]:
    """Return the processes of this sandbox: those whose line of parents leads to our keeper, orphans included."""
    keeper = os.getppid()
    found = [keeper]
    try:
        for pid in found:  # it grows while we walk
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                    found += map(int, file.read().split())
    except OSError:  # a process that ended meanwhile, or a kernel that does not list children
        return _found_among_all({os.getpid(), keeper})
    return found


def _found_among_all(goals: set[int]) -> list[int]:
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                    parents[int(name)] = int(file.read().rpartition(")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
    return [pid for pid in parents if _leads_to(pid, goals, parents)]


def _leads_to(pid: int, goals: set[int], parents: dict[int, int]) -> bool:
    seen = set()
    while pid and pid not in seen:
        if pid in goals:
            return True
        seen.add(pid)
        pid = parents.get(pid, 0)
    return False


def _holds(pid: int, inodes: set[str]) -> bool:
    folder = f"/proc/{pid}/fd"
    try:
        return any(_link(f"{folder}/{name}") in inodes for name in os.listdir(folder))
    except OSError:
        return False


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
