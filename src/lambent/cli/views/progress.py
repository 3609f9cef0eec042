"""A deployment as it goes → text: a line for each resource that is done, and on a terminal one that moves."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from lambent.cli.settings import wants_colour
from lambent.cli.views import human

_MARKS = {"created": ("✓", "green"), "updated": ("✓", "green"), "deleted": ("✓", "green"), "failed": ("✗", "red")}


class ProgressView:
    """Prints lines above a moving status line; the status line exists on terminals only, and is gone at the end."""

    def __init__(self) -> None:
        self._moves = wants_colour(sys.stderr)
        self._status = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.status("")

    def done(self, what: str, subject: str, took_s: float | None) -> None:
        """Print that something is done: `what` is created, updated, deleted, skipped or failed."""
        mark, style = _MARKS.get(what, ("·", "dim"))
        took = "" if took_s is None else f"{took_s:7.2f} s"
        self.line(f"  {human.styled(mark, style, sys.stderr)} {what:<8} {took:>10}  {subject}")

    def line(self, text: str) -> None:
        """Print a line above the status line."""
        self._erase()
        human.note(text.rstrip())
        self._draw(self._status)

    def status(self, text: str) -> None:
        """Show what is under way, in place of what was shown before."""
        self._erase()
        self._status = text
        self._draw(text)

    def _erase(self) -> None:
        if self._moves and self._status:
            sys.stderr.write("\r\x1b[2K")

    def _draw(self, text: str) -> None:
        if self._moves and text:
            sys.stderr.write(f"\r{text[:118]}")
            sys.stderr.flush()
