"""The table of accepted events: written and emptied many at a time, and taken over from older data directories."""

from __future__ import annotations

import pytest

from lambent.base.clock import ManualClock
from lambent.cloud.services.lambda_.events import Done, EventChange, event_of, waiting_events, write_changes
from lambent.cloud.services.lambda_.model.event import QueuedEvent, key_of
from lambent.cloud.services.lambda_.schema import scripts
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.sqlite_store import SqliteStore, memory_store
from lambent.cloud.store.unit_of_work import OutboxEffect, Transaction

SCOPE = Scope("123456789012", "eu-west-1")
SCRIPTS = scripts()


async def opened(scripts: list[str]) -> SqliteStore:
    store = memory_store(ManualClock())
    await store.migrate("lambda", scripts)
    return store


def event(number: int, function_errors: int = 0) -> QueuedEvent:
    return QueuedEvent(
        f"r{number}",
        SCOPE,
        "f",
        "live",
        b'{"n": 1}',
        accepted_at=10.5,
        due_at=10.5,
        trace_id="Root=1",
        function_errors=function_errors,
        number=number,
    )


def kept(store: SqliteStore) -> list[QueuedEvent | None]:
    waiting = waiting_events(store.read)
    found = [event_of(store.read, each.number) for each in waiting]
    assert [(each.function, each.due_at) for each in waiting] == [(key_of(e), e.due_at) for e in found if e is not None]
    return found


@pytest.mark.parametrize("count", [1, 2, 5, 31, 128, 129, 300])
async def test_any_number_of_events_is_written_and_removed_together(count: int) -> None:
    store = await opened(SCRIPTS)
    events = [event(number) for number in range(1, count + 1)]
    await store.write_with_others(write_changes, *events)
    assert kept(store) == events
    tried = event(1, function_errors=1)
    changes: list[EventChange] = [tried, *(Done(each.number, ()) for each in events[1:])]
    await store.write_with_others(write_changes, *changes)
    assert kept(store) == [tried]
    await store.close()


async def test_what_goes_out_for_an_event_is_committed_with_its_removal() -> None:
    store = await opened(SCRIPTS)
    await store.write_with_others(write_changes, event(1), event(2))
    await store.write_with_others(write_changes, Done(1, ()), Done(2, [OutboxEffect("topic", "{}")]))
    assert waiting_events(store.read) == []
    assert store.undelivered() == 1
    await store.close()


async def test_events_that_an_older_version_accepted_are_numbered_in_their_order() -> None:
    store = await opened(SCRIPTS[:3])

    def accept(transaction: Transaction) -> None:
        for request_id, accepted_at in (("second", 20.0), ("first", 10.0)):
            transaction.execute(
                "INSERT INTO lambda_events VALUES (?, '123456789012', 'eu-west-1', 'f', 'live', ?, NULL, NULL, ?, 90.0,"
                " 1, 2)",
                (request_id, b"{}", accepted_at),
            )

    await store.write(accept)
    await store.migrate("lambda", SCRIPTS)
    expected = [
        QueuedEvent(name, SCOPE, "f", "live", b"{}", at, 90.0, function_errors=1, system_errors=2, number=number)
        for number, (name, at) in enumerate((("first", 10.0), ("second", 20.0)), 1)
    ]
    assert kept(store) == expected
    await store.close()
