"""What is not packaged: `.lambdaignore`, with the patterns of .gitignore, and what never belongs into a package.

https://git-scm.com/docs/gitignore
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

NAME = ".lambdaignore"
_ALWAYS = (
    "__pycache__/", "*.py[cod]", ".git/", ".venv/", "venv/", ".env", ".mypy_cache/", ".pytest_cache/", ".ruff_cache/",
    ".DS_Store", ".lambdaignore", ".gitignore", "*.egg-info/", ".aws-sam/", ".terraform/", ".idea/", ".vscode/",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """One pattern."""

    pattern: re.Pattern[str]
    is_negated: bool
    is_folder: bool


@dataclass(frozen=True, slots=True)
class Ignored:
    """The patterns of one folder; the last one that matches decides."""

    rules: tuple[Rule, ...]

    @classmethod
    def of(cls, folder: Path) -> Ignored:
        """Return the patterns of a folder's .lambdaignore, after those that always hold."""
        file = folder / NAME
        lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        return cls.from_lines([*_ALWAYS, *lines])

    @classmethod
    def from_lines(cls, lines: Iterable[str]) -> Ignored:
        """Return the patterns of the lines.

        >>> Ignored.from_lines(["*.md", "!README.md"]).matches("docs/a.md", is_folder=False)
        True
        """
        return cls(tuple(rule for line in lines if (rule := _rule(line)) is not None))

    def matches(self, path: str, *, is_folder: bool) -> bool:
        """Return whether a path, with slashes and relative to the folder, is left out."""
        ignored = False
        for rule in self.rules:
            if (is_folder or not rule.is_folder) and rule.pattern.match(path):
                ignored = not rule.is_negated
        return ignored


def _rule(line: str) -> Rule | None:
    text = line.rstrip("\n\r")
    if not text.endswith("\\ "):
        text = text.rstrip(" ")
    if not text or text.startswith("#"):
        return None
    negated = text.startswith("!")
    text = text[1:] if negated else text.removeprefix("\\")
    folder = text.endswith("/")
    text = text.rstrip("/")
    anchored = "/" in text
    body = _translated(text.lstrip("/"))
    return Rule(re.compile(body + r"\Z" if anchored else rf"(?:.*/)?{body}\Z"), negated, folder)


def _translated(text: str) -> str:
    found, index = "", 0
    while index < len(text):
        if text.startswith("**/", index):
            found, index = found + "(?:.*/)?", index + 3
        elif text.startswith("**", index):
            found, index = found + ".*", index + 2
        elif text[index] == "*":
            found, index = found + "[^/]*", index + 1
        elif text[index] == "?":
            found, index = found + "[^/]", index + 1
        elif text[index] == "[" and (end := text.find("]", index + 2)) != -1:
            inner = text[index + 1 : end]
            found, index = found + f"[{'^' + inner[1:] if inner.startswith('!') else inner}]", end + 1
        else:
            found, index = found + re.escape(text[index]), index + 1
    return found
