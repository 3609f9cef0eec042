r"""What is not packaged: `.lambdaignore`, with the patterns of .gitignore, and what never belongs into a package.

The rules are git's, down to the corners: https://git-scm.com/docs/gitignore. One file counts, the folder's own,
and `?` is a character, where git takes a byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lambent.deploy.errors import DeployError

NAME = ".lambdaignore"
_ALWAYS = (
    "__pycache__/", "*.py[cod]", ".git/", ".venv/", "venv/", ".env", ".mypy_cache/", ".pytest_cache/", ".ruff_cache/",
    ".DS_Store", ".lambdaignore", ".gitignore", ".npmrc", "*.egg-info/", ".aws-sam/", ".terraform/",
    ".idea/", ".vscode/",
)  # fmt: skip
# The named classes of a bracket, for the ASCII that git knows.
_CLASSES = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "blank": r" \t", "cntrl": r"\x00-\x1f\x7f", "digit": "0-9",
    "graph": r"\x21-\x7e", "lower": "a-z", "print": r"\x20-\x7e", "space": r" \t\n\r\f\v", "upper": "A-Z",
    "xdigit": "0-9A-Fa-f", "punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
}  # fmt: skip
_NEVER = "(?!)"


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
        try:
            text = file.read_text(encoding="utf-8-sig") if file.is_file() else ""
        except (OSError, UnicodeDecodeError) as error:
            raise DeployError(f"{file} cannot be read: {error}", "It is a text in UTF-8.") from error
        return cls.from_lines([*_ALWAYS, *text.split("\n")])

    @classmethod
    def from_lines(cls, lines: Iterable[str]) -> Ignored:
        """Return the patterns of the lines.

        >>> Ignored.from_lines(["*.md", "!README.md"]).matches("docs/a.md", is_folder=False)
        True
        """
        return cls(tuple(rule for line in lines if (rule := _rule(line)) is not None))

    def matches(self, path: str, *, is_folder: bool) -> bool:
        """Return whether a path, with slashes and relative to the folder, is left out.

        What lies in a folder that is left out is never asked for: no pattern brings it back.
        """
        for rule in reversed(self.rules):
            if (is_folder or not rule.is_folder) and rule.pattern.match(path):
                return not rule.is_negated
        return False


def _rule(line: str) -> Rule | None:
    text = line.rstrip("\r\n")
    while text.endswith(" ") and not text.endswith("\\ "):
        text = text[:-1]
    if not text or text.startswith("#"):
        return None
    negated = text.startswith("!")
    text = text[1:] if negated else text
    folder = text.endswith("/")
    text = text[:-1] if folder else text
    if not text:
        return None
    anchored = "/" in text
    body = _translated(text.removeprefix("/"), is_path=anchored)
    return Rule(re.compile(body + r"\Z" if anchored else rf"(?:.*/)?{body}\Z", re.DOTALL), negated, folder)


def _translated(text: str, *, is_path: bool) -> str:
    """Return a pattern as a regular expression; `**` spans folders where it stands between slashes."""
    found, index = "", 0
    while index < len(text):
        char = text[index]
        if char == "*":
            piece, index = _stars(text, index, is_path=is_path)
        elif char == "?":
            piece, index = "[^/]", index + 1
        elif char == "[":
            piece, index = _bracket(text, index)
        elif char == "\\":
            if index + 1 == len(text):
                return _NEVER
            piece, index = re.escape(text[index + 1]), index + 2
        else:
            piece, index = re.escape(char), index + 1
        found += piece
    return found


def _stars(text: str, start: int, *, is_path: bool) -> tuple[str, int]:
    end = start
    while end < len(text) and text[end] == "*":
        end += 1
    begins = start == 0 or text[start - 1] == "/"
    if not is_path or end - start != 2 or not begins:
        return "[^/]*", end
    if end == len(text):
        return ".+", end
    return ("(?:.*/)?", end + 1) if text[end] == "/" else ("[^/]*", end)


def _bracket(text: str, start: int) -> tuple[str, int]:
    """Return a bracket as a class that never matches a slash; git takes one that is not closed to match nothing."""
    index = start + 1
    negated = text[index : index + 1] in {"!", "^"}
    index += negated
    inner, first = "", index
    while index < len(text) and (text[index] != "]" or index == first):
        if text.startswith("[:", index) and (end := text.find(":]", index)) != -1:
            inner, index = inner + _CLASSES.get(text[index + 2 : end], ""), end + 2
            continue
        piece, index = _member(text, index)
        if text.startswith("-", index) and text[index + 1 : index + 2] not in {"", "]"}:
            last, index = _member(text, index + 1)
            inner += f"{re.escape(piece)}-{re.escape(last)}" if piece <= last else ""
        else:
            inner += re.escape(piece)
    if index >= len(text):
        return _NEVER, len(text)
    if not inner:
        return ("[^/]" if negated else _NEVER), index + 1
    return f"(?!/)[{'^' if negated else ''}{inner}]", index + 1


def _member(text: str, index: int) -> tuple[str, int]:
    if text[index] == "\\" and index + 1 < len(text):
        return text[index + 1], index + 2
    return text[index], index + 1
