"""Changes of a manifest's text that leave the rest of it, comments included, as it is.

Places come from the reader of manifests itself; each change is made in a text that is read anew, so that places hold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from lambent.base.diagnostics import SourceSpan
from lambent.manifest.syntax import read

Path = tuple[str, ...]
Value = Any  # Any: text, numbers, booleans, None, lists and mappings of them
# A new key stands behind one of these, where the mapping has one.
_NEIGHBOURS = ("timeout", "memory", "runtime", "handler", "code")


class ManifestText:
    """A manifest's text as it is changed."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self._file = file

    def has(self, path: Path) -> bool:
        """Return whether the text says something at a path."""
        return path in read(self.text, self._file)[1].keys

    def value(self, path: Path) -> Value:
        """Return what stands at a path, None where nothing does."""
        found: Value = read(self.text, self._file)[0]
        for part in path:
            found = found.get(part) if isinstance(found, Mapping) else None
        return found

    def put(self, path: Path, value: Value) -> None:
        """Let a value stand at a path: in place of what is there, or as a new key of the mapping around it."""
        _, sources, _ = read(self.text, self._file)
        if path not in sources.keys:
            self._insert(path, value)
            return
        span = sources.values[path]
        if (
            isinstance(value, Mapping | list)
            or isinstance(self.value(path), Mapping | list)
            or span.end_line != span.line
        ):
            self.drop(path)
            self._insert(path, value)
            return
        lines = self._lines()
        line = lines[span.line - 1]
        lines[span.line - 1] = line[: span.column - 1] + _flow(value) + line[span.end_column - 1 :]
        self.text = "".join(lines)

    def drop(self, path: Path) -> None:
        """Take a key out with its value; a mapping that is left empty goes, too."""
        _, sources, _ = read(self.text, self._file)
        if path not in sources.keys:
            return
        around = self.value(path[:-1])
        if len(path) > 2 and isinstance(around, Mapping) and len(around) == 1:
            self.drop(path[:-1])
            return
        if self._is_flow(sources.values[path[:-1]]):
            self._drop_in_flow(sources.keys[path], sources.values[path])
            return
        lines = self._lines()
        first = sources.keys[path].line - 1
        del lines[first : self._end_of_block(lines, first, sources.keys[path].column - 1)]
        self.text = "".join(lines)

    def add_section(self, text: str) -> None:
        """Put a section at the end of the text."""
        self.text = self.text.rstrip("\n") + "\n\n" + text.rstrip("\n") + "\n"

    def _lines(self) -> list[str]:
        return self.text.splitlines(keepends=True)

    def _end_of_block(self, lines: Sequence[str], first: int, indent: int) -> int:
        """Return the line behind the block of a key: the next that is not indented more."""
        last = first
        for number in range(first + 1, len(lines)):
            line = lines[number]
            if not line.strip():
                continue
            depth = len(line) - len(line.lstrip())
            is_item = depth == indent and line.lstrip().startswith("- ")
            if depth <= indent and not is_item:
                break
            last = number
        return last + 1

    def _is_flow(self, span: SourceSpan) -> bool:
        return self._lines()[span.line - 1][span.column - 1 : span.column] == "{"

    def _drop_in_flow(self, key: SourceSpan, value: SourceSpan) -> None:
        begin, end = self._offset(key.line, key.column), self._offset(value.end_line, value.end_column)
        rest = self.text[end:]
        behind = len(rest) - len(rest.lstrip())
        if rest.lstrip().startswith(","):
            after = rest.lstrip()[1:]
            end += behind + 1 + (len(after) - len(after.lstrip(" ")))
        else:
            before = self.text[:begin].rstrip()
            begin = len(before) - 1 if before.endswith(",") else begin
        self.text = self.text[:begin] + self.text[end:]

    def _offset(self, line: int, column: int) -> int:
        return sum(len(one) for one in self._lines()[: line - 1]) + column - 1

    def _insert(self, path: Path, value: Value) -> None:
        _, sources, _ = read(self.text, self._file)
        around, name = path[:-1], path[-1]
        if around not in sources.values or not isinstance(self.value(around), Mapping):
            self.drop(around)
            self._insert(around, {name: value})
            return
        span = sources.values[around]
        if self._is_flow(span):
            at = self._offset(span.line, span.column) + 1
            rest = "" if not self.value(around) else ", "
            self.text = f"{self.text[:at]}{name}: {_flow(value)}{rest}{self.text[at:]}"
            return
        lines = self._lines()
        children = [one for one in sources.keys if one[:-1] == around]
        last = max((sources.keys[one] for one in children), key=lambda one: one.line)
        indent = last.column - 1
        at = self._end_of_block(lines, last.line - 1, indent)
        for neighbour in _NEIGHBOURS:
            if (*around, neighbour) in sources.keys:
                place = sources.keys[*around, neighbour]
                at = self._end_of_block(lines, place.line - 1, indent)
                break
        if at and not lines[at - 1].endswith("\n"):
            lines[at - 1] += "\n"
        lines.insert(at, _block(name, value, indent))
        self.text = "".join(lines)


def _flow(value: Value) -> str:
    """Return a value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(one) for one in value) + "]"
    if isinstance(value, str):
        return scalar(value)
    return json.dumps(value)


def scalar(text: str) -> str:
    """Return a text as YAML has it, quoted where it would be read as something else.

    >>> scalar("python3.13"), scalar("true"), scalar("a: b")
    ('python3.13', '"true"', '"a: b"')
    """
    is_plain = _is_simple(text) and read(f"text: {text}\n", "")[0]["text"] == text
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def _is_simple(text: str) -> bool:
    return (
        text != ""
        and text.strip() == text
        and not set(text) & set("{}[],#&*!|>'\"%@`:\n?")
        and not text.startswith("-")
    )


def _block(name: str, value: Value, indent: int) -> str:
    """Return a key with its value as lines of their own; short lists and scalars stay on one."""
    room = " " * indent
    if isinstance(value, Mapping) and value:
        return f"{room}{name}:\n" + "".join(_block(str(key), one, indent + 2) for key, one in value.items())
    if isinstance(value, list) and any(isinstance(one, Mapping | list) for one in value):
        text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110)
        return f"{room}{name}:\n" + "".join(f"{room}  {line}\n" for line in text.splitlines())
    return f"{room}{name}: {_flow(value)}\n"


def blocks(document: Mapping[str, Value]) -> str:
    """Return a whole document as a manifest is written, in the mapping's order."""
    return "".join(_block(str(name), value, 0) for name, value in document.items())
