"""What an answer of a function always is, learned from runs of the same event alone, and how another answer differs.

An answer may hold what no two runs share: a time, an identifier, something random. Compared are only the parts that
came out the same each time, however deep they lie: members of objects, items of arrays, JSON inside strings (as
behind API Gateway), words inside texts. The ids of the request itself are replaced before anything is compared, so
that an answer which names another request's differs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_WORDS = re.compile(r"[^\s\"'<>,;(){}\[\]=&?/|]+|[\s\"'<>,;(){}\[\]=&?/|]")
# A number under such a name is a measurement: it may come out the same alone, and not beside others.
_UNITS = "ms|millis|milliseconds|seconds|secs|sec|duration|elapsed|took|latency|time|timestamp|ts|uptime"
_MEASURED = re.compile(rf"(?:^|[_\-])(?:{_UNITS})(?:$|[_\-])", re.IGNORECASE)
_MEASURED_CAMEL = re.compile(r"[a-z](?:Ms|Millis|Milliseconds|Seconds|Duration|Elapsed|Latency|Time|Timestamp)$")
# A moment in the words of a clock: two of them differ by nothing but when they were asked for.
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?)?(Z|[+-]\d\d:?\d\d)?|\d\d:\d\d:\d\d([.,]\d+)?"
    r"|(?<!\d)1[6-9]\d{8}(\d{3}|\d{6}|\d{9})?(\.\d+)?(?!\d)"
)
_SHOWN = 120
_WHOLE = "the answer"


@dataclass(frozen=True, slots=True)
class Exact:
    """Always this value."""

    value: object


@dataclass(frozen=True, slots=True)
class Varying:
    """Another value each time, or now and then."""


@dataclass(frozen=True, slots=True)
class Members:
    """An object; `sometimes` are members that not every run had."""

    always: Mapping[str, Shape]
    sometimes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Items:
    """An array of a fixed length."""

    items: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Unordered:
    """An array of the same items in any order."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Embedded:
    """JSON inside a string."""

    inner: Shape


@dataclass(frozen=True, slots=True)
class Words:
    """A text of which some words vary (None)."""

    words: tuple[str | None, ...]


Shape = Exact | Varying | Members | Items | Unordered | Embedded | Words


@dataclass(frozen=True, slots=True)
class Difference:
    """Where an answer is not what it is alone; `expected` and `got` are short texts, "" for what is missing."""

    path: str
    expected: str
    got: str


def parsed(payload: bytes, own: Mapping[str, str]) -> object:
    """Return an answer's value; `own` says what stands for the request's own ids. What is no JSON is its text.

    >>> parsed(b'{"id": "r-1"}', {"r-1": "<request id>"})
    {'id': '<request id>'}
    """
    text = payload.decode("utf-8", "backslashreplace")
    for value, name in own.items():
        if value:
            text = text.replace(value, name)
    try:
        value_of: object = json.loads(text)
    except ValueError:
        return text
    return value_of


def learn(values: Sequence[object]) -> Shape:
    """Return what these values have in common.

    >>> learn([{"n": 1, "at": "12:00"}, {"n": 1, "at": "12:01"}])
    Members(always={'n': Exact(value=1), 'at': Words(words=(None,))}, sometimes=frozenset())
    """
    if all(isinstance(value, dict) for value in values):
        return _members([value for value in values if isinstance(value, dict)])
    if all(isinstance(value, list) for value in values):
        return _items([value for value in values if isinstance(value, list)])
    if all(isinstance(value, str) for value in values):
        return _text([value for value in values if isinstance(value, str)])
    first = values[0]
    return Exact(first) if all(_same(first, value) for value in values) else Varying()


def differences(shape: Shape, value: object, path: str = "") -> Iterator[Difference]:
    """Yield where `value` is not of this shape."""
    match shape:
        case Members():
            yield from _in_members(shape, value, path)
        case Items():
            yield from _in_items(shape, value, path)
        case Embedded(inner):
            found = _embedded(value) if isinstance(value, str) else None
            if found is None:
                yield Difference(path or _WHOLE, "JSON", shown(value))
            else:
                yield from differences(inner, found, path)
        case Exact() | Unordered() | Words() | Varying():
            if not _is_such(shape, value):
                yield Difference(path or _WHOLE, _told(shape), shown(value))


def _is_such(shape: Exact | Unordered | Words | Varying, value: object) -> bool:
    match shape:
        case Exact(expected):
            return _same(expected, value)
        case Unordered(items):
            return isinstance(value, list) and _canonical(value) == items
        case Words(words):
            return isinstance(value, str) and _fits(words, value)
        case Varying():
            return True


def is_comparable(shape: Shape) -> bool:
    """Return whether any part of an answer always comes out the same."""
    match shape:
        case Varying():
            return False
        case Members(always):
            return not always or any(is_comparable(one) for one in always.values())
        case Items(items):
            return not items or any(is_comparable(one) for one in items)
        case Embedded(inner):
            return is_comparable(inner)
        case Words(words):
            return any(word is not None and word.isalnum() for word in words)
        case _:
            return True


def varying(shape: Shape, path: str = "") -> Iterator[str]:
    """Yield the paths of what varies by itself."""
    match shape:
        case Varying() | Unordered():
            yield path or _WHOLE
        case Words(words) if None in words:
            yield path or _WHOLE
        case Members(always, sometimes):
            for name, one in always.items():
                yield from varying(one, f"{path}.{name}")
            yield from (f"{path}.{name}" for name in sorted(sometimes))
        case Items(items):
            for index, one in enumerate(items):
                yield from varying(one, f"{path}[{index}]")
        case Embedded(inner):
            yield from varying(inner, path)
        case _:
            return


