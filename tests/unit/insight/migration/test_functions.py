"""Functions with planted hazards, and clean ones like them: each finding is where it was planted, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lambent.insight.migration.code_files import CodeFiles
from lambent.insight.migration.node.examine import examine as examine_node
from lambent.insight.migration.python.examine import examine

CASES = Path(__file__).parent / "functions"
ENVIRONMENT = {"WORK": "/tmp/work"}


@dataclass(frozen=True)
class Case:
    """A function: its files, its handler, and what is planted in which line of which file."""

    title: str
    files: dict[str, str]
    handler: str
    planted: list[tuple[str, int, str]]


def cases(kind: str) -> Iterator[Case]:
    """Yield the functions of a file: `=== title`, then `--- name` before each file where there are several."""
    for block in re.split(r"^=== ", (CASES / f"{kind}.txt").read_text(), flags=re.MULTILINE)[1:]:
        title, _, text = block.partition("\n")
        files: dict[str, list[str]] = {}
        name, handler = "app.py", "app.handler"
        for line in text.splitlines():
            if line.startswith("--- "):
                name = line.removeprefix("--- ")
                files[name] = []
            elif line.startswith("handler: "):
                handler = line.removeprefix("handler: ")
            else:
                files.setdefault(name, []).append(line)
        planted = [
            (file, number, rule)
            for file, lines in files.items()
            for number, line in enumerate(lines, 1)
            if (match := re.search(r"(?:#|//) finds ([a-z- ]+)", line))
            for rule in match[1].split()
        ]
        yield Case(title, {file: "\n".join(lines) + "\n" for file, lines in files.items()}, handler, planted)


ALL = [
    pytest.param(case, id=f"{kind}: {case.title}")
    for kind in ("fixed_tmp", "state", "resources", "node")
    for case in cases(kind)
]


@pytest.mark.parametrize("case", ALL)
def test_what_is_planted_is_found_and_nothing_else(case: Case) -> None:
    assert bool(case.planted) != case.title.startswith("CLEAN"), "a case is clean, or has something planted in it"
    files = CodeFiles(case.files, frozenset(case.files))
    is_python = any(name.endswith(".py") for name in case.files)
    found = examine(files, case.handler, ENVIRONMENT, "python3.13") if is_python else examine_node(files, case.handler)
    places = sorted((one.where.file, one.where.line, one.rule) for one in found if one.where is not None)
    assert places == sorted(case.planted), "\n".join(map(str, found))
    assert all(one.remedy for one in found)
