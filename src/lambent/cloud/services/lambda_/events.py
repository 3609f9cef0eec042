"""The table of accepted asynchronous events: rows to queued events and back."""

from __future__ import annotations

from collections.abc import Sequence

from lambent.cloud.services.lambda_.model.event import QueuedEvent
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, SqlValue, Transaction

_COLUMNS = (
    "request_id, account, region, function, qualifier, payload, client_context, trace_id, accepted_at, due_at,"
    " function_errors, system_errors"
)


def put_event(transaction: Transaction, event: QueuedEvent) -> None:
    """Add an event, or replace what is known of its attempts."""
    transaction.execute(
        f"INSERT OR REPLACE INTO lambda_events ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
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
        ),
    )


def delete_event(transaction: Transaction, request_id: str) -> None:
    """Remove an event that is owed to nobody any more."""
    transaction.execute("DELETE FROM lambda_events WHERE request_id = ?", (request_id,))


def waiting_events(reader: Reader) -> list[QueuedEvent]:
    """Return every event, in the order in which they are due."""
    rows = reader.all(f"SELECT {_COLUMNS} FROM lambda_events ORDER BY due_at")
    return [_event(row) for row in rows]


def _event(row: Sequence[SqlValue]) -> QueuedEvent:
    request_id, account, region, function, qualifier, payload, client_context, trace_id = row[:8]
    accepted_at, due_at, function_errors, system_errors = row[8:]
    return QueuedEvent(
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