def is_measurement(path: str) -> bool:
    """Return whether what lies there is named like a time or a duration.

    >>> is_measurement(".body.took_ms"), is_measurement(".body.items")
    (True, False)
    """
    name = path.rpartition(".")[2]
    return bool(_MEASURED.search(name) or _MEASURED_CAMEL.search(name))


def is_by_clock(one: Difference) -> bool:
    """Return whether nothing differs but moments.

    >>> is_by_clock(Difference(".at", '"Done at 03:15:14"', '"Done at 03:15:15"'))
    True
    """
    expected, got = _MOMENT.sub("<moment>", one.expected), _MOMENT.sub("<moment>", one.got)
    return expected == got and "<moment>" in got


def moments(text: str) -> Iterator[str]:
    """Yield the moments that a text names."""
    return (found.group() for found in _MOMENT.finditer(text))


def place_of(path: str) -> str:
    """Return a path without the numbers of items.

    >>> place_of(".items[3].id")
    '.items[].id'
    """
    return re.sub(r"\[\d+\]", "[]", path)


def texts(value: object) -> Iterator[str]:
    """Yield every leaf of a value as text, of JSON inside strings, too."""
    if isinstance(value, dict):
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)
    elif isinstance(value, str):
        found = _embedded(value)
        if found is None:
            yield value
        else:
            yield from texts(found)
    elif not isinstance(value, bool) and value is not None:
        yield str(value)


def marks(events: Sequence[object]) -> list[frozenset[str]]:
    """Return for each event the texts that it alone holds, long enough not to turn up by chance.

    >>> [sorted(one) for one in marks([{"user": "alice", "kind": "buy"}, {"user": "bob-7", "kind": "buy"}])]
    [['alice'], ['bob-7']]
    """
    held = [frozenset(text for text in texts(event) if 4 <= len(text) <= 200) for event in events]
    # Counted in one string of all: a thousand events are compared with each other.
    everything = "\0".join(text for own in held for text in own)
    return [
        frozenset(text for text in own if everything.count(text) == whole.count(text))
        for own in held
        for whole in ["\0".join(own)]
    ]


def foreign(value: object, own: int, known: Sequence[frozenset[str]]) -> tuple[int, str] | None:
    """Return another event and the text of it that an answer holds; None where there is none."""
    found = list(texts(value))
    for index, others in enumerate(known):
        if index == own:
            continue
        for mark in sorted(others):
            if any(_holds(text, mark) for text in found):
                return index, mark
    return None


def shown(value: object) -> str:
    """Return a value as short JSON."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _holds(text: str, mark: str) -> bool:
    # Most answers hold none of a thousand marks, and a pattern for each would be compiled anew each time.
    return mark in text and re.search(rf"(?<![A-Za-z0-9]){re.escape(mark)}(?![A-Za-z0-9])", text) is not None


def _members(values: list[dict[str, object]]) -> Shape:
    everywhere = [name for name in values[0] if all(name in value for value in values)]
    names = {name for value in values for name in value}
    always = {name: learn([value[name] for value in values]) for name in everywhere}
    return Members(always, frozenset(names - set(everywhere)))


def _items(values: list[list[object]]) -> Shape:
    if any(len(value) != len(values[0]) for value in values):
        return Varying()
    first = values[0]
    orders = {_canonical(value) for value in values}
    if len(orders) == 1 and any(not _same(first, value) for value in values):
        return Unordered(orders.pop())
    return Items(tuple(learn(list(row)) for row in zip(*values, strict=True)))


def _text(values: list[str]) -> Shape:
    inner = [_embedded(value) for value in values]
    if all(one is not None for one in inner):
        return Embedded(learn(inner))
    if all(value == values[0] for value in values):
        return Exact(values[0])
    rows = [_WORDS.findall(value) for value in values]
    if any(len(row) != len(rows[0]) for row in rows):
        return Varying()
    return Words(tuple(column[0] if len(set(column)) == 1 else None for column in zip(*rows, strict=True)))


def _in_members(shape: Members, value: object, path: str) -> Iterator[Difference]:
    if not isinstance(value, dict):
        names = ", ".join(sorted(shape.always))
        yield Difference(path or _WHOLE, f"an object with {names}", shown(value))
        return
    for name, one in shape.always.items():
        if name in value:
            yield from differences(one, value[name], f"{path}.{name}")
        else:
            yield Difference(f"{path}.{name}", _told(one), "")
    for name in value:
        if name not in shape.always and name not in shape.sometimes:
            yield Difference(f"{path}.{name}", "", shown(value[name]))


def _in_items(shape: Items, value: object, path: str) -> Iterator[Difference]:
    if not isinstance(value, list) or len(value) != len(shape.items):
        yield Difference(path or _WHOLE, f"{len(shape.items)} items", shown(value))
        return
    for index, (item, one) in enumerate(zip(shape.items, value, strict=True)):
        yield from differences(item, one, f"{path}[{index}]")


def _told(shape: Shape) -> str:
    match shape:
        case Exact(value):
            return shown(value)
        case Unordered(items):
            return shown([json.loads(item) for item in items])
        case Words(words):
            return shown("".join("…" if word is None else word for word in words))
        case _:
            return "a value"


def _fits(words: tuple[str | None, ...], text: str) -> bool:
    found = _WORDS.findall(text)
    return len(found) == len(words) and all(
        one is None or one == other for one, other in zip(words, found, strict=True)
    )


def _embedded(text: str) -> object | None:
    if text[:1] not in {"{", "["}:
        return None
    try:
        value: object = json.loads(text)
    except ValueError:
        return None
    return value


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


def _canonical(values: list[object]) -> tuple[str, ...]:
    return tuple(sorted(json.dumps(value, sort_keys=True) for value in values))
