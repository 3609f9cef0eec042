"""The operators of a pattern, read from its tree: one matcher for each candidate in a field's list.

The checks come in the order of AWS's own compiler, and say what it says:
https://github.com/aws/event-ruler (JsonRuleCompiler); texts recorded from AWS stand in tests/unit/aws.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lambent.aws.event_pattern.located_json import Array, Node, Object, Value
from lambent.aws.event_pattern.matchers import (
    AnythingBut,
    Cidr,
    EqualsIgnoreCase,
    Exact,
    Exists,
    Matcher,
    Numeric,
    Prefix,
    Suffix,
    Wildcard,
    wildcard_parts,
)

_ONE_KEY = "Only one key allowed in match expression"
_TEXT_OR_NUMBER = "Value of anything-but must be an array or single string/number value."
_MASK = re.compile(r"[+-]?\d+")
_LOOKS_LIKE_ADDRESS = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+|[0-9a-fA-F:]*:[0-9a-fA-F:]*")


@dataclass(frozen=True, slots=True)
class Dialect:
    """Which operators a service takes, and which of them inside `anything-but`."""

    operators: frozenset[str]
    inside_anything_but: frozenset[str]


ALL_OPERATORS = frozenset(
    {
        "anything-but",
        "cidr",
        "equals-ignore-case",
        "exactly",
        "exists",
        "numeric",
        "prefix",
        "suffix",
        "wildcard",
    }
)
EVENT_BUS = Dialect(ALL_OPERATORS, frozenset({"equals-ignore-case", "prefix", "suffix", "wildcard"}))
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html#filtering-syntax
EVENT_SOURCE_MAPPING = Dialect(ALL_OPERATORS - {"wildcard", "cidr", "exactly"}, frozenset({"prefix", "suffix"}))


class RefusedError(ValueError):
    """A pattern says what it must not; `at` is where AWS's parser stands, None where AWS names no place.

    `times` is how often AWS names it: within lists its message is wrapped into another of its kind.
    """

    def __init__(self, reason: str, at: int | None, times: int = 1) -> None:
        super().__init__(reason)
        self.reason = reason
        self.at = at
        self.times = times


def matcher_of(candidate: Node, dialect: Dialect) -> Matcher:
    """Return the matcher for one element of a field's list; raises RefusedError."""
    if isinstance(candidate, Value):
        return Exact(candidate.value)
    if isinstance(candidate, Array):
        raise RefusedError("Match value must be String, number, true, false, or null", candidate.at)
    if not candidate.members:
        raise RefusedError("Match expression name not found", candidate.end)
    name, operand = candidate.members[0]
    read = _OPERATORS.get(name)
    if read is None or name not in dialect.operators:
        raise RefusedError(f"Unrecognized match type {name}", operand.at)
    matcher = read(operand, dialect)
    if len(candidate.members) > 1:
        many = "Too many elements in numeric expression" if name in {"numeric", "anything-but"} else _ONE_KEY
        raise RefusedError(many, candidate.members[1][1].at)
    return matcher


def _text(operand: Node, refusal: str) -> str:
    if isinstance(operand, Value) and isinstance(operand.value, str):
        return operand.value
    raise RefusedError(refusal, operand.at)


def _exactly(operand: Node, dialect: Dialect) -> Matcher:
    del dialect
    return Exact(_text(operand, "exact match pattern must be a string"))


def _affix(kind: type[Prefix | Suffix], name: str) -> Callable[[Node, Dialect], Matcher]:
    def read(operand: Node, dialect: Dialect) -> Matcher:
        del dialect
        if not isinstance(operand, Object):
            return kind(_text(operand, f"{name} match pattern must be a string"))
        if not operand.members:
            raise RefusedError(f"{name.title()} expression name not found", operand.end)
        inner, text = operand.members[0]
        if inner != "equals-ignore-case":
            raise RefusedError(f"Unsupported {name} pattern: {inner}", text.at)
        matcher = kind(_text(text, "equals-ignore-case match pattern must be a string"), ignore_case=True)
        if len(operand.members) > 1:
            raise RefusedError(_ONE_KEY, operand.members[1][1].at)
        return matcher

    return read


