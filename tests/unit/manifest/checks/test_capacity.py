# ruff: noqa: E501 - AWS's messages stand in one piece
"""Capacity providers and the functions on them: every rule, with AWS's message where AWS has one."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from lambent.base.diagnostics import Diagnostic, Severity
from lambent.manifest.checks.rules import RULES
from lambent.manifest.load import load

Said = dict[str, Any]  # Any: a manifest's values
ROLE = "arn:aws:iam::123456789012:role/operator"
KEY = "arn:aws:kms:us-east-1:123456789012:key/k"
VALIDATION = "1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: Member must {}"
_SCALING = "capacityProviderScalingConfig"


def manifest(*, provider: Said, use: Said, function: Said, more: Said) -> str:
    """Return a manifest with one function on one capacity provider."""
    common = {"code": "src", "handler": "app.handler", "runtime": "python3.13", "memory": 4096}
    on = {"provider": "${capacity_providers.pool}", **use}
    pool = {"subnets": ["subnet-1", "subnet-2"], "security_groups": ["sg-1"], **provider}
    said = {
        "stack": "fleet",
        "capacity_providers": {"pool": {key: one for key, one in pool.items() if one is not None}},
    }
    return yaml.safe_dump({**said, "functions": {"f": {**common, **function, "capacity_provider": on}}, **more})


def findings(
    provider: Said | None = None,
    *,
    use: Said | None = None,
    function: Said | None = None,
    more: Said | None = None,
) -> list[Diagnostic]:
    """Return what is found of a provider, a function's use of it, and the function; notes left out."""
    text = manifest(provider=provider or {}, use=use or {}, function=function or {}, more=more or {})
    return [one for one in load(text, "lambent.yaml").diagnostics if one.severity is not Severity.NOTE]


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"use": {"memory_per_vcpu": 4, "max_concurrency": 64}},
        {"use": {"max_concurrency": 128}, "function": {"runtime": "nodejs22.x"}},
        {"use": {"min_environments": 0, "max_environments": 0}},
        {"use": {"min_environments": 3, "max_environments": 12}},
        {"function": {"timeout": "90m"}},
        {"function": {"timeout": "15m", "url": {}}},
        {"function": {"memory": 32_768}, "use": {"memory_per_vcpu": 8}},
        {"provider": {"name": "a" * 140, "operator_role": ROLE, "kms_key": KEY}},
        {"provider": {"subnets": [f"subnet-{n}" for n in range(16)], "security_groups": ["sg-1"] * 5}},
        {"provider": {"subnets": None, "vpc": "vpc-0a1b2c3d"}},
        {"provider": {"subnets": None, "security_groups": None, "vpc": "default"}},
        {"provider": {"security_groups": []}},
        {"provider": {"instance_types": ["m7i.*", "m*", "*", "m7i.large"]}},
        {"provider": {"excluded_instance_types": ["m7g.large", "t3.*"]}},
        {"provider": {"architecture": "arm64", "instance_types": ["m7g.large", "c8gd.*"]}, "function": {"architecture": "arm64"}},
        {"provider": {"scaling": "Auto", "max_vcpus": 12}},
        {"provider": {"instance_types": ["m6in.large", "m7i.metal-24xl"]}},
        {"provider": {"instance_types": ["m6in.large", "m7i.48xlarge"]}},
        {"provider": {"scaling": "Manual", "target_cpu": 100}},
        {"provider": {"target_cpu": 0}},
        {"provider": {"logs": {"level": "WARN", "group": "/a/b"}, "propagate_tags": {f"t{n}": "v" for n in range(40)}}},
        {"provider": {"max_vcpus": 12}, "function": {"memory": 2048}, "use": {"min_environments": 12, "max_environments": 20}},
    ],
)  # fmt: skip
def test_what_aws_takes_is_sound(said: Said) -> None:
    assert findings(said.pop("provider", None), **said) == []


