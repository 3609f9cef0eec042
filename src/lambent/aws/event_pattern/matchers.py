"""What a field of a pattern asks of one value of an event: each operator as a value that tells whether it fits.

They see scalars of parsed JSON. Text, numbers, true, false and null are never equal to one another, as they are not in
AWS's matcher, which compares their JSON forms: https://github.com/aws/event-ruler#readme
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache

Scalar = str | int | float | bool | None
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_LOOKS_LIKE_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+|[0-9a-fA-F:]*:[0-9a-fA-F:]*")


def exact_key(value: Scalar) -> object:
    """Return what is equal for scalars that a pattern takes for equal, and for no others.

    >>> exact_key(1) == exact_key(1.0), exact_key(True) == exact_key(1), exact_key("1") == exact_key(1)
    (True, False, False)
    """
    return ("literal", str(value)) if value is None or isinstance(value, bool) else value


@dataclass(frozen=True, slots=True)
class Exact:
    """The value itself; text that is an address also takes its other spellings."""

    value: Scalar

    def matches(self, value: Scalar) -> bool:
        """Whether `value` is the one asked for."""
        if exact_key(self.value) == exact_key(value):
            return True
        mine = address_of(self.value)
        return mine is not None and mine == address_of(value)


@dataclass(frozen=True, slots=True)
class Prefix:
    """Text that begins so."""

    text: str
    ignore_case: bool = False

    def matches(self, value: Scalar) -> bool:
        """Whether `value` is text that begins so."""
        if not isinstance(value, str):
            return False
        return value.lower().startswith(self.text.lower()) if self.ignore_case else value.startswith(self.text)


@dataclass(frozen=True, slots=True)
class Suffix:
    """Text that ends so."""

    text: str
    ignore_case: bool = False

    def matches(self, value: Scalar) -> bool:
        """Whether `value` is text that ends so."""
        if not isinstance(value, str):
            return False
        return value.lower().endswith(self.text.lower()) if self.ignore_case else value.endswith(self.text)


@dataclass(frozen=True, slots=True)
class EqualsIgnoreCase:
    """The text in any case."""

    text: str

    def matches(self, value: Scalar) -> bool:
        """Whether `value` is the text in any case."""
        return isinstance(value, str) and value.lower() == self.text.lower()


@dataclass(frozen=True, slots=True)
class Wildcard:
    r"""Text in which each `*` of the pattern stands for any characters; `\*` and `\\` stand for themselves."""

    pattern: str

    def matches(self, value: Scalar) -> bool:
        """Whether all of `value` fits."""
        return isinstance(value, str) and _expression(self.pattern).fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Numeric:
    """A number between bounds, each of them part of the range or not; None where there is no bound."""

    low: float | None
    high: float | None
    takes_low: bool = True
    takes_high: bool = True

    def matches(self, value: Scalar) -> bool:
        """Whether `value` is a number in the range."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.low is not None and (value < self.low or (value == self.low and not self.takes_low)):
            return False
        return self.high is None or value < self.high or (value == self.high and self.takes_high)


@dataclass(frozen=True, slots=True)
class Cidr:
    """The address of a network."""

    network: _Network

    def matches(self, value: Scalar) -> bool:
        """Whether `value` is text that is an address of the network."""
        address = address_of(value)
        return address is not None and address.version == self.network.version and address in self.network


@dataclass(frozen=True, slots=True)
class Exists:
    """Any value, or (absent) none at all: the field is not there."""

    wanted: bool

    def matches(self, value: Scalar) -> bool:
        """Whether a value that is there is wanted."""
        del value
        return self.wanted


@dataclass(frozen=True, slots=True)
class AnythingBut:
    """Any value that none of these takes."""

    excluded: tuple[Exact | Prefix | Suffix | EqualsIgnoreCase | Wildcard, ...]

    def matches(self, value: Scalar) -> bool:
        """Whether none of the excluded takes `value`."""
        return not any(each.matches(value) for each in self.excluded)


Matcher = Exact | Prefix | Suffix | EqualsIgnoreCase | Wildcard | Numeric | Cidr | Exists | AnythingBut


def address_of(value: Scalar) -> _Address | None:
    """Return the address that a text is, or None."""
    if not isinstance(value, str) or _LOOKS_LIKE_ADDRESS.fullmatch(value) is None:
        return None
    try:
        return ipaddress.ip_address(value)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    parts = (".*" if part == "*" else re.escape(part[-1]) for part in wildcard_parts(pattern))
    return re.compile("".join(parts), re.DOTALL)


def wildcard_parts(pattern: str) -> list[str]:
    r"""Return the pattern's elements: `*`, or one character, escaped where the pattern escapes it.

    >>> wildcard_parts(r"a*\*")
    ['a', '*', '\\*']
    """
    return re.findall(r"\\.|.", pattern, re.DOTALL)
