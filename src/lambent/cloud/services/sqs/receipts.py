"""What is done with messages that were received: they are removed, or become visible at another time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lambent.cloud.services.sqs import errors, message_repository
from lambent.cloud.services.sqs.live import LiveQueue, receive_of
from lambent.cloud.services.sqs.message_repository import note_receives, remove_messages
from lambent.cloud.services.sqs.model.message import State
from lambent.cloud.services.sqs.model.queue import LONGEST_VISIBILITY_S
from lambent.cloud.services.sqs.model.receipt import Receipt, parse_handle
from lambent.cloud.services.sqs.receiving import Receiver
from lambent.cloud.store.unit_of_work import Store

Presented = Mapping[str, "tuple[Receipt, State | None]"]
"""By receipt handle: the receive that it stands for, and its message as it is now, None where that is gone."""


class Receipts:
    """Carries out what receipt handles are given back for."""

    def __init__(self, store: Store, receiver: Receiver) -> None:
        self._store = store
        self._receiver = receiver

    def presented(self, live: LiveQueue, handles: Iterable[str]) -> Presented:
        """Return what handles stand for, without those that are none of the queue's."""
        known = {handle: receipt for handle in handles if (receipt := parse_handle(handle)) is not None}
        numbers = [receipt.number for receipt in known.values()]
        states = message_repository.states(self._store.read, live.queue.box, numbers)
        return {
            handle: (receipt, states.get(receipt.number))
            for handle, receipt in known.items()
            if receipt.queue_id == live.queue.id
        }

    def removable(self, live: LiveQueue, presented: Presented, handle: str, now_ms: int) -> State | None:
        """Return the message that a handle may remove; None for one that is gone already, which is no failure.

        Any handle of a standard queue's message will do. That of a FIFO queue's has to be of its last receive, and the
        message still in flight: others may have received it since.
        """
        receipt, state = _the_receipt(presented, handle)
        if state is not None and live.queue.is_fifo and not _holds(receipt, state, now_ms):
            raise errors.invalid_value(handle, "ReceiptHandle", "The receipt handle has expired.")
        return state

    async def remove(self, live: LiveQueue, states: Sequence[State], now_ms: int) -> None:
        """Remove messages."""
        await self._store.write_with_others(remove_messages, *{state.number for state in states})
        if live.in_flight is not None:
            live.in_flight = max(0, live.in_flight - len(states))
        for state in states:
            self._receiver.ended(live, state.ordered_in, state.number, now_ms)

    def changeable(self, presented: Presented, handle: str, visibility_s: int, now_ms: int) -> State | None:
        """Return a message as it is when it becomes visible in `visibility_s` seconds.

        None for one that is visible again, or was received again: it stays as it is.
        """
        if not 0 <= visibility_s <= LONGEST_VISIBILITY_S:
            reason = f"VisibilityTimeout must be an integer between 0 and {LONGEST_VISIBILITY_S}."
            raise errors.invalid_value(visibility_s, "VisibilityTimeout", reason)
        receipt, state = _the_receipt(presented, handle)
        if state is None:
            reason = "Message does not exist or is not available for visibility timeout change."
            raise errors.invalid_value(handle, "ReceiptHandle", reason)
        if now_ms + visibility_s * 1000 - receipt.at_ms > LONGEST_VISIBILITY_S * 1000:
            reason = f"Total VisibilityTimeout for the message is beyond the limit [{LONGEST_VISIBILITY_S} seconds]"
            raise errors.invalid_value(visibility_s, "VisibilityTimeout", reason)
        return state._replace(visible_ms=now_ms + visibility_s * 1000) if _holds(receipt, state, now_ms) else None

    async def change(self, live: LiveQueue, states: Sequence[State]) -> None:
        """Let messages become visible when they say, and whoever waits for them know it."""
        await self._store.write_with_others(note_receives, *[receive_of(state) for state in states])
        groups = live.known_groups()
        for state in states:
            if groups is not None and state.ordered_in is not None:
                groups.in_flight(state.ordered_in, state.number, state.visible_ms)
        live.wake_all()


def _the_receipt(presented: Presented, handle: str) -> tuple[Receipt, State | None]:
    found = presented.get(handle)
    if found is None:
        raise errors.invalid_receipt(handle)
    return found


def _holds(receipt: Receipt, state: State, now_ms: int) -> bool:
    return state.received == receipt.received and state.visible_ms > now_ms
