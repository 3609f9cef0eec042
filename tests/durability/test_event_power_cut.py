"""Events accepted before a power cut: each has run, or is there when the platform's data is read again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lambent.base.clock import ManualClock
from lambent.base.identifiers import SeededIds
from lambent.cloud.store.sqlite_store import store_in
from tests.durability.shim import Cut, PowerCutShim, Survival, read_journal
from tests.requirements import ROOT, process_environment

WORKLOAD = Path(__file__).with_name("event_workload.py")


async def lost_events(cut: Cut, folder: Path) -> set[str]:
    """Return the ids of accepted events that have neither run nor wait in what the cut has left."""
    cut.restore(folder)
    said = [line.split() for line in cut.acknowledged]
    accepted = {request_id for what, request_id in said if what == "accepted"}
    ran = {request_id for what, request_id in said if what == "ran"}
    store = store_in(folder / "data", ManualClock())
    try:
        tables = store.read.all("SELECT 1 FROM sqlite_schema WHERE name = 'lambda_events'")
        rows = store.read.all("SELECT request_id FROM lambda_events") if tables else []
        return accepted - ran - {str(request_id) for (request_id,) in rows}
    finally:
        await store.close()
        shutil.rmtree(folder)


@pytest.mark.timeout(120)
async def test_an_accepted_event_has_run_or_waits_whenever_the_power_goes(
    powercut: PowerCutShim, tmp_path: Path
) -> None:
    disk, journal = tmp_path / "disk", tmp_path / "journal"
    disk.mkdir()
    subprocess.run(
        [sys.executable, str(WORKLOAD), str(disk / "data"), "160"],
        env=process_environment(PYTHONPATH=str(ROOT), **powercut.environment(disk, journal)),
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=100,
    )
    history, chance = read_journal(journal, disk, aside="data/scratch"), SeededIds(1)
    last = history.cut_at_the_end(Survival.NOTHING, chance)
    assert sum(line.startswith("accepted") for line in last.acknowledged) == 160
    assert any(line.startswith("ran") for line in last.acknowledged)
    for cut in (*history.cuts(chance, 30), last):
        assert await lost_events(cut, tmp_path / "restored") == set(), f"cut at {cut.moment}, {cut.survival}"
