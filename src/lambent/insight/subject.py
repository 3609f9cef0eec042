"""The function that a question of cost is about: what it is on demand and on managed instances, and who said so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lambent.aws.instance_types import matching
from lambent.aws.managed_runtimes import runs_on_managed_instances
from lambent.aws.quotas import (
    DEFAULT_EPHEMERAL_STORAGE_MB,
    DEFAULT_MEMORY_MB,
    MANAGED_INSTANCE_MAXIMUM_MEMORY_MB,
    MINIMUM_MEMORY_MB,
)
from lambent.insight.cost import FunctionSize, ManagedSize
from lambent.insight.figures import Basis, InsightError, Origin, plain
from lambent.insight.sizing import AUTO_TARGET, LEAST_ENVIRONMENTS, environment_size, nearest_memory
from lambent.insight.traffic import Traffic
from lambent.manifest.effective import effective_functions
from lambent.manifest.system import CapacityProvider, System

DEFAULT_RATIO = 2.0
"""GiB for each vCPU where nothing is said."""
_ARCHITECTURES = ("x86_64", "arm64")
_MOST_PROVISIONED = 1_000_000


@dataclass(frozen=True, slots=True)
class Wish:
    """What is said of a function, None where nothing is; who said what is in `origins`, by the fields' names."""

    memory_mb: int | None = None
    architecture: str | None = None
    runtime: str | None = None
    storage_mb: int | None = None
    provisioned: int | None = None
    has_snapshot: bool | None = None
    managed_memory_mb: int | None = None
    ratio: float | None = None
    concurrency: int | None = None
    allowed_types: tuple[str, ...] | None = None
    excluded_types: tuple[str, ...] | None = None
    target: float | None = None
    cpu_target: float | None = None
    least_environments: int | None = None
    max_vcpus: int | None = None
    provider: str | None = None
    origins: Mapping[str, Origin] = field(default_factory=dict)

    def over(self, other: Wish) -> Wish:
        """Return this wish with what it does not say taken from another."""
        said = {name: value for name, value in self._values() if value is not None}
        origins = {**other.origins, **{name: one for name, one in self.origins.items() if name in said}}
        return replace(other, **said, origins=origins)

    def _values(self) -> list[tuple[str, Any]]:  # Any: each has the type of its field
        return [(name, getattr(self, name)) for name in self.__slots__ if name != "origins"]


