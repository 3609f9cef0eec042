from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lambent.base.clock import ManualClock
from lambent.cloud.framework.deliveries import Addition, Deliveries, Delivery, Retry, Settled
from lambent.cloud.store.sqlite_store import SqliteStore, memory_store, store_in
from lambent.cloud.store.unit_of_work import Store, Transaction
from tests.full_store import FullStore
from tests.waiting import eventually_here

Answer = Callable[[Delivery], Awaitable[Settled | Retry]]


class Recipient:
    """Takes deliveries; each payload is refused as often as told, a minute at a time."""

    def __init__(self, clock: ManualClock, **refusals: int) -> None:
        self.taken: list[str] = []
        self.tried: list[tuple[str, int]] = []
        self.most_at_once = 0
        self._at_once = 0
        self._clock = clock
        self._refusals = refusals
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, delivery: Delivery) -> Settled | Retry:
        told = delivery.payload.decode()
        self.tried.append((told, delivery.attempts))
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        await self.gate.wait()
        self._at_once -= 1
        if self._refusals.get(told, 0) > delivery.attempts:
            return Retry(self._clock.now() + 60.0)
        self.taken.append(told)
        return Settled()


def adding(deliveries: Deliveries, *payloads: str, key: str = "") -> Callable[[Transaction], None]:
    def work(transaction: Transaction) -> None:
        deliveries.add_all(transaction, [Addition(payload.encode(), key) for payload in payloads])

    return work


