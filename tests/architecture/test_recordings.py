"""Recordings beside tests are AWS's, of tests that there are, and tell nobody's keys."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.recorder.store import faults
from tests.requirements import ROOT


def test_every_recording_is_awss_and_of_a_test() -> None:
    found = {
        str(file.relative_to(ROOT)): told
        for file in (ROOT / "tests").glob("**/recorded/*.json")
        if (told := list(faults(file, _tests(file.parent.parent / f"{file.stem}.py"))))
    }
    assert found == {}


def _tests(module: Path) -> list[str]:
    if not module.exists():
        return []
    tree = ast.parse(module.read_text())
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