def _equals_ignore_case(operand: Node, dialect: Dialect) -> Matcher:
    del dialect
    return EqualsIgnoreCase(_text(operand, "equals-ignore-case match pattern must be a string"))


def _wildcard(operand: Node, dialect: Dialect) -> Matcher:
    del dialect
    text = _text(operand, "wildcard match pattern must be a string")
    problem = _problem_of_wildcard(text)
    if problem is not None:
        raise RefusedError(problem, operand.end)
    return Wildcard(text)


def _problem_of_wildcard(pattern: str) -> str | None:
    # AWS counts bytes, the opening quote among them.
    position = 1
    parts = wildcard_parts(pattern)
    for index, part in enumerate(parts):
        if part == "*" and parts[index + 1 : index + 2] == ["*"]:
            return f"Consecutive wildcard characters at pos {position}"
        if part[0] == "\\" and part not in {r"\*", r"\\"}:
            return f"Invalid escape character at pos {position}"
        position += len(part.encode())
    return None


def _exists(operand: Node, dialect: Dialect) -> Matcher:
    del dialect
    if isinstance(operand, Value) and isinstance(operand.value, bool):
        return Exists(operand.value)
    raise RefusedError("exists match pattern must be either true or false.", operand.at)


def _cidr(operand: Node, dialect: Dialect) -> Matcher:
    del dialect
    # AWS speaks of a prefix here.
    parts = _text(operand, "prefix match pattern must be a string").split("/")
    if len(parts) != 2:
        raise RefusedError("Malformed CIDR, one '/' required", None)
    address, mask = parts
    if _MASK.fullmatch(mask) is None:
        raise RefusedError("Malformed CIDR, mask bits must be an integer", None)
    if int(mask) < 0:
        raise RefusedError("Malformed CIDR, mask bits must not be negative", None)
    return Cidr(_network(address, int(mask)))


def _network(address: str, bits: int) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        parsed = ipaddress.ip_address(address) if _LOOKS_LIKE_ADDRESS.fullmatch(address) else None
    except ValueError:
        raise RefusedError(f"Invalid IP address: {address}", None) from None
    if parsed is None:
        raise RefusedError(f"Nonstandard IP address: {address}", None)
    most = parsed.max_prefixlen
    if bits >= most:
        raise RefusedError(f"IPv{parsed.version} mask bits must be < {most}", None)
    return ipaddress.ip_network((address, bits), strict=False)


def _is_number(operand: Node | None) -> bool:
    return isinstance(operand, Value) and _number(operand) is not None


def _number(operand: Node | None) -> int | float | None:
    value = operand.value if isinstance(operand, Value) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _numeric(operand: Node, dialect: Dialect) -> Matcher:
    del dialect
    if not isinstance(operand, Array):
        raise RefusedError("Value of numeric must be an array.", operand.at)
    terms = list(operand.items)
    if not terms or not (isinstance(terms[0], Value) and isinstance(terms[0].value, str)):
        first = terms[0] if terms else None
        shown = first.value if isinstance(first, Value) else "]" if first is None else "["
        raise RefusedError(f"Invalid member in numeric match: {shown}", operand.end if first is None else first.end)
    sign = terms[0].value
    if sign not in {"=", "<", "<=", ">", ">="}:
        raise RefusedError(f"Unrecognized numeric range operator: {sign}", terms[0].end)
    bound = _bound(operand, 1, "equals" if sign == "=" else sign)
    if sign == "=":
        matcher = Numeric(bound, bound)
    elif sign in {"<", "<="}:
        matcher = Numeric(None, bound, takes_high=sign == "<=")
    elif len(terms) == 2:
        return Numeric(bound, None, takes_low=sign == ">=")
    else:
        return _range(operand, bound, takes_low=sign == ">=")
    if len(terms) > 2:
        raise RefusedError("Too many elements in numeric expression", terms[2].at)
    return matcher


def _bound(operand: Array, index: int, sign: str) -> float:
    node = operand.items[index] if len(operand.items) > index else None
    number = _number(node)
    if number is None:
        raise RefusedError(f"Value of {sign} must be numeric", operand.end if node is None else node.at)
    return number


