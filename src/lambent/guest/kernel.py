"""The system calls Python has no name for (or only newer Pythons have), by ctypes; Linux alone.

PyDLL, not CDLL: the interpreter lock stays held, so that a raw clone has no other thread to surprise.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

IS_LINUX = sys.platform.startswith("linux")

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MS_RELATIME = 1 << 21
MNT_DETACH = 2

CLONE_PARENT = 0x00008000
CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NAME = 15
_PR_GET_NAME = 16
_NAME_SIZE = 16
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4

_CAPABILITY_VERSION_3 = 0x20080522
_ST_RELATIME = 4096
_KEPT_FLAGS = 2 | 4 | 8 | 1024 | 2048  # nosuid, nodev, noexec, noatime, nodiratime: the same bits in mount and statvfs

# Calls that C libraries have no wrapper for: x86-64's numbers, then those of the generic table (arm64 and others).
_NUMBERS = {"pivot_root": (155, 41), "clone": (56, 220), "capset": (126, 91), "close_range": (436, 436)}

_libc = ctypes.PyDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result


def _syscall(name: str, *arguments: object) -> int:
    number = _NUMBERS[name][0 if os.uname().machine == "x86_64" else 1]
    return int(_libc.syscall(ctypes.c_long(number), *(_word(argument) for argument in arguments)))


def _word(argument: object) -> object:
    return ctypes.c_ulong(argument) if isinstance(argument, int) else argument


def mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """Attach a file system: the system call as it is. Raises OSError naming the target."""
    result = _libc.mount(
        source.encode(), target.encode(), kind and kind.encode(), ctypes.c_ulong(flags), options and options.encode()
    )
    _checked(result, target)


def bind(source: str, target: str, *, recursive: bool = False) -> None:
    """Show `source` at `target`, read-only and without devices or set-user-id programs."""
    mount(source, target, None, MS_BIND | (MS_REC if recursive else 0))
    # In a user namespace the flags of the source are locked: a remount must repeat them.
    have = os.statvfs(target).f_flag
    kept = have & _KEPT_FLAGS | (MS_RELATIME if have & _ST_RELATIME else 0)
    mount("", target, None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | kept)


def close_range(first: int, last: int | None = None) -> None:
    """Close every descriptor from `first` to `last`, both included; raises OSError before Linux 5.9."""
    _checked(_syscall("close_range", first, 0xFFFFFFFF if last is None else last, 0), "close_range")


def unshare(flags: int) -> None:
    """Leave the namespaces that `flags` name for new ones."""
    _checked(_libc.unshare(flags), "unshare")


def change_root(new_root: str) -> None:
    """Make `new_root`, a mount point, the root, and let go of the old one."""
    os.chdir(new_root)
    # pivot_root(".", ".") stacks the old root over the new, so that no folder is needed for it: pivot_root(2), NOTES.
    _checked(_syscall("pivot_root", b".", b"."), "pivot_root")
    _checked(_libc.umount2(b".", MNT_DETACH), "umount2")
    os.chdir("/")


def clone(flags: int) -> int:
    """Fork into new namespaces; as os.fork, 0 in the child. The caller must be single-threaded."""
    api = ctypes.pythonapi
    api.PyOS_BeforeFork()
    pid = _syscall("clone", flags | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        api.PyOS_AfterFork_Child()
        return 0
    number = ctypes.get_errno()
    api.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(number, os.strerror(number), "clone")
    return pid


def control_process(option: int, value: int = 0, more: int = 0) -> None:
    """Change something of the calling process: prctl as it is; raises OSError."""
    words = [ctypes.c_ulong(word) for word in (value, more, 0, 0)]
    _checked(_libc.prctl(ctypes.c_int(option), *words), "prctl")


def die_with_parent(number: int) -> None:
    """Receive signal `number` when the parent's thread ends; forgotten whenever the user id changes."""
    if IS_LINUX:
        control_process(_PR_SET_PDEATHSIG, number)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    if IS_LINUX:
        control_process(_PR_SET_CHILD_SUBREAPER, 1)


def hide_memory() -> None:
    """Forbid tracing by processes of the same user."""
    if IS_LINUX:
        control_process(_PR_SET_DUMPABLE, 0)


def show_memory() -> None:
    """Let the process look at itself again: changing the user id gave its files in /proc to root."""
    if IS_LINUX:
        control_process(_PR_SET_DUMPABLE, 1)


def resident_mb() -> int:
    """Return the memory that the process has in use, in MB; 0 where nothing tells."""
    if not IS_LINUX:
        return 0
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1_048_576


def process_name() -> bytes:
    """Return the name by which the process is known in process lists, empty where there is none to be had."""
    name = ctypes.create_string_buffer(_NAME_SIZE)
    if IS_LINUX:
        control_process(_PR_GET_NAME, ctypes.addressof(name))
    return name.value


def rename_process(name: bytes) -> None:
    """Change that name; of no effect where there is none."""
    if IS_LINUX:
        text = ctypes.create_string_buffer(name, _NAME_SIZE)  # by a name: it must live as long as the call
        control_process(_PR_SET_NAME, ctypes.addressof(text))


def forbid_new_privileges() -> None:
    """Make set-user-id programs and file capabilities without effect from here on."""
    if IS_LINUX:
        control_process(_PR_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> None:
    """Give up every capability, and the means to regain one."""
    for capability in range(64):
        try:
            control_process(_PR_CAPBSET_DROP, capability)
        except OSError:  # beyond the last one this kernel knows, or nothing is held
            break
    control_process(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)


def clear_capability_sets() -> None:
    """Empty the effective, permitted and inheritable sets."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _checked(_syscall("capset", header, nothing), "capset")
