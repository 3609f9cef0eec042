"""What a user can type is what a user can read about, and what a page points at is there."""

from __future__ import annotations

import importlib
import re
from functools import cache
from pathlib import Path

import pytest
import typer

from lambent.cli.main import COMMANDS
from tests.requirements import ROOT

_LINK = re.compile(r"\]\((?!\w+:|#)(?P<target>[^)#\s]+)")


def _pages() -> list[Path]:
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


@cache
def _documentation() -> str:
    return "\n".join(page.read_text() for page in _pages() if "decisions" not in page.parts)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_every_option_is_documented(command: str) -> None:
    options = [
        option
        for parameter in typer.main.get_command(importlib.import_module(f"lambent.cli.commands.{command}").app).params
        for option in parameter.opts
        if option.startswith("--") and option != "--help"
    ]
    names = [f"lambent {command}", *options]
    assert [name for name in names if not re.search(rf"{re.escape(name)}(?![\w-])", _documentation())] == []


def test_every_setting_read_from_the_environment_is_documented() -> None:
    settings = set(re.findall(r"\bLAMBENT_[A-Z_]+\b", (ROOT / "src/lambent/cli/settings.py").read_text()))
    assert sorted(name for name in settings if name not in _documentation()) == []


def test_every_target_of_make_is_documented() -> None:
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [target for target in targets if f"make {target}" not in _documentation()] == []


def test_every_link_between_our_pages_leads_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)} -> {match['target']}"
        for page in _pages()
        for match in _LINK.finditer(page.read_text())
        if not (page.parent / match["target"]).exists()
    ]
    assert broken == []
