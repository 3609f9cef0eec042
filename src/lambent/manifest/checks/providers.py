"""Rules about capacity providers, where Lambda Managed Instances run.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateCapacityProvider.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lambent.aws.quotas import LEAST_PROVIDER_VCPUS, MOST_PROVIDER_VCPUS, TAGS_PER_RESOURCE
from lambent.base.diagnostics import Diagnostic
from lambent.manifest.checks.managed_facts import Policy, ProviderFacts, Told
from lambent.manifest.checks.subject import bounds, constraint

_NAME = re.compile(
    r"(arn:aws[a-zA-Z-]*:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:capacity-provider:[a-zA-Z0-9-_]+)|[a-zA-Z0-9-_]+"
)
_NAME_LENGTH = 140
_MOST_SUBNETS, _MOST_GROUPS = 16, 5
_SUBNET, _GROUP = re.compile(r"subnet-[0-9a-z]*\Z"), re.compile(r"sg-[0-9a-zA-Z]*\Z")
_VPC = re.compile(r"vpc-[0-9a-z]+\Z")
_ROLE = re.compile(r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+\Z")
_KEY = re.compile(r"(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)\Z")
_LOG_GROUP = re.compile(r"[\.\-_/#A-Za-z0-9]{1,512}\Z")
_ARCHITECTURES = ("x86_64", "arm64")
_MODES, _LEVELS = ("Auto", "Manual"), ("DEBUG", "INFO", "WARN")
_METRICS = ("LambdaCapacityProviderAverageCPUUtilization", "LambdaCapacityProviderAverageGPUUtilization")
_MOST_TYPES, _TYPE_LENGTH = 400, 30
_TYPE = re.compile(r"[a-zA-Z0-9\.\*\-]+\Z")
# C, M and R from .large up; G and P carry the accelerators that a scaling policy may follow.
_RUNS = re.compile(r"[cmrgp]\d+[a-z0-9-]*\.(large|(\d+)?xlarge|metal(-[a-z0-9]+)?)\Z")
_FAMILY = re.compile(r"[a-z]+\d+(?P<processor>[a-z]?)")
_MOST_POLICIES = 10
_MOST_PROPAGATED = 40


def provider_findings(provider: ProviderFacts, place: Told) -> Iterator[Diagnostic]:
    """Yield what is wrong with a capacity provider by itself."""
    yield from _name(provider, place)
    yield from _network(provider, place)
    if provider.operator_role is not None and not _ROLE.match(provider.operator_role):
        message = constraint(provider.operator_role, "permissionsConfig.capacityProviderOperatorRoleArn", "Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+")  # fmt: skip
        yield place.found("role-arn", message, "Give the role's ARN, or have one made: take it out.", "operator_role")
    yield from _architecture(provider, place)
    yield from _instance_types(provider, place)
    yield from _scaling(provider, place)
    yield from _telemetry(provider, place)
    yield from _tags(provider, place)
    if provider.kms_key is not None and not _KEY.match(provider.kms_key):
        message = constraint(provider.kms_key, "kmsKeyArn", "Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()")  # fmt: skip
        yield place.found("arn", message, "Give the key's ARN; an alias or an id is none.", "kms_key")


def _name(provider: ProviderFacts, place: Told) -> Iterator[Diagnostic]:
    name = provider.name
    if name is None or (_NAME.fullmatch(name) and len(name) <= _NAME_LENGTH):
        return
    rule = "Member must have length less than or equal to 140"
    advice = f"It has {len(name)} characters. Give it a shorter `{place.called('name')}`."
    if not _NAME.fullmatch(name):
        rule = f"Member must satisfy regular expression pattern: {_NAME.pattern}"
        advice = "Use letters, digits, hyphens and underscores."
    yield place.found("provider-name", constraint(name, "capacityProviderName", rule), advice, "name", key=True)


def _network(provider: ProviderFacts, place: Told) -> Iterator[Diagnostic]:
    subnets, groups = provider.subnets, provider.security_groups
    if provider.vpc is not None and provider.vpc != "default" and not _VPC.match(provider.vpc):
        message = f"{provider.vpc} is no VPC id"
        yield place.found("provider-network", message, "Give its id (`vpc-…`), or `default`.", "vpc")
    if subnets is not None and not (provider.vpc is not None and not subnets):
        problem = _count(subnets, "subnetIds", 1, _MOST_SUBNETS)
        elsewhere = f", or a `{place.called('vpc')}` to find them in" if place.called("vpc") else ""
        advice = f"Name subnets in two zones or more{elsewhere}."
        if problem:
            yield place.found("provider-network", problem, advice, "subnets", key=True)
        elif len(set(subnets)) == 1:
            message = "one subnet lies in one Availability Zone, and instances are spread over zones"
            yield place.found("provider-zones", message, "Name a subnet in each of two zones.", "subnets")
    problem = _count(groups or (), "securityGroupIds", 0, _MOST_GROUPS)
    if problem:
        yield place.found("provider-network", problem, "Five are the most.", "security_groups", key=True)
    for field, member, ids, pattern, rule in (
        ("subnets", "subnetIds", subnets, _SUBNET, "subnet-id"),
        ("security_groups", "securityGroupIds", groups, _GROUP, "security-group-id"),
    ):
        for index, one in enumerate(ids or ()):
            if one is not None and not pattern.match(one):
                shape = f"Member must satisfy regular expression pattern: {pattern.pattern.removesuffix(chr(92) + 'Z')}"
                message = constraint(one, f"vpcConfig.{member}", shape)
                yield place.found(rule, message, "Give its id; a name is none.", field, index)


def _count(listed: Sequence[object], member: str, least: int, most: int) -> str | None:
    told = f"[{', '.join('…' if one is None else str(one) for one in listed)}]"
    if len(listed) < least:
        return constraint(told, f"vpcConfig.{member}", f"Member must have length greater than or equal to {least}")
    if len(listed) > most:
        return constraint(told, f"vpcConfig.{member}", f"Member must have length less than or equal to {most}")
    return None


def _architecture(provider: ProviderFacts, place: Told) -> Iterator[Diagnostic]:
    said = provider.architectures
    if len(said) > 1:
        told = f"[{', '.join(str(one) for one in said)}]"
        message = constraint(told, "instanceRequirements.architectures", "Member must have length less than or equal to 1")  # fmt: skip
        advice = "A capacity provider has one instruction set: make another one for the other."
        yield place.found("provider-architecture", message, advice, "architecture")
    for one in said:
        if one is not None and one not in _ARCHITECTURES:
            yield place.found(*architecture_problem(one), "architecture")


def architecture_problem(said: str) -> tuple[str, str, str]:
    """Return rule, message and advice for an instruction set that is none, as Lambda says it."""
    message = (
        f"Value '[{said}]' at 'instanceRequirements.architectures' failed to satisfy constraint: "
        "[Member must satisfy enum value set: [x86_64, arm64]]"
    )
    meant = next((one for one in _ARCHITECTURES if one == said.lower()), None)
    return "provider-architecture", message, f"Write {meant}: in small letters." if meant else "Write x86_64 or arm64."


def _instance_types(provider: ProviderFacts, place: Told) -> Iterator[Diagnostic]:
    rule = "provider-instance-types"
    if provider.allowed and provider.excluded:
        message = "You can specify only one of AllowedInstanceTypes or ExcludedInstanceTypes."
        yield place.found(rule, message, "Take one of them out.", "instance_types", key=True)
    for field, member, types in (
        ("instance_types", "allowedInstanceTypes", provider.allowed),
        ("excluded_instance_types", "excludedInstanceTypes", provider.excluded),
    ):
        where = f"instanceRequirements.{member}"
        if len(types) > _MOST_TYPES:
            message = constraint(f"{len(types)} items", where, f"Member must have length less than or equal to {_MOST_TYPES}")  # fmt: skip
            yield place.found(rule, message, "Put them together with `*`, as m7i.*.", field, key=True)
        for index, one in enumerate(types):
            if not (_TYPE.match(one) and len(one) <= _TYPE_LENGTH):
                shape = "Member must have length between 1 and 30, and satisfy regular expression pattern: [a-zA-Z0-9\\.\\*\\-]+"  # fmt: skip
                yield place.found(rule, constraint(one, where, shape), "Name a type, as m7i.large.", field, index)
            elif field == "instance_types":
                yield from _allowed(one, provider.architecture, place, field, index)


def _allowed(name: str, architecture: str | None, place: Told, *inside: str | int) -> Iterator[Diagnostic]:
    if "*" not in name and _RUNS.match(name) is None:
        message = f"The instance type {name} isn't supported by Lambda Managed Instances."
        yield place.found("provider-instance-types", message, "Use c, m or r from .large up.", *inside)
        return
    family = _FAMILY.match(name)
    if family is None or architecture is None or name[family.end() :].startswith("*"):
        return
    # Graviton's families have a g behind their generation.
    own = "arm64" if family["processor"] == "g" else "x86_64"
    if own != architecture:
        message = f"The instance type {name} is {own}, and the capacity provider's instances are {architecture}."
        advice = f"Name a type of {architecture}, or write `{place.called('architecture')}: {own}`."
        yield place.found("provider-instance-types", message, advice, *inside)


def _scaling(provider: ProviderFacts, place: Told) -> Iterator[Diagnostic]:
    mode, policies = provider.scaling, provider.policies
    if mode is not None and mode not in _MODES:
        yield place.found(*scaling_problem(mode), "scaling")
    if provider.max_vcpus is not None:
        problem = bounds(provider.max_vcpus, "maxVCpuCount", LEAST_PROVIDER_VCPUS, MOST_PROVIDER_VCPUS)
        if problem:
            yield place.found("provider-vcpus", problem, "400 where nothing is said.", "max_vcpus")
    yield from _policies(mode, policies or (), place) if policies is not None else ()


def _policies(mode: str | None, policies: Sequence[Policy], place: Told) -> Iterator[Diagnostic]:
    if policies and (mode == "Auto" or mode is None):
        message = "A scaling policy can't be specified when the scalingMode is set to Auto"
        advice = f"Write `{place.called('scaling')}: Manual`, or take the target out."
        yield place.found("provider-scaling", message, advice, "target_cpu")
    if mode == "Manual" and not policies:
        message = "A scaling policy must be specified when the scalingMode is set to Manual"
        yield place.found("provider-scaling", message, "Add a target of 70, say, or leave it to Auto.", "scaling")
    if len(policies) > _MOST_POLICIES:
        message = constraint(f"{len(policies)} items", "scalingPolicies", "Member must have length less than or equal to 10")  # fmt: skip
        yield place.found("provider-scaling", message, "One for CPU is enough.", "target_cpu")
    for policy in policies:
        if policy.metric is not None and policy.metric not in _METRICS:
            message = constraint(policy.metric, "predefinedMetricType", f"Member must satisfy enum value set: [{', '.join(_METRICS)}]")  # fmt: skip
            yield place.found("provider-scaling", message, f"Write {_METRICS[0]}.", "target_cpu")
        if policy.target is not None and (problem := bounds(policy.target, "targetValue", 0, 100)):
            yield place.found("provider-scaling", problem, "It is a share of the CPU, in per cent.", "target_cpu")


def scaling_problem(said: str) -> tuple[str, str, str]:
    """Return rule, message and advice for a scaling mode that is none, as Lambda says it."""
    member = "capacityProviderScalingConfig.scalingMode"
    meant = next((one for one in _MODES if one.lower() == said.lower()), "Auto or Manual")
    message = constraint(said, member, "Member must satisfy enum value set: [Auto, Manual]")
    return "provider-scaling", message, f"Write {meant}."


def _telemetry(provider: ProviderFacts, place: Told) -> Iterator[Diagnostic]:
    if provider.log_level is not None and provider.log_level not in _LEVELS:
        message = constraint(provider.log_level, "telemetryConfig.loggingConfig.systemLogLevel", "Member must satisfy enum value set: [DEBUG, INFO, WARN]")  # fmt: skip
        yield place.found("provider-logs", message, "INFO where nothing is said.", "logs", "level")
    if provider.log_group is not None and not _LOG_GROUP.match(provider.log_group):
        message = constraint(provider.log_group, "telemetryConfig.loggingConfig.logGroup", "Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+")  # fmt: skip
        yield place.found(
            "provider-logs", message, "Give the log group's name, 512 characters at most.", "logs", "group"
        )


def _tags(provider: ProviderFacts, place: Told) -> Iterator[Diagnostic]:
    mode = provider.propagation
    if mode == "Explicit" and not provider.propagated:
        message = "ExplicitTags must be specified when the PropagateTags mode is set to Explicit"
        yield place.found("tags", message, "Add the tags, or take it out.", "propagate_tags", key=True)
    if mode == "None" and provider.propagated:
        message = "ExplicitTags can't be specified when the PropagateTags mode is set to None"
        yield place.found("tags", message, "Write `Mode: Explicit`.", "propagate_tags", key=True)
    for field, names, most in (
        ("tags", provider.tags, TAGS_PER_RESOURCE),
        ("propagate_tags", provider.propagated, _MOST_PROPAGATED),
    ):
        if len(names) > most:
            message = "Number of tags exceeds resource tag limit."
            yield place.found("tags", message, f"{most} is the most.", field, key=True)
        if any(name.lower().startswith("aws:") for name in names):
            message = "aws: prefixed tag key names are not allowed for external use."
            yield place.found("tags", message, "Choose another name.", field, key=True)
