"""What a function costs on demand and on managed instances, and from how many requests on which of them is cheaper.

https://aws.amazon.com/lambda/pricing/
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from lambent.aws.instance_types import InstanceType
from lambent.insight.bill import Line, Usage, exact_total, function_bill, managed_bill, total
from lambent.insight.crossing import Curve, break_even, curve, settled
from lambent.insight.figures import Basis, InsightError
from lambent.insight.prices import ON_DEMAND, InstancePrices, LambdaPrices, ManagedPrices, PriceBook, Source
from lambent.insight.sizing import (
    AUTO_TARGET,
    LEAST_ENVIRONMENTS,
    LEAST_INSTANCES,
    Demand,
    EnvironmentSize,
    Layout,
    Shape,
    environments_per_instance,
    shape_of,
)
from lambent.insight.traffic import MONTH_HOURS, MONTH_S, Traffic

_MONTH = Fraction(int(MONTH_S))


@dataclass(frozen=True, slots=True)
class FunctionSize:
    """A function as on demand bills it: memory and /tmp in MB, environments that it has provisioned all month."""

    name: str
    memory_mb: int
    architecture: str = "x86_64"
    storage_mb: int = 512
    provisioned: int = 0
    has_snapshot: bool = False
    cold_share: float = 0.0


@dataclass(frozen=True, slots=True)
class ManagedSize:
    """A function as it would lie on managed instances: its environment, which instances may be, and who scales how.

    `hours` are instance-hours a month by type where something better than this module's sizing knows them, such as a
    replay of the autoscaler.
    """

    environment: EnvironmentSize
    instances: tuple[InstanceType, ...]
    target: float = AUTO_TARGET
    least_environments: int = LEAST_ENVIRONMENTS
    hours: tuple[tuple[str, Fraction], ...] = ()
    cpu_target: float | None = None
    """The share of vCPUs that Manual scaling holds, None where it is `target`, that of slots."""
    max_vcpus: int | None = None
    """What the capacity provider says that its instances have at most, None where it says nothing."""


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices that one comparison takes, all of one Region."""

    book: PriceBook
    region: str
    free_tier: bool = False
    own_discount: Decimal | None = None

    def functions(self, architecture: str) -> LambdaPrices:
        """Return the prices of functions."""
        return self.book.functions(self.region, architecture)

    def managed(self) -> ManagedPrices:
        """Return the prices of managed instances but for the instances."""
        return self.book.managed(self.region)

    def instance(self, name: str) -> InstancePrices:
        """Return the prices of an instance type."""
        found = self.book.instance(self.region, name)
        if self.own_discount is None:
            return found
        return found.discounted(self.own_discount, Source("given with --discount", "", ""))


@dataclass(frozen=True, slots=True)
class Option:
    """One way to run and pay for the function: its bill of a month.

    `discount` names a commitment; `break_even` are the requests a month from which this one is no dearer than plain on
    demand, None where it never is. An option on demand has no instance type.
    """

    name: str
    discount: str
    lines: tuple[Line, ...]
    requests: Decimal
    instance_type: str | None = None
    instances: Fraction | None = None
    hours: Fraction | None = None
    break_even: Fraction | None = None

    @property
    def is_managed(self) -> bool:
        """Whether it runs on managed instances."""
        return self.instance_type is not None

    @property
    def monthly(self) -> Decimal:
        """USD a month, as AWS rounds it."""
        return total(self.lines)

    @property
    def per_million(self) -> Decimal:
        """USD for a million requests, of the exact amount."""
        return exact_total(self.lines) / self.requests * 1_000_000


