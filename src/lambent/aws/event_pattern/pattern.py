"""Event patterns: read once, then asked of many events.

A pattern is a choice of branches (several where it has `$or`), each a set of fields by their path, joined by dots as
AWS joins them, with the matchers of which one must fit. An event is flattened likewise; a field inside a list of
objects remembers which element it is of, and a branch fits only with fields of the same elements.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lambent.aws.event_pattern.complexity import is_too_complex
from lambent.aws.event_pattern.located_json import Array, Node, NotJsonError, Object, place, read
from lambent.aws.event_pattern.matchers import Exists, Matcher, Scalar
from lambent.aws.event_pattern.operators import (
    ALL_OPERATORS,
    EVENT_BUS,
    Dialect,
    RefusedError,
    matcher_of,
    wildcards_among,
)

_OR = "$or"
_MOST_BRANCHES = 1000
_TOO_COMPLEX = (
    "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences"
    " after a wildcard character"
)
# What could be mistaken for an operator within a choice.
_RESERVED = ALL_OPERATORS | {
    "=", "<", "<=", ">", ">=", "regex", "not-wildcard", "not-equals-ignore-case", "date-after", "date-on-or-after",
    "date-before", "date-on-or-before", "in-date-range", "ip-address-in-range", "ip-address-not-in-range",
}  # fmt: skip

Branch = Mapping[str, Sequence[Matcher]]
Membership = frozenset[tuple[int, int]]
"""The lists that a value lies in (by their number in the event), with the index of the element it is part of."""
Fields = Mapping[str, Sequence[tuple[Scalar, Membership]]]


class PatternError(ValueError):
    """AWS takes no such pattern; the message is its reason, with the place where AWS names one."""


@dataclass(frozen=True, slots=True)
class EventPattern:
    """A pattern that AWS takes."""

    branches: Sequence[Branch]

    @classmethod
    def parse(cls, text: str, dialect: Dialect = EVENT_BUS) -> EventPattern:
        """Read a pattern; raises PatternError with AWS's reason.

        >>> EventPattern.parse('{"source": ["a", {"prefix": "b"}]}').matches({"source": "bc"})
        True
        """
        try:
            return cls.of(read(text), dialect)
        except NotJsonError as error:
            raise PatternError(error.reason + place(text, error.at)) from error
        except RefusedError as error:
            where = "" if error.at is None else place(text, error.at)
            raise PatternError(error.reason + where * error.times) from error

    @classmethod
    def of(cls, tree: Node, dialect: Dialect = EVENT_BUS) -> EventPattern:
        """Read a pattern from its JSON; raises RefusedError with AWS's reason and the place it concerns."""
        if not isinstance(tree, Object):
            raise RefusedError("Filter is not an object", tree.at)
        branches = _object(tree, [], (), dialect, is_chosen=False)
        for branch in branches:
            if any(is_too_complex(wildcards_among(matchers)) for matchers in branch.values()):
                raise RefusedError(_TOO_COMPLEX, None)
        return cls(branches)

    def matches(self, event: Mapping[str, object]) -> bool:
        """Whether an event, as parsed JSON, fits."""
        fields = flatten(event)
        return any(branch_fits(branch, fields) for branch in self.branches)


def _object(
    tree: Object, branches: list[Branch], path: tuple[str, ...], dialect: Dialect, *, is_chosen: bool
) -> list[Branch]:
    if not tree.members:
        raise RefusedError("Empty objects are not allowed", tree.end)
    for name, member in tree.members:
        if name == _OR:
            branches = _choice(member, branches, path, dialect)
        elif is_chosen and name in _RESERVED:
            raise RefusedError(f"{name} is Ruler reserved fieldName which cannot be used inside $or.", member.at)
        elif isinstance(member, Object):
            branches = _object(member, branches, (*path, name), dialect, is_chosen=is_chosen)
        elif isinstance(member, Array):
            matchers = _candidates(member, dialect)
            branches = [{**branch, ".".join((*path, name)): matchers} for branch in branches or [{}]]
        else:
            raise RefusedError(f'"{name}" must be an object or an array', member.at)
    return branches


def _choice(tree: Node, branches: list[Branch], path: tuple[str, ...], dialect: Dialect) -> list[Branch]:
    if not isinstance(tree, Array):
        raise RefusedError("It must be an Array followed with $or.", tree.at)
    chosen: list[Branch] = []
    for alternative in tree.items:
        if not isinstance(alternative, Object):
            raise RefusedError("Only JSON object is allowed in array of $or relationship.", alternative.at)
        chosen += _object(alternative, branches or [{}], path, dialect, is_chosen=True)
        if len(chosen) > _MOST_BRANCHES:
            raise RefusedError(_TOO_COMPLEX, None)
    if len(tree.items) < 2:
        raise RefusedError("There must have at least 2 Objects in $or relationship.", tree.end)
    return chosen


def _candidates(tree: Array, dialect: Dialect) -> Sequence[Matcher]:
    if not tree.items:
        raise RefusedError("Empty arrays are not allowed", tree.end)
    return tuple(matcher_of(candidate, dialect) for candidate in tree.items)


def flatten(event: Mapping[str, object]) -> Fields:
    """Return the scalars of an event by their paths.

    >>> sorted(flatten({"a": {"b": [1, 2]}, "c": []}))
    ['a.b']
    """
    fields: dict[str, list[tuple[Scalar, Membership]]] = {}
    arrays = 0
    waiting: list[tuple[str, object, Membership]] = [(str(name), value, frozenset()) for name, value in event.items()]
    while waiting:
        path, value, membership = waiting.pop()
        if isinstance(value, Mapping):
            waiting.extend((f"{path}.{name}", member, membership) for name, member in value.items())
        elif isinstance(value, list):
            arrays += 1
            for index, item in enumerate(value):
                # A scalar is not bound to its place in its own list: a field may take two of them.
                inside = membership | {(arrays, index)} if isinstance(item, Mapping | list) else membership
                waiting.append((path, item, inside))
        elif value is None or isinstance(value, str | int | float):
            fields.setdefault(path, []).append((value, membership))
    return fields


def branch_fits(branch: Branch, fields: Fields) -> bool:
    """Whether every field of a branch fits, with values of the same elements of the event's lists."""
    places: list[set[Membership]] = []
    for path, matchers in branch.items():
        values = fields.get(path)
        if values is None:
            if not any(isinstance(matcher, Exists) and not matcher.wanted for matcher in matchers):
                return False
            continue
        fitting = {membership for value, membership in values if any(matcher.matches(value) for matcher in matchers)}
        if not fitting:
            return False
        if frozenset() not in fitting:
            places.append(fitting)
    return len(places) < 2 or _is_consistent(places)


def _is_consistent(places: Sequence[set[Membership]]) -> bool:
    """Whether one membership can be taken for each field so that no list has two of its elements in them."""
    lists = [{number for membership in fitting for number, _ in membership} for fitting in places]
    shared = {number for index, one in enumerate(lists) for other in lists[index + 1 :] for number in one & other}
    agreed: set[Membership] = {frozenset()}
    for fitting in places:
        # Only lists that two fields lie in can disagree; without the others there is little to combine.
        relevant = {frozenset(pair for pair in membership if pair[0] in shared) for membership in fitting}
        agreed = {both for one in agreed for other in relevant for both in _joined(one, other)}
        if not agreed:
            return False
    return True


def _joined(one: Membership, other: Membership) -> Iterable[Membership]:
    both = one | other
    return (both,) if len({number for number, _ in both}) == len(both) else ()
