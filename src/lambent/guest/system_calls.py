"""The system calls that no function needs and that open the kernel: refused by a filter that every program inherits.

They are those that change namespaces and mounts, load code into the kernel, watch it, or reach keys that belong to a
user id, which all sandboxes share. In AWS's environments they are refused, too, or the kernel has them not.
https://www.kernel.org/doc/html/latest/userspace-api/seccomp_filter.html
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from lambent.guest import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

_NAMESPACES = 0x7E020080
"""Every CLONE_NEW… flag: new namespaces, above all a user namespace, whose capabilities open what we closed."""

# Numbers of x86-64, then of the table that arm64 and newer architectures have in common.
_NUMBERS = {
    "unshare": (272, 97),
    "clone": (56, 220),
    "clone3": (435, 435),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "open_by_handle_at": (304, 265),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "acct": (163, 89),
    "quotactl": (179, 60),
}
_WITH_FLAGS = ("unshare", "clone")
# Programs ask for what is new and fall back when it is not there: the C library from clone3 to clone, whose flags can
# be read here, and Node.js from io_uring to threads.
_NOT_THERE = ("clone3", "io_uring_setup", "io_uring_enter", "io_uring_register")

_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_X32 = 0x40000000
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_BITS, _JUMP_IF_GREATER_OR_EQUAL, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in what the filter sees; arguments are little-endian
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_INSTRUCTION = struct.Struct("HBBI")
_PR_SET_SECCOMP, _FILTER_MODE = 22, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def program(machine: str, allowed: Collection[str] = ()) -> bytes:
    """Return the filter for a machine's system calls but the `allowed`, empty where we do not know their numbers."""
    if machine not in _ARCHITECTURES:
        return b""
    architecture, column = _ARCHITECTURES[machine]
    apart = {*_WITH_FLAGS, *_NOT_THERE, *allowed}
    refused = [numbers[column] for name, numbers in _NUMBERS.items() if name not in apart]
    absent = [_NUMBERS[name][column] for name in _NOT_THERE]
    flagged = [_NUMBERS[name][column] for name in _WITH_FLAGS if name not in allowed]
    # Offsets of jumps count from the next instruction; what is listed last is at the end.
    tests = [*((number, "refuse") for number in refused), *((number, "absent") for number in absent)]
    tests += [(number, "flags") for number in flagged]
    ends = {"allow": len(tests), "flags": len(tests) + 1, "refuse": len(tests) + 3, "absent": len(tests) + 4}
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_IF_EQUAL, 0, ends["absent"] + 2, architecture),
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_IF_GREATER_OR_EQUAL, ends["absent"], 0, _X32),
    ]
    code += [(_JUMP_IF_EQUAL, ends[end] - place - 1, 0, number) for place, (number, end) in enumerate(tests)]
    code += [
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_JUMP_IF_BITS, 0, 2, _NAMESPACES),
        (_RETURN, 0, 0, _REFUSE | errno.EPERM),
        (_RETURN, 0, 0, _REFUSE | errno.ENOSYS),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in code)


_PROGRAM = program(os.uname().machine) if kernel.IS_LINUX else b""
_OF_TEMPLATES = program(os.uname().machine, ("clone", "mount")) if kernel.IS_LINUX else b""


def refuse(*, but_namespaces: bool = False) -> None:
    """Refuse those calls to this process and all it starts, for good; new privileges must have been forbidden before.

    With `but_namespaces` it may still fork into new namespaces and mount there, as a SnapStart template does.
    Without effect where the kernel has no filters, or on a machine whose numbers we do not know; raises OSError.
    """
    wanted = _OF_TEMPLATES if but_namespaces else _PROGRAM
    if not wanted:
        return
    described = _Program(len(wanted) // _INSTRUCTION.size, wanted)
    try:
        kernel.control_process(_PR_SET_SECCOMP, _FILTER_MODE, ctypes.addressof(described))
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
