"""How a process ended, from what the kernel says."""

from __future__ import annotations

import os

from lambent.dataplane.types import ExitKind, ProcessExit


def exit_of(wait_status: int) -> ProcessExit:
    """Return the typed cause in a wait status as `os.wait` returns it."""
    if os.WIFSIGNALED(wait_status):
        return ProcessExit(ExitKind.SIGNALLED, os.WTERMSIG(wait_status))
    return ProcessExit(ExitKind.EXITED, os.WEXITSTATUS(wait_status))
