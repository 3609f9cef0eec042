"""Filter policies of SNS subscriptions: read once, then asked of every message.

They are event patterns with fewer operators and with limits of their own, on a message's attributes or on its body.
https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import orjson

from lambent.aws.event_pattern import Dialect, EventPattern, RefusedError
from lambent.aws.event_pattern.located_json import Array, Node, NotJsonError, Object, read

Attributes = Mapping[str, Mapping[str, str]]
"""Message attributes by name: `DataType`, and `StringValue` unless the type is binary."""

_OR = "$or"
_MOST_KEYS = 5
_MOST_COMBINATIONS = 150
# https://docs.aws.amazon.com/sns/latest/dg/string-value-matching.html
FILTER_POLICY = Dialect(
    frozenset({"anything-but", "cidr", "equals-ignore-case", "exists", "numeric", "prefix", "suffix", "wildcard"}),
    frozenset({"equals-ignore-case", "prefix", "suffix", "wildcard"}),
)
"""The operators of filter policies."""


class FilterPolicyError(ValueError):
    """SNS takes no such policy; the message is what its answer says behind `Invalid parameter: `."""


@dataclass(frozen=True, slots=True)
class FilterPolicy:
    """A policy that SNS takes."""

    pattern: EventPattern

    @classmethod
    def of(cls, tree: Node, *, nested: bool) -> FilterPolicy:
        """Read a policy from its JSON; `nested` ones are for bodies.

        Raises RefusedError with AWS's reason and the place it concerns, FilterPolicyError beyond SNS's limits.
        """
        pattern = EventPattern.of(tree, FILTER_POLICY)
        _check_limits(tree, nested=nested)
        return cls(pattern)

    def takes_attributes(self, attributes: Attributes) -> bool:
        """Whether a message with these attributes is wanted; binary ones are not looked at.

        >>> policy = parse_filter_policy('{"shop": ["a", {"prefix": "b"}]}', nested=False)
        >>> policy.takes_attributes({"shop": {"DataType": "String", "StringValue": "bc"}})
        True
        """
        return self.pattern.matches(_event_of(attributes))

    def takes_body(self, body: str) -> bool:
        """Whether a message with this body is wanted, which one that is no JSON object never is."""
        parsed = _parsed(body)
        return isinstance(parsed, dict) and self.pattern.matches(parsed)


@lru_cache(maxsize=1024)
def parse_filter_policy(text: str, *, nested: bool) -> FilterPolicy:
    """Read a policy; `nested` ones are for bodies. Raises FilterPolicyError with AWS's reason."""
    try:
        return FilterPolicy.of(read(text), nested=nested)
    except NotJsonError as error:
        raise FilterPolicyError(
            f"FilterPolicy: failed to parse JSON. {error.reason}{_place(text, error.at)}"
        ) from error
    except RefusedError as error:
        where = "" if error.at is None else _place(text, error.at)
        raise FilterPolicyError(f"FilterPolicy: {error.reason}{where * error.times}") from error


def _check_limits(tree: Node, *, nested: bool) -> None:
    members = tree.members if isinstance(tree, Object) else ()
    if len(members) > _MOST_KEYS:
        raise FilterPolicyError(f"FilterPolicy: Filter policy can not have more than {_MOST_KEYS} keys")
    if not nested and _is_nested(tree):
        raise FilterPolicyError("Filter policy scope MessageAttributes does not support nested filter policy")
    if _combinations(tree, 1, 1) > _MOST_COMBINATIONS:
        raise FilterPolicyError("FilterPolicy: Filter policy is too complex")


def _is_nested(tree: Node) -> bool:
    if not isinstance(tree, Object):
        return False
    for name, member in tree.members:
        if isinstance(member, Object):
            return True
        if name == _OR and isinstance(member, Array) and any(_is_nested(item) for item in member.items):
            return True
    return False


def _combinations(tree: Node, depth: int, before: int) -> int:
    """Return the combinations of values: what each key has, times its depth, multiplied; `$or` adds its choices up.

    https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
    """
    found = before
    for name, member in tree.members if isinstance(tree, Object) else ():
        if isinstance(member, Object):
            found = _combinations(member, depth + 1, found)
        elif isinstance(member, Array) and name == _OR:
            found = sum(_combinations(item, depth, found) for item in member.items)
        elif isinstance(member, Array):
            found *= len(member.items) * depth
    return found


def _place(text: str, at: int) -> str:
    before = text[:at]
    line, column = before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1
    return (
        "\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled);"
        f" line: {line}, column: {column}]"
    )


def _event_of(attributes: Attributes) -> dict[str, object]:
    return {name: _value_of(one) for name, one in attributes.items() if not one["DataType"].startswith("Binary")}


def _value_of(attribute: Mapping[str, str]) -> object:
    kind, text = attribute["DataType"], attribute["StringValue"]
    if kind == "String.Array":
        parsed = _parsed(text)
        return parsed if isinstance(parsed, list) else text
    if kind.startswith("Number"):
        try:
            return float(text)
        except ValueError:
            return text
    return text


def _parsed(text: str) -> object:
    try:
        found: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found
