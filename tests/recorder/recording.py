"""A test's calls and their answers, as kept and as compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from tests.recorder.normalise import Json, Normaliser, Pairing, Place

_READS = ("BatchGet", "Describe", "Get", "Head", "List")


@dataclass(frozen=True, slots=True)
class Heard:
    """A call as it was made, and what was answered: the request's members, and the answer's or the error's."""

    operation: str  # "lambda.GetFunction"
    request: Mapping[str, object]
    answer: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it is kept."""

    operation: str
    request: Json
    answer: Json


class Absent(Enum):
    """What stands where a member is missing: None is a value that AWS can answer with."""

    ABSENT = "(absent)"


ABSENT: Final = Absent.ABSENT
Found = Json | Absent


@dataclass(frozen=True, slots=True)
class Difference:
    """A place in an answer where the two say something else."""

    path: str
    kept: Found
    now: Found

    def told(self, source: str) -> str:
        """Return it as lines for a reader; `source` is who answered when it was recorded."""
        return f"{self.path}\n    {source}: {_shown(self.kept)}\n    here: {_shown(self.now)}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing a test's calls with the kept ones."""

    differences: list[Difference] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    stale: str | None = None


def kept(heard: Sequence[Heard], place: Place) -> list[Call]:
    """Return what is kept of the calls of one test: polls as one, values as placeholders."""
    normaliser = Normaliser(place)
    return [
        Call(each.operation, normaliser.value(each.request), normaliser.value(each.answer))
        for each in without_polls(heard)
    ]


def without_polls(heard: Sequence[Heard]) -> list[Heard]:
    """Return the calls without those that a poll repeats: of the same read over and over, the last.

    How often a waiter asks depends on how long things take. What it waited for is in its last answer.
    """
    return [
        each
        for each, after in zip(heard, [*heard[1:], None], strict=True)
        if after is None
        or not _is_read(each.operation)
        or (each.operation, each.request) != (after.operation, after.request)
    ]


def compare(recorded: Sequence[Call], made: Sequence[Call], accepted: Sequence[str] = ()) -> Comparison:
    """Compare call by call; `accepted` are paths at and below which a difference is deliberate.

    From the first call that is another than the recorded one, nothing can be compared: the recording is stale.
    """
    found: list[Difference] = []
    stale = None
    names = _numbered([call.operation for call in made])
    pairing = Pairing()
    for number, (before, now, name) in enumerate(zip(recorded, made, names, strict=False), 1):
        if stale := _other_call(number, before, now, pairing):
            break
        found += differences(name, before.answer, now.answer, pairing)
    if stale is None and len(recorded) != len(made):
        stale = f"it makes {len(made)} calls, {len(recorded)} are recorded"
    unused = [] if stale else [path for path in accepted if not any(_covers(path, each.path) for each in found)]
    left = [each for each in found if not any(_covers(path, each.path) for path in accepted)]
    return Comparison(left, unused, stale)


def differences(path: str, before: Found, now: Found, pairing: Pairing) -> Iterator[Difference]:
    """Yield each place where two values differ, key for key and item for item."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in sorted(before.keys() | now.keys()):
            yield from differences(f"{path}.{name}", before.get(name, ABSENT), now.get(name, ABSENT), pairing)
    elif isinstance(before, list) and isinstance(now, list):
        for index in range(max(len(before), len(now))):
            yield from differences(f"{path}[{index}]", _item(before, index), _item(now, index), pairing)
    elif isinstance(before, str) and isinstance(now, str):
        if not pairing.same(before, now):
            yield Difference(path, before, now)
    elif (type(before), before) != (type(now), now):
        yield Difference(path, before, now)


def _other_call(number: int, before: Call, now: Call, pairing: Pairing) -> str | None:
    if before.operation != now.operation:
        return f"call {number} is {now.operation}, {before.operation} is recorded"
    if other := next(differences("", before.request, now.request, pairing), None):
        asked, recorded = _shown(other.now), _shown(other.kept)
        return f"call {number}, {now.operation}, asks for {other.path[1:]} {asked}, {recorded} is recorded"
    return None


def _numbered(operations: Sequence[str]) -> Iterator[str]:
    seen: Counter[str] = Counter()
    for operation in operations:
        seen[operation] += 1
        yield f"{operation}#{seen[operation]}"


def _item(items: list[Json], index: int) -> Found:
    return items[index] if index < len(items) else ABSENT


def _covers(accepted: str, path: str) -> bool:
    return path == accepted or path.startswith((f"{accepted}.", f"{accepted}["))


def _is_read(operation: str) -> bool:
    return operation.rpartition(".")[2].startswith(_READS)


def _shown(value: Found) -> str:
    return value.value if isinstance(value, Absent) else repr(value)
