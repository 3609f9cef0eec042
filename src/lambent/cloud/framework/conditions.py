"""The Condition element of a policy statement: operators over the keys of a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network

ConditionKeys = Mapping[str, str | Sequence[str]]
"""The request's condition keys, in lower case (keys do not depend on case), each with its value or values."""
_Test = Callable[[str, str], bool]

_ARN_PARTS = 6


@lru_cache(maxsize=4096)
def wildcard(pattern: str) -> re.Pattern[str]:
    """Return the expression for a pattern in which `*` is any text and `?` any one character."""
    return re.compile("".join(_WILD.get(char) or re.escape(char) for char in pattern), re.DOTALL)


# A policy writes a literal star or question mark as ${*} and ${?}; filled in, they are these two private characters.
LITERALS = {"*": "\ue000", "?": "\ue001", "$": "$"}
_WILD = {"*": ".*", "?": ".", LITERALS["*"]: r"\*", LITERALS["?"]: r"\?"}


def matches(pattern: str, text: str) -> bool:
    """Whether the whole of `text` fits the pattern; case matters."""
    return wildcard(pattern).fullmatch(text) is not None


def arn_matches(pattern: str, text: str) -> bool:
    """Whether an ARN fits a pattern, part by part: no wildcard reaches across a colon of the first five.

    >>> arn_matches("arn:aws:s3:*:*:a*", "arn:aws:s3:::abc"), arn_matches("arn:*:abc", "arn:aws:s3:::abc")
    (True, False)
    """
    patterns, parts = pattern.split(":", _ARN_PARTS - 1), text.split(":", _ARN_PARTS - 1)
    if len(patterns) != _ARN_PARTS or len(parts) != _ARN_PARTS:
        return pattern == "*"
    return all(matches(part_pattern, part) for part_pattern, part in zip(patterns, parts, strict=True))


def holds(condition: object, keys: ConditionKeys) -> bool:
    """Whether every operator of a Condition element holds; one that AWS does not know never does."""
    if not isinstance(condition, Mapping):
        return False
    return all(
        isinstance(wanted, Mapping)
        and all(_operator_holds(str(operator), str(key).lower(), values, keys) for key, values in wanted.items())
        for operator, wanted in condition.items()
    )


def _operator_holds(operator: str, key: str, wanted: object, keys: ConditionKeys) -> bool:
    qualifier, _, name = operator.rpartition(":")
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    actual = keys.get(key)
    if name == "Null":
        return _texts(wanted) == [str(actual is None).lower()]
    found = _OPERATORS.get(name)
    if found is None:
        return False
    test, is_negated = found
    if actual is None:
        # An absent key differs from anything; ForAllValues asks nothing of an absent key.
        return if_exists or is_negated or qualifier == "ForAllValues"
    patterns = _texts(wanted)

    def fits(value: str) -> bool:
        return any(_safely(test, value, pattern) for pattern in patterns) != is_negated

    values = _texts(actual)
    return all(map(fits, values)) if qualifier == "ForAllValues" else any(map(fits, values))


def _texts(value: object) -> list[str]:
    """Return a policy's value, which may be one or a list, text or a JSON scalar, as texts."""
    if value is None:
        return []
    if isinstance(value, bool):
        return [str(value).lower()]
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [text for each in value for text in _texts(each)]
    return [str(value)]


def _safely(test: _Test, value: str, pattern: str) -> bool:
    try:
        return test(value, pattern)
    except ValueError:  # a value that is no number, date or address fits nothing
        return False


def _moment(text: str) -> float:
    if text.replace(".", "", 1).isdigit() and len(text) > len("2026"):
        return float(text)
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _numbers(compare: Callable[[float, float], bool]) -> _Test:
    return lambda value, wanted: compare(float(value), float(wanted))


def _moments(compare: Callable[[float, float], bool]) -> _Test:
    return lambda value, wanted: compare(_moment(value), _moment(wanted))


def _equal(value: str, wanted: str) -> bool:
    return value == wanted


def _equal_but_for_case(value: str, wanted: str) -> bool:
    return value.casefold() == wanted.casefold()


def _like(value: str, wanted: str) -> bool:
    return matches(wanted, value)


def _arn_like(value: str, wanted: str) -> bool:
    return arn_matches(wanted, value)


def _in_network(value: str, wanted: str) -> bool:
    return ip_address(value) in ip_network(wanted, strict=False)


def _comparisons(prefix: str, over: Callable[[Callable[[float, float], bool]], _Test]) -> dict[str, tuple[_Test, bool]]:
    return {
        f"{prefix}Equals": (over(lambda a, b: a == b), False),
        f"{prefix}NotEquals": (over(lambda a, b: a == b), True),
        f"{prefix}LessThan": (over(lambda a, b: a < b), False),
        f"{prefix}LessThanEquals": (over(lambda a, b: a <= b), False),
        f"{prefix}GreaterThan": (over(lambda a, b: a > b), False),
        f"{prefix}GreaterThanEquals": (over(lambda a, b: a >= b), False),
    }


# Each operator: does a value fit one wanted value, and is it the negation of that. ArnEquals takes wildcards, too.
_OPERATORS: Mapping[str, tuple[_Test, bool]] = {
    "StringEquals": (_equal, False),
    "StringNotEquals": (_equal, True),
    "StringEqualsIgnoreCase": (_equal_but_for_case, False),
    "StringNotEqualsIgnoreCase": (_equal_but_for_case, True),
    "StringLike": (_like, False),
    "StringNotLike": (_like, True),
    "ArnEquals": (_arn_like, False),
    "ArnLike": (_arn_like, False),
    "ArnNotEquals": (_arn_like, True),
    "ArnNotLike": (_arn_like, True),
    "Bool": (_equal_but_for_case, False),
    "BinaryEquals": (_equal, False),
    "IpAddress": (_in_network, False),
    "NotIpAddress": (_in_network, True),
    **_comparisons("Numeric", _numbers),
    **_comparisons("Date", _moments),
}
