"""YAML text → values with the place of each: the first stage of reading a manifest.

Scalars are read by YAML 1.2's core schema, so `on`, `yes` and `2024-01-01` are text; anchors and merge keys work.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from lambent.base.diagnostics import Diagnostic, Severity, SourceSpan
from lambent.base.yaml_bounds import YamlBoundError, require_bounded
from lambent.manifest.sources import Path, Sources

Value = Any  # Any: text, numbers, booleans, None, lists and mappings of them
_INTEGER = re.compile(r"[-+]?[0-9]+\Z|0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z|[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_MERGE = "tag:yaml.org,2002:merge"
_QUOTED = frozenset("'\"|>")


class SyntaxFault(Exception):
    """The text is no YAML, or no mapping; `diagnostic` says where."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(str(diagnostic))
        self.diagnostic = diagnostic


def read(text: str, file: str) -> tuple[dict[str, Value], Sources, list[Diagnostic]]:
    """Return the mapping that a one-document text is, its places, and what is wrong that does not hinder reading.

    Raises SyntaxFault for text that is not YAML, has several documents, or is not a mapping.
    """
    documents = read_all(text, file)
    if len(documents) > 1:
        raise _fault(file, 1, 1, "a manifest is one YAML document", "Take the second `---` out.")
    return documents[0]


def read_all(text: str, file: str) -> list[tuple[dict[str, Value], Sources, list[Diagnostic]]]:
    """Return every document of the text, each as `read` does."""
    text = text.removeprefix("\ufeff")
    try:
        require_bounded(text, allow_aliases=True)
        nodes = list(yaml.compose_all(text, yaml.CSafeLoader))
    except YamlBoundError as error:
        raise _fault(file, error.line, error.column, error.message, "Nest it less, and write aliases out.") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
        advice = (
            "Indent with spaces: YAML takes no tabs." if "\t" in text else "Look at the indentation and the quotes."
        )
        raise _fault(file, line, column, f"not YAML: {error.problem}", advice) from error
    except yaml.YAMLError as error:
        raise _fault(file, 1, 1, f"not YAML: {error}", "Save it as UTF-8 text.") from error
    if not nodes:
        raise _fault(file, 1, 1, "the manifest is empty", "Begin with `stack: NAME`, or make one with `lambent init`.")
    return [_document(node, file) for node in nodes]


def _document(node: yaml.Node, file: str) -> tuple[dict[str, Value], Sources, list[Diagnostic]]:
    reader = _Reader(file)
    if not isinstance(node, yaml.MappingNode):
        raise _fault(file, 1, 1, "a manifest is a mapping", "Begin with `stack: NAME`.")
    return reader.value(node, ()), reader.sources, reader.found


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.sources = Sources(file)
        self.found: list[Diagnostic] = []

    def value(self, node: yaml.Node, path: Path) -> Value:
        self.sources.values[path] = self._span(node)
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(one, (*path, index)) for index, one in enumerate(node.value)]
        found: dict[str, Value] = {}
        if not isinstance(node, yaml.MappingNode):
            return found
        for key_node, value_node in self._pairs(node):
            key = str(key_node.value)
            inner = (*path, key)
            if key in found:
                first = self.sources.keys[inner]
                message = f"`{key}` stands here twice; it was said in line {first.line} already"
                self._error("duplicate-key", message, key_node, "Take one of them out.")
                continue
            self.sources.keys[inner] = self._span(key_node)
            found[key] = self.value(value_node, inner)
        return found

    def _pairs(self, node: yaml.MappingNode) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """Yield the pairs of a mapping, its own before those merged into it, which they hide."""
        own = {str(key.value) for key, _ in node.value if key.tag != _MERGE}
        merged: list[tuple[yaml.Node, yaml.Node]] = []
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._error("bad-key", "a key is text", key_node, "Put it in quotes.")
            elif key_node.tag == _MERGE:
                several = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                for one in several:
                    merged += [pair for pair in self._pairs(one) if str(pair[0].value) not in own]
                    own |= {str(pair[0].value) for pair in merged}
            else:
                yield key_node, value_node
        yield from merged

    def _span(self, node: yaml.Node) -> SourceSpan:
        start, end = node.start_mark, node.end_mark
        last = (end.line + 1, end.column + 1)
        return SourceSpan(self.file, start.line + 1, start.column + 1, *max(last, (start.line + 1, start.column + 1)))

    def _error(self, rule: str, message: str, node: yaml.Node, advice: str) -> None:
        self.found.append(Diagnostic(Severity.ERROR, rule, message, self._span(node), advice))


def _scalar(node: yaml.ScalarNode) -> Value:
    text = str(node.value)
    if node.style in _QUOTED:
        return text  # in quotes, or a block: text, whatever it looks like
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.match(text):
        return int(text, 0) if text[:2] in {"0o", "0x"} else int(text)
    return float(text.replace(".inf", "inf").replace(".nan", "nan")) if _FLOAT.match(text) else text


def _fault(file: str, line: int, column: int, message: str, advice: str) -> SyntaxFault:
    span = SourceSpan(file, line, column, line, column + 1)
    return SyntaxFault(Diagnostic(Severity.ERROR, "syntax", message, span, advice))
