"""A month of Lambda as AWS bills it, line by line.

Each line is rounded to cents, half of one upwards, and a total is the sum of its lines: that is how the worked examples
of https://aws.amazon.com/lambda/pricing/ come to their cents.

>>> from lambent.insight.price_files import shipped_prices
>>> usage = Usage(requests=Decimal(3_000_000), duration_ms=Decimal(120), memory_mb=1536)
>>> total(function_bill(usage, shipped_prices().functions("us-east-1", "x86_64"), free_tier=True))
Decimal('2.73')
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import Final

from lambent.insight.prices import ON_DEMAND, InstancePrices, LambdaPrices, ManagedPrices, Price

_CENT = Decimal("0.01")
_MB_PER_GB: Final = 1024
_FREE_STORAGE_MB: Final = 512
_FREE_STREAM_MB: Final = 6
_LEAST_SNAPSHOT_S: Final = 3 * 3_600
_PROVISIONED_STEP_S: Final = 300


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill: what, how much of it, at which price each, and the exact amount."""

    name: str
    quantity: Decimal
    unit: str
    price: Price

    @property
    def exact(self) -> Decimal:
        """The amount before it is rounded."""
        return self.quantity * self.price.usd

    @property
    def usd(self) -> Decimal:
        """The amount in cents, half of one upwards."""
        return cents(self.exact)


@dataclass(frozen=True, slots=True)
class Usage:
    """A month of one function. Durations are as billed, means in ms; memory and storage in MB (1 GB is 1,024 MB).

    `provisioned` environments were configured for `provisioned_s` and served `provisioned_requests` of `requests`, each
    in `provisioned_duration_ms`. A snapshot was kept for `snapshot_s` and restored `restores` times.
    `streamed_mb` went out beyond the first 6 MB of each response.
    """

    requests: Decimal
    duration_ms: Decimal
    memory_mb: int
    storage_mb: int = _FREE_STORAGE_MB
    provisioned: int = 0
    provisioned_s: Decimal = Decimal(0)
    provisioned_requests: Decimal = Decimal(0)
    provisioned_duration_ms: Decimal = Decimal(0)
    snapshot_s: Decimal = Decimal(0)
    restores: Decimal = Decimal(0)
    streamed_mb: Decimal = Decimal(0)

    @property
    def memory_gb(self) -> Decimal:
        """The function's memory in GB."""
        return Decimal(self.memory_mb) / _MB_PER_GB

    @property
    def on_demand_s(self) -> Decimal:
        """The seconds that environments ran which were not provisioned."""
        return (self.requests - self.provisioned_requests) * self.duration_ms / 1000

    @property
    def provisioned_run_s(self) -> Decimal:
        """The seconds that provisioned environments ran."""
        return self.provisioned_requests * self.provisioned_duration_ms / 1000


def cents(amount: Decimal) -> Decimal:
    """Return an amount in cents, half of one upwards."""
    return amount.quantize(_CENT, ROUND_HALF_UP)


def total(lines: Iterable[Line]) -> Decimal:
    """Return what lines come to, each rounded to cents before."""
    return sum((line.usd for line in lines), Decimal("0.00"))


def exact_total(lines: Iterable[Line]) -> Decimal:
    """Return what lines come to before anything is rounded."""
    return sum((line.exact for line in lines), Decimal(0))


def function_bill(
    usage: Usage, prices: LambdaPrices, *, free_tier: bool = False, discount: str | None = None
) -> tuple[Line, ...]:
    """Return the bill of a function that Lambda runs on demand, with what it has provisioned.

    `discount` names a Savings Plan of `prices.discounts`: it lowers duration and provisioned concurrency, not requests.
    The free tier leaves provisioned concurrency alone.
    """
    less = prices.discounts[discount] if discount else None
    free_requests = prices.free.requests if free_tier else Decimal(0)
    free_gb_s = prices.free.gb_s if free_tier else Decimal(0)
    lines = [Line("requests", max(usage.requests - free_requests, Decimal(0)), "requests", prices.request)]
    gb_s = max(usage.on_demand_s * usage.memory_gb - free_gb_s, Decimal(0))
    lines += _tiered(gb_s, prices, less)
    if usage.provisioned:
        held_s = _steps(usage.provisioned_s, _PROVISIONED_STEP_S)
        held = usage.provisioned * usage.memory_gb * held_s
        lines.append(Line("provisioned concurrency", held, "GB-s", _lowered(prices.provisioned, less)))
        ran = usage.provisioned_run_s * usage.memory_gb
        lines.append(Line("provisioned duration", ran, "GB-s", _lowered(prices.provisioned_duration, less)))
    if usage.storage_mb > _FREE_STORAGE_MB:
        extra_gb = Decimal(usage.storage_mb - _FREE_STORAGE_MB) / _MB_PER_GB
        run_s = usage.on_demand_s + usage.provisioned_run_s
        lines.append(Line("/tmp above 512 MB", run_s * extra_gb, "GB-s", prices.storage))
    if usage.snapshot_s:
        kept_s = max(usage.snapshot_s, Decimal(_LEAST_SNAPSHOT_S))
        lines.append(Line("SnapStart cache", kept_s * usage.memory_gb, "GB-s", prices.snapstart_cache))
        lines.append(Line("SnapStart restores", usage.restores * usage.memory_gb, "GB", prices.snapstart_restore))
    if usage.streamed_mb:
        gb = usage.streamed_mb / _MB_PER_GB
        free_gb = prices.free.streamed_gb if free_tier else Decimal(0)
        lines.append(Line("streamed responses", max(gb - free_gb, Decimal(0)), "GB", prices.streamed_gb))
    return tuple(lines)


def managed_bill(
    requests: Decimal, hours: Decimal, instance: InstancePrices, prices: ManagedPrices, commitment: str = ON_DEMAND
) -> tuple[Line, ...]:
    """Return the bill of a function on managed instances of one type for so many instance-hours.

    The fee is a share of the on-demand price, whatever pays for the instances themselves. Durations are not billed.
    """
    hourly = instance.hourly(commitment)
    if hourly is None:
        raise KeyError(commitment)
    fee = Price(instance.on_demand.usd * prices.fee.usd, prices.fee.source)
    return (
        Line("requests", requests, "requests", prices.request),
        Line("EC2 instances", hours, "hours", hourly),
        Line("management fee", hours, "hours", fee),
    )


def streamed_beyond_free(requests: Decimal, response_mb: Decimal) -> Decimal:
    """Return the MB that are charged of responses of one size: the first 6 MB of each are free."""
    return requests * max(response_mb - _FREE_STREAM_MB, Decimal(0))


def _tiered(gb_s: Decimal, prices: LambdaPrices, less: Price | None) -> Iterator[Line]:
    """Yield a line for each price tier that the month's GB-seconds reach; the first one always."""
    begin = Decimal(0)
    for tier in prices.duration:
        within = gb_s - begin if tier.until is None else min(gb_s, tier.until) - begin
        if within <= 0 and begin > 0:
            return
        name = "duration" if begin == 0 else f"duration above {begin / 10**9:f} billion GB-s"
        yield Line(name, max(within, Decimal(0)), "GB-s", _lowered(tier.price, less))
        begin = begin if tier.until is None else tier.until


def _lowered(price: Price, less: Price | None) -> Price:
    """Return a price less a discount; it then comes from where the discount does."""
    return price if less is None else Price(price.usd * (1 - less.usd), less.source)


def _steps(seconds: Decimal, step: int) -> Decimal:
    return (seconds / step).to_integral_value(ROUND_CEILING) * step