@dataclass(frozen=True, slots=True)
class Comparison:
    """A function's options, plain on demand first; which instance types its environment fits; and its curves.

    `earliest` is the type with the cheapest instances, where those pay from fewer requests on than the one that is
    cheapest for this traffic, and from how many. `settles` are the requests from which managed instances stay cheaper,
    where that is later than their break-even, or is not seen to come (None in a tuple).
    """

    size: FunctionSize
    requests: Decimal
    options: tuple[Option, ...]
    layout: Layout | None
    fitting: tuple[str, ...]
    bill: Curve
    shape: Shape
    peak_environments: int = 0
    peak_instances: int = 0
    earliest: tuple[str, Fraction] | None = None
    settles: tuple[Fraction | None] | None = None

    @property
    def cheapest(self) -> Option:
        """The option that costs least; of equals the first."""
        return min(self.options, key=lambda option: exact_total(option.lines))

    @property
    def managed(self) -> Option | None:
        """Managed instances on plain EC2 on-demand prices, where the function fits them."""
        return next((one for one in self.options if one.is_managed and one.discount == ON_DEMAND), None)


def compare(size: FunctionSize, managed: ManagedSize | None, traffic: Traffic, prices: Prices) -> Comparison:
    """Return what a function costs in every way that the prices know; raises InsightError.

    Without `managed` only on demand is looked at.
    """
    requests = _decimal(traffic.per_month)
    functions = prices.functions(size.architecture)
    shape = shape_of(traffic)
    usage = _usage(size, traffic, requests)
    options = [Option("on demand", ON_DEMAND, function_bill(usage, functions, free_tier=prices.free_tier), requests)]
    options += [
        Option("on demand", name, function_bill(usage, functions, free_tier=prices.free_tier, discount=name), requests)
        for name in functions.discounts
    ]
    bill = _bill_curve(size, traffic, prices) if managed else Curve(((Fraction(0), Fraction(0)),), Fraction(0))
    if managed is None:
        return Comparison(size, requests, tuple(options), None, (), bill, shape)
    demand = _demand(traffic, managed)
    layouts = _layouts(managed, demand, prices)
    rate = Fraction(requests) / _MONTH
    layout = _cheapest(layouts, shape, rate, prices)
    options += _managed_options(managed, layout, shape, bill, (requests, prices))
    peak = shape.peak * rate
    plain = next(one for one in options if one.is_managed)
    return Comparison(
        size,
        requests,
        tuple(options),
        layout,
        tuple(one.instance.name for one in layouts),
        bill,
        shape,
        peak_environments=layout.environments(peak),
        peak_instances=layout.instances(peak),
        earliest=_earliest(layouts, plain.break_even, bill, shape, prices),
        settles=_settles(layout, plain.break_even, bill, shape, prices),
    )


def billed_ms(traffic: Traffic) -> Decimal:
    """Return the mean of what is billed: each request is rounded up to a whole millisecond.

    A duration that was given is one request's; the mean of measured ones lies half a millisecond lower than that of
    what was billed.
    """
    duration = traffic.duration
    if duration is None:
        raise InsightError("Nothing says how long a request takes.", "Give it with --duration 80ms.")
    if duration.origin.basis is Basis.MEASURED:
        return _decimal(duration.mean_ms) + Decimal("0.5")
    return Decimal(math.ceil(_decimal(duration.mean_ms)))


def _usage(size: FunctionSize, traffic: Traffic, requests: Decimal) -> Usage:
    """Return a month's usage; provisioned environments serve what they can at the mean rate, the rest is on demand."""
    duration_ms = billed_ms(traffic)
    month_s = Decimal(int(MONTH_S))
    served = min(requests, size.provisioned * month_s * 1000 / duration_ms)
    return Usage(
        requests,
        duration_ms,
        size.memory_mb,
        storage_mb=size.storage_mb,
        provisioned=size.provisioned,
        provisioned_s=month_s if size.provisioned else Decimal(0),
        provisioned_requests=served,
        provisioned_duration_ms=duration_ms,
        snapshot_s=month_s if size.has_snapshot else Decimal(0),
        restores=requests * _decimal(size.cold_share),
    )


def _demand(traffic: Traffic, managed: ManagedSize) -> Demand:
    assert traffic.duration is not None  # noqa: S101  the bill, made before, has refused it
    cpu = None if traffic.cpu_ms is None else Fraction(_decimal(traffic.cpu_ms.value)) / 1000
    slot_s, target = Fraction(_decimal(traffic.duration.mean_ms)) / 1000, Fraction(_decimal(managed.target))
    cpu_target = None if managed.cpu_target is None else Fraction(_decimal(managed.cpu_target))
    return Demand(slot_s, cpu, target, cpu_target)


