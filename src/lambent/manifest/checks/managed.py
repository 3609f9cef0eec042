"""Rules about functions on Lambda Managed Instances, and about how many of them a capacity provider can carry.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lambent.aws.instance_types import InstanceType, matching
from lambent.aws.managed_runtimes import runs_on_managed_instances
from lambent.aws.quotas import (
    DEFAULT_PROVIDER_VCPUS,
    MANAGED_INSTANCE_MAXIMUM_MEMORY_MB,
    MANAGED_INSTANCE_MAXIMUM_TIMEOUT_S,
    MAXIMUM_TIMEOUT_S,
    MOST_ENVIRONMENTS,
    MOST_REQUESTS_OF_AN_ENVIRONMENT,
)
from lambent.base.diagnostics import Diagnostic
from lambent.manifest.checks.managed_facts import (
    DEFAULT_ARCHITECTURE,
    LEAST_MEMORY_MB,
    RATIOS,
    FunctionFacts,
    ProviderFacts,
    Told,
)
from lambent.manifest.checks.providers import provider_findings
from lambent.manifest.checks.subject import bounds, constraint

FIRST_INSTANCES = 3
"""What the first publish on a capacity provider launches, and the environments that a version has at least."""
VERSIONS_PER_PROVIDER = 100
_CONCURRENCY_PER_VCPU = 64
_LEAST_WORKER_MB = 64
_PROVIDER = re.compile(
    r"arn:aws[a-zA-Z-]*:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:capacity-provider:[a-zA-Z0-9-_]+\Z"
)
_WHERE = "capacity_provider"
# What AWS calls the settings that exclude a capacity provider, and what to do about each.
_EXCLUDED = {
    "snap_start": ("SnapStart", ""),
    "provisioned_concurrency": ("ProvisionedConcurrencyConfig", "Set the least environments instead."),
    "vpc": ("VpcConfig", "The provider's own VPC is the function's."),
    "reserved_concurrency": ("ReservedConcurrentExecutions", "Set the most environments instead."),
    "file_systems": ("FileSystemConfigs", "A file system wants the function in a VPC of its own."),
}


def function_findings(function: FunctionFacts, place: Told) -> Iterator[Diagnostic]:
    """Yield what is wrong with a function on Managed Instances by itself."""
    if function.provider is not None and not _PROVIDER.match(function.provider):
        message = constraint(function.provider, "capacityProviderConfig.lambdaManagedInstancesCapacityProviderConfig.capacityProviderArn", "Member must satisfy regular expression pattern: arn:aws[a-zA-Z-]*:lambda:…:capacity-provider:[a-zA-Z0-9-_]+")  # fmt: skip
        advice = "Give the capacity provider's ARN, or refer to it; a name alone is none."
        yield place.found("managed-provider", message, advice, _WHERE, "provider")
    yield from _memory(function, place)
    if function.runtime is not None and not runs_on_managed_instances(function.runtime):
        message = f"Runtime Enum {function.runtime} does not support specified feature: Lambda Managed Instances"
        advice = "Use python3.13, nodejs22.x, java21, dotnet8 or provided.al2023, or later ones."
        yield place.found("managed-runtime", message, advice, "runtime")
    for name in function.forbidden:
        called, instead = _EXCLUDED[name]
        message = f"CapacityProviderConfig and {called} exclude each other."
        advice = instead or f"Take `{place.called(name)}` out."
        yield place.found("managed-exclusions", message, advice, name, key=True)
    if function.logs_text:
        message = "LogFormat Text is not supported for Lambda Managed Instances."
        advice = f"Write `{place.called('logs', 'format')}: {place.called('json')}`."
        yield place.found("managed-log-format", message, advice, "logs", "format")
    yield from _timeout(function, place)
    yield from _ratio(function, place)
    yield from _concurrency(function, place)
    yield from _environments(function, place)


def architecture_findings(function: FunctionFacts, provider: ProviderFacts, place: Told) -> Iterator[Diagnostic]:
    """Yield what does not go together in a function and the provider it is on."""
    there, own = provider.architecture, function.architecture
    if own is not None and there is not None and own != there:
        message = f"The function's architecture {own} doesn't match the capacity provider's architecture {there}."
        advice = f"Write `{place.called('architecture')}: {there}`."
        yield place.found("managed-architecture", message, advice, "architecture")


def all_findings(provider: ProviderFacts, users: Sequence[FunctionFacts], place: Told) -> Iterator[Diagnostic]:
    """Yield what is wrong with a capacity provider, and where what is on it is more than it may have."""
    own = list(provider_findings(provider, place))
    yield from own
    # What types and vCPUs are enough for shows once they are right.
    if not any(one.rule in {"provider-instance-types", "provider-vcpus"} for one in own):
        yield from _capacity(provider, users, place)


def _capacity(provider: ProviderFacts, users: Sequence[FunctionFacts], place: Told) -> Iterator[Diagnostic]:
    if len(users) > VERSIONS_PER_PROVIDER:
        message = f"{len(users)} functions publish a version each on this capacity provider, which takes 100"
        yield place.found("provider-versions", message, "Make another capacity provider for some of them.", key=True)
    most = DEFAULT_PROVIDER_VCPUS if provider.max_vcpus is None else provider.max_vcpus
    sized = [one for one in users if one.vcpus is not None]
    for function in sized if _knows_types(provider) else ():
        smallest = least_instance(function, provider)
        if smallest is None:
            message = f"no allowed instance type has room for an execution environment of {function.memory_mb:.0f} MB and {function.vcpus:.0f} vCPUs"  # fmt: skip
            advice = "Each instance keeps 1 vCPU and 1 GB for the system. Allow larger types."
            yield place.found("provider-capacity", message, advice, "instance_types", key=True)
            return
        if FIRST_INSTANCES * smallest.vcpus > most and function.most != 0:
            needed = FIRST_INSTANCES * smallest.vcpus
            message = f"the first version launches {FIRST_INSTANCES} instances, and {FIRST_INSTANCES} of the smallest that it fits ({smallest.name}) have {needed} vCPUs; {most:.0f} are allowed"  # fmt: skip
            advice = f"Allow {needed} at least: a provider on which the first publish failed has to be made anew."
            yield place.found("provider-capacity", message, advice, "max_vcpus", key=True)
            return
    kept = sum((FIRST_INSTANCES if one.least is None else one.least) * (one.vcpus or 0) for one in sized)
    if kept > most:
        message = f"the execution environments that are kept at least have {kept:.0f} vCPUs; {most:.0f} are allowed"
        advice = f"Allow more, or lower `{place.called('min_environments')}`."
        yield place.found("provider-capacity", message, advice, "max_vcpus", key=True)


def _knows_types(provider: ProviderFacts) -> bool:
    """Return whether the table has what each allowed name means: variants with disks or more network it has not."""
    architecture = provider.architecture
    return architecture is not None and all(matching(architecture, allowed=(name,)) for name in provider.allowed)


def least_instance(function: FunctionFacts, provider: ProviderFacts) -> InstanceType | None:
    """Return the smallest instance with room for one environment of a function, beside the system; None for none.

    >>> least_instance(FunctionFacts(memory_mb=2048, runtime=None), ProviderFacts("pool", None)).vcpus
    2
    """
    vcpus = function.vcpus
    if vcpus is None or function.memory_mb is None:
        return None
    architecture = provider.architecture or DEFAULT_ARCHITECTURE
    types = matching(architecture, allowed=provider.allowed, excluded=() if provider.allowed else provider.excluded)
    return next((one for one in types if one.room_vcpus >= vcpus and one.room_mb >= function.memory_mb), None)


def _memory(function: FunctionFacts, place: Told) -> Iterator[Diagnostic]:
    memory = function.memory_mb
    if memory is None:
        return
    if memory < LEAST_MEMORY_MB:
        message = f"Lambda Managed Instance functions must have memory size greater than or equal to {LEAST_MEMORY_MB}"
        yield place.found("managed-memory", message, f"Write `{place.called('memory')}: 2048` or more.", "memory")
    elif memory > MANAGED_INSTANCE_MAXIMUM_MEMORY_MB:
        message = constraint(memory, "memorySize", f"Member must have value less than or equal to {MANAGED_INSTANCE_MAXIMUM_MEMORY_MB}")  # fmt: skip
        yield place.found("managed-memory", message, "32 GB is the most.", "memory")


def _timeout(function: FunctionFacts, place: Told) -> Iterator[Diagnostic]:
    timeout = function.timeout_s
    if timeout is None:
        return
    message = bounds(timeout, "timeout", 1, MANAGED_INSTANCE_MAXIMUM_TIMEOUT_S)
    if message:
        yield place.found("timeout", message, "It is given in seconds; 90 minutes are the most.", "timeout")
    elif timeout > MAXIMUM_TIMEOUT_S and function.waits_for:
        message = f"{function.waits_for} ends after {MAXIMUM_TIMEOUT_S} s, whatever the function's timeout"
        advice = (
            "More than that is for asynchronous invocations and event source mappings other than MQ's and DocumentDB's."
        )
        yield place.found("managed-timeout", message, advice, "timeout")


def _ratio(function: FunctionFacts, place: Told) -> Iterator[Diagnostic]:
    ratio, memory, where = function.effective_ratio, function.memory_mb, (_WHERE, "memory_per_vcpu")
    share = ratio * 1024
    if not RATIOS[0] <= ratio <= RATIOS[-1]:
        problem = bounds(ratio, "executionEnvironmentMemoryGiBPerVCpu", float(RATIOS[0]), float(RATIOS[-1]))
        yield place.found("managed-ratio", problem or "", "Write 2, 4 or 8.", *where)
    elif ratio not in RATIOS:
        message = constraint(ratio, "executionEnvironmentMemoryGiBPerVCpu", "Member must be 2, 4 or 8")
        yield place.found("managed-ratio", message, "Instances have 2, 4 or 8 GiB per vCPU.", *where)
    elif memory is not None and memory >= LEAST_MEMORY_MB and memory < share:
        message = f"Memory ratio of {share:.1f}MB per CPU exceeds function's total memory"
        yield place.found("managed-ratio", message, f"Give the function {share:.0f} MB or a multiple of it.", *where)
    elif memory is not None and memory >= LEAST_MEMORY_MB and memory % share:
        message = f"{memory:.0f} MB is no multiple of {share:.0f} MB, one vCPU's share"
        yield place.found("managed-ratio", message, f"Write a multiple of {share:.0f}.", "memory")


def _concurrency(function: FunctionFacts, place: Told) -> Iterator[Diagnostic]:
    asked, vcpus = function.max_concurrency, function.vcpus
    if asked is None:
        return
    most = (
        MOST_REQUESTS_OF_AN_ENVIRONMENT
        if vcpus is None
        else min(MOST_REQUESTS_OF_AN_ENVIRONMENT, int(vcpus * _CONCURRENCY_PER_VCPU))
    )
    where = (_WHERE, "max_concurrency")
    problem = bounds(asked, "perExecutionEnvironmentMaxConcurrency", 1, most)
    if problem:
        yield place.found("managed-concurrency", problem, "64 for each vCPU at most.", *where)
    elif (function.runtime or "").startswith("python") and function.memory_mb is not None:
        # Each of Python's requests has a process of its own; what they need is not there before they run.
        share = function.memory_mb / asked
        if share < _LEAST_WORKER_MB and vcpus is not None:
            message = f"{asked:.0f} processes of Python share {function.memory_mb:.0f} MB: {share:.0f} MB each"
            advice = "Where they do not fit, publishing fails with FunctionErrorInitResourceExhausted. Give it more memory, or fewer."
            yield place.found("managed-workers", message, advice, *where)


def _environments(function: FunctionFacts, place: Told) -> Iterator[Diagnostic]:
    least, most = function.least, function.most
    if (least is None) != (most is None):
        message = (
            "the one of MinExecutionEnvironments and MaxExecutionEnvironments that is not set goes back to its default"
        )
        yield place.found("managed-environments", message, "Set both.", _WHERE, key=True)
    for name, member, value in (
        ("min_environments", "minExecutionEnvironments", least),
        ("max_environments", "maxExecutionEnvironments", most),
    ):
        if value is not None and (problem := bounds(value, f"functionScalingConfig.{member}", 0, MOST_ENVIRONMENTS)):
            yield place.found("managed-environments", problem, "15,000 is the most.", _WHERE, name)
    if least is not None and most is not None and (least > most or (least == 0 < most)):
        message = "MinExecutionEnvironments is at most MaxExecutionEnvironments, and 0 only when both are."
        yield place.found("managed-environments", message, "0 and 0 deactivate the function.", _WHERE)
