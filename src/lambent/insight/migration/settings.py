"""What of a function's settings hinders it on the compute type that it is to have, or has to change with it."""

from __future__ import annotations

from collections.abc import Iterator

from lambent.aws.managed_runtimes import runs_on_managed_instances
from lambent.insight.migration.candidate import Candidate, Compute, SourceKind
from lambent.insight.migration.findings import Finding
from lambent.insight.migration.rules import RULES
from lambent.insight.migration.wanted import (
    LEAST_MEMORY_MB,
    MOST_MEMORY_MB,
    NEWEST,
    ON_DEMAND_MEMORY_MB,
    ON_DEMAND_TIMEOUT_S,
    RATIOS,
    Goal,
)

_LONG_TIMEOUT_S = 300


def settings(candidate: Candidate, goal: Goal) -> Iterator[Finding]:
    """Yield what is found; what the written manifest settles is marked so."""
    yield from _references(candidate)
    if goal.to is Compute.MANAGED_INSTANCES:
        yield from _runtime(candidate, goal)
        yield from _memory(candidate, goal)
        yield from _excluded(candidate, goal)
        yield from _surroundings(candidate, goal)
    else:
        yield from _on_demand(candidate, goal)


def _found(  # noqa: PLR0913 - the parts of a finding, and whose it is
    candidate: Candidate, rule: str, what: str, place: str = "", *, remedy: str = "", is_settled: bool = False
) -> Finding:
    said = RULES[rule]
    return Finding(rule, said.severity, what, candidate.places.get(place), remedy or said.remedy, is_settled)


def _references(candidate: Candidate) -> Iterator[Finding]:
    """Yield what a template leaves to its stack: the written manifest does not know it."""
    if candidate.source.kind is not SourceKind.TEMPLATE or candidate.source.stack:
        return
    fields = ("role", "kms_key", "dead_letter", "on_success", "on_failure", "log_group")
    named = [f"{name} ({getattr(candidate, name)})" for name in fields if "${" in getattr(candidate, name)]
    named += [f"the variable {name} ({value})" for name, value in candidate.environment.items() if "${" in value]
    named += [f"the layer {one}" for one in candidate.layers if "${" in one]
    if candidate.name == candidate.source.address:
        named.append("its name, which CloudFormation makes")
    if not candidate.role:
        named.append("its role, which the template's transform makes")
    if named:
        what = f"the template does not say what these are: {', '.join(named)}"
        yield _found(candidate, "template-reference", what, "runtime")


def _runtime(candidate: Candidate, goal: Goal) -> Iterator[Finding]:
    now = candidate.runtime or ""
    if candidate.image:
        yield _found(candidate, "image", "the function is a container image", "code")
        return
    if runs_on_managed_instances(goal.runtime):
        if goal.runtime != now:
            what = f"Runtime Enum {now} does not support specified feature: Lambda Managed Instances"
            remedy = f"{goal.runtime} takes its place; try the function on it first."
            yield _found(candidate, "runtime", what, "runtime", remedy=remedy, is_settled=True)
        return
    what = f"Runtime Enum {goal.runtime} does not support specified feature: Lambda Managed Instances"
    known = ", ".join(NEWEST.values())
    yield _found(candidate, "runtime", what, "runtime", remedy=f"Take {known} or provided.al2023, or later ones.")


def _memory(candidate: Candidate, goal: Goal) -> Iterator[Finding]:
    share = goal.memory_per_vcpu * 1024
    if goal.memory_per_vcpu not in RATIOS:
        yield _found(candidate, "memory", f"{goal.memory_per_vcpu} GiB for each vCPU is none of 2, 4 and 8")
        return
    if goal.memory_mb < share:
        yield _found(candidate, "memory", f"Memory ratio of {share:.1f}MB per CPU exceeds function's total memory", "memory_mb")  # fmt: skip  # noqa: E501
        return
    if not LEAST_MEMORY_MB <= goal.memory_mb <= MOST_MEMORY_MB or goal.memory_mb % share:
        what = f"{goal.memory_mb} MB is not within 2,048 to 32,768 MB, or no multiple of {share} MB"
        yield _found(candidate, "memory", what, "memory_mb")
        return
    if goal.memory_mb != candidate.memory_mb:
        what = f"{candidate.memory_mb} MB of memory"
        if candidate.memory_mb < LEAST_MEMORY_MB:
            what = (
                "Lambda Managed Instance functions must have memory size greater than or equal to 2048 "
                f"(it has {candidate.memory_mb})"
            )
        remedy = f"{goal.memory_mb} MB takes its place."
        yield _found(candidate, "memory", what, "memory_mb", remedy=remedy, is_settled=True)


