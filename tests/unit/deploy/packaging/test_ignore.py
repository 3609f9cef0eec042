"""`.lambdaignore`: patterns mean what they mean to git, which is asked."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambent.deploy.errors import DeployError
from lambent.deploy.packaging.archive import entries
from lambent.deploy.packaging.ignore import Ignored
from tests.requirements import process_environment, require_tool

NAMES = ("a", "b", "ab", "a.md", "b.md", ".x", "[a]", "#a", "!a", "a b", "A", "a-", "0")


def left_by_git(folder: Path, lines: list[str]) -> set[str]:
    """Return the files of a folder that git does not ignore by these lines."""
    (folder.parent / "patterns").write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [
        str(require_tool("git")), f"--git-dir={folder.parent / 'git'}", f"--work-tree={folder}",
        "-c", "core.quotepath=off", "ls-files", "--others", "-z", f"--exclude-from={folder.parent / 'patterns'}",
    ]  # fmt: skip
    environment = process_environment(GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null")
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True, timeout=20)
    return {name for name in done.stdout.decode().split("\0") if name}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder three levels deep with names that patterns stumble over, beside an empty repository."""
    folder = tmp_path_factory.mktemp("ignore") / "tree"
    for first in NAMES:
        for second in ("a", "b.md", "[a]", "dir"):
            path = folder / f"{first}-dir" / second
            path.parent.mkdir(parents=True, exist_ok=True)
            if second != "dir":
                path.write_text("")
                continue
            path.mkdir()
            (path / first).write_text("")
        (folder / first).write_text("")
    git = [str(require_tool("git")), "init", "--quiet", "--bare", str(folder.parent / "git")]
    subprocess.run(git, check=True, timeout=20)
    return folder


def check_against_git(folder: Path, lines: list[str]) -> None:
    """Compare what is left of a folder by these lines with what git leaves of it."""
    ours = {entry.name for entry in entries(folder, ignored=Ignored.from_lines(lines))}
    assert ours == left_by_git(folder, lines), lines


@pytest.mark.parametrize(
    "lines",
    [
        ["*.md", "!b.md"],
        ["/a", "b-dir/"],
        ["a"],
        ["a/"],
        ["*-dir/*", "!*-dir/a"],
        ["a-dir", "!a-dir/a"],
        ["**/a"],
        ["a-dir/**"],
        ["a-dir/**/a"],
        ["**/dir/a"],
        ["a**a", "**b"],
        ["a-dir/**b.md"],
        ["*/dir"],
        ["dir/a"],
        ["[ab]", "[!a-z]"],
        ["[^a]"],
        ["[]a[]"],
        ["[[:upper:]]", "[[:digit:]]"],
        [r"\[a\]"],
        [r"[\]a]"],
        [r"\#a", r"\!a", "#b"],
        ["a\\ b", "a b   "],
        [r"a\ "],
        ["[a", "b"],
        ["a\\"],
        ["?.md", "??"],
        ["[z-a]", "[a-]"],
        ["", "   ", "/"],
        ["a\r", "b.md\r"],
        ["*", "!*/", "!a"],
        ["//a", "a//"],
        ["***"],
        [".x", "!/.x"],
    ],
    ids=repr,
)
def test_a_file_of_patterns_leaves_what_git_leaves(tree: Path, lines: list[str]) -> None:
    if any(line.endswith("\r") for line in lines):
        # git takes the carriage return for a part of the name; whoever writes on Windows means the pattern without it.
        ours = {entry.name for entry in entries(tree, ignored=Ignored.from_lines(lines))}
        assert ours == left_by_git(tree, [line.rstrip("\r") for line in lines])
        return
    check_against_git(tree, lines)


PIECES = st.sampled_from(
    ["a", "b", "*", "**", "?", "/", "-dir", ".md", "[ab]", "[!a]", "[^b]", "[a-z]", "\\", "!", " "]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(PIECES, min_size=1, max_size=6).map("".join), min_size=1, max_size=3))
def test_any_patterns_leave_what_git_leaves(tree: Path, lines: list[str]) -> None:
    check_against_git(tree, lines)


def test_a_question_mark_is_a_character_where_git_takes_a_byte() -> None:
    assert Ignored.from_lines(["?"]).matches("é", is_folder=False)


def test_what_always_holds_can_be_taken_back(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1")
    (tmp_path / "app.py").write_text("")
    assert [entry.name for entry in entries(tmp_path)] == ["app.py"]
    (tmp_path / ".lambdaignore").write_text("\ufeff!.env\n", encoding="utf-8")
    assert [entry.name for entry in entries(tmp_path)] == [".env", "app.py"]


def test_patterns_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / ".lambdaignore").write_bytes(b"caf\xe9\n")
    with pytest.raises(DeployError, match=r"\.lambdaignore cannot be read"):
        entries(tmp_path)
