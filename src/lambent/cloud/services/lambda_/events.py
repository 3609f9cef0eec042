"""The table of accepted asynchronous events: rows to queued events and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lambent.cloud.services.lambda_.model.event import FunctionKey, QueuedEvent
from lambent.cloud.store.helpings import in_helpings
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import OutboxEffect, Reader, SqlValue, Transaction

_COLUMNS = (
    "number, request_id, account, region, function, qualifier, payload, client_context, trace_id, accepted_at, due_at,"
    " function_errors, system_errors"
)
_PLACES = f"({', '.join('?' * 13)})"


@dataclass(frozen=True, slots=True)
class Done:
    """An event that is owed to nobody any more, by its number, and what goes out for it."""

    number: int
    deliveries: Sequence[OutboxEffect]


EventChange = QueuedEvent | Done


def write_changes(transaction: Transaction, changes: Sequence[EventChange]) -> None:
    """Add events, or replace what is known of their attempts; remove those that are done, and enqueue what follows.

    An event is never accepted and done in one call: it is tried only once it is durable.
    """
    rows = [_row(change) for change in changes if isinstance(change, QueuedEvent)]
    for some in in_helpings(rows):
        values = ", ".join([_PLACES] * len(some))
        parameters = [value for row in some for value in row]
        transaction.execute(f"INSERT OR REPLACE INTO lambda_events ({_COLUMNS}) VALUES {values}", parameters)
    done = [change for change in changes if isinstance(change, Done)]
    for numbers in in_helpings([change.number for change in done]):
        places = ", ".join("?" * len(numbers))
        transaction.execute(f"DELETE FROM lambda_events WHERE number IN ({places})", numbers)
    for change in done:
        for delivery in change.deliveries:
            transaction.enqueue(delivery)


def _row(event: QueuedEvent) -> tuple[SqlValue, ...]:
    return (
        event.number,
        event.request_id,
        event.scope.account,
        event.scope.region,
        event.function,
        event.qualifier,
        event.payload,
        event.client_context,
        event.trace_id,
        event.accepted_at,
        event.due_at,
        event.function_errors,
        event.system_errors,
    )


@dataclass(frozen=True, slots=True)
class WaitingEvent:
    """An event that is kept: its number, whose it is, and when it is due."""

    number: int
    function: FunctionKey
    due_at: float


def waiting_events(reader: Reader) -> list[WaitingEvent]:
    """Return every event, in the order in which they were accepted."""
    rows = reader.all("SELECT number, account, region, function, due_at FROM lambda_events ORDER BY number")
    return [
        WaitingEvent(int(str(number)), (str(account), str(region), str(function)), float(str(due_at)))
        for number, account, region, function, due_at in rows
    ]


def event_of(reader: Reader, number: int) -> QueuedEvent | None:
    """Return the event of a number; None where there is none any more."""
    row = reader.one(f"SELECT {_COLUMNS} FROM lambda_events WHERE number = ?", (number,))
    return None if row is None else _event(row)


def _event(row: Sequence[SqlValue]) -> QueuedEvent:
    number, request_id, account, region, function, qualifier, payload, client_context, trace_id = row[:9]
    accepted_at, due_at, function_errors, system_errors = row[9:]
    return QueuedEvent(
        number=int(str(number)),
        request_id=str(request_id),
        scope=Scope(str(account), str(region)),
        function=str(function),
        qualifier=str(qualifier),
        payload=payload if isinstance(payload, bytes) else b"",
        client_context=None if client_context is None else str(client_context),
        trace_id=None if trace_id is None else str(trace_id),
        accepted_at=float(str(accepted_at)),
        due_at=float(str(due_at)),
        function_errors=int(str(function_errors)),
        system_errors=int(str(system_errors)),
    )