def _excluded(candidate: Candidate, goal: Goal) -> Iterator[Finding]:
    """Yield the settings that a capacity provider excludes; the manifest that is written goes without them."""
    if candidate.snap_start:
        yield _found(candidate, "snap-start", "SnapStart is on", "snap_start", is_settled=True)
    if candidate.provisioned_concurrency is not None:
        what = f"{candidate.provisioned_concurrency} environments are provisioned"
        remedy = f"At least {goal.min_environments} and at most {goal.max_environments} execution environments instead."
        yield _found(
            candidate, "provisioned-concurrency", what, "provisioned_concurrency", remedy=remedy, is_settled=True
        )
    if candidate.reserved_concurrency is not None:
        what = f"concurrency of {candidate.reserved_concurrency} is reserved"
        remedy = f"At least {goal.min_environments} and at most {goal.max_environments} execution environments instead."
        yield _found(candidate, "reserved-concurrency", what, "reserved_concurrency", remedy=remedy, is_settled=True)
    if candidate.vpc is not None:
        what = f"the function is attached to {', '.join(candidate.vpc.subnets)}"
        has_network = bool(goal.provider.existing or goal.provider.subnets or goal.provider.vpc)
        remedy = (
            "The capacity provider's network takes its place; security groups that admit the function must admit it."
        )
        yield _found(
            candidate, "vpc", what, "vpc", remedy=remedy, is_settled=has_network or len(candidate.vpc.subnets) > 1
        )
    if candidate.log_format == "Text":
        remedy = "JSON takes its place: change subscriptions, metric filters and queries that read lines of text."
        yield _found(candidate, "text-logs", "logs are plain text", "log_format", remedy=remedy, is_settled=True)
    for one in candidate.file_systems:
        yield _found(candidate, "file-system", f"the file system {one} is mounted")
    if not 512 <= candidate.ephemeral_storage_mb <= 10_240:
        what = f"/tmp has {candidate.ephemeral_storage_mb} MB"
        yield _found(candidate, "ephemeral-storage", what, "ephemeral_storage_mb")
    if candidate.durable:
        yield _found(candidate, "durable", "it is a durable function")
    if candidate.tenancy:
        yield _found(candidate, "tenancy", "its tenants are isolated from each other")


def _surroundings(candidate: Candidate, goal: Goal) -> Iterator[Finding]:
    slots = goal.max_concurrency or 64
    if candidate.timeout_s >= _LONG_TIMEOUT_S:
        what = f"the timeout is {candidate.timeout_s} s: {slots} requests that hang keep every slot of an environment"
        yield _found(candidate, "timeout", what, "timeout_s")
    for one in candidate.layers:
        name = one.rpartition(":layer:")[2] or one
        if goal.runtime != candidate.runtime or goal.architecture != candidate.architecture:
            what = f"the layer {name} was built for {candidate.runtime} on {candidate.architecture}"
            remedy = f"Name a version of it for {goal.runtime} on {goal.architecture}."
            yield _found(candidate, "layer-runtime", what, "layers", remedy=remedy)
        if any(word in name.lower() for word in ("extension", "insights", "otel", "adot", "newrelic", "datadog")):
            yield _found(candidate, "layer-extension", f"the layer {name} brings an extension", "layers")
    yield _found(candidate, "network", "what it sends leaves through the capacity provider's subnets", "vpc")


def _on_demand(candidate: Candidate, goal: Goal) -> Iterator[Finding]:
    if candidate.timeout_s > ON_DEMAND_TIMEOUT_S:
        yield _found(candidate, "managed-timeout", f"the timeout is {candidate.timeout_s} s", "timeout_s")
    if goal.memory_mb != candidate.memory_mb and candidate.memory_mb > ON_DEMAND_MEMORY_MB:
        what = f"it has {candidate.memory_mb} MB"
        remedy = f"{goal.memory_mb} MB takes its place."
        yield _found(candidate, "managed-memory", what, "memory_mb", remedy=remedy, is_settled=True)
