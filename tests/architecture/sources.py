"""The files that the rules of the house are about."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.requirements import ROOT

PACKAGE = ROOT / "src" / "lambent"
_PROGRAMS = ("src", "tests", "bench", "examples", "scripts")


def python_files(*folders: str) -> list[Path]:
    """Return every Python file of the project, or of the folders named."""
    return sorted(path for folder in folders or _PROGRAMS for path in (ROOT / folder).rglob("*.py"))


def kept_files() -> list[Path]:
    """Return every file that is, or would be, kept in the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted(path for name in listing.split("\0") if name and (path := ROOT / name).is_file())


def lines_of(path: Path) -> Iterator[tuple[str, str]]:
    """Yield "path:line" and the line, for a file of text; nothing for any other."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        return
    for number, line in enumerate(text.splitlines(), 1):
        yield f"{path.relative_to(ROOT)}:{number}", line
