"""Waiting, in real time, for what runs beside a test."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_PATIENCE_S = 20.0
_LOOK_EVERY_S = 0.02


def eventually(look: Callable[[], T | None]) -> T:
    """Return the first truthy thing that a look finds; fails after twenty seconds."""
    deadline = time.monotonic() + _PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(_LOOK_EVERY_S)  # noqa: TID251 - processes, and what they write, take real time
    return found
