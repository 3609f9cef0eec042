"""How Lambda names a runtime's end: its error type and message, in answers and in the log."""

from __future__ import annotations

from typing import assert_never

from lambent.dataplane import ExitKind, ProcessExit, signal_name


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
            return "Runtime.ExitError", f"Runtime exited with error: signal: {signal_name(process_exit.code)}"
        case _:
            assert_never(process_exit.kind)
