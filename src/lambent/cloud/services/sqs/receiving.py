"""Messages on their way out of a queue: chosen, written as received, and waited for where there are none.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from lambent.base.clock import Clock
from lambent.base.tasks import wait_for_event
from lambent.cloud.services.sqs import errors, message_repository
from lambent.cloud.services.sqs.live import Attempt, LiveQueue, Queues, Waiter, receive_of
from lambent.cloud.services.sqs.message_repository import note_receives
from lambent.cloud.services.sqs.model.message import Content, State
from lambent.cloud.services.sqs.model.queue import MOST_IN_FLIGHT, address_in_arn
from lambent.cloud.services.sqs.times import in_ms
from lambent.cloud.store.unit_of_work import Store

_ATTEMPT_MS = 5 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a receive asks for; the times are in seconds."""

    most: int
    visibility_s: int
    wait_s: int
    attempt: str | None = None


@dataclass(slots=True)
class _Choice:
    """Messages to be received, those that have been too often, and whether there are expired ones."""

    states: list[State] = field(default_factory=list)
    exhausted: list[State] = field(default_factory=list)
    expired: bool = False
    groups: list[str] = field(default_factory=list)  # to be looked at again


class Receiver:
    """Receives messages from queues."""

    def __init__(self, store: Store, clock: Clock, queues: Queues) -> None:
        self._store = store
        self._clock = clock
        self.queues = queues
        self._has_stopped = False

    def stop(self) -> None:
        """Let nobody wait any longer."""
        self._has_stopped = True
        for live in self.queues:
            live.wake_all()

    async def receive(self, live: LiveQueue, wanted: Wanted) -> list[tuple[State, Content]]:
        """Return messages once it is durable that they were received, waiting for one where there is none.

        Raises OverLimit where too many are in flight and it does not wait, NonExistentQueue for a queue that was
        deleted meanwhile.
        """
        deadline = self._clock.now() + wanted.wait_s
        while True:
            now = self._clock.now()
            states = await self._take(live, wanted, in_ms(now))
            if states:
                contents = message_repository.contents(self._store.read, [state.number for state in states])
                return [(state, contents[state.number]) for state in states if state.number in contents]
            if now >= deadline or self._has_stopped:
                return []
            await self._wait(live, deadline, in_ms(now))
            if live.is_gone:
                raise errors.no_such_queue()

    async def reserve(self, live: LiveQueue, most: int, now_ms: int) -> list[State]:
        """Return messages that can be received, which nobody else receives until `release`."""
        choose = self._choose_in_order if live.queue.is_fifo else self._choose
        while True:
            choice = choose(live, most, now_ms, most_receives=None)
            self._look_again(live, choice, now_ms)
            if choice.states or not choice.expired:
                return choice.states
            await self.expire(live, now_ms)  # others may stand behind

    def release(self, live: LiveQueue, states: Sequence[State], now_ms: int) -> None:
        """Give back what `reserve` returned, whether the messages are still there or not."""
        live.taken.difference_update([state.number for state in states])
        for state in states:
            self.ended(live, state.ordered_in, state.number, now_ms)

    async def _take(self, live: LiveQueue, wanted: Wanted, now_ms: int) -> list[State]:
        repeated = self._repeated(live, wanted, now_ms)
        if repeated:
            return await self._note(live, repeated, wanted, now_ms)
        most = self._room(live, wanted, now_ms)
        while most:
            choose = self._choose_in_order if live.queue.is_fifo else self._choose
            choice = choose(live, most, now_ms, most_receives=self._most_receives(live))
            try:
                if choice.expired:
                    await self.expire(live, now_ms)
                if choice.exhausted:
                    await self._redrive(live, choice.exhausted, now_ms)
            except BaseException:  # who asked has gone, or the store is full: the messages are others' to receive
                self.release(live, [*choice.states, *choice.exhausted], now_ms)
                live.wake(len(choice.states))
                raise
            finally:
                self._look_again(live, choice, now_ms)
            if choice.states:
                return await self._note(live, choice.states, wanted, now_ms)
            if not (choice.expired or choice.exhausted):
                break
        return []

    def _room(self, live: LiveQueue, wanted: Wanted, now_ms: int) -> int:
        """Return how many messages may be received, given how many are in flight."""
        if live.in_flight is None or live.in_flight + wanted.most > MOST_IN_FLIGHT:
            live.in_flight, _ = message_repository.hidden(self._store.read, live.queue.box, now_ms)
        room = min(wanted.most, MOST_IN_FLIGHT - live.in_flight)
        if room <= 0 and wanted.wait_s == 0 and not live.queue.is_fifo:
            raise errors.too_many_in_flight()
        return max(0, room)

    def _choose(self, live: LiveQueue, most: int, now_ms: int, *, most_receives: int | None) -> _Choice:
        choice = _Choice()
        oldest = now_ms - live.queue.settings.retention_ms
        for state in message_repository.visible(self._store.read, live.queue.box, now_ms, most, live.taken):
            if state.sent_ms <= oldest:
                choice.expired = True
            elif _is_exhausted(state, most_receives):
                choice.exhausted.append(state)
            else:
                choice.states.append(state)
        live.taken.update(state.number for state in (*choice.states, *choice.exhausted))
        return choice

    def _look_again(self, live: LiveQueue, choice: _Choice, now_ms: int) -> None:
        for group in choice.groups:
            live.groups(self._store.read, now_ms).look_again(group, now_ms)

    def _choose_in_order(self, live: LiveQueue, most: int, now_ms: int, *, most_receives: int | None) -> _Choice:
        choice = _Choice()
        reader, groups = self._store.read, live.groups(self._store.read, now_ms)
        oldest = now_ms - live.queue.settings.retention_ms
        while len(choice.states) < most and (group := groups.next_ready(now_ms)) is not None:
            room = most - len(choice.states)
            for state in message_repository.in_group(reader, live.queue.box, group, room):
                if state.visible_ms > now_ms:
                    break
                if state.sent_ms <= oldest:
                    choice.expired = True
                    break
                groups.lock(group, state.number)
                if _is_exhausted(state, most_receives):
                    choice.exhausted.append(state)
                    break
                choice.states.append(state)
            choice.groups.append(group)
        return choice

    def _most_receives(self, live: LiveQueue) -> int | None:
        """Return how often a message is received before it is redriven; None where it never is."""
        redrive = live.queue.settings.redrive
        return None if redrive is None or self._dead_letters(live) is None else redrive.most_receives

    def _dead_letters(self, live: LiveQueue) -> LiveQueue | None:
        redrive = live.queue.settings.redrive
        address = None if redrive is None else address_in_arn(redrive.target_arn)
        return None if address is None else self.queues.find(address)

    async def _note(self, live: LiveQueue, states: Sequence[State], wanted: Wanted, now_ms: int) -> list[State]:
        """Write that messages were received, and return them as they are then."""
        until_ms = now_ms + wanted.visibility_s * 1000
        received = [
            State(number, until_ms, sent_ms, count + 1, count_before, first_ms or now_ms, ordered_in)
            for number, _, sent_ms, count, count_before, first_ms, ordered_in in states
        ]
        try:
            await self._store.write_with_others(note_receives, *[receive_of(state) for state in received])
        finally:
            live.taken.difference_update([state.number for state in received])
            self._lock(live, received, now_ms)
            live.wake_later_than(until_ms / 1000)
        if live.in_flight is not None:
            live.in_flight += len(received)
        if wanted.attempt is not None and live.queue.is_fifo:
            live.attempts.pop(wanted.attempt, None)  # the oldest stand first
            live.attempts[wanted.attempt] = Attempt(now_ms, received)
        return received

    def _lock(self, live: LiveQueue, received: Sequence[State], now_ms: int) -> None:
        groups = live.known_groups()
        if groups is None:
            return
        for state in received:
            if state.ordered_in is not None:
                groups.in_flight(state.ordered_in, state.number, state.visible_ms)
        if received and received[0].visible_ms <= now_ms:
            live.wake(len(received))

    def _repeated(self, live: LiveQueue, wanted: Wanted, now_ms: int) -> list[State]:
        """Return the messages of a receive that is repeated, if all of them are still in flight from it.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-receiverequestattemptid-request-parameter.html
        """
        if wanted.attempt is None or not live.queue.is_fifo:
            return []
        while live.attempts and next(iter(live.attempts.values())).at_ms + _ATTEMPT_MS <= now_ms:
            del live.attempts[next(iter(live.attempts))]
        known = live.attempts.get(wanted.attempt)
        if known is None:
            return []
        numbers = [state.number for state in known.states]
        found = message_repository.states(self._store.read, live.queue.box, numbers)
        is_held = all(found.get(state.number) == state and state.visible_ms > now_ms for state in known.states)
        return known.states if is_held else []

    async def _redrive(self, live: LiveQueue, states: Sequence[State], now_ms: int) -> None:
        """Put messages that were received too often into the dead-letter queue.

        In a standard queue they keep the moment at which they were sent, by which they expire:
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
        """
        target = self._dead_letters(live)
        moved = [
            state._replace(
                visible_ms=now_ms,
                sent_ms=now_ms if live.queue.is_fifo else state.sent_ms,
                received_before=state.received,
            )
            for state in states
        ]
        try:
            if target is not None:
                await self._store.write(
                    partial(message_repository.redrive, states=moved, box=target.queue.box, source_arn=live.queue.arn)
                )
        finally:
            self.release(live, states, now_ms)
        if target is not None:
            groups = target.known_groups()
            for state in moved:
                if groups is not None and state.ordered_in is not None:
                    groups.sent(state.ordered_in, state.number, state.visible_ms, now_ms)
            target.wake(len(moved))

    async def expire(self, live: LiveQueue, now_ms: int) -> None:
        """Remove the messages that were kept for as long as the queue keeps them."""
        until_ms = now_ms - live.queue.settings.retention_ms
        work = partial(message_repository.remove_expired, box=live.queue.box, until_ms=until_ms)
        while await self._store.write(work):
            pass

    def ended(self, live: LiveQueue, group: str | None, number: int, now_ms: int) -> None:
        """Note that a message of a FIFO queue is no longer in flight, so that its group may go on."""
        groups = live.known_groups()
        if groups is not None and group is not None and groups.ended(group, number, now_ms):
            live.wake(1)

    async def _wait(self, live: LiveQueue, deadline: float, now_ms: int) -> None:
        """Return when there may be a message, at the moment at which the next becomes visible, or at the deadline."""
        next_ms = self._next_ms(live, now_ms)
        waiter = Waiter(deadline if next_ms is None else min(deadline, next_ms / 1000))
        live.waiting.append(waiter)
        try:
            await wait_for_event(waiter.woken, self._clock, waiter.until)
        except asyncio.CancelledError:
            if waiter.woken.is_set():
                live.wake(1)  # somebody else is to have what this one was woken for
            raise
        finally:
            if not waiter.woken.is_set():
                live.waiting.remove(waiter)

    def _next_ms(self, live: LiveQueue, now_ms: int) -> int | None:
        if live.queue.is_fifo:
            return live.groups(self._store.read, now_ms).next_change_ms(now_ms)
        return message_repository.next_visible_ms(self._store.read, live.queue.box, now_ms)


def _is_exhausted(state: State, most_receives: int | None) -> bool:
    return most_receives is not None and state.received - state.received_before >= most_receives
