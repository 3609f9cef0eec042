"""Waiting, in real time, for what runs beside a test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Pace:
    """How long tests wait, and how often they look."""

    patience_s: float = 20.0
    look_every_s: float = 0.02


PACE = Pace()  # of this run: AWS is looked at less often, and for longer


def eventually(look: Callable[[], T | None]) -> T:
    """Return the first truthy thing that a look finds; fails when patience is over, after twenty seconds."""
    deadline = time.monotonic() + PACE.patience_s
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(PACE.look_every_s)  # noqa: TID251 - processes, and what they write, take real time
    return found


async def eventually_here(look: Callable[[], T | None]) -> T:
    """Return the first truthy thing that a look finds, as `eventually`, while the loop of the test goes on."""
    deadline = time.monotonic() + PACE.patience_s
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come about"
        await asyncio.sleep(0.001)  # noqa: TID251 - the store's thread and its disk take real time
    return found
