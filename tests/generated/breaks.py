"""Valid parameters broken in exactly one place, and what has to be answered to that."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from tests.generated.chance import Chance
from tests.generated.patterns import is_match
from tests.generated.values import Parameters
from tests.generated.wire import Message

Shape = Any  # Any: botocore's shapes have attributes by type
Value = Any  # Any: whatever the shape is of
Place = tuple[str | int, ...]
# Those that stand in paths must not be empty, nor lead elsewhere.
_HOSTILE = (
    "\x00", "a\x00b", "%00", "..", "../../etc/passwd", "\u202e", "\ufeff", "☃" * 40, "😀", "'; DROP TABLE x; --",
    "${jndi:x}", "{{7*7}}", "\r\nX-Injected: 1", "\u2028", "\u0661\u0662", "\uff11\uff12", "-0", "1_0", " 1", "1e3",
    "NaN", "null", "true", "arn:aws:lambda", "arn:::::", "$LATEST", "a" * 300, "é" * 200, "\x7f", "*", "[]", "{}",
)  # fmt: skip
_STRAY = ("", " ", "a b", "☃", "*", "a/b", "?", "é", "\n", "x" * 10_001, "\u0661", "\uff11\uff12")
# Longer ones would mostly show how long it takes to send them.
_LONG = 9_000
_MANY = 400
_WRONG: dict[str, tuple[object, ...]] = {
    "string": (7, 1.5, True, [], {}, ["a"], {"a": "b"}),
    "integer": ("seven", 1.5, True, [], {}, "", float("inf"), 10**400),
    "long": ("seven", 1.5, True, [], {}),
    "double": ("half", True, [], {}),
    "boolean": ("perhaps", 1, [], {}),
    "structure": ("x", 7, [], True),
    "list": ("x", 7, {}, True),
    "map": ("x", 7, [], True),
    "timestamp": ("yesterday", [], {}, True),
    "blob": (7, [], {}, "!not base64!"),
}


class Expected(Enum):
    """How a request has to be answered."""

    ANSWERED = "anything but a failure of the platform's"
    REFUSED = "a 4xx of AWS's shape"
    VIOLATION = "N validation errors detected, all of them where it was broken"
    UNREADABLE = "SerializationException, or what the body's format has for it"


@dataclass(frozen=True, slots=True)
class Break:
    """One way to break parameters: `change` makes the broken ones; `path` is the place as AWS names it."""

    kind: str
    path: str
    expected: Expected
    change: Callable[[Parameters], None]

    def applied(self, parameters: Parameters) -> Parameters:
        broken = copy.deepcopy(parameters)
        self.change(broken)
        return broken


def breaks(shape: Shape, parameters: Parameters, chance: Chance) -> list[Break]:
    """Return the ways to break these parameters, one for each constraint of each place they have."""
    return [] if shape is None else list(_of_structure(shape, parameters, (), "", chance))


def _of_structure(shape: Shape, value: Parameters, place: Place, path: str, chance: Chance) -> Iterator[Break]:
    for name, member in shape.members.items():
        here, at = (*place, name), path + name[0].lower() + name[1:]
        location = member.serialization.get("location")
        if name in shape.required_members and name in value and location != "uri" and not _is_payload(shape, name):
            yield Break("missing", at, Expected.VIOLATION, lambda broken, here=here: _delete(broken, here))  # type: ignore[misc] # mypy gives a lambda's default no type
        if name in value and not _is_payload(shape, name):
            yield from _of_value(member, value[name], here, at, chance)


def _is_payload(shape: Shape, name: str) -> bool:
    return bool(shape.serialization.get("payload") == name)


def _of_value(  # noqa: PLR0913 - what every step down needs
    shape: Shape,
    value: Value,
    place: Place,
    path: str,
    chance: Chance,
    *,
    in_query: bool = False,
) -> Iterator[Break]:
    location = shape.serialization.get("location")
    yield from _of_constraints(shape, value, place, path, chance)
    if not in_query:
        yield from _of_types(shape, place, path, chance)
    if shape.type_name == "structure":
        yield from _of_structure(shape, value, place, f"{path}.", chance)
    elif shape.type_name == "list" and value:
        at = chance.between(0, len(value) - 1)
        nested = shape.member.type_name in {"structure", "list", "map"}
        below = f"{path}.{at + 1}.member" if nested else path
        yield from _of_value(shape.member, value[at], (*place, at), below, chance, in_query=location is not None)
        if location is None:
            yield _set(
                "null element",
                place,
                f"{path}.{at + 1}.member",
                (at, None),
                Expected.VIOLATION if _is_bounded(shape.member) else Expected.ANSWERED,
            )
    elif shape.type_name == "map" and value:
        key = chance.one_of(sorted(value))
        nested = shape.value.type_name in {"structure", "list", "map"}
        below = f"{path}.{key}.member" if nested else path
        yield from _of_value(shape.value, value[key], (*place, key), below, chance)
    elif shape.type_name == "string" and not getattr(shape, "enum", None) and location != "header":
        hostile = chance.one_of(_HOSTILE)
        yield _set("hostile", place[:-1], path, (place[-1], hostile), Expected.ANSWERED)


def _of_constraints(shape: Shape, value: Value, place: Place, path: str, chance: Chance) -> Iterator[Break]:
    for kind, wrong in _violations(shape, value, chance):
        if shape.serialization.get("location") == "uri" and wrong == "":
            continue
        if shape.serialization.get("location") == "header" and not _fits_header(wrong):
            continue
        expected = Expected.REFUSED if kind == "beyond 64 bits" else Expected.VIOLATION
        yield _set(kind, place[:-1], path, (place[-1], wrong), expected)
    if shape.type_name == "map" and shape.key.metadata.get("pattern"):
        stray = _stray(shape.key, chance)
        if stray is not None and value:
            first = value[min(value)]
            yield _set("key", place, path, (stray, first), Expected.VIOLATION)


def _violations(shape: Shape, value: Value, chance: Chance) -> Iterator[tuple[str, object]]:
    kind = shape.type_name
    if kind == "string":
        yield from _of_text(shape, chance)
    elif kind in {"integer", "long", "double"}:
        yield from _of_number(shape, type(value))
    elif kind == "list" and value and shape.serialization.get("location") is None:
        yield from _of_list(shape, value)


def _of_text(shape: Shape, chance: Chance) -> Iterator[tuple[str, object]]:
    if getattr(shape, "enum", None):
        yield "enum", chance.one_of(["none of them", "", str(shape.enum[0]).swapcase() + "x"])
        return
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    stray = _stray(shape, chance)
    if stray is not None:
        yield "pattern", stray
    if most is not None and int(most) <= _LONG:
        yield "too long", "x" * (int(most) + 1)
    if least:
        yield "too short", "x" * (int(least) - 1)


def _of_number(shape: Shape, number: type[int | float]) -> Iterator[tuple[str, object]]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None:
        yield "too small", number(least) - 1
    if most is not None:
        yield "too large", number(most) + 1
        if shape.type_name == "integer":
            yield "beyond 64 bits", 2**70


def _of_list(shape: Shape, value: list[object]) -> Iterator[tuple[str, object]]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if most is not None and int(most) <= _MANY:
        yield "too many", [value[0]] * (int(most) + 1)
    if least:
        yield "too few", []


def _stray(shape: Shape, chance: Chance) -> str | None:
    pattern = shape.metadata.get("pattern")
    if not pattern:
        return None
    most = int(shape.metadata.get("max", 1_000_000))
    least = int(shape.metadata.get("min", 0))
    # What a property of Unicode takes in is more than can be listed here.
    likely = [each for each in _STRAY if each.isascii()] if "\\p{" in pattern else _STRAY
    strays = [each for each in likely if not is_match(pattern, each) and least <= len(each) <= most]
    return chance.one_of(strays) if strays else None


def _of_types(shape: Shape, place: Place, path: str, chance: Chance) -> Iterator[Break]:
    location = shape.serialization.get("location")
    if location is None:
        wrong = chance.one_of(_WRONG[shape.type_name])
        yield _set("type", place[:-1], path, (place[-1], wrong), Expected.UNREADABLE)
    elif shape.type_name in {"integer", "long"}:
        text = chance.one_of(["seven", "1.5", "1_0", "\u0661", " 5", "0x1", "1e2", "\uff19"])
        yield _set("text for a number", place[:-1], path, (place[-1], text), Expected.UNREADABLE)


def _set(kind: str, place: Place, path: str, item: tuple[str | int, object], expected: Expected) -> Break:
    def change(broken: Parameters) -> None:
        _within(broken, place)[item[0]] = item[1]

    return Break(kind, path, expected, change)


def _within(value: Value, place: Place) -> Value:
    for step in place:
        value = value[step]
    return value


def _delete(broken: Parameters, place: Place) -> None:
    del _within(broken, place[:-1])[place[-1]]


def _fits_header(wrong: object) -> bool:
    return isinstance(wrong, str) and wrong.isascii() and wrong.isprintable() and wrong == wrong.strip() and wrong != ""


def _is_bounded(shape: Shape) -> bool:
    return bool(shape.type_name == "structure")


# ── the message itself ──


def broken_message(message: Message, chance: Chance) -> tuple[str, Message, Expected]:
    """Return a message whose form, rather than what it says, is broken."""
    is_structure = message.headers.get("Content-Type") == "application/json"
    ways = list(_MESSAGES.items()) if is_structure else [*_URLS.items()]
    kind, (change, expected) = chance.one_of(ways)
    return kind, change(message), expected


def _deep(message: Message) -> Message:
    first = next(iter(json.loads(message.body)))
    return replace(message, body=f'{{"{first}":'.encode() + b"[" * 5000 + b"]" * 5000 + b"}")


_Way = tuple[Callable[[Message], Message], Expected]
_MESSAGES: dict[str, _Way] = {
    "cut body": (lambda message: replace(message, body=message.body[:-1]), Expected.UNREADABLE),
    "list for a body": (lambda message: replace(message, body=b"[" + message.body + b"]"), Expected.UNREADABLE),
    "text for a body": (lambda message: replace(message, body=b'"x"'), Expected.UNREADABLE),
    "null for a body": (lambda message: replace(message, body=b"null"), Expected.REFUSED),
    "not UTF-8": (
        lambda message: replace(message, body=message.body[:-1] + b', "x": "\xff\xfe"}'),
        Expected.UNREADABLE,
    ),
    "half a surrogate": (
        lambda message: replace(message, body=message.body[:-1] + b', "x": "\\ud800"}'),
        Expected.ANSWERED,
    ),
    "deep body": (_deep, Expected.UNREADABLE),
}
_URLS: dict[str, _Way] = {
    "unknown query": (lambda message: replace(message, target=_asked(message.target, "x=%00&y")), Expected.ANSWERED),
    "query not UTF-8": (
        lambda message: replace(message, target=_asked(message.target, "Marker=%ff%fe")),
        Expected.ANSWERED,
    ),
    "query cut": (lambda message: replace(message, target=_asked(message.target, "MaxItems=%zz")), Expected.ANSWERED),
    "path not UTF-8": (lambda message: replace(message, target=_in_path(message.target, "%ff")), Expected.ANSWERED),
    "NUL in the path": (lambda message: replace(message, target=_in_path(message.target, "%00")), Expected.ANSWERED),
    "longer path": (lambda message: replace(message, target=_in_path(message.target, "/more/of/it")), Expected.REFUSED),
    "another method": (lambda message: replace(message, method="PATCH"), Expected.REFUSED),
}


def _asked(target: str, more: str) -> str:
    return target + ("&" if "?" in target else "?") + more


def _in_path(target: str, more: str) -> str:
    path, separator, query = target.partition("?")
    return path + more + separator + query
