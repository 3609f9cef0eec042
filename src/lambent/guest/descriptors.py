"""What a forked environment must not share with its template: open files, connections, shared memory, /tmp."""

from __future__ import annotations

import os
import select
import shutil
import socket

from lambent.guest import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_TMP = "/tmp"
_EPOLL = "anon_inode:[eventpoll]"
_SHARED = "s"
_DEVICES = "/dev/"


def shared_memory() -> str | None:
    """Return the name of a writable mapping that a fork would share, or None."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
        for line in file:
            fields = line.split(None, 5)
            if fields[1][1] == "w" and fields[1][3] == _SHARED:
                return fields[5].strip() if len(fields) > 5 else "anonymous"
    return None


def left_open(apart_from: Iterable[int]) -> str | None:
    """Return what a descriptor is open for that can neither be shared nor opened anew, or None."""
    for number, link in _open(apart_from):
        if not _can_be_had_anew(number, link):
            return link
    return None


def open_anew(apart_from: Iterable[int], old_tmp: str, new_tmp: str) -> None:
    """Open every file anew where it stood, break every connection, and make poll sets anew.

    As in AWS, connections do not outlive a snapshot. Afterwards no descriptor shares its state with the template's.
    """
    found = list(_open(apart_from))
    for number, link in found:
        if link.startswith("socket:"):
            _break(number)
        elif link.startswith("/") and not link.startswith(_DEVICES):
            moved = new_tmp + link[len(old_tmp) :] if link.startswith(old_tmp + "/") else link
            _reopen(number, moved)
    for number, link in found:
        if link == _EPOLL:
            _poll_anew(number)


def mount_copy_of_tmp(storage_mb: int) -> None:
    """Put a file system of its own at /tmp, with what is there now; the caller stands in a new mount namespace."""
    before = os.open(_TMP, os.O_RDONLY | os.O_DIRECTORY)
    flags = kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount("tmpfs", _TMP, "tmpfs", flags, f"mode=1777,size={storage_mb}m")
    if os.listdir(before):
        copy_tree(f"/proc/self/fd/{before}", _TMP)
    os.close(before)


def copy_tree(source: str, target: str) -> None:
    """Copy all that is in the folder `source` into the folder `target`, links as links."""
    if os.listdir(source):
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)


def _open(apart_from: Iterable[int]) -> Iterable[tuple[int, str]]:
    known = set(apart_from)
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in known:
            try:
                yield int(name), os.readlink("/proc/self/fd/" + name)
            except OSError:  # the one that listed the folder
                continue


def _can_be_had_anew(number: int, link: str) -> bool:
    if link.startswith("socket:"):
        return _family(number) in {socket.AF_INET, socket.AF_INET6}
    if link == _EPOLL:
        return True
    return link.startswith("/") and not link.endswith(" (deleted)") and not link.startswith("/memfd:")


def _family(number: int) -> int:
    with socket.socket(fileno=os.dup(number)) as sock:
        return sock.family


def _break(number: int) -> None:
    # What reads from it finds its end, what writes to it an error: clients then connect again.
    ours, theirs = socket.socketpair()
    os.dup2(ours.fileno(), number, inheritable=os.get_inheritable(number))
    ours.close()
    theirs.close()


def _reopen(number: int, path: str) -> None:
    flags = _flags(number) & ~(os.O_CREAT | os.O_EXCL | os.O_TRUNC)
    place = None if os.path.isdir(path) else os.lseek(number, 0, os.SEEK_CUR)
    anew = os.open(path, flags)
    os.dup2(anew, number, inheritable=os.get_inheritable(number))
    os.close(anew)
    if place is not None:
        os.lseek(number, place, os.SEEK_SET)


def _flags(number: int) -> int:
    for name, value in _details(number):
        if name == "flags":
            return int(value, 8)
    return os.O_RDONLY


def _poll_anew(number: int) -> None:
    watched = [value.split() for name, value in _details(number) if name == "tfd"]
    anew = select.epoll()
    for fields in watched:  # "5 events: 19 data: 5 ..."
        anew.register(int(fields[0]), int(fields[2], 16))
    os.dup2(anew.fileno(), number, inheritable=os.get_inheritable(number))
    anew.close()


def _details(number: int) -> list[tuple[str, str]]:
    with open(f"/proc/self/fdinfo/{number}", encoding="ascii") as file:
        return [(name, value.strip()) for name, _, value in (line.partition(":") for line in file)]
