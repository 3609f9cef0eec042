"""How Lambda names a runtime's end: its error type and message, in answers and in the log."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import assert_never

from lambent.dataplane import ExitKind, ProcessExit

# AWS's supervisor is written in Go, whose names for signals differ from C's.
_SIGNAL_NAMES: Mapping[int, str] = {
    signal.SIGHUP: "hangup",
    signal.SIGINT: "interrupt",
    signal.SIGABRT: "aborted",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "floating point exception",
    signal.SIGILL: "illegal instruction",
    signal.SIGKILL: "killed",
    signal.SIGPIPE: "broken pipe",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGTERM: "terminated",
}


def named(process_exit: ProcessExit) -> tuple[str, str]:
    """Return the error type and the message of a runtime that ended before it answered.

    >>> named(ProcessExit(ExitKind.EXITED, 1))
    ('Runtime.ExitError', 'Runtime exited with error: exit status 1')
    """
    match process_exit.kind:
        case ExitKind.EXITED if process_exit.code == 0:
            return "Runtime.ExitError", "Runtime exited without providing a reason"
        case ExitKind.EXITED:
            return "Runtime.ExitError", f"Runtime exited with error: exit status {process_exit.code}"
        case ExitKind.OUT_OF_MEMORY:
            return "Runtime.OutOfMemory", "Runtime exited with error: signal: killed"
        case ExitKind.SIGNALLED | ExitKind.KILLED_BY_PLATFORM:
            name = _SIGNAL_NAMES.get(process_exit.code, f"signal {process_exit.code}")
            return "Runtime.ExitError", f"Runtime exited with error: signal: {name}"
        case _:
            assert_never(process_exit.kind)
