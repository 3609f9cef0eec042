"""Waiting in the shell's process: bounded, and ended at once by Ctrl-C."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


def pause(seconds: float) -> None:
    """Return after `seconds` of real time."""
    threading.Event().wait(seconds)


def until(condition: Callable[[], bool], *, patience_s: float, every_s: float) -> bool:
    """Look until `condition` holds, and return True, or until patience has run out, and return False."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        pause(every_s)
    return True
