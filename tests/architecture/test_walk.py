"""The page that walks an invocation names files that are there."""

from __future__ import annotations

import re

from tests.requirements import ROOT

_PAGE = ROOT / "docs" / "architecture.md"


def test_every_file_that_the_walk_names_exists() -> None:
    named = re.findall(r"`([a-z_]+(?:/[a-z_]+)*\.(?:py|c))`", _PAGE.read_text())
    assert len(named) > 30
    assert [name for name in named if not (ROOT / "src" / "lambent" / name).exists()] == []


def test_every_package_is_named() -> None:
    text = _PAGE.read_text()
    packages = [path.parent.name for path in (ROOT / "src" / "lambent").glob("*/__init__.py")]
    assert [name for name in packages if name not in text] == []
