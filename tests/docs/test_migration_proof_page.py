"""The walk of docs/operations/migration-proof.md: its function is found out, and its better one cleared."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.journeys.commands import Commands
from tests.requirements import ROOT

PAGE = (ROOT / "docs" / "operations" / "migration-proof.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.+?)^```", PAGE, re.MULTILINE | re.DOTALL)


def walks() -> list[tuple[str, list[str]]]:
    """Return the commands, each with what is said to be among the lines that it prints."""
    without_files = re.sub(r"^```.+?^```", "", PAGE, flags=re.MULTILINE | re.DOTALL)
    shown = re.findall(r"^    (.+)$", without_files, re.MULTILINE)
    starts = [index for index, line in enumerate(shown) if line.startswith("lambent ")]
    return [(shown[one], shown[one + 1 : end]) for one, end in zip(starts, [*starts[1:], len(shown)], strict=True)]


@pytest.mark.parametrize("which", ["hazard", "cleared"])
def test_the_walk_of_the_page_goes_as_it_says(which: str, tmp_path: Path) -> None:
    (manifest,), (events,) = blocks("yaml"), blocks("json")
    (tmp_path / "lambent.yaml").write_text(manifest)
    (tmp_path / "events.jsonl").write_text(events)
    (tmp_path / "src").mkdir()
    number = ["hazard", "cleared"].index(which)
    assert len(walks()) == len(blocks("python")) == 2
    command, lines = walks()[number]
    (tmp_path / "src" / "handler.py").write_text(blocks("python")[number])
    printed = Commands(tmp_path, 1).run(*shlex.split(command)[1:], expect=[1, 0][number]).stdout
    assert lines
    for line in lines:
        assert any(one.startswith(line) for one in printed.splitlines()), (line, printed)
