"""Objects put before a power cut: each is there, with every byte, when the platform's data is read again."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lambent.base.clock import ManualClock
from lambent.base.identifiers import SeededIds
from lambent.cloud.services.s3 import repository
from lambent.cloud.store.sqlite_store import store_in
from lambent.cloud.store.unit_of_work import Reader
from tests.durability.shim import Cut, PowerCutShim, Survival, read_journal
from tests.requirements import ROOT, process_environment

WORKLOAD = Path(__file__).with_name("object_workload.py")


def md5_of(reader: Reader, files: Path, key: str) -> str | None:
    """Return the MD5 of an object's bytes as they are found, or None where there is no such object."""
    bucket = repository.bucket(reader, "kept")
    found = None if bucket is None else repository.latest(reader, bucket.id, key)
    if found is None:
        return None
    body = b"".join((files / file.name).read_bytes() for file in found.files)
    body = body or repository.small_body(reader, found.entry.id)
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


async def lost_objects(cut: Cut, folder: Path) -> list[str]:
    """Return what was promised and is not there, or not whole."""
    cut.restore(folder)
    store = store_in(folder / "data", ManualClock())
    try:
        promised = [line.split()[1:] for line in cut.acknowledged if line.startswith("kept ")]
        files = folder / "data" / "objects"
        return [key for key, etag in promised if md5_of(store.read, files, key) != etag.strip('"')]
    finally:
        await store.close()
        shutil.rmtree(folder)


@pytest.mark.timeout(120)
async def test_an_object_that_was_put_is_whole_whenever_the_power_goes(powercut: PowerCutShim, tmp_path: Path) -> None:
    disk, journal = tmp_path / "disk", tmp_path / "journal"
    disk.mkdir()
    subprocess.run(
        [sys.executable, str(WORKLOAD), str(disk / "data"), "32"],
        env=process_environment(PYTHONPATH=str(ROOT), **powercut.environment(disk, journal)),
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=100,
    )
    history, chance = read_journal(journal, disk, aside="data/scratch"), SeededIds(2)
    last = history.cut_at_the_end(Survival.NOTHING, chance)
    assert sum(line.startswith("kept") for line in last.acknowledged) == 40
    for cut in (*history.cuts(chance, 12), last):
        assert await lost_objects(cut, tmp_path / "restored") == [], f"cut at {cut.moment}, {cut.survival}"
