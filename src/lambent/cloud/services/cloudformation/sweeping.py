"""What is forgotten in time: events, operations and drift detections, and stacks that were deleted.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStacks.html
"""

from __future__ import annotations

from functools import partial
from typing import Final

from lambent.base.clock import Clock
from lambent.cloud.store.unit_of_work import Store, Transaction

KEPT_S: Final = 90 * 86_400.0
# Removal goes in small transactions, between which others write.
_AT_ONCE = 500
_OF_A_STACK = (
    "change_set", "drift", "drift_detection", "event", "leftover", "operation", "resource",
    "snapshot", "topics",
)  # fmt: skip


class Sweep:
    """Removes what is older than ninety days."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def sweep(self) -> None:
        """Remove what is too old, a little at a time."""
        before = self._clock.now() - KEPT_S
        for step in (_remove_stack, _remove_events, _remove_operations, _remove_detections):
            while await self._store.write(partial(step, before=before)):
                pass


def _remove_stack(transaction: Transaction, before: float) -> bool:
    """Remove one stack with all that is of it; return whether there was one."""
    row = transaction.one(
        "SELECT id FROM cloudformation_stack WHERE status = 'DELETE_COMPLETE'"
        " AND json_extract(body, '$.deleted') < ? LIMIT 1",
        (before,),
    )
    if row is None:
        return False
    for table in _OF_A_STACK:
        transaction.execute(f"DELETE FROM cloudformation_{table} WHERE stack_id = ?", (row[0],))  # noqa: S608 - names from above
    transaction.execute("DELETE FROM cloudformation_stack WHERE id = ?", (row[0],))
    return True


def _remove_events(transaction: Transaction, before: float) -> bool:
    """Remove the oldest events; return whether there may be more. Their numbers grow with their times."""
    rows = transaction.all(
        "SELECT number, json_extract(body, '$.at') FROM cloudformation_event ORDER BY number LIMIT ?", (_AT_ONCE,)
    )
    old = [int(str(number)) for number, at in rows if float(str(at)) < before]
    if old:
        transaction.execute("DELETE FROM cloudformation_event WHERE number <= ?", (old[-1],))
    return len(old) == _AT_ONCE


def _remove_operations(transaction: Transaction, before: float) -> bool:
    """Remove operations, but for one that may still be under way; return whether there may be more."""
    return _remove_found(
        transaction,
        "operation",
        "SELECT o.id FROM cloudformation_operation o LEFT JOIN cloudformation_stack s ON s.id = o.stack_id"
        " WHERE o.began < ? AND o.id IS NOT json_extract(s.body, '$.operation_id') LIMIT ?",
        before,
    )


def _remove_detections(transaction: Transaction, before: float) -> bool:
    """Remove drift detections that are over; return whether there may be more."""
    return _remove_found(
        transaction,
        "drift_detection",
        "SELECT id FROM cloudformation_drift_detection WHERE is_done = 1 AND json_extract(body, '$.Timestamp') < ?"
        " LIMIT ?",
        before,
    )


def _remove_found(transaction: Transaction, table: str, query: str, before: float) -> bool:
    old = transaction.all(query, (before, _AT_ONCE))
    transaction.executemany(f"DELETE FROM cloudformation_{table} WHERE id = ?", old)  # noqa: S608 - names from above
    return len(old) == _AT_ONCE
