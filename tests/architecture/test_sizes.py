"""Small, not fragmented: ceilings on files and functions. Complexity and parameters are ruff's to check."""

from __future__ import annotations

import ast

from tests.architecture.sources import python_files
from tests.requirements import ROOT

FILE_LINES = 500
FUNCTION_LINES = 60

# Path, or path::function → why it is longer.
EXCEPTIONS: dict[str, str] = {}
# Written by a program, and as long as AWS's model is.
_GENERATED = "shapes.py"


def test_files_stay_under_their_ceiling() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in python_files()
        if path.name != _GENERATED and (count := len(path.read_text().splitlines())) > FILE_LINES
    }
    assert {name: count for name, count in long.items() if name not in EXCEPTIONS} == {}


def test_functions_stay_under_their_ceiling() -> None:
    long = _long_functions()
    assert {name: count for name, count in long.items() if name not in EXCEPTIONS} == {}


def test_every_exception_is_still_needed() -> None:
    long_files = {
        str(path.relative_to(ROOT)) for path in python_files() if len(path.read_text().splitlines()) > FILE_LINES
    }
    assert [name for name in EXCEPTIONS if name not in long_files | _long_functions().keys()] == []


def _long_functions() -> dict[str, int]:
    return {
        f"{path.relative_to(ROOT)}::{node.name}": length
        for path in python_files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES
    }
