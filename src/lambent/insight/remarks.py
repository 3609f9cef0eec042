"""What a comparison of costs does not say in its figures, and ought to."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from lambent.aws.quotas import (
    DEFAULT_PROVIDER_VCPUS,
    MAXIMUM_MEMORY_MB,
    MAXIMUM_TIMEOUT_S,
    MOST_PROVIDER_VCPUS,
)
from lambent.insight.bill import cents
from lambent.insight.cost import Comparison, Prices, instance_month
from lambent.insight.sizing import LEAST_INSTANCES
from lambent.insight.subject import Subject
from lambent.insight.traffic import MONTH_S


def remarks(subject: Subject, comparison: Comparison, prices: Prices) -> Iterator[str]:
    """Yield sentences about a function's comparison, the weightiest first."""
    if subject.remark:
        yield subject.remark
    layout, option = comparison.layout, comparison.managed
    if layout is not None and option is not None and subject.managed is not None:
        each = instance_month(prices.instance(layout.instance.name), prices.managed())
        idle = cents(Decimal((LEAST_INSTANCES * each).numerator) / Decimal((LEAST_INSTANCES * each).denominator))
        rate = Fraction(comparison.requests) / int(MONTH_S)
        used = float(rate / (layout.environment_rate * layout.per_instance * LEAST_INSTANCES)) * 100
        if comparison.peak_instances == LEAST_INSTANCES:
            yield (
                f"Managed instances are {LEAST_INSTANCES} at least, one in each zone: ${idle:,} a month without a "
                f"single request. This traffic takes {used:.3g} % of what they are held for."
            )
        else:
            yield (
                f"At its peak it takes {comparison.peak_environments:,} environments on {comparison.peak_instances:,} "
                f"instances. Managed instances do not fall to nothing: {LEAST_INSTANCES} cost ${idle:,} a month."
            )
        yield from _of_provider(subject, comparison)
        yield from _of_size(subject, layout.instance.name)
        if not prices.instance(layout.instance.name).commitments:
            yield (
                f"No Savings Plan or Reserved price of {layout.instance.name} is known here: look yours up, and "
                "give it with --discount 38% or in a price file."
            )
    if len(subject.traffic.requests) == 1:
        yield "The traffic is taken to be even. Peaks cost instances: tell them with --peak, --traffic or --recorded."
    if subject.size.memory_mb > MAXIMUM_MEMORY_MB:
        yield (
            f"On demand a function has {MAXIMUM_MEMORY_MB:,} MB at most: {subject.size.memory_mb:,} MB are counted "
            "at its prices as if it had them."
        )
    duration = subject.traffic.duration
    if duration is not None and duration.mean_ms > MAXIMUM_TIMEOUT_S * 1000:
        yield f"On demand a request ends after {MAXIMUM_TIMEOUT_S} s: longer ones are counted as if they did not."
    if subject.size.has_snapshot:
        yield "SnapStart's cache is counted for one version all month; its restores are not known and not counted."
    if prices.free_tier:
        yield "The free tier is an account's, and counted here as if this function had it alone."
    else:
        yield "The free tier is left out, since it is an account's; --free-tier counts it."
    yield "Logs, data transfer, and what a VPC needs (NAT gateways, endpoints) come on top, in both models."


def _of_provider(subject: Subject, comparison: Comparison) -> Iterator[str]:
    """Yield what the capacity provider's most vCPUs say to the instances of the peak."""
    layout, managed = comparison.layout, subject.managed
    assert layout is not None  # noqa: S101  the caller has looked
    assert managed is not None  # noqa: S101  as above
    wanted, most = comparison.peak_instances * layout.instance.vcpus, managed.max_vcpus
    if wanted <= (most or DEFAULT_PROVIDER_VCPUS):
        return
    has = f"has {most:,}" if most is not None else f"has {DEFAULT_PROVIDER_VCPUS} where it says nothing"
    told = f"Its instances have {wanted:,} vCPUs at the peak, and a capacity provider {has}: beyond that "
    told += "requests are throttled."
    if wanted > MOST_PROVIDER_VCPUS:
        yield f"{told} {MOST_PROVIDER_VCPUS:,} is the most: no single one carries this."
    else:
        yield f"{told} Give it `max_vcpus: {wanted}`."


def _of_size(subject: Subject, chosen: str) -> Iterator[str]:
    managed = subject.managed
    assert managed is not None  # noqa: S101  the caller has looked
    environment = managed.environment
    each_mb = environment.memory_mb / environment.slots
    used = subject.traffic.memory_mb
    if used is not None and used.value > each_mb:
        yield (
            f"{environment.slots} requests at once share {environment.memory_mb:,} MB, {each_mb:,.0f} MB each, and one "
            f"takes {used.value:,.0f} MB: give fewer (--max-concurrency) or more memory (--managed-memory)."
        )
    elif environment.slots > 1:
        yield f"{environment.slots} requests at once share {environment.memory_mb:,} MB: {each_mb:,.0f} MB each."
    if subject.traffic.cpu_ms is None:
        yield (
            "The CPU of a request is not known, so instances are counted by requests at once alone. Code that computes "
            "takes more of them: tell it with --cpu 12ms."
        )
    if len(managed.instances) > 1:
        yield f"Lambda chooses among the types that a provider allows; {chosen} is the cheapest of those that fit."
