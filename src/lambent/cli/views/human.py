"""Typed results → text for people: colour only on a terminal, results on stdout, the rest on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def styled(text: str, style: str, stream: TextIO | None = None) -> str:
    """Return `text` in a style where the stream is a terminal that wants colour, else as it is."""
    from lambent.cli.settings import wants_colour

    if not wants_colour(stream or sys.stdout):
        return text
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def line(text: str = "") -> None:
    """Print a line of the result."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """Print a line that is not part of the result."""
    sys.stderr.write(text + "\n")


def error(message: str, advice: str = "") -> None:
    """Print what went wrong and what to do about it."""
    note(f"{styled('Error:', 'red', sys.stderr)} {message}")
    if advice:
        note(f"       {advice}")


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows in aligned columns under dim headings."""
    listed = [list(row) for row in rows]
    widths = [max([len(heading), *(len(row[i]) for row in listed)]) for i, heading in enumerate(headings)]
    line(styled("  ".join(h.ljust(w) for h, w in zip(headings, widths, strict=True)).rstrip(), "dim"))
    for row in listed:
        line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
