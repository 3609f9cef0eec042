"""Parameters against the constraints of the model, in the words of AWS's own validation.

A member's constraints are checked in the order in which AWS lists them: null, enum, pattern, length, range; elements of
a list or map of scalars are reported once, at the list or map. The wording follows answers of the real services.

Most parameters are as they should be: whether they are takes no paths and no texts, and looks at what is there alone.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lambent.aws.service_models import Operation, Shape
from lambent.cloud.errors import ServiceError

Test = Callable[[Any], bool]  # Any: a member's value, or the parameters
Constraint = tuple[str, Test]
Check = Callable[[Any, str, list[str]], None]  # Any: a member's value; then its path, and where violations go

_NOT_NULL = "Member must not be null"
_SIZED = {"string", "list", "map", "blob"}
_RANGED = {"integer", "long", "short", "byte", "float", "double"}
# Java's character classes that Python lacks, as nearly as a Python class can say them.
_SPACES = r" \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_JAVA_CLASSES = {
    "L": r"\w",
    "M": r"\w",
    "N": r"\d",
    "Nd": r"\d",
    "Z": _SPACES + r"\u2028\u2029",  # no line feeds and tabs, which \s would take
    "Zs": _SPACES,
    "Alpha": "a-zA-Z",
}


def violations(operation: Operation, parameters: Mapping[str, Any]) -> list[str]:  # Any: parameters are botocore-shaped
    """Return what is wrong with the parameters, one text each: `Value 'v' at 'field' failed to satisfy constraint: …`.

    An empty list means that the model allows them.
    """
    found: list[str] = []
    fits = _input_test(operation)
    if fits is not None and not fits(parameters) and (check := _input_check(operation)) is not None:
        check(parameters, "", found)
    return found


def validation_error(operation: Operation, parameters: Mapping[str, Any]) -> ServiceError | None:  # Any: as above
    """Return the error AWS answers to parameters its model does not allow, or None where it does.

    The query services call it ValidationError, all others ValidationException.
    """
    found = violations(operation, parameters)
    if not found:
        return None
    code = "ValidationError" if operation.service.protocol == "query" else "ValidationException"
    count = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected: "
    return ServiceError(code, count + "; ".join(found))


@functools.cache
def _input_test(operation: Operation) -> Test | None:
    return _test(operation.input, {}) if operation.input is not None else None


def _test(shape: Shape, known: dict[str, Test]) -> Test | None:
    """Return the test whether a shape's check would find nothing; None where it never finds anything."""
    if shape.type == "structure":
        return None if shape.has("document") else _structure_test(shape, known)
    tests = [test for _, test in _constraints(shape)]
    if shape.type == "list":
        tests += _element_tests(shape.member, known)
    elif shape.type == "map":
        tests += _entry_tests(shape, known)
    return _all_of(tests) if tests else None


def _structure_test(shape: Shape, known: dict[str, Test]) -> Test:
    if shape.name in known:
        return known[shape.name]
    members: dict[str, Test] = {}
    required = tuple(shape.required)

    def fits(value: Any) -> bool:  # Any: as Test
        if not isinstance(value, Mapping):
            return True
        for name in required:
            if value.get(name) is None:
                return False
        for name, item in value.items():
            if item is not None and (test := members.get(name)) is not None and not test(item):
                return False
        return True

    known[shape.name] = fits  # before the members, which may lead back here
    for name, member in shape.members.items():
        below = _test(member, known)
        if below is not None:
            members[name] = below
    return fits


def _element_tests(member: Shape, known: dict[str, Test]) -> list[Test]:
    below = _test(member, known)
    if below is None:
        return []
    return [lambda values: all(value is not None and below(value) for value in values)]


def _entry_tests(shape: Shape, known: dict[str, Test]) -> list[Test]:
    key, below = _test(shape.key, known), _test(shape.value, known)
    tests: list[Test] = []
    if key is not None:
        tests.append(lambda value: all(map(key, value)))
    if below is not None and shape.value.type in {"structure", "list", "map"}:
        tests.append(lambda value: all(map(below, value.values())))
    elif below is not None:
        tests.append(lambda value: all(item is not None and below(item) for item in value.values()))
    return tests


