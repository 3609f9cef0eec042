"""Where two costs cross: a bill that grows with requests, against instances that come in whole numbers.

The bill is linear between a few known amounts (the free tier's end, price tiers), the instances are steps. Both are
exact fractions, so the point is the very request, and no search that stops somewhere near it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

_MOST_REQUESTS = Fraction(10**15)
"""What nobody sends in a month: beyond it, a crossing is none."""
_MOST_STEPS = 20_000
_MOST_INSTANCES = 3_000


@dataclass(frozen=True, slots=True)
class Curve:
    """A cost over requests a month, linear between its corners, and beyond the last one by `slope`."""

    corners: tuple[tuple[Fraction, Fraction], ...]
    slope: Fraction

    def at(self, requests: Fraction) -> Fraction:
        """Return the cost of so many requests."""
        for (left, low), (right, high) in pairwise(self.corners):
            if requests <= right:
                return low + (high - low) * (requests - left) / (right - left)
        left, low = self.corners[-1]
        return low + self.slope * (requests - left)

    def reaches(self, amount: Fraction) -> Fraction | None:
        """Return the fewest requests that cost at least `amount`; None where no number does."""
        if self.corners[0][1] >= amount:
            return self.corners[0][0]
        for (left, low), (right, high) in pairwise(self.corners):
            if high >= amount:
                return left + (amount - low) * (right - left) / (high - low)
        left, low = self.corners[-1]
        return None if self.slope <= 0 else left + (amount - low) / self.slope


def curve(cost: Callable[[Fraction], Fraction], corners: Iterable[Fraction]) -> Curve:
    """Return the curve of a cost that is linear between `corners` (and 0), and beyond the last of them."""
    places = sorted({Fraction(0), *(one for one in corners if one > 0)})
    beyond = places[-1] + 1_000_000
    known = tuple((place, cost(place)) for place in places)
    return Curve(known, (cost(beyond) - known[-1][1]) / 1_000_000)


def break_even(bill: Curve, each: Fraction, count: Callable[[Fraction], Fraction]) -> Fraction | None:
    """Return the fewest requests a month at which instances cost no more than the bill; None where they always do.

    `each` is what one instance costs a month, `count` says how many there are on average at so many requests and never
    falls. From no requests on, the number of instances says at which bill they would pay, that bill says at how many
    requests, and those ask for instances again: the amounts only grow, and pass no crossing by.

    >>> line = Curve(((Fraction(0), Fraction(0)),), Fraction(1, 100))
    >>> break_even(line, Fraction(50), lambda requests: Fraction(max(3, -(-requests // 10_000))))
    Fraction(15000, 1)
    """
    requests = Fraction(0)
    for _ in range(_MOST_STEPS):
        cost = count(requests) * each
        if bill.at(requests) >= cost:
            return requests
        reached = bill.reaches(cost)
        if reached is None or reached > _MOST_REQUESTS:
            return None
        requests = max(reached, requests)
    return None


def settled(bill: Curve, each: Fraction, filled: Fraction, begin: tuple[Fraction, int]) -> Fraction | None:
    """Return the requests a month from which instances cost no more than the bill for good.

    `filled` is how many requests fill an instance; `begin` is the break-even, and how many instances there are then.
    Where an instance that is not filled yet makes the bill the lower one again, that is later than the break-even; None
    where it goes on for thousands of instances.

    >>> line = Curve(((Fraction(0), Fraction(0)),), Fraction(6, 1000))
    >>> settled(line, Fraction(50), Fraction(10_000), (Fraction(25_000), 3))
    Fraction(125000, 3)
    """
    requests, first = begin
    last = None
    most = first + _MOST_INSTANCES
    for count in range(first + 1, most + 1):
        if bill.at((count - 1) * filled) < count * each:
            last = count
    if last is None:
        return requests
    return None if last == most else bill.reaches(last * each)
