"""Rules of Lambda Managed Instances: functions that use a capacity provider, and the providers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from lambent.aws.quotas import MANAGED_INSTANCE_MAXIMUM_MEMORY_MB
from lambent.base.diagnostics import Diagnostic
from lambent.manifest.checks.operation import check_ids
from lambent.manifest.checks.subject import Place, bounds, constraint
from lambent.manifest.system import CapacityProvider, Function, Managed

_LEAST_MEMORY_MB = 2_048
_RATIOS = (2, 4, 8)
_DEFAULT_RATIO = 2
_DEFAULT_ARCHITECTURE = "x86_64"
_CONCURRENCY_PER_VCPU = 64
_RUNTIMES = re.compile(
    r"(python3\.1[3-9]|nodejs(2[2-9]|[3-9]\d)\.x|java(2[1-9]|[3-9]\d)|dotnet(8|[1-9]\d)|provided\.al2023)\Z"
)
_MOST_ENVIRONMENTS = 15_000
_INSTANCE_TYPE = re.compile(r"[cmrgp]\d+[a-z0-9-]*\.(large|(\d+)?xlarge|metal(-[a-z0-9]+)?)\Z")


def check_managed(function: Function, place: Place, providers: Mapping[str, CapacityProvider]) -> Iterator[Diagnostic]:
    """Yield what is wrong with a function on Managed Instances; `providers` are the manifest's own."""
    managed = function.capacity_provider
    if managed is None:
        return
    memory = function.memory or 128
    if memory < _LEAST_MEMORY_MB:
        message = "Lambda Managed Instance functions must have memory size greater than or equal to 2048"
        yield place.found("managed-memory", message, "Write `memory: 2048` or more.", "memory")
    elif memory > MANAGED_INSTANCE_MAXIMUM_MEMORY_MB:
        message = constraint(memory, "memorySize", "Member must have value less than or equal to 32768")
        yield place.found("managed-memory", message, "32 GB is the most.", "memory")
    if function.runtime is not None and not _RUNTIMES.match(function.runtime):
        message = f"Runtime Enum {function.runtime} does not support specified feature: Lambda Managed Instances"
        advice = "Use python3.13, nodejs22.x, java21, dotnet8 or provided.al2023, or later ones."
        yield place.found("managed-runtime", message, advice, "runtime")
    for name, value in (
        ("snap_start", function.snap_start),
        ("provisioned_concurrency", function.provisioned_concurrency),
        ("vpc", function.vpc),
        ("reserved_concurrency", function.reserved_concurrency is not None),
    ):
        if value:
            message = f"CapacityProviderConfig and {name} exclude each other."
            advice = "The provider's own VPC is the function's." if name == "vpc" else f"Take `{name}` out."
            yield place.found("managed-exclusions", message, advice, name, key=True)
    if function.logs is not None and function.logs.format == "text":
        message = "LogFormat Text is not supported for Lambda Managed Instances."
        yield place.found("managed-log-format", message, "Write `format: json`.", "logs", "format")
    yield from _architecture(function, managed, place, providers)
    yield from _sizes(managed, memory, place)


def _architecture(
    function: Function, managed: Managed, place: Place, providers: Mapping[str, CapacityProvider]
) -> Iterator[Diagnostic]:
    reference = managed.provider.sole_reference
    provider = None if reference is None or len(reference.path) < 2 else providers.get(reference.path[1])
    if provider is None:
        return
    wanted, there = function.architecture or _DEFAULT_ARCHITECTURE, provider.architecture or _DEFAULT_ARCHITECTURE
    if wanted != there:
        message = f"The function's architecture {wanted} doesn't match the capacity provider's architecture {there}."
        yield place.found("managed-architecture", message, f"Write `architecture: {there}`.", "architecture")


