from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lambent.base.identifiers import SeededIds
from tests.durability.promises import broken_promises
from tests.durability.shim import History, PowerCutShim, Survival, read_journal
from tests.requirements import ROOT, process_environment

WORKLOAD = Path(__file__).with_name("workload.py")


def run_workload(powercut: PowerCutShim, folder: Path, *, seed: int, units: int, carelessness: str = "") -> History:
    disk, journal = folder / "disk", folder / "journal"
    disk.mkdir(exist_ok=True)
    subprocess.run(
        [sys.executable, str(WORKLOAD), str(disk / "data"), str(seed), str(units), carelessness],
        env=process_environment(PYTHONPATH=str(ROOT), **powercut.environment(disk, journal)),
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=50,
    )
    return read_journal(journal, disk)


async def broken_after_cuts(
    history: History, folder: Path, *, seed: int, count: int, survival: Survival | None = None
) -> list[str]:
    broken = []
    for cut in history.cuts(SeededIds(seed), count, survival=survival):
        restored = folder / "restored"
        cut.restore(restored)
        where = f"cut at {cut.moment} of {len(history)}, unsynced: {cut.survival.value}: "
        broken += [where + line for line in await broken_promises(restored / "data", cut.acknowledged)]
        shutil.rmtree(restored)
    return broken


async def test_a_power_cut_at_any_moment_keeps_every_promise_and_shows_nothing_half_done(
    powercut: PowerCutShim, tmp_path: Path
) -> None:
    run_workload(powercut, tmp_path, seed=1, units=150)
    history = run_workload(powercut, tmp_path, seed=2, units=100)  # reopened after a clean end, and cut there too
    assert await broken_after_cuts(history, tmp_path, seed=3, count=40) == []


async def test_without_synced_commits_the_cuts_lose_something(powercut: PowerCutShim, tmp_path: Path) -> None:
    history = run_workload(powercut, tmp_path, seed=4, units=60, carelessness="commits")
    broken = await broken_after_cuts(history, tmp_path, seed=5, count=8, survival=Survival.NOTHING)
    assert any("lost: row" in line for line in broken)


@pytest.mark.parametrize("carelessness", ["contents", "names"])
async def test_without_synced_files_or_directories_the_cuts_lose_blobs(
    powercut: PowerCutShim, tmp_path: Path, carelessness: str
) -> None:
    history = run_workload(powercut, tmp_path, seed=6, units=60, carelessness=carelessness)
    broken = await broken_after_cuts(history, tmp_path, seed=7, count=8, survival=Survival.NOTHING)
    assert any("names a blob that is missing or damaged" in line for line in broken)


async def test_a_blob_found_in_place_is_synced_before_it_is_promised_again(
    powercut: PowerCutShim, tmp_path: Path
) -> None:
    # The first run leaves names that only the kernel knows, as one killed before the sync would; the second puts the
    # same blobs, finds them all there, and must not take the kernel's memory for the disk.
    run_workload(powercut, tmp_path, seed=8, units=20, carelessness="names")
    history = run_workload(powercut, tmp_path, seed=8, units=20)
    cut = history.cut_at_the_end(Survival.NOTHING, SeededIds(0))
    cut.restore(tmp_path / "restored")
    assert await broken_promises(tmp_path / "restored" / "data", cut.acknowledged) == []
