"""Rows of message move tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lambent.cloud.services.sqs.model.move_task import MoveTask, Status
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Transaction

Row = Sequence[Any]  # Any: the tables are STRICT, so each column has the type that the schema says

_TASK = "id, account, region, source_arn, destination_arn, most_per_second, status, started_ms, moved, to_move, failure"


def add_task(transaction: Transaction, task: MoveTask) -> None:
    """Write a new task."""
    transaction.execute(
        f"INSERT INTO sqs_move_task ({_TASK}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            task.id,
            task.scope.account,
            task.scope.region,
            task.source_arn,
            task.destination_arn,
            task.most_per_second,
            task.status.value,
            task.started_ms,
            task.moved,
            task.to_move,
            task.failure,
        ),
    )


def note_moved(transaction: Transaction, task_id: str, count: int) -> None:
    """Note that a task has moved more messages."""
    transaction.execute("UPDATE sqs_move_task SET moved = moved + ? WHERE id = ?", (count, task_id))


def change_status(transaction: Transaction, task_id: str, status: Status, failure: str | None = None) -> None:
    """Write how far a task is."""
    transaction.execute(
        "UPDATE sqs_move_task SET status = ?, failure = ? WHERE id = ?", (status.value, failure, task_id)
    )


def task(reader: Reader, task_id: str) -> MoveTask | None:
    """Return the task, or None."""
    row: Row | None = reader.one(f"SELECT {_TASK} FROM sqs_move_task WHERE id = ?", (task_id,))
    return None if row is None else _as_task(row)


def tasks(reader: Reader, source_arn: str, limit: int) -> list[MoveTask]:
    """Return the latest tasks of a queue, the last that was started first."""
    rows: Sequence[Row] = reader.all(
        f"SELECT {_TASK} FROM sqs_move_task WHERE source_arn = ? ORDER BY started_ms DESC LIMIT ?", (source_arn, limit)
    )
    return [_as_task(row) for row in rows]


def under_way(reader: Reader) -> list[MoveTask]:
    """Return every task that has not come to its end."""
    rows: Sequence[Row] = reader.all(f"SELECT {_TASK} FROM sqs_move_task WHERE status IN ('RUNNING', 'CANCELLING')")
    return [_as_task(row) for row in rows]


def _as_task(row: Row) -> MoveTask:
    task_id, account, region, source, destination, most, status, started, moved, to_move, failure = row
    scope = Scope(account, region)
    return MoveTask(task_id, scope, source, destination, most, Status(status), started, moved, to_move, failure)