def _sizes(managed: Managed, memory: int, place: Place) -> Iterator[Diagnostic]:
    ratio = _DEFAULT_RATIO if managed.memory_per_vcpu is None else managed.memory_per_vcpu
    if ratio not in _RATIOS:
        message = constraint(ratio, "executionEnvironmentMemoryGiBPerVCpu", "Member must be 2, 4 or 8")
        yield place.found("managed-ratio", message, "Write 2, 4 or 8.", "capacity_provider", "memory_per_vcpu")
    elif managed.memory_per_vcpu is not None and memory < ratio * 1024:
        message = f"Memory ratio of {ratio * 1024:.1f}MB per CPU exceeds function's total memory"
        advice = f"Give the function {ratio * 1024:.0f} MB or a multiple of it."
        yield place.found("managed-ratio", message, advice, "capacity_provider", "memory_per_vcpu")
    elif memory >= _LEAST_MEMORY_MB and memory % (ratio * 1024):
        message = f"{memory} MB is no multiple of {ratio * 1024:.0f} MB, one vCPU's share"
        yield place.found("managed-ratio", message, f"Write a multiple of {ratio * 1024:.0f}.", "memory")
    if managed.max_concurrency is not None:
        most = min(1_600, max(int(memory / (ratio * 1024)), 1) * _CONCURRENCY_PER_VCPU) if ratio in _RATIOS else 1_600
        problem = bounds(managed.max_concurrency, "perExecutionEnvironmentMaxConcurrency", 1, most)
        if problem:
            yield place.found("managed-environments", problem, "64 for each vCPU at most.", "capacity_provider", "max_concurrency")  # fmt: skip
    yield from _environments(managed, place)


def _environments(managed: Managed, place: Place) -> Iterator[Diagnostic]:
    least, most = managed.min_environments, managed.max_environments
    if (least is None) != (most is None):
        message = (
            "the one of MinExecutionEnvironments and MaxExecutionEnvironments that is not set goes back to its default"
        )
        yield place.found("managed-environments", message, "Set both.", "capacity_provider", key=True)
    for name, value in (("min_environments", least), ("max_environments", most)):
        if value is not None and not 0 <= value <= _MOST_ENVIRONMENTS:
            message = constraint(value, "functionScalingConfig", "Member must have value between 0 and 15000")
            yield place.found("managed-environments", message, "", "capacity_provider", name)
    if least is not None and most is not None and (least > most or (least == 0 < most)):
        message = "MinExecutionEnvironments is at most MaxExecutionEnvironments, and 0 only when both are."
        yield place.found("managed-environments", message, "0 and 0 deactivate the function.", "capacity_provider")


def check_provider(provider: CapacityProvider, place: Place) -> Iterator[Diagnostic]:
    """Yield what is wrong with a capacity provider."""
    if not 1 <= len(provider.subnets) <= 16:
        message = f"a capacity provider has 1 to 16 subnets; it has {len(provider.subnets)}"
        yield place.found("provider-network", message, "Name subnets in two zones or more.", "subnets", key=True)
    elif len(provider.subnets) == 1:
        message = "one subnet lies in one Availability Zone, and instances are spread over zones"
        yield place.found("provider-zones", message, "Name a subnet in each of two zones.", "subnets")
    if len(provider.security_groups) > 5:
        message = f"a capacity provider has 5 security groups at most; it has {len(provider.security_groups)}"
        yield place.found("provider-network", message, "", "security_groups", key=True)
    yield from check_ids(provider, place)
    if provider.instance_types and provider.excluded_instance_types:
        message = "AllowedInstanceTypes and ExcludedInstanceTypes exclude each other."
        yield place.found("provider-instance-types", message, "Take one of them out.", "instance_types", key=True)
    for each in provider.instance_types:
        if "*" not in each and _INSTANCE_TYPE.match(each) is None:
            message = f"The instance type {each} isn't supported by Lambda Managed Instances."
            yield place.found("provider-instance-types", message, "Use c, m or r from .large up.", "instance_types")
    if provider.max_vcpus is not None and (problem := bounds(provider.max_vcpus, "maxVCpuCount", 2, 15_000)):
        yield place.found("provider-vcpus", problem, "400 where nothing is said.", "max_vcpus")
    if provider.target_cpu is not None and provider.scaling != "Manual":
        message = "A scaling policy can't be specified when the scalingMode is set to Auto"
        yield place.found("provider-scaling", message, "Write `scaling: Manual`, or take the target out.", "target_cpu")
    if provider.scaling == "Manual" and provider.target_cpu is None:
        message = "Manual scaling needs a scaling policy"
        yield place.found("provider-scaling", message, "Add `target_cpu: 70`.", "scaling")
