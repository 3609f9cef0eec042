"""What keeps a file from being loaded is told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambent.deploy.dev.syntax import SyntaxFault, faults
from tests.requirements import require_tool


def judged(file: Path, runtime: str, program: str | None = None) -> list[SyntaxFault]:
    """Return what is found in one file."""
    return list(faults([file], runtime, lambda _: program))


def test_python_is_judged_with_its_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    file.write_text("x = 1\ndef broken(:\n")
    (found,) = judged(file, "python3.11")
    assert (found.line, found.column, found.text) == (2, 12, "def broken(:")
    assert found.message


@pytest.mark.parametrize("text", ["x = 1\n", "", "'\\d'  # only a warning\n"])
def test_what_can_be_loaded_is_left_alone(tmp_path: Path, text: str) -> None:
    file = tmp_path / "app.py"
    file.write_text(text)
    assert judged(file, "python3.11") == []


def test_a_newer_runtime_is_asked_by_its_own_program(tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    file.write_text("def broken(:\n")
    says = tmp_path / "python"
    says.write_text("#!/bin/sh\necho 1 5 of the newer\n")
    says.chmod(0o755)
    assert judged(file, "python3.99", str(says)) == [SyntaxFault(file, 1, 5, "of the newer", "def broken(:")]
    says.write_text("#!/bin/sh\n")
    assert judged(file, "python3.99", str(says)) == []
    assert [one.line for one in judged(file, "python3.99")] == [1]


def test_node_is_judged_by_node(tmp_path: Path) -> None:
    require_tool("node")
    file = tmp_path / "index.mjs"
    file.write_text("const a = 1;\nconst b = ;\n")
    (found,) = judged(file, "nodejs20.x")
    assert (found.line, found.column, found.text) == (2, 11, "const b = ;")
    assert "SyntaxError" in found.message


def test_other_files_and_what_is_gone_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text("{")
    (tmp_path / "app.py").write_text("def (")
    assert list(faults(tmp_path.iterdir(), "nodejs20.x", lambda _: None)) == []
    assert judged(tmp_path / "gone.py", "python3.11") == []
