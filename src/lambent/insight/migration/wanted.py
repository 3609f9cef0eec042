"""What a function is to become: the compute type, and what is recommended where nothing is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from lambent.aws.managed_runtimes import concurrency_per_vcpu, runs_on_managed_instances
from lambent.insight.migration.candidate import Candidate, Compute

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-runtimes.html
NEWEST = {"python": "python3.13", "nodejs": "nodejs22.x", "java": "java21", "dotnet": "dotnet8"}
LEAST_MEMORY_MB, MOST_MEMORY_MB = 2_048, 32_768
ON_DEMAND_MEMORY_MB, ON_DEMAND_TIMEOUT_S = 10_240, 900
RATIOS = (2, 4, 8)
# What a worker process of Python takes before it has imported anything of the function's.
_PYTHON_WORKER_MB = 40


@dataclass(frozen=True, slots=True)
class Provider:
    """The capacity provider that is asked for: one that is there, by name or ARN, or a new one in a network."""

    existing: str = ""
    key: str = "instances"
    subnets: tuple[str, ...] = ()
    vpc: str = ""
    security_groups: tuple[str, ...] = ()
    max_vcpus: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asks for; None means what is recommended."""

    to: Compute = Compute.MANAGED_INSTANCES
    provider: Provider = field(default_factory=Provider)
    runtime: str | None = None
    memory_mb: int | None = None
    memory_per_vcpu: int | None = None
    max_concurrency: int | None = None
    architecture: str | None = None
    name: str | None = None
    measured: str = ""
    """Why memory and concurrency are what they are, where they were measured."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What the function becomes, and why each figure is as it is; `why` is by these fields' names."""

    to: Compute
    name: str
    runtime: str
    architecture: str
    memory_mb: int
    memory_per_vcpu: int
    max_concurrency: int | None
    min_environments: int | None
    max_environments: int | None
    provider: Provider
    why: dict[str, str]

    @property
    def vcpus(self) -> float:
        """The vCPUs of an execution environment."""
        return self.memory_mb / (self.memory_per_vcpu * 1024)


def goal_of(candidate: Candidate, asked: Asked) -> Goal:
    """Return what the function becomes: as it is asked for, as AWS demands it, and otherwise as it is."""
    return _managed(candidate, asked) if asked.to is Compute.MANAGED_INSTANCES else _on_demand(candidate, asked)


def _managed(candidate: Candidate, asked: Asked) -> Goal:
    why: dict[str, str] = {}
    ratio = asked.memory_per_vcpu or 2
    if asked.memory_per_vcpu is None:
        why["memory_per_vcpu"] = "2 GiB for each vCPU: most CPU for the memory; 4 or 8 where memory is short"
    memory = asked.memory_mb or _memory(candidate, ratio, why)
    concurrency = asked.max_concurrency
    if concurrency is None:
        concurrency = _concurrency(candidate, memory, ratio, why)
    least, most = _environments(candidate, concurrency, why)
    if asked.measured:
        why["max_concurrency"] = asked.measured
    return Goal(
        to=asked.to,
        name=asked.name or new_name(candidate.name, "managed"),
        runtime=_runtime(candidate, asked, why),
        architecture=asked.architecture or candidate.architecture,
        memory_mb=memory,
        memory_per_vcpu=ratio,
        max_concurrency=concurrency,
        min_environments=least,
        max_environments=most,
        provider=asked.provider,
        why=why,
    )


def _on_demand(candidate: Candidate, asked: Asked) -> Goal:
    why: dict[str, str] = {}
    memory = asked.memory_mb or candidate.memory_mb
    if asked.memory_mb is None and candidate.capacity is not None:
        slots = candidate.capacity.max_concurrency or 16
        why["memory_mb"] = (
            f"as it is: {memory} MB served up to {slots} requests at a time, and then serves one; measure it"
        )
        memory = min(memory, ON_DEMAND_MEMORY_MB)
    return Goal(
        to=asked.to,
        name=asked.name or new_name(candidate.name, "on-demand"),
        runtime=asked.runtime or candidate.runtime or "",
        architecture=asked.architecture or candidate.architecture,
        memory_mb=memory,
        memory_per_vcpu=2,
        max_concurrency=None,
        min_environments=None,
        max_environments=None,
        provider=Provider(),
        why=why,
    )


