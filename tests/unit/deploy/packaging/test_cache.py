"""What takes long to make is made once, whoever asks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from lambent.deploy.packaging.cache import made_once


def test_those_who_ask_at_the_same_time_get_what_one_of_them_makes(tmp_path: Path) -> None:
    made: list[Path] = []
    together = Barrier(4)

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "file").write_text(str(len(made)))

    def ask(_: int) -> str:
        together.wait(10)
        return (made_once(tmp_path / "deep" / "target", make) / "file").read_text()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == ["1"] * 4
    assert len(made) == 1


def test_what_fails_leaves_nothing_and_can_be_tried_again(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        made_once(tmp_path / "target", fail)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []
    assert list(made_once(tmp_path / "target", lambda _: None).iterdir()) == []
