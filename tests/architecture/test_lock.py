"""The locks name every file by its hash and no place it comes from, so that any machine's own pip settings hold."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import kept_files, lines_of
from tests.requirements import ROOT

_LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
_REQUIREMENT = re.compile(
    r"^(?P<name>[a-z0-9-]+)==(?P<version>[^\s;]+)(?: *;[^\\]+)?(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})+)$"
)
# In two halves, so that this file does not name them itself.
_HOSTS = re.compile(
    "|".join(re.escape(a + b) for a, b in (("pypi", ".org"), ("files.python", "hosted"), ("npm", "js.org")))
)


def _requirements(lock: Path) -> Iterator[str]:
    joined = re.sub(r" *\\\n *", " ", lock.read_text())
    return (line.strip() for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#"))


def _names(lock: Path) -> dict[str, str]:
    return {match["name"]: match["version"] for line in _requirements(lock) if (match := _REQUIREMENT.match(line))}


@pytest.mark.parametrize("lock", _LOCKS, ids=lambda lock: lock.name)
def test_every_line_of_a_lock_is_a_pinned_and_hashed_requirement(lock: Path) -> None:
    assert [line for line in _requirements(lock) if not _REQUIREMENT.match(line)] == []
    assert _names(lock)


def test_the_locks_agree_with_each_other() -> None:
    runtime, test = _names(ROOT / "requirements" / "runtime.txt"), _names(ROOT / "requirements" / "test.txt")
    assert {name: test.get(name) for name in runtime} == runtime


def test_every_dependency_that_is_declared_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [dependency for group in project["optional-dependencies"].values() for dependency in group]
    assert _bare(project["dependencies"]) <= _names(ROOT / "requirements" / "runtime.txt").keys()
    assert _bare(extras) <= _names(ROOT / "requirements" / "test.txt").keys()


def test_no_file_names_the_host_of_a_package_registry() -> None:
    named = [where for path in kept_files() for where, line in lines_of(path) if _HOSTS.search(line)]
    assert named == []


def _bare(dependencies: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9._-]", dependency)[0].lower().replace("_", "-") for dependency in dependencies}