def _layouts(managed: ManagedSize, demand: Demand, prices: Prices) -> list[Layout]:
    """Return a layout for each instance type that takes an environment and has a price."""
    rate = demand.rate_of(managed.environment)
    fitting = [(one, environments_per_instance(one, managed.environment)) for one in managed.instances]
    if not any(count for _, count in fitting):
        names = ", ".join(one.name for one in managed.instances[:4])
        message = f"No allowed instance type takes an environment of {managed.environment.memory_mb} MB ({names} …)."
        raise InsightError(message, "Allow larger types: each keeps 1 vCPU and 1 GB for the system.")
    known = [(one, count) for one, count in fitting if count and prices.book.has_instance(prices.region, one.name)]
    if not known:
        prices.instance(next(one.name for one, count in fitting if count))  # raises, with what to do
    return [Layout(one, count, rate, managed.least_environments) for one, count in known]


def _earliest(
    layouts: Sequence[Layout], own: Fraction | None, bill: Curve, shape: Shape, prices: Prices
) -> tuple[str, Fraction] | None:
    """Return the type with the cheapest instances and its break-even, where that comes before `own`."""
    smallest = min(layouts, key=lambda one: (prices.instance(one.instance.name).on_demand.usd, one.instance.name))
    each = instance_month(prices.instance(smallest.instance.name), prices.managed())
    found = break_even_of(bill, smallest, shape, each)
    if found is None or (own is not None and own <= found):
        return None
    return smallest.instance.name, found


def _settles(
    layout: Layout, point: Fraction | None, bill: Curve, shape: Shape, prices: Prices
) -> tuple[Fraction | None] | None:
    """Return from where on managed instances stay cheaper; None where that is the break-even, or traffic has a shape.

    Traffic that rises and falls takes a mean of many numbers of instances, which grows without such steps.
    """
    if point is None or len(shape.parts) > 1:
        return None
    each = instance_month(prices.instance(layout.instance.name), prices.managed())
    filled = layout.environment_rate * layout.per_instance * _MONTH
    found = settled(bill, each, filled, (point, layout.instances(point / _MONTH)))
    return None if found == point else (found,)


def _cheapest(layouts: Sequence[Layout], shape: Shape, rate: Fraction, prices: Prices) -> Layout:
    """Return the layout that costs least; of equals the one with the smaller instances."""
    priced = [(Fraction(prices.instance(one.instance.name).on_demand.usd), one) for one in layouts]
    priced.sort(key=lambda pair: (pair[0], pair[1].instance.vcpus, pair[1].instance.name))
    best, least = priced[0][1], None
    for usd, layout in priced:
        capacity = layout.environment_rate * layout.per_instance
        if least is not None and max(Fraction(LEAST_INSTANCES), rate / capacity) * usd >= least:
            continue  # it takes that many instances at best
        cost = shape.mean_instances(layout, rate) * usd
        if least is None or cost < least:
            best, least = layout, cost
    return best


def _managed_options(
    managed: ManagedSize, layout: Layout, shape: Shape, bill: Curve, asked: tuple[Decimal, Prices]
) -> Iterable[Option]:
    """Yield managed instances by every way to pay for the type that is known."""
    requests, prices = asked
    instance = prices.instance(layout.instance.name)
    given = dict(managed.hours).get(instance.name)
    count = shape.mean_instances(layout, Fraction(requests) / _MONTH) if given is None else given / MONTH_HOURS
    hours = count * MONTH_HOURS
    quantity = Decimal(hours.numerator) / Decimal(hours.denominator)
    for name in (ON_DEMAND, *instance.commitments):
        lines = managed_bill(requests, quantity, instance, prices.managed(), name)
        yield Option(
            "managed instances",
            name,
            lines,
            requests,
            instance_type=instance.name,
            instances=count,
            hours=hours,
            break_even=break_even_of(bill, layout, shape, instance_month(instance, prices.managed(), name)),
        )


