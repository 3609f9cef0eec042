"""What docstrings show is so: every example in the package is run."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

from tests.requirements import ROOT

SOURCE = ROOT / "src"
SHOWING = sorted(path for path in SOURCE.rglob("*.py") if ">>> " in path.read_text(encoding="utf-8"))


def _name(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", SHOWING, ids=_name)
def test_the_examples_of_a_module_are_true(path: Path) -> None:
    found = doctest.testmod(importlib.import_module(_name(path)))
    assert found.attempted > 0
    assert found.failed == 0
