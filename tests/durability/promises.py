"""What must hold of a data directory after a crash, given what the workload had printed by then."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from lambent.base.clock import ManualClock
from lambent.cloud.store.blobs import Blobs, Digest, digest_of
from lambent.cloud.store.sqlite_store import store_in
from tests.durability.workload import SCHEMA


async def broken_promises(directory: Path, acknowledged: Sequence[str]) -> list[str]:
    """Open the data directory and return a line for everything that is missing or half done."""
    began = time.perf_counter()
    store = store_in(directory, ManualClock())
    blobs = Blobs(directory / "blobs")
    took = time.perf_counter() - began
    try:
        await store.migrate("workload", [SCHEMA])
        rows = {int(str(number)): str(blob) for number, blob in store.read.all("SELECT id, blob FROM rows")}
        twins = {int(str(number)) for (number,) in store.read.all("SELECT id FROM twins")}
        waiting = {str(payload) for (payload,) in store.read.all("SELECT payload FROM outbox")}
        checks = [str(finding) for (finding,) in store.read.all("PRAGMA quick_check")]
        lost = [f"SQLite finds: {finding}" for finding in checks if finding != "ok"]
        lost += [f"lost: {line}" for line in _lost(acknowledged, rows, waiting)]
        lost += [f"row without its twin, or the reverse: {number}" for number in twins.symmetric_difference(rows)]
        for number, blob in rows.items():
            path = blobs.path(Digest(blob))
            if not path.exists() or digest_of(path.read_bytes()) != blob:
                lost.append(f"row {number} names a blob that is missing or damaged")
        if took >= 1.0:
            lost.append(f"recovery took {took:.2f} s")
        return lost
    finally:
        await blobs.close()
        await store.close()


def _lost(acknowledged: Sequence[str], rows: dict[int, str], waiting: set[str]) -> list[str]:
    delivered = {line.split()[1] for line in acknowledged if line.startswith("delivered ")}
    lost = []
    for line in acknowledged:
        kind, number = line.split()
        kept = {
            "row": int(number) in rows,
            "effect": number in waiting or number in delivered,
            "delivered": int(number) in rows,
        }
        if not kept[kind]:
            lost.append(line)
    return lost