@pytest.fixture(params=["file", "memory"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[ManualClock], SqliteStore]:
    if request.param == "memory":
        return memory_store
    return lambda clock: store_in(tmp_path / "data", clock)


@asynccontextmanager
async def running(store: Store, clock: ManualClock, answer: Answer, at_once: int = 64) -> AsyncIterator[Deliveries]:
    deliveries = Deliveries("test", store, clock, answer, at_once)
    await deliveries.start()
    try:
        yield deliveries
    finally:
        await deliveries.stop()


async def settled(deliveries: Deliveries) -> None:
    await eventually_here(lambda: deliveries.pending() == 0)


async def tried(recipient: Recipient, count: int) -> None:
    await eventually_here(lambda: len(recipient.tried) >= count)


async def test_what_was_added_is_tried_and_removed(opened: Callable[[ManualClock], SqliteStore]) -> None:
    clock = ManualClock()
    store, recipient = opened(clock), Recipient(clock)
    async with running(store, clock, recipient) as deliveries:
        await store.write(adding(deliveries, "a", "b"))
        await settled(deliveries)
    assert sorted(recipient.taken) == ["a", "b"]
    await store.close()


async def test_a_unit_that_fails_adds_nothing(opened: Callable[[ManualClock], SqliteStore]) -> None:
    clock = ManualClock()
    store, recipient = opened(clock), Recipient(clock)

    def broken(transaction: Transaction) -> None:
        adding(deliveries, "a")(transaction)
        raise ValueError("undone")

    async with running(store, clock, recipient) as deliveries:
        with pytest.raises(ValueError, match="undone"):
            await store.write(broken)
        await store.write(adding(deliveries, "b"))
        await settled(deliveries)
    assert [told for told, _ in recipient.tried] == ["b"]
    await store.close()


async def test_one_that_is_refused_waits_by_the_clock_and_holds_up_nobody(
    opened: Callable[[ManualClock], SqliteStore],
) -> None:
    clock = ManualClock()
    store, recipient = opened(clock), Recipient(clock, a=2)
    async with running(store, clock, recipient) as deliveries:
        await store.write(adding(deliveries, "a", "b"))
        await tried(recipient, 2)
        await clock.advance(59)
        assert recipient.taken == ["b"]
        await clock.advance(1)
        assert recipient.taken == ["b"]
        await clock.advance(60)
        await settled(deliveries)
    assert recipient.taken == ["b", "a"]
    assert [count for told, count in recipient.tried if told == "a"] == [0, 1, 2]
    await store.close()


async def test_those_of_one_key_keep_their_order_while_others_pass(
    opened: Callable[[ManualClock], SqliteStore],
) -> None:
    clock = ManualClock()
    store, recipient = opened(clock), Recipient(clock, a1=1)
    async with running(store, clock, recipient) as deliveries:
        await store.write(adding(deliveries, "a1", "a2", key="a"))
        await store.write(adding(deliveries, "b1", key="b"))
        await store.write(adding(deliveries, "a3", key="a"))
        await tried(recipient, 2)
        await clock.advance(60)
        await settled(deliveries)
    assert recipient.taken == ["b1", "a1", "a2", "a3"]
    await store.close()


async def test_no_more_than_told_are_under_way(opened: Callable[[ManualClock], SqliteStore]) -> None:
    clock = ManualClock()
    store, recipient = opened(clock), Recipient(clock)
    recipient.gate.clear()
    async with running(store, clock, recipient, at_once=3) as deliveries:
        await store.write(adding(deliveries, *map(str, range(10))))
        await tried(recipient, 3)
        recipient.gate.set()
        await settled(deliveries)
    assert recipient.most_at_once == 3
    await store.close()


async def test_what_an_attempt_raises_is_tried_again(opened: Callable[[ManualClock], SqliteStore]) -> None:
    clock = ManualClock()
    store, calls = opened(clock), itertools.count(1)

    async def answer(_: Delivery) -> Settled | Retry:
        if next(calls) == 1:
            raise ConnectionError("not now")
        return Settled()

    async with running(store, clock, answer) as deliveries:
        await store.write(adding(deliveries, "a"))
        await clock.advance(1)
        await settled(deliveries)
    assert next(calls) == 3
    await store.close()


async def test_what_follows_is_written_with_the_removal(opened: Callable[[ManualClock], SqliteStore]) -> None:
    clock = ManualClock()
    store, letters = opened(clock), Recipient(clock)

    async def give_up(delivery: Delivery) -> Settled | Retry:
        return Settled(lambda transaction: dead.add(transaction, b"dead " + delivery.payload))

    dead = Deliveries("dead", store, clock, letters)
    await dead.start()
    async with running(store, clock, give_up) as deliveries:
        await store.write(adding(deliveries, "a"))
        await settled(deliveries)
        await settled(dead)
    assert letters.taken == ["dead a"]
    await dead.stop()
    await store.close()


async def test_one_may_be_added_for_later(opened: Callable[[ManualClock], SqliteStore]) -> None:
    clock = ManualClock()
    store, recipient = opened(clock), Recipient(clock)
    async with running(store, clock, recipient) as deliveries:
        due = clock.now() + 3600
        await store.write(lambda transaction: deliveries.add(transaction, b"later", due_at=due))
        await store.write(adding(deliveries, "now"))
        await clock.advance(3599)
        assert recipient.taken == ["now"]
        await clock.advance(1)
        await settled(deliveries)
    assert recipient.taken == ["now", "later"]
    await store.close()


async def test_a_restart_goes_on_with_what_is_owed_in_order(tmp_path: Path) -> None:
    clock = ManualClock()
    store, never = store_in(tmp_path / "data", clock), Recipient(clock)
    never.gate.clear()
    async with running(store, clock, never) as deliveries:
        await store.write(adding(deliveries, "a1", "a2", key="a"))
        await store.write(adding(deliveries, "b"))
        await tried(never, 2)
    await store.close()
    store, recipient = store_in(tmp_path / "data", clock), Recipient(clock)
    async with running(store, clock, recipient) as deliveries:
        await store.write(adding(deliveries, "a3", key="a"))
        await settled(deliveries)
    assert [told for told in recipient.taken if told.startswith("a")] == ["a1", "a2", "a3"]
    assert "b" in recipient.taken
    await store.close()


async def test_more_than_memory_keeps_is_read_when_its_turn_comes(tmp_path: Path) -> None:
    clock = ManualClock()
    store, recipient = store_in(tmp_path / "data", clock), Recipient(clock)
    recipient.gate.clear()
    large = [f"{number}{'x' * 300_000}" for number in range(12)]
    async with running(store, clock, recipient, at_once=2) as deliveries:
        await store.write(adding(deliveries, *large))
        recipient.gate.set()
        await settled(deliveries)
    assert sorted(recipient.taken) == sorted(large)
    await store.close()


@pytest.mark.parametrize("refusals", [0, 1])
async def test_a_full_disk_holds_up_what_is_owed_and_loses_none_of_it(refusals: int) -> None:
    clock = ManualClock()
    kept = memory_store(clock)
    store = FullStore(kept)
    recipient = Recipient(clock, a1=refusals)
    recipient.gate.clear()

    async def answer(delivery: Delivery) -> Settled | Retry:
        outcome = await recipient(delivery)
        return Settled(lambda _: None) if isinstance(outcome, Settled) else outcome

    async with running(store, clock, answer, at_once=1) as deliveries:
        await store.write(adding(deliveries, "a1", "a2", key="a"))
        await store.write(adding(deliveries, "b"))
        await tried(recipient, 1)
        store.is_full = True
        recipient.gate.set()
        await tried(recipient, 2)
        store.is_full = False
        await clock.advance(120)
        await settled(deliveries)
    assert {"a1", "a2", "b"} == set(recipient.taken)
    assert recipient.taken.index("a1") < recipient.taken.index("a2")
    await kept.close()
