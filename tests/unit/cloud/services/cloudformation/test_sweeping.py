"""What CloudFormation forgets in time, and what it does not."""

from __future__ import annotations

from functools import partial

import pytest

from lambent.base.clock import ManualClock
from lambent.base.identifiers import SeededIds
from lambent.cloud.services.cloudformation import drift_repository, repository
from lambent.cloud.services.cloudformation.model.states import StackStatus
from lambent.cloud.services.cloudformation.service import CloudFormationService
from lambent.cloud.services.cloudformation.sweeping import KEPT_S
from tests.unit.cloud.services.cloudformation.bench import ID, SCOPE, Bench, Nobody

_S = StackStatus
TABLES = (
    "address", "answer", "change_set", "drift", "drift_detection", "event", "leftover", "operation", "resource",
    "signal", "snapshot", "stack", "topics",
)  # fmt: skip


async def swept(bench: Bench, after_s: float) -> None:
    """Let time pass and what is old be removed."""
    assert isinstance(bench.clock, ManualClock)
    await bench.clock.advance(after_s)
    service = CloudFormationService(bench.store, Nobody(), clock=bench.clock, ids=SeededIds(2), endpoint_url="")
    (loop,) = service.loops()
    await loop.step()


def rows(bench: Bench) -> dict[str, int]:
    """Return how many rows there are, by table, where there are any."""
    counted = {
        one: bench.store.read.all(f"SELECT 1 FROM cloudformation_{one}")  # noqa: S608 - names from above
        for one in TABLES
    }
    return {table: len(found) for table, found in counted.items() if found}


async def test_a_deleted_stack_is_told_of_for_ninety_days(timed: Bench) -> None:
    await timed.create(A={"P": "1"})
    await timed.go(_S.DELETE_IN_PROGRESS)
    before = rows(timed)
    await swept(timed, KEPT_S - 1)
    assert rows(timed) == before
    assert repository.stack(timed.store.read, SCOPE, ID) is not None
    await swept(timed, 2)
    assert rows(timed) == {}


async def test_a_stack_that_lives_loses_its_old_events_and_nothing_else(
    timed: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambent.cloud.services.cloudformation.sweeping._AT_ONCE", 2)
    await timed.create(A={"P": "1"})
    await timed.update(A={"P": "2"})
    now = timed.clock.now()
    for name, is_done in (("over", True), ("under way", False)):
        body = {"StackId": ID, "Timestamp": now}
        await timed.store.write(
            partial(drift_repository.save_drift_detection, detection_id=name, body=body, is_done=is_done)
        )
    await swept(timed, KEPT_S - 1)
    assert timed.reasons()[0][1] == "CREATE_IN_PROGRESS"
    await timed.update(A={"P": "3"})
    last = repository.operations(timed.store.read, SCOPE, stack_id=ID).keys()
    assert len(last) == 3
    await swept(timed, 2)
    assert [status for who, status, _ in timed.reasons() if who == "s"] == [
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_COMPLETE",
    ]
    assert list(repository.operations(timed.store.read, SCOPE, stack_id=ID)) == [timed.stack.operation_id]
    assert drift_repository.drift_detection(timed.store.read, "over") is None
    assert drift_repository.drift_detection(timed.store.read, "under way") is not None
    assert (await timed.update(A={"P": "4"})).status is _S.UPDATE_COMPLETE
    assert timed.made() == {"A": {"P": "4"}}
