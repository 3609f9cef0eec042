"""How steps wait for what somebody else brings about: until it is there, a moment is reached, or nobody wants it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from lambent.base.clock import Clock
from lambent.base.tasks import wait_for_event


class HaltedError(Exception):
    """The operation no longer wants what a step waits for; `physical_id` names what was made all the same."""

    def __init__(self, physical_id: str = "") -> None:
        super().__init__(physical_id)
        self.physical_id = physical_id


class Halt:
    """Says that an operation no longer wants its steps, and wakes those that wait."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Event] = set()
        self._is_called = False

    @property
    def is_called(self) -> bool:
        """Whether the steps are to come to their end."""
        return self._is_called

    def call(self) -> None:
        """Let the steps come to their end."""
        self._is_called = True
        for event in self._waiting:
            event.set()

    async def pause(self, seconds: float) -> None:
        """Let real time pass, not the platform's. Raises HaltedError as soon as the steps are to come to their end."""
        event = asyncio.Event()
        if self._is_called:
            event.set()
        self._waiting.add(event)
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return
        finally:
            self._waiting.discard(event)
        raise HaltedError

    async def wait(self, event: asyncio.Event, clock: Clock, until: float | None = None) -> bool:
        """Wait for an event; return whether it came before the clock reached `until`. Raises HaltedError."""
        if self._is_called:
            raise HaltedError
        self._waiting.add(event)
        try:
            came = await wait_for_event(event, clock, until)
        finally:
            self._waiting.discard(event)
        if self._is_called:
            raise HaltedError
        return came


class Bells:
    """Events by name: rung by those who bring something about, heard by all who wait for it at that moment."""

    def __init__(self) -> None:
        self._events: dict[str, set[asyncio.Event]] = {}

    def ring(self, name: str) -> None:
        """Wake those who wait under a name."""
        for event in self._events.get(name, ()):
            event.set()

    @contextmanager
    def heard(self, name: str) -> Iterator[asyncio.Event]:
        """Return an event that each ring under a name sets, for as long as the context lasts."""
        event = asyncio.Event()
        listening = self._events.setdefault(name, set())
        listening.add(event)
        try:
            yield event
        finally:
            listening.discard(event)
            if not listening:
                self._events.pop(name, None)