PROVIDER_CASES: list[Any] = [  # Any: pytest's parameter sets
    ("provider-name", {"name": "a b"}, "at 'capacityProviderName' failed to satisfy constraint: Member must satisfy regular expression pattern"),
    ("provider-name", {"name": "a" * 141}, VALIDATION.format("a" * 141, "capacityProviderName", "have length less than or equal to 140")),
    ("provider-network", {"subnets": None}, VALIDATION.format("[]", "vpcConfig.subnetIds", "have length greater than or equal to 1")),
    ("provider-network", {"subnets": [f"subnet-{n}" for n in range(17)]}, "at 'vpcConfig.subnetIds' failed to satisfy constraint: Member must have length less than or equal to 16"),
    ("provider-network", {"security_groups": ["sg-1"] * 6}, "at 'vpcConfig.securityGroupIds' failed to satisfy constraint: Member must have length less than or equal to 5"),
    ("provider-network", {"vpc": "my-vpc", "subnets": None}, "my-vpc is no VPC id"),
    ("provider-zones", {"subnets": ["subnet-1"]}, "one subnet lies in one Availability Zone, and instances are spread over zones"),
    ("provider-zones", {"subnets": ["subnet-1", "subnet-1"]}, "one subnet lies in one Availability Zone, and instances are spread over zones"),
    ("subnet-id", {"subnets": ["subnet-1", "private"]}, VALIDATION.format("private", "vpcConfig.subnetIds", "satisfy regular expression pattern: subnet-[0-9a-z]*")),
    ("security-group-id", {"security_groups": ["web"]}, VALIDATION.format("web", "vpcConfig.securityGroupIds", "satisfy regular expression pattern: sg-[0-9a-zA-Z]*")),
    ("role-arn", {"operator_role": "operator"}, "Value 'operator' at 'permissionsConfig.capacityProviderOperatorRoleArn' failed to satisfy constraint"),
    ("arn", {"kms_key": "alias/mine"}, "Value 'alias/mine' at 'kmsKeyArn' failed to satisfy constraint"),
    ("provider-architecture", {"architecture": "X86_64"}, "Value '[X86_64]' at 'instanceRequirements.architectures' failed to satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64]]"),
    ("provider-instance-types", {"instance_types": ["m7i.large"], "excluded_instance_types": ["c7i.*"]}, "You can specify only one of AllowedInstanceTypes or ExcludedInstanceTypes."),
    ("provider-instance-types", {"instance_types": [f"m7i.{n}xlarge" for n in range(401)]}, "at 'instanceRequirements.allowedInstanceTypes' failed to satisfy constraint: Member must have length less than or equal to 400"),
    ("provider-instance-types", {"instance_types": ["m7i large"]}, "Value 'm7i large' at 'instanceRequirements.allowedInstanceTypes' failed to satisfy constraint"),
    ("provider-instance-types", {"excluded_instance_types": ["m" * 31]}, "at 'instanceRequirements.excludedInstanceTypes' failed to satisfy constraint: Member must have length between 1 and 30"),
    ("provider-instance-types", {"instance_types": ["t3.micro"]}, "The instance type t3.micro isn't supported by Lambda Managed Instances."),
    ("provider-instance-types", {"instance_types": ["m7i.medium"]}, "The instance type m7i.medium isn't supported by Lambda Managed Instances."),
    ("provider-instance-types", {"instance_types": ["m7g.large", "m7i.large"]}, "The instance type m7g.large is arm64, and the capacity provider's instances are x86_64."),
    ("provider-vcpus", {"max_vcpus": 15_001}, VALIDATION.format(15_001, "maxVCpuCount", "have value less than or equal to 15000")),
    ("provider-scaling", {"scaling": "AUTO"}, VALIDATION.format("AUTO", f"{_SCALING}.scalingMode", "satisfy enum value set: [Auto, Manual]")),
    ("provider-scaling", {"scaling": "Auto", "target_cpu": 70}, "A scaling policy can't be specified when the scalingMode is set to Auto"),
    ("provider-scaling", {"scaling": "Manual"}, "A scaling policy must be specified when the scalingMode is set to Manual"),
    ("provider-scaling", {"target_cpu": 101}, VALIDATION.format(101.0, "targetValue", "have value less than or equal to 100")),
    ("provider-logs", {"logs": {"group": "a b"}}, "Value 'a b' at 'telemetryConfig.loggingConfig.logGroup' failed to satisfy constraint"),
    ("tags", {"tags": {f"t{n}": "v" for n in range(51)}}, "Number of tags exceeds resource tag limit."),
    ("tags", {"propagate_tags": {f"t{n}": "v" for n in range(41)}}, "Number of tags exceeds resource tag limit."),
    ("tags", {"propagate_tags": {"aws:x": "v"}}, "aws: prefixed tag key names are not allowed for external use."),
    ("provider-capacity", {"max_vcpus": 8}, "the first version launches 3 instances, and 3 of the smallest that it fits"),
    ("provider-capacity", {"instance_types": ["c7i.large"]}, "no allowed instance type has room for an execution environment of 4096 MB and 2 vCPUs"),
    ("provider-operator-role", {"operator_role": "${roles.stranger}"}, "Lambda cannot assume the operator role: it trusts ec2.amazonaws.com"),
    ("provider-operator-role", {"operator_role": "${roles.powerless}"}, "The operator role is invalid or doesn't have sufficient permissions. Verify the role and permissions and try again."),
]  # fmt: skip
ROLES = {
    "stranger": {"service": "ec2.amazonaws.com", "managed_policies": "AWSLambdaManagedEC2ResourceOperator"},
    "powerless": {"managed_policies": "AWSLambdaBasicExecutionRole"},
    "able": {"managed_policies": "AWSLambdaManagedEC2ResourceOperator"},
}


