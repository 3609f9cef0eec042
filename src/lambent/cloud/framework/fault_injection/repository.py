"""The table of faults on purpose: rows to faults and back."""

from __future__ import annotations

from collections.abc import Iterable

from lambent.cloud.framework.faults.fault import Fault
from lambent.cloud.framework.faults.kind import FaultKind
from lambent.cloud.store.unit_of_work import Reader, Transaction


def faults(reader: Reader) -> list[tuple[Fault, int]]:
    """Return the faults in the order in which they began, each with how often it has struck."""
    rows = reader.all(
        "SELECT id, kind, target, percentage, begun_at, ends_at, delay_s, strikes FROM faults ORDER BY begun_at, id"
    )
    found = []
    for row in rows:
        fault_id, kind, target, percentage, begun_at, ends_at, delay_s, strikes = map(str, row)
        fault = Fault(
            fault_id, FaultKind(kind), target, int(percentage), float(begun_at), float(ends_at), float(delay_s)
        )
        found.append((fault, int(strikes)))
    return found


def add(transaction: Transaction, fault: Fault) -> None:
    """Write a fault that begins."""
    transaction.execute(
        "INSERT INTO faults (id, kind, target, percentage, begun_at, ends_at, delay_s) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (fault.id, fault.kind.value, fault.target, fault.percentage, fault.begun_at, fault.ends_at, fault.delay_s),
    )


def remove(transaction: Transaction, ids: Iterable[str]) -> None:
    """Remove faults that have ended."""
    transaction.executemany("DELETE FROM faults WHERE id = ?", [(each,) for each in ids])


def note_strikes(transaction: Transaction, counts: Iterable[tuple[str, int]]) -> None:
    """Write how often faults have struck."""
    transaction.executemany("UPDATE faults SET strikes = ? WHERE id = ?", [(count, each) for each, count in counts])