def _all_of(tests: Sequence[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]

    def fits(value: Any) -> bool:  # Any: as Test
        for test in tests:  # noqa: SIM110 - a generator costs more than most of the tests
            if not test(value):
                return False
        return True

    return fits


@functools.cache
def _input_check(operation: Operation) -> Check | None:
    return _build(operation.input, {}) if operation.input is not None else None


def _build(shape: Shape, known: dict[str, Check]) -> Check | None:
    """Return the check of a shape's values; None where the model puts no constraint on them."""
    if shape.type == "structure":
        return None if shape.has("document") else _structure_check(shape, known)
    own = [_reporting(text, test, shape) for text, test in _constraints(shape)]
    if shape.type == "list":
        own += _element_checks(shape, known)
    elif shape.type == "map":
        own += _entry_checks(shape, known)
    if not own:
        return None

    def check(value: Any, path: str, found: list[str]) -> None:  # Any: as Check
        for each in own:
            each(value, path, found)

    return own[0] if len(own) == 1 else check


def _structure_check(shape: Shape, known: dict[str, Check]) -> Check:
    if shape.name in known:
        return known[shape.name]
    members: list[tuple[str, str, bool, Check | None]] = []

    def check(value: Any, path: str, found: list[str]) -> None:  # Any: as Check
        if not isinstance(value, Mapping):
            return
        for name, field, is_required, member in members:
            item = value.get(name)
            if item is not None:
                if member is not None:
                    member(item, path + field, found)
            elif is_required:
                found.append(f"Value null at '{path}{field}' failed to satisfy constraint: {_NOT_NULL}")

    known[shape.name] = _descending(check)  # before the members, which may lead back here
    for name, member in shape.members.items():
        below = _build(member, known)
        if below is not None or name in shape.required:
            members.append((name, name[0].lower() + name[1:], name in shape.required, below))
    return known[shape.name]


def _descending(check: Check) -> Check:
    return lambda value, path, found: check(value, f"{path}." if path else "", found)


def _element_checks(shape: Shape, known: dict[str, Check]) -> list[Check]:
    member = shape.member
    if member.type in {"structure", "list", "map"}:
        below = _build(member, known)
        return [_each_element(below)] if below else []
    constraints = _constraints(member, lengths_first=True)
    if not constraints:
        return []
    # Seen on AWS: null is not mentioned where the elements may be empty.
    may_be_empty = member.type in _SIZED and member.traits.get("min") == 0
    texts = [text for text, _ in constraints] + ([] if may_be_empty else [_NOT_NULL])
    text = f"Member must satisfy constraint: [{', '.join(texts)}]"
    return [_reporting(text, lambda values: all(_holds(constraints, value) for value in values), shape)]


def _each_element(below: Check) -> Check:
    def check(values: Any, path: str, found: list[str]) -> None:  # Any: as Check
        for number, value in enumerate(values, 1):
            if value is None:
                found.append(f"Value null at '{path}.{number}.member' failed to satisfy constraint: {_NOT_NULL}")
            else:
                below(value, f"{path}.{number}.member", found)

    return check


def _entry_checks(shape: Shape, known: dict[str, Check]) -> list[Check]:
    checks: list[Check] = []
    keys = _constraints(shape.key, lengths_first=True)
    if keys:
        text = f"Map keys must satisfy constraint: [{', '.join(text for text, _ in keys)}]"
        checks.append(_reporting(text, lambda value: all(_holds(keys, key) for key in value), shape))
    if shape.value.type in {"structure", "list", "map"}:
        below = _build(shape.value, known)
        return [*checks, _each_entry(below)] if below else checks
    values = _constraints(shape.value, lengths_first=True)
    if values:
        text = f"Map value must satisfy constraint: [{', '.join([*(text for text, _ in values), _NOT_NULL])}]"
        checks.append(_reporting(text, lambda value: all(_holds(values, item) for item in value.values()), shape))
    return checks


def _each_entry(below: Check) -> Check:
    def check(value: Any, path: str, found: list[str]) -> None:  # Any: as Check
        for key, item in value.items():
            below(item, f"{path}.{key}.member", found)

    return check


def _holds(constraints: list[Constraint], value: Any) -> bool:  # Any: as Test
    return value is not None and all(test(value) for _, test in constraints)


def _reporting(text: str, test: Test, shape: Shape) -> Check:
    is_sensitive = shape.has("sensitive")

    def check(value: Any, path: str, found: list[str]) -> None:  # Any: as Check
        if not test(value):
            shown = "" if is_sensitive else f" '{_java_text(value)}'"
            found.append(f"Value{shown} at '{path}' failed to satisfy constraint: {text}")

    return check


# ── one value's constraints ──


def _constraints(shape: Shape, *, lengths_first: bool = False) -> list[Constraint]:
    # Seen on AWS: a value's own pattern is named before its length, but within a list's brackets after it.
    patterns, bounds = _pattern(shape), _bounds(shape)
    return [*_enum(shape), *bounds, *patterns] if lengths_first else [*_enum(shape), *patterns, *bounds]


def _enum(shape: Shape) -> list[Constraint]:
    allowed = frozenset(shape.enum)
    if not allowed:
        return []
    return [(f"Member must satisfy enum value set: [{', '.join(_java_set_order(shape.enum))}]", allowed.__contains__)]


def _pattern(shape: Shape) -> list[Constraint]:
    pattern: str | None = shape.traits.get("pattern")
    if not pattern or shape.type != "string":
        return []
    compiled = _compile(pattern)
    if compiled is None:
        return []
    return [
        (
            f"Member must satisfy regular expression pattern: {_as_printed(pattern)}",
            lambda value: compiled.fullmatch(value) is not None,
        )
    ]


def _bounds(shape: Shape) -> list[Constraint]:
    minimum, maximum = shape.traits.get("min"), shape.traits.get("max")
    found: list[Constraint] = []
    if shape.type in _SIZED:
        if maximum is not None:
            found.append((f"Member must have length less than or equal to {maximum}", lambda v: len(v) <= maximum))
        if minimum is not None:
            found.append((f"Member must have length greater than or equal to {minimum}", lambda v: len(v) >= minimum))
    elif shape.type in _RANGED:
        if maximum is not None:
            found.append((f"Member must have value less than or equal to {maximum}", lambda v: v <= maximum))
        if minimum is not None:
            found.append((f"Member must have value greater than or equal to {minimum}", lambda v: v >= minimum))
    return found


def _as_printed(pattern: str) -> str:
    """Return a pattern without the parentheses that the published models put around alternatives, as AWS prints it."""
    depth, alternatives_at = 0, False
    for position, character in enumerate(re.sub(r"\\.", "__", pattern)):
        depth += (character == "(") - (character == ")")
        if depth == 0 and position < len(pattern) - 1:
            return pattern
        alternatives_at = alternatives_at or (depth == 1 and character == "|")
    return pattern[1:-1] if alternatives_at and pattern.startswith("(") else pattern


def _compile(pattern: str) -> re.Pattern[str] | None:
    """Return a Java pattern as Python's; None where Python has no equal, so that nothing valid is refused."""
    translated = re.sub(r"\\p\{(?:Is)?(\w+)\}", lambda found: _JAVA_CLASSES.get(found[1], "\\p"), pattern)
    # In Java a hyphen after a class such as \w is itself; Python takes it for a range without a start.
    translated = re.sub(r"(\\[wdsWDS])-(?!\])", r"\1\\-", translated)
    # Java's \d, \w and \s are those of ASCII: https://docs.oracle.com/javase/8/docs/api/java/util/regex/Pattern.html
    flags = 0 if r"\p" in pattern else re.ASCII
    try:
        with warnings.catch_warnings(action="ignore"):  # of set operations that future versions may know
            return re.compile(translated, flags)
    except re.error:
        return None


# ── values as Java prints them ──


def _java_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}={_java_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_java_text(each) for each in value) + "]"
    if isinstance(value, bytes):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    return "null" if value is None else str(value)


def _java_set_order(values: tuple[str, ...]) -> list[str]:
    """Return strings in the order in which a java.util.HashSet of them prints, as AWS's messages do."""
    size = 16
    while size < len(values) / 0.75 + 1:
        size *= 2
    return sorted(values, key=lambda value: _java_hash(value) & (size - 1))


def _java_hash(text: str) -> int:
    code = 0
    for unit in memoryview(text.encode("utf-16-le")).cast("H"):
        code = (31 * code + unit) & 0xFFFFFFFF
    return code ^ code >> 16
