"""What nobody has used for a month leaves the cache of packages."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from lambent.base.clock import ManualClock
from lambent.deploy.packaging.cache import made_once
from lambent.deploy.packaging.pruning import held, used

DAY = 86_400.0


def cache(folder: Path, now: float, ages: Mapping[str, float]) -> Path:
    """Return a cache whose entries, files or folders with one, were used so many days before `now`."""
    for name, days in ages.items():
        entry = folder / name
        entry.parent.mkdir(parents=True, exist_ok=True)
        if entry.suffix:
            entry.write_bytes(b"")
        else:
            entry.mkdir()
            (entry / "file").write_bytes(b"")
        os.utime(entry, (now - days * DAY, now - days * DAY))
    return folder


def left(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder)) for one in folder.glob("*/*"))


async def test_entries_leave_a_month_after_their_last_use(tmp_path: Path) -> None:
    clock = ManualClock()
    ages = {"packages/a.zip": 31, "packages/b.zip": 29, "wheels/a": 31, "wheels/a.lock": 31, "node/b": 29}
    ages |= {"deployed/a.json": 40, "node/b.lock": 99, "node/building-x": 31, "other/old": 99}
    folder = cache(tmp_path, clock.now(), ages)
    with held(folder) as prune:
        prune(clock.now())
    assert left(folder) == ["node/b", "node/b.lock", "other/old", "packages/b.zip"]
    await clock.advance(2 * DAY)
    with held(folder) as prune:
        prune(clock.now())
    assert left(folder) == ["other/old"]


def test_a_use_is_noted(tmp_path: Path) -> None:
    now = (tmp_path.stat()).st_mtime
    folder = cache(tmp_path, now, {"packages/a.zip": 99, "wheels/a": 99, "wheels/b": 99})
    assert used(folder / "packages/a.zip")
    assert made_once(folder / "wheels/a", lambda _: None).is_dir()
    assert not used(folder / "packages/none.zip")
    with held(folder) as prune:
        prune(now)
    assert left(folder) == ["packages/a.zip", "wheels/a"]


def test_nothing_leaves_while_somebody_else_deploys(tmp_path: Path) -> None:
    folder = cache(tmp_path, 0, {"packages/a.zip": 99})
    with held(folder), held(folder) as prune:
        prune(0)
    assert left(folder) == ["packages/a.zip"]


def test_a_cache_that_cannot_be_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with held(tmp_path / "file" / "cache") as prune:
        prune(0)
