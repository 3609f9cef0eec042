"""How much a YAML text comes to, told from its events: before anything is built of it, and in one pass.

Building first and looking then is too late: libyaml's composer goes as deep as the text does, on the machine's stack,
and a few hundred bytes of nested aliases come to millions of nodes for whoever walks them as a tree.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import yaml

MOST_NODES = 100_000
MOST_LEVELS = 100


class YamlBoundError(Exception):
    """A text is too deep, too large, without end, or has an alias where none may be; its place counts from 1."""

    def __init__(self, message: str, line: int, column: int, *, is_alias: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        self.is_alias = is_alias


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end is not yet there: the nodes and the levels that it has so far."""

    anchor: str | None
    nodes: int = 1
    levels: int = 1


@dataclass(slots=True)
class _Measure:
    allow_aliases: bool
    open: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[int, int] | None] = field(default_factory=dict)
    nodes: int = 0

    def start(self, anchor: str | None) -> str | None:
        """Begin a list or mapping; until it ends, an alias of it would be inside itself."""
        if anchor is not None:
            self.anchors[anchor] = None
        self.open.append(_Open(anchor))
        return self._leaf(1, 1, is_inside=False)

    def scalar(self, anchor: str | None) -> str | None:
        """Count a scalar."""
        if anchor is not None:
            self.anchors[anchor] = (1, 0)
        return self._leaf(1, 0)

    def alias(self, anchor: str | None) -> str | None:
        """Count an alias as all that it stands for."""
        if not self.allow_aliases:
            return "YAML aliases are not allowed here"
        # What no anchor names is the composer's to refuse.
        size = self.anchors.get(anchor or "", (1, 0))
        if size is None:
            return f"*{anchor} stands inside of what it names, so it would never end"
        return self._leaf(*size)

    def end(self) -> None:
        """End the innermost list or mapping."""
        done = self.open.pop()
        if done.anchor is not None:
            self.anchors[done.anchor] = (done.nodes, done.levels)
        if self.open:
            around = self.open[-1]
            around.nodes += done.nodes
            around.levels = max(around.levels, done.levels + 1)

    def _leaf(self, nodes: int, levels: int, *, is_inside: bool = True) -> str | None:
        self.nodes += nodes
        if is_inside and self.open:
            around = self.open[-1]
            around.nodes += nodes
            around.levels = max(around.levels, levels + 1)
        if len(self.open) + (levels if is_inside else 0) > MOST_LEVELS:
            return f"lists and mappings stand more than {MOST_LEVELS} levels deep in each other"
        if self.nodes > MOST_NODES:
            return f"with its aliases written out the text has more than {MOST_NODES:,} values"
        return None


def require_bounded(text: str, *, allow_aliases: bool) -> None:
    """Raise YamlBoundError, at its place, for a text that nobody should build anything of.

    A text that is no YAML is left to whoever reads it, who says so.
    """
    measure = _Measure(allow_aliases)
    try:
        for event in yaml.parse(text, yaml.CSafeLoader):
            if (problem := _taken(measure, event)) is not None:
                mark, is_alias = event.start_mark, isinstance(event, yaml.AliasEvent)
                line, column = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
                raise YamlBoundError(problem, line, column, is_alias=is_alias)
    except yaml.YAMLError:
        return


def _taken(measure: _Measure, event: yaml.Event) -> str | None:
    match event:
        case yaml.ScalarEvent():
            return measure.scalar(event.anchor)
        case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
            return measure.start(event.anchor)
        case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
            measure.end()
        case yaml.AliasEvent():
            return measure.alias(event.anchor)
        case _:
            pass
    return None
