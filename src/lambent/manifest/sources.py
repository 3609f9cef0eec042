"""Where values stand in a manifest's text."""

from __future__ import annotations

from dataclasses import dataclass, field

from lambent.base.diagnostics import SourceSpan

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Sources:
    """The places of a manifest's keys and values, by their paths; a system built in Python has none."""

    file: str = ""
    values: dict[Path, SourceSpan] = field(default_factory=dict)
    keys: dict[Path, SourceSpan] = field(default_factory=dict)

    def span(self, *path: str | int, key: bool = False) -> SourceSpan | None:
        """Return the place of the value at `path` (of its key, with `key`), or of the nearest one around it."""
        if key and path in self.keys:
            return self.keys[path]
        for length in range(len(path), -1, -1):
            if (found := self.values.get(path[:length])) is not None:
                # Of a mapping its key is shown: the whole of it would be half the file.
                return self.keys.get(path[:length], found) if found.end_line > found.line else found
        return None

    def moved(self, start: Path, to: Path) -> None:
        """Let everything beneath `start` stand beneath `to` too: an overlay's values, where they were laid."""
        for places in (self.values, self.keys):
            beneath = [path for path in places if path[: len(start)] == start and len(path) > len(start)]
            places.update({to + path[len(start) :]: places[path] for path in beneath})