def _range(operand: Array, low: float, *, takes_low: bool) -> Matcher:
    second = operand.items[2]
    sign = second.value if isinstance(second, Value) else None
    if not isinstance(sign, str):
        shown = second.value if isinstance(second, Value) else "["
        raise RefusedError(f"Bad value in numeric range: {shown}", second.end)
    if sign not in {"<", "<="}:
        raise RefusedError(f"Bad numeric range operator: {sign}", second.end)
    high = _bound(operand, 3, sign)
    if len(operand.items) > 4:
        raise RefusedError("Too many terms in numeric range expression", operand.items[4].at)
    if low >= high:
        raise RefusedError("Bottom must be less than top", operand.end)
    return Numeric(low, high, takes_low, takes_high=sign == "<=")


def _anything_but(operand: Node, dialect: Dialect) -> Matcher:
    if not isinstance(operand, Object):
        return _anything_but_values(operand)
    if not operand.members:
        raise RefusedError("Anything-But expression name not found", operand.end)
    name, inner = operand.members[0]
    if name not in dialect.inside_anything_but:
        raise RefusedError(f"Unsupported anything-but pattern: {name}", inner.at)
    if isinstance(inner, Object) or (isinstance(inner, Value) and not isinstance(inner.value, str | int | float)):
        raise RefusedError(_TEXT_OR_NUMBER, inner.at)
    times = 2 if isinstance(inner, Array) else 1
    items = inner.items if isinstance(inner, Array) else (inner,)
    excluded = tuple(_inside_anything_but(name, item, times) for item in items)
    if len(operand.members) > 1:
        raise RefusedError("Too many elements in numeric expression", operand.members[1][1].at)
    return AnythingBut(excluded)


_INSIDE: Mapping[str, tuple[type[Prefix | Suffix | EqualsIgnoreCase | Wildcard], str]] = {
    "prefix": (Prefix, "prefix/suffix match pattern must be a string"),
    "suffix": (Suffix, "prefix/suffix match pattern must be a string"),
    "wildcard": (Wildcard, "wildcard match pattern must be a string"),
    "equals-ignore-case": (
        EqualsIgnoreCase,
        "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
    ),
}


def _inside_anything_but(name: str, item: Node, times: int) -> Prefix | Suffix | EqualsIgnoreCase | Wildcard:
    kind, refusal = _INSIDE[name]
    if not (isinstance(item, Value) and isinstance(item.value, str)):
        raise RefusedError(refusal, item.at, times)
    if not item.value and name in {"prefix", "suffix"}:
        raise RefusedError("Null prefix/suffix not allowed", item.end, times)
    problem = _problem_of_wildcard(item.value) if name == "wildcard" else None
    if problem is not None:
        raise RefusedError(problem, item.end)
    return kind(item.value)


def _anything_but_values(operand: Node) -> Matcher:
    if isinstance(operand, Array):
        excluded = tuple(_excluded(item) for item in operand.items)
        if len({isinstance(each.value, str) for each in excluded}) != 1:
            mixed = "Inside anything but list, either all values are number or string, mixed type is not supported"
            raise RefusedError(mixed, operand.end)
        return AnythingBut(excluded)
    if isinstance(operand, Value) and (isinstance(operand.value, str) or _is_number(operand)):
        return AnythingBut((Exact(operand.value),))
    raise RefusedError(_TEXT_OR_NUMBER, operand.at)


def _excluded(item: Node) -> Exact:
    if isinstance(item, Value) and (isinstance(item.value, str) or _is_number(item)):
        return Exact(item.value)
    raise RefusedError("Inside anything but list, start|null|boolean is not supported.", item.at, 2)


_OPERATORS: Mapping[str, Callable[[Node, Dialect], Matcher]] = {
    "anything-but": _anything_but,
    "cidr": _cidr,
    "equals-ignore-case": _equals_ignore_case,
    "exactly": _exactly,
    "exists": _exists,
    "numeric": _numeric,
    "prefix": _affix(Prefix, "prefix"),
    "suffix": _affix(Suffix, "suffix"),
    "wildcard": _wildcard,
}


def wildcards_among(matchers: Sequence[Matcher]) -> Sequence[str]:
    """Return the patterns of the wildcards among a field's candidates."""
    return [each.pattern for each in matchers if isinstance(each, Wildcard)]
