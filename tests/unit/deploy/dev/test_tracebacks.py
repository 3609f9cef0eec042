"""Paths of the sandbox become the project's, with the line that an error comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambent.deploy.dev.syntax import line_of
from lambent.deploy.dev.tracebacks import Excerpt, located

PYTHON = (
    "[ERROR] ValueError: no\nTraceback (most recent call last):\n"
    '  File "/var/task/app.py", line 2, in handler\n    deeper()\n'
    '  File "/var/task/lib/deep.py", line 1, in deeper\n    raise ValueError("no")\n'
)
NODE = (
    "ERROR\tInvoke Error\t{'stack': ['Error: no', "
    "'    at deeper (/var/task/lib/deep.py:1:9)', '    at /var/task/app.py:2:3']}"
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose function's code is in src."""
    (tmp_path / "src" / "lib").mkdir(parents=True)
    (tmp_path / "src" / "app.py").write_text("def handler(e, c):\n    deeper()\n")
    (tmp_path / "src" / "lib" / "deep.py").write_text("def deeper(): raise ValueError('no')\n")
    return tmp_path


@pytest.mark.parametrize("message", [PYTHON, NODE], ids=["python", "node"])
def test_the_frame_that_raised_is_shown(project: Path, message: str) -> None:
    found = located(message, project / "src", line_of, project)
    assert found.excerpt == Excerpt(Path("src/lib/deep.py"), 1, "def deeper(): raise ValueError('no')")
    assert "/var/task" not in found.message
    assert "src/app.py" in found.message


@pytest.mark.parametrize(
    "frame",
    [
        '{"stackTrace": ["  File \\"/var/task/app.py\\", line 2, in handler\\n"]}',
        "at file:///var/task/app.py:2:3",
        'File "/data/packages/0123abcd/app.py", line 2',
    ],
    ids=["JSON", "ES module", "process isolation"],
)
def test_a_frame_is_known_in_every_form(project: Path, frame: str) -> None:
    found = located(frame, project / "src", line_of, project)
    assert found.excerpt == Excerpt(Path("src/app.py"), 2, "    deeper()")


@pytest.mark.parametrize(
    "message", ['File "/var/task/boto3/client.py", line 3', "/var/task is where it runs", "a/b", "plain"]
)
def test_what_the_project_does_not_have_stays_as_it_is(project: Path, message: str) -> None:
    assert located(message, project / "src", line_of, project).message == message
    assert located(message, None, line_of, project).excerpt is None


def test_a_function_of_one_file_is_found(project: Path) -> None:
    found = located('File "/var/task/app.py", line 1, in x', project / "src" / "app.py", line_of, project)
    assert found.excerpt == Excerpt(Path("src/app.py"), 1, "def handler(e, c):")
