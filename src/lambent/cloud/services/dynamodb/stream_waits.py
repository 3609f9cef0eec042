"""Waiting for a stream's next record, as AWS's own readers may: a stream where nothing happens costs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from lambent.base.clock import Clock
from lambent.base.tasks import wait_for_event


class StreamWaits:
    """Who waits for records, by stream."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        """What they wait by."""
        self._waiting: dict[int, set[asyncio.Event]] = {}

    def announce(self, streams: Iterable[int]) -> None:
        """Wake those who wait for records of some streams: there are more."""
        if not self._waiting:
            return
        for stream in set(streams):
            for event in self._waiting.get(stream, ()):
                event.set()

    async def wait(self, stream: int, until: float) -> None:
        """Return once there are more records of a stream, or at a moment of the platform's time."""
        event = asyncio.Event()
        self._waiting.setdefault(stream, set()).add(event)
        try:
            await wait_for_event(event, self.clock, until)
        finally:
            waiting = self._waiting[stream]
            waiting.discard(event)
            if not waiting:
                del self._waiting[stream]
