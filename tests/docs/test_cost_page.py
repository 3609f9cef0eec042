"""The examples of docs/operations/cost.md, run in the folder that the page describes; they print what it shows."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.prepared.program import LAMBENT
from tests.requirements import ROOT, process_environment

PAGE = ROOT / "docs" / "operations" / "cost.md"
REST = "…"


@dataclass(frozen=True)
class Example:
    """A command of the page, what the page shows of its output, and whether that is all of it."""

    command: str
    shown: tuple[str, ...]

    def agrees(self, printed: list[str]) -> bool:
        """Return whether the output is what is shown; nothing shown is nothing promised."""
        if REST in self.shown:
            end = self.shown.index(REST)
            return printed[:end] == list(self.shown[:end])
        return not self.shown or printed == list(self.shown)


def examples() -> Iterator[Example]:
    """Yield the examples of the page in its order."""
    text = re.sub(r"```.*?```", "", PAGE.read_text(), flags=re.DOTALL)
    for block in re.findall(r"(?:^(?:    .*)?\n)+", text, re.MULTILINE):
        lines = [line[4:] for line in block.strip("\n").splitlines()]
        begins = [number for number, line in enumerate(lines) if line.startswith("lambent ")]
        for begin, end in zip(begins, [*begins[1:], len(lines)][: len(begins)], strict=True):
            yield Example(lines[begin], tuple(lines[begin + 1 : end]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    text = PAGE.read_text()
    found = {kind: re.search(rf"```{kind}\n(.*?)```", text, re.DOTALL) for kind in ("yaml", "json")}
    assert found["yaml"]
    assert found["json"]
    (tmp_path / "lambent.yaml").write_text(found["yaml"][1])
    (tmp_path / "ireland.json").write_text(found["json"][1])
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("def handler(event, context):\n    return event\n")
    return tmp_path


def test_the_examples_of_the_page_print_what_it_shows(folder: Path) -> None:
    ran = list(examples())
    assert len(ran) >= 10
    environment = process_environment(LAMBENT_TARGET=None, LAMBENT_PORT="1", NO_COLOR="1", COLUMNS="100")
    for one in ran:
        command = [*LAMBENT.command(), *shlex.split(one.command)[1:]]
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=50,
            check=False,
        )
        refused = any(line.startswith("Error:") for line in one.shown)
        assert done.returncode == (2 if refused else 0), f"{one.command}\n{done.stdout}"
        assert one.agrees(done.stdout.splitlines()), f"{one.command}\n{done.stdout}"
    assert "<title" in (folder / "cost.svg").read_text()
    assert (folder / "cost.png").read_bytes().startswith(b"\x89PNG")


def test_the_manifest_of_the_page_is_sound_but_for_names_of_its_network(folder: Path) -> None:
    command = [*LAMBENT.command(), "check", "--json"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=50, check=False, env=process_environment()
    )
    errors = [one for one in json.loads(done.stdout) if one["severity"] == "error"]
    assert errors == []
