"""What the functions of a system cost together: each on demand, or as its share of a capacity provider's instances."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import groupby

from lambent.aws.instance_types import InstanceType
from lambent.insight.bill import Line, cents, managed_bill, total
from lambent.insight.cost import Comparison, Prices, compare, instance_month
from lambent.insight.figures import InsightError
from lambent.insight.sizing import LEAST_INSTANCES
from lambent.insight.subject import Subject
from lambent.insight.traffic import MONTH_HOURS

_MOST_ENVIRONMENTS = 20_000


@dataclass(frozen=True, slots=True)
class FunctionCost:
    """A function's part: its own lines, and what it takes of a capacity provider where it has one."""

    subject: Subject
    comparison: Comparison
    lines: tuple[Line, ...]
    provider: str | None = None
    environments: int = 0
    shared_usd: Decimal = Decimal("0.00")

    @property
    def monthly(self) -> Decimal:
        """USD a month."""
        return total(self.lines) + self.shared_usd


@dataclass(frozen=True, slots=True)
class ProviderCost:
    """A capacity provider's instances, for the peaks of all its functions together."""

    name: str
    instance_type: str
    instances: int
    lines: tuple[Line, ...]

    @property
    def monthly(self) -> Decimal:
        """USD a month, with the fee."""
        return total(self.lines)


@dataclass(frozen=True, slots=True)
class SystemCost:
    """All functions and capacity providers."""

    functions: tuple[FunctionCost, ...]
    providers: tuple[ProviderCost, ...]

    @property
    def monthly(self) -> Decimal:
        """USD a month for everything."""
        return sum((one.monthly for one in self.functions), Decimal("0.00"))


def system_cost(subjects: Sequence[Subject], prices: Prices) -> SystemCost:
    """Return what functions cost together; raises InsightError for what has no price."""
    functions: list[FunctionCost] = []
    providers: list[ProviderCost] = []
    for name, group in groupby(sorted(subjects, key=lambda one: one.provider or ""), key=lambda one: one.provider):
        members = list(group)
        if name is None:
            for one in members:
                comparison = compare(one.size, None, one.traffic, prices)
                functions.append(FunctionCost(one, comparison, comparison.options[0].lines))
            continue
        provider, shares = _shared(name, members, prices)
        providers.append(provider)
        functions += shares
    order = {one.size.name: place for place, one in enumerate(subjects)}
    functions.sort(key=lambda one: order[one.subject.size.name])
    return SystemCost(tuple(functions), tuple(providers))


def _shared(name: str, members: Sequence[Subject], prices: Prices) -> tuple[ProviderCost, list[FunctionCost]]:
    """Return a provider with all that it runs, and each function's share of it, by the vCPUs of its environments."""
    found = [(one, compare(one.size, one.managed, one.traffic, prices)) for one in members]
    wanted = [
        (one.managed.environment.vcpus, one.managed.environment.memory_mb, comparison.peak_environments)
        for one, comparison in found
        if one.managed is not None
    ]
    allowed = members[0].managed.instances if members[0].managed is not None else ()
    known = [one for one in allowed if prices.book.has_instance(prices.region, one.name)]
    packed = [(count, one) for one in known if (count := instances_for(one, wanted)) is not None]
    if not packed:
        raise InsightError(f"No allowed instance type of {name} takes its functions.", "Allow larger types.")

    def month(count: int, instance: InstanceType) -> Fraction:
        return count * instance_month(prices.instance(instance.name), prices.managed())

    count, instance = min(packed, key=lambda pair: (month(*pair), pair[1].vcpus, pair[1].name))
    priced, managed = prices.instance(instance.name), prices.managed()
    hours = Decimal(count * MONTH_HOURS)
    lines = managed_bill(Decimal(0), hours, priced, managed)[1:]
    provider = ProviderCost(name, instance.name, count, lines)
    weights = [vcpus * environments for vcpus, _, environments in wanted]
    shares = _split(provider.monthly, weights)
    return provider, [
        FunctionCost(
            one,
            comparison,
            (Line("requests", comparison.requests, "requests", managed.request),),
            name,
            comparison.peak_environments,
            share,
        )
        for (one, comparison), share in zip(found, shares, strict=True)
    ]


def instances_for(instance: InstanceType, wanted: Iterable[tuple[Fraction, int, int]]) -> int | None:
    """Return the instances of one type for environments of several sizes: (vCPUs, MB, how many) each.

    The largest go first, each onto the first instance with room. None where one does not fit at all.
    """
    rooms: list[tuple[Fraction, int]] = []
    whole = (Fraction(instance.room_vcpus), instance.room_mb)
    for vcpus, memory_mb, count in sorted(wanted, reverse=True):
        if vcpus > whole[0] or memory_mb > whole[1]:
            return None
        if count > _MOST_ENVIRONMENTS:
            raise InsightError(f"That takes {count:,} environments.", "Look at the rate and the duration again.")
        place = 0
        for _ in range(count):
            while place < len(rooms) and (rooms[place][0] < vcpus or rooms[place][1] < memory_mb):
                place += 1
            if place == len(rooms):
                rooms.append(whole)
            rooms[place] = (rooms[place][0] - vcpus, rooms[place][1] - memory_mb)
    return max(LEAST_INSTANCES, len(rooms))


def _split(amount: Decimal, weights: Sequence[Fraction]) -> list[Decimal]:
    """Return shares in cents that add up to the amount; the last one takes what rounding leaves."""
    whole = sum(weights, Fraction(0))
    parts = [one / whole for one in weights[:-1]]
    shares = [cents(amount * part.numerator / part.denominator) for part in parts]
    return [*shares, amount - sum(shares, Decimal("0.00"))]