def instance_month(instance: InstancePrices, managed: ManagedPrices, commitment: str = ON_DEMAND) -> Fraction:
    """Return what one instance costs a month, with the fee; raises KeyError for a way to pay that is not known."""
    hourly = instance.hourly(commitment)
    if hourly is None:
        raise KeyError(commitment)
    return (Fraction(hourly.usd) + Fraction(instance.on_demand.usd) * Fraction(managed.fee.usd)) * MONTH_HOURS


def break_even_of(bill: Curve, layout: Layout, shape: Shape, each: Fraction) -> Fraction | None:
    """Return the requests a month from which a layout costs no more than on demand, in the same shape of traffic."""
    # What a request's slot or CPU costs at best is what it costs always; below that, no number of requests pays.
    best = each / (layout.environment_rate * layout.per_instance * _MONTH)
    corners = [place for place, _ in bill.corners]
    floor = LEAST_INSTANCES * layout.environment_rate * layout.per_instance * _MONTH
    may_pay = bill.slope > best or any(
        bill.at(place) >= max(LEAST_INSTANCES * each, best * place) for place in (*corners, floor)
    )
    if not may_pay:
        return None
    return break_even(bill, each, lambda requests: shape.mean_instances(layout, requests / _MONTH))


def _bill_curve(size: FunctionSize, traffic: Traffic, prices: Prices) -> Curve:
    """Return plain on demand over requests a month, less what managed instances ask for the requests themselves."""
    functions, managed = prices.functions(size.architecture), prices.managed()

    def cost(requests: Fraction) -> Fraction:
        amount = Decimal(requests.numerator) / Decimal(requests.denominator)
        lines = function_bill(_usage(size, traffic, amount), functions, free_tier=prices.free_tier)
        return Fraction(exact_total(lines)) - requests * Fraction(managed.request.usd)

    request_s = Fraction(billed_ms(traffic)) / 1000
    gb_s = request_s * Fraction(size.memory_mb, 1024)
    free = Fraction(functions.free.gb_s) if prices.free_tier else Fraction(0)
    ends = [Fraction(0), *(Fraction(tier.until) for tier in functions.duration if tier.until is not None)]
    provisioned = size.provisioned * _MONTH / request_s
    corners = [provisioned + (end + free) / gb_s for end in ends]
    if prices.free_tier:
        corners.append(Fraction(functions.free.requests))
    return curve(cost, [provisioned, *corners])


@dataclass(frozen=True, slots=True)
class Variation:
    """The comparison with one thing changed: what, and what on demand and managed instances come to then."""

    name: str
    on_demand: Decimal
    managed: Decimal | None
    break_even: Fraction | None


def sensitivity(size: FunctionSize, managed: ManagedSize, traffic: Traffic, prices: Prices) -> Sequence[Variation]:
    """Return the comparison at half and twice the duration, and at half and twice the requests at once."""
    found = []
    for name, factor in (("half the duration", 0.5), ("twice the duration", 2.0)):
        duration = traffic.duration
        assert duration is not None  # noqa: S101  the comparison, made before, has refused it
        changed = replace(traffic, duration=replace(duration, mean_ms=duration.mean_ms * factor))
        found.append(_variation(name, compare(size, managed, changed, prices)))
    slots = managed.environment.slots
    most = math.floor(managed.environment.vcpus * 64)
    for other in (max(1, slots // 2), min(most, slots * 2)):
        if other != slots:
            environment = replace(managed.environment, slots=other)
            changed_size = replace(managed, environment=environment, hours=())
            found.append(_variation(f"{other} requests at once", compare(size, changed_size, traffic, prices)))
    return found


def _variation(name: str, comparison: Comparison) -> Variation:
    managed = comparison.managed
    return Variation(
        name,
        comparison.options[0].monthly,
        None if managed is None else managed.monthly,
        None if managed is None else managed.break_even,
    )


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value))
