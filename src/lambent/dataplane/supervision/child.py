"""How a process ended, from what the kernel says."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from typing import Final

from lambent.dataplane.types import ExitKind, ProcessExit

# AWS's supervisor is written in Go, whose names for signals differ from C's.
_SIGNAL_NAMES: Final[Mapping[int, str]] = {
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


def signal_name(number: int) -> str:
    """Return how AWS names a signal.

    >>> signal_name(9), signal_name(40)
    ('killed', 'signal 40')
    """
    return _SIGNAL_NAMES.get(number, f"signal {number}")


def exit_text(process_exit: ProcessExit) -> str:
    """Return how AWS words the end of a process that it did not end itself.

    >>> exit_text(exit_of(256)), exit_text(exit_of(0)), exit_text(exit_of(9))
    ('exit status 1', 'exit code 0', 'signal: killed')
    """
    if process_exit.kind is not ExitKind.EXITED:
        return f"signal: {signal_name(process_exit.code)}"
    return f"exit status {process_exit.code}" if process_exit.code else "exit code 0"


def exit_of(wait_status: int) -> ProcessExit:
    """Return the typed cause in a wait status as `os.wait` returns it."""
    if os.WIFSIGNALED(wait_status):
        return ProcessExit(ExitKind.SIGNALLED, os.WTERMSIG(wait_status))
    return ProcessExit(ExitKind.EXITED, os.WEXITSTATUS(wait_status))
