from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lambent.dataplane.sandbox.python_path import is_plain
from lambent.dataplane.types import FunctionSpec
from tests.dataplane.plane_harness import SPEC


@pytest.fixture
def function(tmp_path: Path) -> FunctionSpec:
    for name in ("code/own", "code/patched", "lower/python", "upper/python/vendored"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("code/own/mine.py", "code/patched/logging.py", "code/archive.zip", "lower/python/socket.abi3.so"):
        (tmp_path / name).write_text("")
    (tmp_path / "code" / "elsewhere").symlink_to("/opt/python")
    (tmp_path / "code" / "round").symlink_to("round")
    return replace(SPEC, code=tmp_path / "code", layers=(tmp_path / "lower", tmp_path / "upper"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/var/task/own", True),
        ("own", True),
        ("/var/task/own/", True),
        ("", True),
        ("/var/runtime:/var/task/own:/opt/python/vendored", True),
        ("/var/task/missing", True),
        ("/var/task/patched", False),
        ("own:patched", False),
        ("own/../patched", False),
        ("/opt/python", False),
        ("/var/task/archive.zip", False),
        ("/var/task/elsewhere", False),
        ("/var/task/round", False),
        (":" * 4000, True),
        ("/tmp/made/by/init", False),
        ("/var/tasks", False),
    ],
)
def test_a_path_is_plain_where_nothing_on_it_is_loaded_before_the_handler(
    function: FunctionSpec, value: str, *, expected: bool
) -> None:
    assert is_plain(function, value) is expected
