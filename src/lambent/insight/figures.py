"""Numbers that say where they came from: nothing is advised on the strength of a figure that cannot be traced."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Basis(StrEnum):
    """What a figure rests on."""

    MEASURED = "measured"
    GIVEN = "given"
    ASSUMED = "assumed"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a figure came from: on what it rests, and in words of which target, option, file or page."""

    basis: Basis
    detail: str

    def __str__(self) -> str:
        return f"{self.basis}: {self.detail}" if self.detail else str(self.basis)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its origin; what holds it says the unit."""

    value: float
    origin: Origin


def plain(value: float, digits: int = 4) -> str:
    """Return a number to so many digits, as people write it: whole where it is large, and never with an exponent.

    >>> plain(0.21994), plain(1_000_000), plain(0.00001), plain(80.0)
    ('0.2199', '1,000,000', '0.00001', '80')
    """
    if abs(value) >= 10**digits:
        return f"{value:,.0f}"
    return f"{Decimal(f'{value:.{digits}g}'):,f}"


class InsightError(Exception):
    """Advice that cannot be given: why not, and what to do about it."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
