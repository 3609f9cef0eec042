"""Rows of drift detections and of what they found."""

from __future__ import annotations

from typing import Any

import orjson

from lambent.cloud.store.unit_of_work import Reader, Transaction

Body = dict[str, Any]  # Any: members of a shape


def save_drift_detection(transaction: Transaction, detection_id: str, body: Body, *, is_done: bool) -> None:
    """Write a drift detection, new or changed."""
    transaction.execute(
        "INSERT INTO cloudformation_drift_detection (id, stack_id, is_done, body) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET is_done = excluded.is_done, body = excluded.body",
        (detection_id, str(body["StackId"]), int(is_done), orjson.dumps(body).decode()),
    )


def drift_detection(reader: Reader, detection_id: str) -> Body | None:
    """Return a drift detection, or None."""
    row = reader.one("SELECT body FROM cloudformation_drift_detection WHERE id = ?", (detection_id,))
    return None if row is None else orjson.loads(str(row[0]))


def drift_detections(reader: Reader) -> list[Body]:
    """Return the drift detections that are under way, in any scope."""
    return [
        orjson.loads(str(row[0]))
        for row in reader.all("SELECT body FROM cloudformation_drift_detection WHERE is_done = 0")
    ]


def save_drift(transaction: Transaction, stack_id: str, logical_id: str, body: Body) -> None:
    """Keep the drift of a resource, which replaces what was found before."""
    transaction.execute(
        "INSERT INTO cloudformation_drift (stack_id, logical_id, body) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET body = excluded.body",
        (stack_id, logical_id, orjson.dumps(body).decode()),
    )


def drifts(reader: Reader, stack_id: str) -> list[Body]:
    """Return the last drift of each of a stack's resources that it still lists."""
    rows = reader.all(
        "SELECT d.body FROM cloudformation_drift d JOIN cloudformation_resource r"
        " ON r.stack_id = d.stack_id AND r.logical_id = d.logical_id WHERE d.stack_id = ? ORDER BY d.logical_id",
        (stack_id,),
    )
    return [orjson.loads(str(row[0])) for row in rows]
