"""Recordings as files: `recorded/<module>.json` beside the test, an entry for each test of the module."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.recorder.normalise import SECRET_IN_TEXT, Json
from tests.recorder.recording import Call

AWS = "AWS"
_KEY = re.compile(r"(?:AKIA|ASIA)[A-Z0-9]{12,}")


@dataclass(frozen=True, slots=True)
class Entry:
    """What is kept of one test, of whom it was asked ("AWS", or a stand-in's address), where and when."""

    source: str
    region: str
    date: str
    calls: list[Call]


class Recordings:
    """The recordings of test modules, beside the modules or below a folder of their own."""

    def __init__(self, root: Path, folder: Path | None = None) -> None:
        self._root = root
        self._folder = folder
        self._read: dict[Path, dict[str, Entry]] = {}

    def of(self, module: Path, test: str) -> Entry | None:
        """Return the entry of a test ("test_x[a]"), None where there is none; each file is read once."""
        return self._entries(self.file_of(module)).get(test)

    def keep(self, module: Path, test: str, entry: Entry) -> Path:
        """Keep an entry in place of an older one; return its file."""
        file = self.file_of(module)
        entries = self._entries(file)
        entries[test] = entry
        file.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({name: asdict(entries[name]) for name in sorted(entries)}, indent=1, ensure_ascii=False)
        fresh = file.with_suffix(".new")
        fresh.write_text(text + "\n", encoding="utf-8")
        fresh.replace(file)
        return file

    def file_of(self, module: Path) -> Path:
        """Return where the recordings of a test module are kept."""
        if self._folder is None:
            return module.parent / "recorded" / f"{module.stem}.json"
        return self._folder / module.relative_to(self._root).with_suffix(".json")

    def _entries(self, file: Path) -> dict[str, Entry]:
        if file not in self._read:
            self._read[file] = dict(entries_in(file)) if file.exists() else {}
        return self._read[file]


def entries_in(file: Path) -> Iterator[tuple[str, Entry]]:
    """Yield the entries of a file by the names of their tests."""
    for test, entry in json.loads(file.read_text(encoding="utf-8")).items():
        calls = [Call(each["operation"], each["request"], each["answer"]) for each in entry["calls"]]
        yield test, Entry(entry["source"], entry["region"], entry["date"], calls)


def faults(file: Path, tests: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with a recording that is to stay: not AWS's, or of none of the module's `tests`."""
    for test, entry in entries_in(file):
        if entry.source != AWS:
            yield f"{test} was asked of {entry.source}, which is not AWS"
        if test.partition("[")[0] not in tests:
            yield f"{test} is no test of the module: delete the entry"
        yield from (f"{test} keeps {found}" for text in _texts(entry.calls) if (found := _secret(text)))


def _texts(calls: Sequence[Call]) -> Iterator[str]:
    waiting: list[Json] = [part for call in calls for part in (call.request, call.answer)]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


def _secret(text: str) -> str | None:
    """Return what a text tells that must stay secret."""
    if key := _KEY.search(text):
        return f"{key[0][:8]}…, an access key"
    return "a secret access key or a token" if SECRET_IN_TEXT.search(text) else None