@pytest.mark.parametrize(("rule", "provider", "message"), PROVIDER_CASES)
def test_what_aws_refuses_of_a_capacity_provider_is_found(rule: str, provider: Said, message: str) -> None:
    (found,) = findings(provider, more={"roles": ROLES})
    assert found.rule == rule
    assert message in found.message
    assert found.advice


FUNCTION_CASES: list[Any] = [  # Any: pytest's parameter sets
    ("managed-memory", {}, {"memory": 128}, "Lambda Managed Instance functions must have memory size greater than or equal to 2048"),
    ("managed-memory", {}, {"memory": 34_816}, VALIDATION.format(34_816, "memorySize", "have value less than or equal to 32768")),
    ("managed-runtime", {}, {"runtime": "python3.12"}, "Runtime Enum python3.12 does not support specified feature: Lambda Managed Instances"),
    ("managed-runtime", {}, {"runtime": "provided.al2"}, "Runtime Enum provided.al2 does not support specified feature: Lambda Managed Instances"),
    ("managed-architecture", {}, {"architecture": "arm64"}, "The function's architecture arm64 doesn't match the capacity provider's architecture x86_64."),
    ("managed-exclusions", {}, {"snap_start": True}, "CapacityProviderConfig and SnapStart exclude each other."),
    ("managed-exclusions", {}, {"alias": "live", "provisioned_concurrency": 1}, "CapacityProviderConfig and ProvisionedConcurrencyConfig exclude each other."),
    ("managed-exclusions", {}, {"vpc": {"discover": "vpc-1"}}, "CapacityProviderConfig and VpcConfig exclude each other."),
    ("managed-exclusions", {}, {"reserved_concurrency": 0}, "CapacityProviderConfig and ReservedConcurrentExecutions exclude each other."),
    ("managed-log-format", {}, {"logs": {"format": "text"}}, "LogFormat Text is not supported for Lambda Managed Instances."),
    ("timeout", {}, {"timeout": "91m"}, VALIDATION.format(5460, "timeout", "have value less than or equal to 5400")),
    ("managed-timeout", {}, {"timeout": "16m", "url": {}}, "a call of its URL ends after 900 s, whatever the function's timeout"),
    ("queue-visibility", {}, {"timeout": "20m", "triggers": [{"sqs": "jobs"}]}, "Queue visibility timeout: 900 seconds is less than Function timeout: 1200 seconds"),
    ("managed-ratio", {"memory_per_vcpu": 8}, {}, "Memory ratio of 8192.0MB per CPU exceeds function's total memory"),
    ("managed-ratio", {"memory_per_vcpu": 3}, {}, "Value '3.0' at 'executionEnvironmentMemoryGiBPerVCpu'"),
    ("managed-ratio", {"memory_per_vcpu": 1}, {}, VALIDATION.format(1.0, "executionEnvironmentMemoryGiBPerVCpu", "have value greater than or equal to 2.0")),
    ("managed-ratio", {}, {"memory": 3072}, "3072 MB is no multiple of 2048 MB, one vCPU's share"),
    ("managed-concurrency", {"max_concurrency": 129}, {}, VALIDATION.format(129, "perExecutionEnvironmentMaxConcurrency", "have value less than or equal to 128")),
    ("managed-concurrency", {"max_concurrency": 0}, {}, VALIDATION.format(0, "perExecutionEnvironmentMaxConcurrency", "have value greater than or equal to 1")),
    ("managed-workers", {"max_concurrency": 128}, {}, "128 processes of Python share 4096 MB: 32 MB each"),
    ("managed-environments", {"min_environments": 3}, {}, "the one of MinExecutionEnvironments and MaxExecutionEnvironments that is not set goes back to its default"),
    ("managed-environments", {"min_environments": 0, "max_environments": 5}, {}, "MinExecutionEnvironments is at most MaxExecutionEnvironments, and 0 only when both are."),
    ("managed-environments", {"min_environments": 3, "max_environments": 15_001}, {}, VALIDATION.format(15_001, "functionScalingConfig.maxExecutionEnvironments", "have value less than or equal to 15000")),
    ("managed-provider", {"provider": "my-pool"}, {}, "Value 'my-pool' at 'capacityProviderConfig.lambdaManagedInstancesCapacityProviderConfig.capacityProviderArn' failed to satisfy constraint"),
    ("provider-capacity", {"min_environments": 201, "max_environments": 201}, {}, "the execution environments that are kept at least have 402 vCPUs; 400 are allowed"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "use", "function", "message"), FUNCTION_CASES)
