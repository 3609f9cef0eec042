"""The cache of unpacked packages: empty at every start, however much an earlier run has left."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambent.cloud.services.lambda_.packages import Packages
from lambent.cloud.store.blobs import Blobs
from lambent.testing.builders import zip_of
from tests.waiting import eventually

ARCHIVE = zip_of({"handler.py": "def handler(event, context):\n    return event\n"})


def left_by_earlier_runs(tmp_path: Path) -> tuple[Path, Path]:
    """Lay out what one run had unpacked, and what a run before it had not come to remove."""
    root, discarded = tmp_path / "packages", tmp_path / "packages-discarded"
    for place in (root, discarded / "0"):
        (place / "abc").mkdir(parents=True)
        (place / "abc" / "handler.py").write_text("left", encoding="utf-8")
    return root, discarded


async def test_what_earlier_runs_unpacked_is_out_of_the_way_at_once_and_gone_in_the_end(tmp_path: Path) -> None:
    root, discarded = left_by_earlier_runs(tmp_path)
    blobs = Blobs(tmp_path / "blobs", durable=False)
    packages = Packages(root, blobs)
    await packages.start()
    assert list(root.iterdir()) == []
    code = await packages.accept(ARCHIVE)
    await packages.stop()
    assert [place.name for place in root.iterdir()] == [code.digest]
    # Whatever this run has not come to, the next ones do.
    for _ in range(3):
        again = Packages(root, blobs)
        await again.start()
        assert list(root.iterdir()) == []
        await again.restore(code.digest)
        assert (again.path(code.digest) / "handler.py").is_file()
        eventually(lambda: not discarded.exists())  # in a thread of its own
        await again.stop()
    await blobs.close()


async def test_what_cannot_be_removed_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root, discarded = left_by_earlier_runs(tmp_path)
    discarded.rename(tmp_path / "elsewhere")
    discarded.symlink_to(tmp_path / "elsewhere")  # which nobody, not even root, removes as a folder
    blobs = Blobs(tmp_path / "blobs", durable=False)
    packages = Packages(root, blobs)
    await packages.start()
    eventually(lambda: f"what earlier runs unpacked stays in {discarded}" in caplog.text)
    await packages.stop()
    assert len(caplog.records) == 1
    await blobs.close()