def new_name(name: str, suffix: str) -> str:
    """Return the new function's name, which stands beside the old one's for as long as both serve.

    >>> new_name("fibonacci", "managed")
    'fibonacci-managed'
    >>> new_name("fibonacci-managed", "on-demand")
    'fibonacci'
    """
    other = "managed" if suffix == "on-demand" else "on-demand"
    if name.endswith(f"-{other}"):
        return name.removesuffix(f"-{other}")
    return f"{name[: 64 - len(suffix) - 1]}-{suffix}"


def _runtime(candidate: Candidate, asked: Asked, why: dict[str, str]) -> str:
    now = candidate.runtime or ""
    if asked.runtime is not None:
        return asked.runtime
    if runs_on_managed_instances(now) or not now:
        return now
    chosen = NEWEST.get(candidate.language) or ("provided.al2023" if candidate.language == "provided" else now)
    if chosen != now:
        why["runtime"] = f"the first of {candidate.language} that Managed Instances run"
    return chosen


def _memory(candidate: Candidate, ratio: int, why: dict[str, str]) -> int:
    """Return the least memory that AWS takes and that holds the requests of one vCPU."""
    share = ratio * 1024
    wanted = max(candidate.memory_mb, LEAST_MEMORY_MB, share)
    found = min(-(-wanted // share) * share, MOST_MEMORY_MB)
    if found != candidate.memory_mb:
        why["memory_mb"] = (
            f"{LEAST_MEMORY_MB} MB is the least, and a multiple of {share} MB, one vCPU's share; "
            f"now {candidate.memory_mb} MB for one request at a time"
        )
    return found


def _concurrency(candidate: Candidate, memory: int, ratio: int, why: dict[str, str]) -> int | None:
    """Return how many requests an execution environment takes: AWS's default, or fewer where memory is short."""
    vcpus = max(memory // (ratio * 1024), 1)
    usual = concurrency_per_vcpu(candidate.language) * vcpus
    if candidate.language != "python":
        why["max_concurrency"] = f"AWS's default for {candidate.language or 'it'}, {usual} at a time"
        return None
    # Each request has a process of its own; half of what the function has today is taken as what one needs.
    needed = max(_PYTHON_WORKER_MB, candidate.memory_mb // 2)
    fitting = max(1, min(usual, memory // needed))
    why["max_concurrency"] = (
        f"each Python worker is a process: {fitting} of up to {needed} MB fit {memory} MB (AWS's default: {usual}); "
        "half of today's memory is assumed for one, until it is measured"
    )
    return fitting


def _environments(candidate: Candidate, concurrency: int | None, why: dict[str, str]) -> tuple[int | None, int | None]:
    """Return bounds that stand for what reserved and provisioned concurrency did, None where neither was set."""
    slots = concurrency or concurrency_per_vcpu(candidate.language)
    reserved, provisioned = candidate.reserved_concurrency, candidate.provisioned_concurrency
    if reserved == 0:
        why["max_environments"] = "reserved concurrency of 0 stopped it; 0 and 0 do, and nothing starts it by itself"
        return 0, 0
    if reserved is None and provisioned is None:
        return None, None
    least = max(3, -(-(provisioned or 0) // slots))
    most = max(least, -(-reserved // slots)) if reserved is not None else max(least * 4, 12)
    given = [f"{reserved} reserved"] if reserved is not None else []
    given += [f"{provisioned} provisioned"] if provisioned is not None else []
    why["max_environments"] = f"for {' and '.join(given)}, at {slots} requests in each environment; 3 is AWS's least"
    return least, most