def test_what_aws_refuses_of_a_function_on_managed_instances_is_found(
    rule: str, use: Said, function: Said, message: str
) -> None:
    (found,) = findings(use=use, function=function, more={"queues": {"jobs": {"visibility": 900}}})
    assert found.rule == rule
    assert message in found.message
    assert found.advice


def test_a_provider_takes_a_hundred_versions() -> None:
    function = {"code": "src", "handler": "a.h", "runtime": "python3.13", "memory": 2048}
    many = {f"f{n}": {**function, "capacity_provider": "${capacity_providers.pool}"} for n in range(101)}
    (found,) = findings({"max_vcpus": 1000}, more={"functions": many})
    assert (found.rule, found.message) == (
        "provider-versions",
        "101 functions publish a version each on this capacity provider, which takes 100",
    )


def test_every_rule_of_managed_instances_is_tried_here() -> None:
    tried = {case[0] for case in (*PROVIDER_CASES, *FUNCTION_CASES)} | {"provider-versions"}
    rules = {name for name in RULES if name.startswith(("managed-", "provider-"))}
    # A policy of a role is tried with the roles; a manifest publishes every function that is on a provider.
    assert rules - tried == {"managed-policy", "managed-unpublished"}


def test_an_operator_role_of_the_manifest_that_can_do_its_work_is_sound() -> None:
    assert findings({"operator_role": "${roles.able}"}, more={"roles": ROLES}) == []


def test_the_mistakes_of_a_provider_hide_none_of_a_function_s() -> None:
    found = findings({"architecture": "X86_64", "scaling": "AUTO"}, function={"runtime": "python3.11", "memory": 128})
    assert [one.rule for one in found] == [
        "provider-architecture",
        "provider-scaling",
        "managed-memory",
        "managed-runtime",
    ]


def test_a_design_with_every_mistake_is_told_all_of_them_at_once() -> None:
    policy = "arn:aws:iam::aws:policy/service-role/AWSLambdaManagedInstancesOperatorRole"
    found = findings(
        {"architecture": "X86_64", "scaling": "AUTO", "operator_role": "${roles.operator}"},
        function={"runtime": "python3.11", "memory": 128, "timeout": 10},
        more={"roles": {"operator": {"managed_policies": policy}}},
    )
    assert {one.rule: one.advice for one in found} == {
        "provider-architecture": "Write x86_64: in small letters.",
        "provider-scaling": "Write Auto.",
        "managed-policy": "Write arn:aws:iam::aws:policy/AWSLambdaManagedEC2ResourceOperator.",
        "managed-runtime": "Use python3.13, nodejs22.x, java21, dotnet8 or provided.al2023, or later ones.",
        "managed-memory": "Write `memory: 2048` or more.",
    }


def test_what_is_said_in_the_defaults_counts_and_is_shown_there() -> None:
    text = manifest(provider={}, use={}, function={}, more={}).replace("    runtime: python3.13\n", "")
    loaded = load(f"{text}defaults:\n  runtime: python3.12\n", "lambent.yaml")
    (found,) = (one for one in loaded.diagnostics if one.severity is not Severity.NOTE)
    assert found.rule == "managed-runtime"
    assert found.span is not None
    assert found.span.line == text.count("\n") + 2
