"""Functions on capacity providers, and what a manifest may say of them."""

from __future__ import annotations

import pytest

from lambent.base.diagnostics import Severity
from lambent.manifest.load import load

HEAD = """stack: fleet
capacity_providers:
  pool: {subnets: [subnet-1, subnet-2], security_groups: [sg-1]}
functions:
  f:
    code: src
    handler: app.handler
    runtime: python3.13
    memory: 4096
"""


def findings(function: str, *, least: Severity = Severity.WARNING) -> list[tuple[str, str]]:
    """Return what is found of a function with these lines, notes left out unless they are asked for."""
    found = load(HEAD + function, "lambent.yaml").diagnostics
    return [(one.rule, one.message) for one in found if one.severity is not Severity.NOTE or least is Severity.NOTE]


def managed(**said: object) -> str:
    """Return a capacity provider's use, and other lines."""
    use = {name: value for name, value in said.items() if name not in {"memory", "more"}}
    text = "    capacity_provider:\n      provider: ${capacity_providers.pool}\n"
    text += "".join(f"      {name}: {value}\n" for name, value in use.items())
    return text + str(said.get("more", ""))


@pytest.mark.parametrize(
    "function",
    [
        managed(),
        managed(memory_per_vcpu=4, max_concurrency=64),
        managed(max_concurrency=128),
        managed(more="    timeout: 90m\n"),
    ],
)
def test_what_managed_instances_allow_is_sound(function: str) -> None:
    assert findings(function) == []


@pytest.mark.parametrize(
    ("function", "rule", "message"),
    [
        (
            managed(memory_per_vcpu=8),
            "managed-ratio",
            "Memory ratio of 8192.0MB per CPU exceeds function's total memory",
        ),
        (
            managed(max_concurrency=129),
            "managed-environments",
            (
                "1 validation error detected: Value '129' at 'perExecutionEnvironmentMaxConcurrency' failed to satisfy "
                "constraint: Member must have value less than or equal to 128"
            ),
        ),
        (
            managed(more="    reserved_concurrency: 0\n"),
            "managed-exclusions",
            "CapacityProviderConfig and reserved_concurrency exclude each other.",
        ),
        (
            managed(more="    architecture: arm64\n"),
            "managed-architecture",
            "The function's architecture arm64 doesn't match the capacity provider's architecture x86_64.",
        ),
        (
            managed(more="    timeout: 91m\n"),
            "timeout",
            (
                "1 validation error detected: Value '5460' at 'timeout' failed to satisfy constraint: "
                "Member must have value less than or equal to 5400"
            ),
        ),
    ],
)
def test_what_managed_instances_do_not_allow_is_found(function: str, rule: str, message: str) -> None:
    assert findings(function) == [(rule, message)]


def test_memory_is_a_multiple_of_the_share_of_one_vcpu_that_holds_by_default() -> None:
    text = (HEAD + managed()).replace("memory: 4096", "memory: 3072")
    found = [one for one in load(text, "lambent.yaml").diagnostics if one.severity is not Severity.NOTE]
    assert [one.message for one in found] == ["3072 MB is no multiple of 2048 MB, one vCPU's share"]


def test_instances_that_lambda_does_not_take_are_found() -> None:
    text = (HEAD + managed()).replace("{subnets", "{instance_types: [m7i.large, t3.micro], subnets")
    found = [one for one in load(text, "lambent.yaml").diagnostics if one.severity is not Severity.NOTE]
    assert [one.message for one in found] == ["The instance type t3.micro isn't supported by Lambda Managed Instances."]


def test_what_the_platform_does_not_do_of_it_is_noted() -> None:
    (note,) = findings(managed(), least=Severity.NOTE)
    assert note == (
        "not-simulated",
        (
            "`capacity_provider` is accepted here, but each environment handles one request at a time and no instances "
            "are launched"
        ),
    )
