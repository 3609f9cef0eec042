"""A replay of traffic on a capacity provider, asked for in plain values: the platform's fleet on virtual time.

Times are seconds. https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-scaling.html
"""

from __future__ import annotations

from dataclasses import dataclass

from lambent.base.identifiers import SeededIds
from lambent.dataplane import (
    Bounds,
    Day,
    Minute,
    ProviderArn,
    ProviderSpec,
    ReplayError,
    ReplayHandler,
    ReplayPlan,
    Share,
    Subnet,
    Timing,
    durations,
)
from lambent.dataplane import replay as replayed

__all__ = ["Arrivals", "Day", "Function", "Handler", "Minute", "Provider", "ReplayError", "replay"]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """How many requests come in each period. `warm_up_s` of the first period's rate go before, and count nowhere.

    Within a period they come at random, or evenly spaced where `evenly`.
    """

    requests: tuple[float, ...]
    period_s: float
    warm_up_s: float = 0.0
    evenly: bool = False


@dataclass(frozen=True, slots=True)
class Handler:
    """What a request takes: its mean duration, its p99 where it varies, its CPU; and how long an init takes."""

    mean_s: float
    p99_s: float | None = None
    cpu_s: float = 0.0
    init_s: float = 1.0
    memory_mb: float = 0.0
    """What an execution environment uses, however many requests it serves."""


@dataclass(frozen=True, slots=True)
class Function:
    """An execution environment's size and slots, and how many there may be."""

    memory_mb: int
    vcpus: float
    slots: int
    minimum: int = 3
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """A capacity provider: in how many Availability Zones, of which types, how large, and with which CPU target."""

    zones: int = 3
    architecture: str = "x86_64"
    allowed_types: tuple[str, ...] = ()
    excluded_types: tuple[str, ...] = ()
    max_vcpus: int = 400
    target_cpu: float | None = None


def replay(arrivals: Arrivals, handler: Handler, function: Function, provider: Provider, seed: int = 1) -> Day:
    """Return what becomes of the traffic, by minutes and in sum; the same seed gives the same day.

    Raises ReplayError where the provider has no room for the function's first execution environments.
    """
    plan = ReplayPlan(
        provider=_spec(provider),
        share=Share(function.vcpus, function.memory_mb, function.slots),
        handler=ReplayHandler(
            durations(handler.mean_s, handler.p99_s), handler.cpu_s, handler.init_s, handler.memory_mb
        ),
        requests=arrivals.requests,
        period_s=arrivals.period_s,
        bounds=Bounds(function.minimum, function.maximum),
        timing=Timing(),
        warm_up_s=arrivals.warm_up_s,
        evenly=arrivals.evenly,
    )
    return replayed(plan, SeededIds(seed).fraction)


def _spec(provider: Provider) -> ProviderSpec:
    subnets = tuple(Subnet(f"subnet-{number}", f"zone-{number}") for number in range(1, provider.zones + 1))
    return ProviderSpec(
        ProviderArn("replayed"),
        "replayed",
        subnets,
        architecture=provider.architecture,
        allowed_types=provider.allowed_types,
        excluded_types=provider.excluded_types,
        max_vcpus=provider.max_vcpus,
        target_cpu=provider.target_cpu,
    )
