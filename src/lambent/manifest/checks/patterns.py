"""Event patterns of rules and triggers, and filter policies of subscriptions: whether AWS takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from lambent.aws.event_pattern import EVENT_BUS, EVENT_SOURCE_MAPPING, Dialect, EventPattern, RefusedError
from lambent.aws.event_pattern.located_json import Array, Node, Object, Value
from lambent.aws.filter_policy import FILTER_POLICY, FilterPolicy, FilterPolicyError
from lambent.base.diagnostics import Diagnostic
from lambent.manifest.checks.subject import Place
from lambent.manifest.node import Document
from lambent.manifest.sources import Path
from lambent.manifest.words import did_you_mean

_UNRECOGNIZED = "Unrecognized match type "
_VALUES = "A field's values are a list, such as `source: [orders]`, or `[{prefix: orders.}]`."
_NOTHING = "What is empty fits no event: take it out, or say what is wanted."


@dataclass(frozen=True, slots=True)
class _Taker:
    """Who takes patterns: how it reads one, the operators it has, and what its refusals begin with."""

    read: Callable[[Node], object]
    dialect: Dialect
    prefix: str


_RULE = _Taker(EventPattern.of, EVENT_BUS, "Event pattern is not valid. Reason: ")
_MAPPING = _Taker(
    partial(EventPattern.of, dialect=EVENT_SOURCE_MAPPING), EVENT_SOURCE_MAPPING, "Invalid filter pattern definition. "
)
_ATTRIBUTES = _Taker(partial(FilterPolicy.of, nested=False), FILTER_POLICY, "FilterPolicy: ")
_BODIES = _Taker(partial(FilterPolicy.of, nested=True), FILTER_POLICY, "FilterPolicy: ")


def check_event_pattern(pattern: Document | None, place: Place, *inside: str | int) -> Iterator[Diagnostic]:
    """Yield why EventBridge would not take a rule's pattern, or a template would not."""
    if pattern is None:
        return
    yield from _null(pattern, place, inside)
    yield from _refused(pattern, _RULE, place, inside)


def check_filters(filters: Sequence[Document], place: Place, *inside: str | int) -> Iterator[Diagnostic]:
    """Yield why Lambda would not take the filters of an event source mapping."""
    for index, pattern in enumerate(filters):
        yield from _refused(pattern, _MAPPING, place, (*inside, index))


def check_filter_policy(
    policy: Document | None, place: Place, *inside: str | int, nested: bool
) -> Iterator[Diagnostic]:
    """Yield why SNS would not take a subscription's filter policy, or a template would not; `nested`: for bodies."""
    if policy is None:
        return
    yield from _null(policy, place, inside)
    try:
        yield from _refused(policy, _BODIES if nested else _ATTRIBUTES, place, inside)
    except FilterPolicyError as error:
        advice = "Write `filter_by: body` where it is about bodies; otherwise ask for fewer fields and values."
        yield place.found("event-pattern", str(error), advice, *inside)


def _refused(pattern: Document, taker: _Taker, place: Place, inside: Path) -> Iterator[Diagnostic]:
    paths: list[Path] = [()]
    tree = _located(pattern, (), paths)
    try:
        taker.read(tree)
    except RefusedError as error:
        # Where AWS names no place it may be any of the texts.
        path = () if error.at is None else paths[error.at]
        if not _is_known_later(_at(pattern, path), whole=error.at is None):
            message = f"{taker.prefix}{error.reason}"
            yield place.found("event-pattern", message, _advice(error.reason, taker.dialect), *inside, *path)


def _located(value: Any, path: Path, paths: list[Path]) -> Node:  # Any: JSON
    """Return a pattern's tree, in which the place of a node is the number that its path gets in `paths`."""
    number = len(paths)
    paths.append(path)
    if isinstance(value, dict):
        members = [(str(name), _located(member, (*path, name), paths)) for name, member in value.items()]
        return Object(members, number, number)
    if isinstance(value, list):
        return Array([_located(item, (*path, index), paths) for index, item in enumerate(value)], number, number)
    return Value(value, number, number)


def _null(value: Any, place: Place, where: Path) -> Iterator[Diagnostic]:  # Any: JSON
    """Yield the nulls of a document that a template has as such, which CloudFormation refuses."""
    if value is None:
        advice = "CloudFormation cannot say null: ask for `{exists: true}` with other values, or leave it out."
        yield place.found("event-pattern", "'null' values are not allowed in templates", advice, *where)
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, member in members:
        yield from _null(member, place, (*where, part))


def _at(pattern: Document, path: Path) -> Any:  # Any: JSON
    value: Any = pattern  # Any: JSON
    for part in path:
        value = value[part]
    return value


def _is_known_later(refused: Any, *, whole: bool) -> bool:  # Any: JSON
    """Whether a text that is refused (or one of the whole pattern) has references, which the deployment resolves."""
    if whole and isinstance(refused, dict | list):
        members = refused.values() if isinstance(refused, dict) else refused
        return any(_is_known_later(member, whole=True) for member in members)
    return isinstance(refused, str) and "${" in refused


def _advice(reason: str, dialect: Dialect) -> str:
    if reason.startswith(_UNRECOGNIZED):
        known = sorted(dialect.operators)
        listed = f"There are {', '.join(known)}."
        return did_you_mean(reason.removeprefix(_UNRECOGNIZED), known, otherwise=listed)
    return _NOTHING if reason.startswith("Empty ") else _VALUES
