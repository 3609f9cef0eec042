"""The user's sample events: files of JSON, one event each, or of JSON lines, one event a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lambent.cli.errors import CommandError, ExitCode

_LINES = frozenset({".jsonl", ".ndjson"})


@dataclass(frozen=True, slots=True)
class SampleEvent:
    """An event: what to call it (its file, with the line where there are several), its bytes and its value."""

    name: str
    payload: bytes
    value: object


NONE_GIVEN = SampleEvent("{}", b"{}", {})


def sample_events(places: Sequence[Path]) -> list[SampleEvent]:
    """Return the events in these files and folders, in order; raises CommandError where one is no JSON, or none is.

    Of a folder every `.json`, `.jsonl` and `.ndjson` file is taken, by name.
    """
    found = [event for place in places for file in _files(place) for event in _events(file)]
    if places and not found:
        raise CommandError(
            f"There is no event in {', '.join(map(str, places))}.", "Put one into a file: event.json", ExitCode.USAGE
        )
    return found


def _files(place: Path) -> list[Path]:
    if not place.is_dir():
        return [place]
    return sorted(file for file in place.iterdir() if file.suffix in {".json", *_LINES} and file.is_file())


def _events(file: Path) -> Iterator[SampleEvent]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}", "Name a file of JSON.", ExitCode.USAGE) from error
    if file.suffix not in _LINES:
        yield _event(file.name, str(file), text)
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield _event(f"{file.name}:{number}", f"{file}:{number}", line)


def _event(name: str, where: str, text: str) -> SampleEvent:
    try:
        return SampleEvent(name, text.encode(), json.loads(text))
    except ValueError as error:
        raise CommandError(f"{where} is no JSON: {error}", "Name a file of JSON.", ExitCode.USAGE) from error