def wish(origin: Origin, **said: Any) -> Wish:  # Any: each has the type of its field
    """Return a wish whose every word comes from one place."""
    return Wish(**said, origins={name: origin for name, value in said.items() if value is not None})


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure that an answer rests on, in words, and its origin."""

    name: str
    told: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Subject:
    """A function with its traffic, ready to be compared; `remark` says what keeps it from managed instances as yet."""

    size: FunctionSize
    managed: ManagedSize | None
    traffic: Traffic
    facts: tuple[Fact, ...]
    provider: str | None = None
    remark: str = ""


def declared(system: System, file: str) -> dict[str, Wish]:
    """Return what a manifest says of each function, by its key."""
    return {key: _declared(function, system, file) for key, function in effective_functions(system).items()}


def _declared(function: Any, system: System, file: str) -> Wish:  # Any: a manifest's Function with its defaults
    managed = function.capacity_provider
    origin = Origin(Basis.GIVEN, file)
    said: dict[str, Any] = {  # Any: each has the type of its field
        "memory_mb": function.memory or DEFAULT_MEMORY_MB,
        "architecture": function.architecture or "x86_64",
        "runtime": function.runtime,
        "storage_mb": function.ephemeral_storage,
        "provisioned": function.provisioned_concurrency,
        "has_snapshot": function.snap_start and not (function.runtime or "").startswith("java"),
    }
    if managed is not None:
        reference = managed.provider.sole_reference
        key = None if reference is None or len(reference.path) < 2 else reference.path[1]
        provider = system.capacity_providers.get(key or "") or CapacityProvider()
        said |= {
            "ratio": managed.memory_per_vcpu,
            "concurrency": managed.max_concurrency,
            "least_environments": managed.min_environments,
            "allowed_types": tuple(provider.instance_types) or None,
            "excluded_types": tuple(provider.excluded_instance_types) or None,
            "cpu_target": provider.target_cpu,
            "max_vcpus": provider.max_vcpus,
            "provider": key or str(managed.provider),
        }
    return wish(origin, **said)


def configured(configuration: Mapping[str, Any], place: str) -> Wish:  # Any: what Lambda answers
    """Return what a target says of a function (GetFunctionConfiguration)."""
    managed = configuration.get("CapacityProviderConfig", {}).get("LambdaManagedInstancesCapacityProviderConfig", {})
    snap_start = configuration.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions"
    runtime = str(configuration.get("Runtime") or "")
    return wish(
        Origin(Basis.MEASURED, f"{place}, the function's configuration"),
        memory_mb=configuration.get("MemorySize"),
        architecture=(configuration.get("Architectures") or ["x86_64"])[0],
        runtime=runtime or None,
        storage_mb=configuration.get("EphemeralStorage", {}).get("Size"),
        has_snapshot=snap_start and not runtime.startswith("java"),
        ratio=managed.get("ExecutionEnvironmentMemoryGiBPerVCpu"),
        concurrency=managed.get("PerExecutionEnvironmentMaxConcurrency"),
        provider=managed.get("CapacityProviderArn"),
    )


def subject(name: str, said: Wish, traffic: Traffic) -> Subject:
    """Return a function that is ready to be compared; raises InsightError for what AWS would refuse."""
    if said.memory_mb is None:
        raise InsightError(f"Nothing says how much memory {name} has.", "Give it with --memory 1024.")
    architecture = said.architecture or "x86_64"
    if architecture not in _ARCHITECTURES:
        raise InsightError(f"{architecture!r} is no architecture of Lambda's.", "Give x86_64 or arm64.")
    _require_bounds(said)
    size = FunctionSize(
        name,
        said.memory_mb,
        architecture,
        storage_mb=said.storage_mb or DEFAULT_EPHEMERAL_STORAGE_MB,
        provisioned=said.provisioned or 0,
        has_snapshot=bool(said.has_snapshot),
    )
    ratio = DEFAULT_RATIO if said.ratio is None else said.ratio
    memory_mb, assumed = _managed_memory(said, ratio)
    environment = environment_size(memory_mb, ratio, said.concurrency, said.runtime)
    target = AUTO_TARGET if said.target is None else said.target
    # What is asked for with --utilization is of both, and goes over the provider's own.
    cpu_target = None if said.cpu_target is None or said.target is not None else said.cpu_target / 100
    if not 0 < target <= 1 or (cpu_target is not None and not 0 < cpu_target <= 1):
        raise InsightError("A utilization lies above 0 and is 100 per cent at most.", "Give one such as 60.")
    allowed, excluded = said.allowed_types or (), said.excluded_types or ()
    instances = matching(architecture, allowed=allowed, excluded=() if allowed else excluded)
    if not instances:
        asked = ", ".join(allowed or excluded)
        message = f"No {architecture} instance type of managed instances is left by {asked}."
        raise InsightError(message, "Allow types of families c, m or r of that architecture, from .large up.")
    least = LEAST_ENVIRONMENTS if said.least_environments is None else said.least_environments
    managed = ManagedSize(
        environment, instances, target, max(least, 1), cpu_target=cpu_target, max_vcpus=said.max_vcpus
    )
    facts = (*_facts(size, said, traffic), *_managed_facts(managed, said, ratio, assumed))
    return Subject(size, managed, traffic, facts, said.provider, _remark(said.runtime))


def _require_bounds(said: Wish) -> None:
    """Raise InsightError for a size that Lambda does not have, whichever way the function runs."""
    for value, least, most, what in (
        (said.memory_mb, MINIMUM_MEMORY_MB, MANAGED_INSTANCE_MAXIMUM_MEMORY_MB, "MB of memory"),
        (said.storage_mb, DEFAULT_EPHEMERAL_STORAGE_MB, MANAGED_INSTANCE_MAXIMUM_MEMORY_MB, "MB in /tmp"),
        (said.provisioned, 0, _MOST_PROVISIONED, "provisioned environments"),
    ):
        if value is not None and not least <= value <= most:
            raise InsightError(f"{value} {what} are not between {least} and {most}.", "Give a number between them.")


def _remark(runtime: str | None) -> str:
    if runtime is None or runs_on_managed_instances(runtime):
        return ""
    return f"Managed instances do not have {runtime}: they are counted as if it ran on one that they have."


def _managed_memory(said: Wish, ratio: float) -> tuple[int, Origin]:
    """Return the environment's memory on managed instances, where the function's own is too little for them."""
    assert said.memory_mb is not None  # noqa: S101  refused before
    if said.managed_memory_mb is not None:
        return said.managed_memory_mb, said.origins["managed_memory_mb"]
    own = said.origins["memory_mb"]
    # What is said of managed instances is judged as it is; memory that the function merely has on demand grows to what
    # they start with.
    if said.provider is not None or (own.detail.startswith("--") and "ratio" in said.origins):
        return said.memory_mb, own
    least = nearest_memory(said.memory_mb, ratio)
    return least, own if least == said.memory_mb else Origin(Basis.ASSUMED, "the least that managed instances take")


def _facts(size: FunctionSize, said: Wish, traffic: Traffic) -> list[Fact]:
    default = Origin(Basis.ASSUMED, "Lambda's default")
    origins = said.origins
    found = [Fact("traffic", f"{traffic.per_month:,.0f} requests a month", traffic.origin)]
    if traffic.duration is not None:
        quantiles = "".join(f", p{q * 100:g} {plain(ms, 5)} ms" for q, ms in traffic.duration.quantiles)
        found.append(Fact("duration", f"{plain(traffic.duration.mean_ms, 5)} ms{quantiles}", traffic.duration.origin))
    if traffic.cpu_ms is not None:
        found.append(Fact("CPU", f"{plain(traffic.cpu_ms.value, 5)} ms a request", traffic.cpu_ms.origin))
    if traffic.memory_mb is not None:
        found.append(Fact("memory used", f"{traffic.memory_mb.value:,.0f} MB", traffic.memory_mb.origin))
    found.append(Fact("memory", f"{size.memory_mb:,} MB", origins.get("memory_mb", default)))
    found.append(Fact("architecture", size.architecture, origins.get("architecture", default)))
    if size.storage_mb != DEFAULT_EPHEMERAL_STORAGE_MB:
        found.append(Fact("/tmp", f"{size.storage_mb:,} MB", origins.get("storage_mb", default)))
    if size.provisioned:
        found.append(Fact("provisioned", f"{size.provisioned:,} environments", origins.get("provisioned", default)))
    return found


def _managed_facts(managed: ManagedSize, said: Wish, ratio: float, memory: Origin) -> list[Fact]:
    origins, environment = said.origins, managed.environment
    slots = Origin(Basis.ASSUMED, f"the default of {said.runtime or 'Python'}, for each vCPU")
    target = Origin(Basis.ASSUMED, "what the autoscaler of the platform here holds; AWS publishes none")
    share = f"{float(environment.vcpus):g} vCPU ({ratio:g} GiB each)"
    default = Origin(Basis.ASSUMED, "2 GiB for each vCPU where nothing is said")
    return [
        Fact("environment", f"{environment.memory_mb:,} MB", memory),
        Fact("its vCPUs", share, origins.get("ratio", default)),
        Fact("its requests at once", str(environment.slots), origins.get("concurrency", slots)),
        *_held(managed, origins, origins.get("target", target)),
    ]


def _held(managed: ManagedSize, origins: Mapping[str, Origin], target: Origin) -> Iterator[Fact]:
    """Yield at which share environments are held: of slots, and of vCPUs where Manual scaling says another."""
    if managed.cpu_target is None:
        yield Fact("held at", f"{managed.target * 100:g} % of slots and vCPUs", target)
        return
    yield Fact("held at", f"{managed.target * 100:g} % of slots", target)
    yield Fact("and at", f"{managed.cpu_target * 100:g} % of vCPUs", origins["cpu_target"])
