"""Carries an environment's facts to those of its extensions that subscribed to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from lambent.dataplane.environment.host import Timer, Timers
from lambent.dataplane.runtime_api.companion_link import CompanionLink, Delivered
from lambent.dataplane.runtime_api.subscriptions import Subscription
from lambent.dataplane.runtime_api.telemetry import Buffer, Event

_MAX_EARLY: Final = 1_000


class TelemetryFeed:
    """The subscribers of one sandbox. Events from before a subscription are told to it, while it may still come."""

    def __init__(self, link: CompanionLink, timers: Timers, now: Callable[[], float]) -> None:
        self._link = link
        self._timers = timers
        self._now = now
        self._subscribers: dict[str, _Subscriber] = {}
        self._early: list[Event] | None = []
        self._deliveries: dict[int, _Subscriber] = {}
        self._count = 0
        self._quiet: asyncio.Future[None] | None = None

    @property
    def is_closed(self) -> bool:
        """Whether nobody can subscribe any more."""
        return self._early is None

    def subscription_of(self, name: str) -> Subscription | None:
        """Return what an extension subscribed to."""
        subscriber = self._subscribers.get(name)
        return None if subscriber is None else subscriber.buffer.subscription

    def subscribe(self, name: str, subscription: Subscription) -> None:
        """Send from now on, beginning with what has been told already."""
        subscriber = self._subscribers[name] = _Subscriber(Buffer(subscription))
        for event in self._early or ():
            self._add(subscriber, event)

    def tell(self, event: Event) -> None:
        """Pass an event on to everyone who subscribed to its like."""
        if self._early is not None and len(self._early) < _MAX_EARLY:
            self._early.append(event)
        for subscriber in self._subscribers.values():
            self._add(subscriber, event)

    def close(self) -> None:
        """Take no more subscriptions."""
        self._early = None

    def delivered(self, told: Delivered) -> None:
        """Note that a batch has arrived or is lost, and send the next if it is due."""
        subscriber = self._deliveries.pop(told.number, None)
        if subscriber is None:
            return
        subscriber.buffer.delivered(told.failure, self._now())
        if subscriber.is_due or subscriber.buffer.is_full or self._quiet is not None:
            self._send(subscriber)
        elif subscriber.buffer.waiting:
            self._start_timer(subscriber)
        self._note_if_quiet()

    async def flush(self, limit_s: float) -> None:
        """Send everything at once and return when it has arrived, or after so many seconds."""
        self._quiet = asyncio.get_running_loop().create_future()
        for subscriber in self._subscribers.values():
            self._send(subscriber)
        self._note_if_quiet()
        await asyncio.wait({self._quiet}, timeout=limit_s)
        self._quiet = None

    def stop(self) -> None:
        """Send nothing more."""
        for subscriber in self._subscribers.values():
            subscriber.stop_timer()
        self._subscribers.clear()

    def _add(self, subscriber: _Subscriber, event: Event) -> None:
        subscription = subscriber.buffer.subscription
        if not event.is_for(subscription):
            return
        subscriber.buffer.add(event.encoded(subscription))
        if subscriber.buffer.is_full:
            self._send(subscriber)
        elif subscriber.timer is None:
            self._start_timer(subscriber)

    def _start_timer(self, subscriber: _Subscriber) -> None:
        if subscriber.timer is None:
            delay_s = subscriber.buffer.subscription.buffering.timeout_ms / 1000
            subscriber.timer = self._timers.call_later(delay_s, self._on_timer, subscriber)

    def _on_timer(self, subscriber: _Subscriber) -> None:
        subscriber.timer = None
        self._send(subscriber)

    def _send(self, subscriber: _Subscriber) -> None:
        subscriber.stop_timer()
        batch = subscriber.buffer.take()
        subscriber.is_due = batch is None and bool(subscriber.buffer.waiting)
        if batch is None:
            return
        self._count += 1
        self._deliveries[self._count] = subscriber
        destination = subscriber.buffer.subscription.destination
        told: dict[str, object] = {
            "protocol": destination.protocol,
            "port": destination.port,
            "path": destination.path,
        }
        self._link.deliver(self._count, told, batch)

    def _note_if_quiet(self) -> None:
        if self._quiet is not None and not self._deliveries and not self._quiet.done():
            self._quiet.set_result(None)


class _Subscriber:
    """One subscriber: its events, and the call that will send them."""

    __slots__ = ("buffer", "is_due", "timer")

    def __init__(self, buffer: Buffer) -> None:
        self.buffer = buffer
        self.timer: Timer | None = None
        self.is_due = False
        """Whether the next batch waits for nothing but the one before."""

    def stop_timer(self) -> None:
        """Call nobody."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
