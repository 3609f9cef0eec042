from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from lambent.base.clock import ManualClock
from lambent.cloud.store.outbox import pause_after
from lambent.cloud.store.sqlite_store import SqliteStore, memory_store, store_in
from lambent.cloud.store.unit_of_work import OutboxEffect, Transaction


def effects(*payloads: str, topic: str = "invoke") -> Callable[[Transaction], None]:
    def work(transaction: Transaction) -> None:
        for payload in payloads:
            transaction.enqueue(OutboxEffect(topic, payload))

    return work


class Recipient:
    """Takes effects; refuses each payload as often as `refusals` says."""

    def __init__(self, **refusals: int) -> None:
        self.taken: list[str] = []
        self.tried: list[str] = []
        self._refusals = refusals
        self._enough = asyncio.Event()
        self._wanted = 0

    async def __call__(self, payload: str) -> None:
        self.tried.append(payload)
        self._check()
        if self._refusals.get(payload, 0) > 0:
            self._refusals[payload] -= 1
            raise ConnectionError(f"not now: {payload}")
        self.taken.append(payload)

    async def tries(self, count: int) -> None:
        self._wanted = count
        self._enough.clear()
        self._check()
        await asyncio.wait_for(self._enough.wait(), 10)

    def _check(self) -> None:
        if len(self.tried) >= self._wanted:
            self._enough.set()


def rows(store: SqliteStore) -> list[object]:
    return [payload for (payload,) in store.read.all("SELECT payload FROM outbox ORDER BY id")]


@pytest.fixture(params=["file", "memory"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[ManualClock], SqliteStore]:
    if request.param == "memory":
        return memory_store
    return lambda clock: store_in(tmp_path / "data", clock)


async def test_effects_are_delivered_in_order_and_then_gone(opened: Callable[[ManualClock], SqliteStore]) -> None:
    store, recipient = opened(ManualClock()), Recipient()
    store.deliver("invoke", recipient)
    store.start_delivery()
    await asyncio.gather(store.write(effects("1", "2")), store.write(effects("3")))
    await recipient.tries(3)
    assert recipient.taken == ["1", "2", "3"]
    await store.close()
    assert store.undelivered() == 0


async def test_an_effect_of_a_unit_that_failed_is_never_delivered(
    opened: Callable[[ManualClock], SqliteStore],
) -> None:
    store, recipient = opened(ManualClock()), Recipient()
    store.deliver("invoke", recipient)
    store.start_delivery()

    def fail(transaction: Transaction) -> None:
        effects("never")(transaction)
        raise LookupError

    await asyncio.gather(
        store.write(effects("1")), store.write(fail), store.write(effects("2")), return_exceptions=True
    )
    await recipient.tries(2)
    assert recipient.tried == ["1", "2"]
    await store.close()


async def test_a_failed_delivery_is_tried_again_with_growing_pauses_and_holds_up_its_topic_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = ManualClock()
    store, recipient, other = memory_store(clock), Recipient(a=2), Recipient()
    store.deliver("invoke", recipient)
    store.deliver("notify", other)
    store.start_delivery()
    await store.write(effects("a", "b"))
    await store.write(effects("c", topic="notify"))
    await clock.advance(0.09)
    assert (recipient.tried, other.taken) == (["a"], ["c"])
    await clock.advance(0.02)
    assert recipient.tried == ["a", "a"]
    assert store.undelivered() == 2
    await clock.advance(0.2)
    assert recipient.taken == ["a", "b"]
    assert "delivery 2 of an effect for invoke failed" in caplog.text
    assert rows(store) == []
    await store.close()


async def test_what_was_not_delivered_is_delivered_by_the_next_run_before_anything_new(tmp_path: Path) -> None:
    store = store_in(tmp_path, ManualClock())
    refusing = Recipient(a=1_000)
    store.deliver("invoke", refusing)
    store.start_delivery()
    await store.write(effects("a", "b"))
    await refusing.tries(1)
    await store.close()

    store, recipient = store_in(tmp_path, ManualClock()), Recipient()
    assert store.undelivered() == 2
    await store.write(effects("c"))  # committed before delivery begins
    store.deliver("invoke", recipient)
    store.start_delivery()
    await recipient.tries(3)
    assert recipient.taken == ["a", "b", "c"]
    await store.close()

    store = store_in(tmp_path, ManualClock())
    assert rows(store) == []
    await store.close()


async def test_effects_that_nobody_handles_are_kept_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = store_in(tmp_path, ManualClock())
    await store.write(effects("a", topic="forgotten"))
    store.start_delivery()
    assert "the outbox keeps effects for forgotten, which nobody handles" in caplog.text
    recipient = Recipient()
    store.deliver("forgotten", recipient)
    await recipient.tries(1)
    with pytest.raises(ValueError, match="has a handler already"):
        store.deliver("forgotten", recipient)
    await store.close()


def test_pauses_double_up_to_a_minute() -> None:
    assert [pause_after(failures) for failures in (1, 2, 3, 10, 11, 10_000)] == [0.1, 0.2, 0.4, 51.2, 60.0, 60.0]
