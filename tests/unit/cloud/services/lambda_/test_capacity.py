"""Capacity providers, functions on them and their scaling, as values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.lambda_.model.capacity_provider import (
    IllegalProviderMove,
    ProviderEvent,
    ProviderState,
    Scaling,
    move,
    named,
    new_provider,
)
from lambent.cloud.services.lambda_.model.function import Code, FunctionVersion, Logging, Settings, is_version
from lambent.cloud.services.lambda_.model.managed_checks import check_managed
from lambent.cloud.services.lambda_.model.managed_instances import ManagedInstances, default_concurrency
from lambent.cloud.services.lambda_.model.scaling_config import ScalingConfig, VersionScaling
from lambent.cloud.services.lambda_.model.state import ACTIVE, PENDING
from lambent.cloud.store.scope import Scope

SCOPE = Scope("123456789012", "us-east-1")
ARN = "arn:aws:lambda:us-east-1:123456789012:capacity-provider:pool"
POLICY = {"PredefinedMetricType": "LambdaCapacityProviderAverageCPUUtilization", "TargetValue": 50.0}
ASKED: dict[str, Any] = {  # Any: a request's members
    "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": []},
    "PermissionsConfig": {"CapacityProviderOperatorRoleArn": "arn:aws:iam::123456789012:role/operator"},
}


def config(**more: float) -> dict[str, Any]:  # Any: AWS's shape
    """Return a CapacityProviderConfig."""
    return {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": ARN, **more}}


def settings(**changes: Any) -> Settings:  # Any: a setting
    """Return what a sound function on Managed Instances is set to."""
    sound = Settings(
        role="role",
        logging=Logging("group", "JSON", "INFO", "INFO"),
        runtime="python3.13",
        memory_mb=4096,
        recorded={"CapacityProviderConfig": config()},
    )
    return replace(sound, **changes)


def message_of(call: Any, *arguments: object) -> str:  # Any: what refuses
    """Return the message with which a call is refused."""
    with pytest.raises(ServiceError) as caught:
        call(*arguments)
    return caught.value.message


def test_capacity_provider_becomes_active_and_is_deleted_from_wherever_it_is() -> None:
    assert move(ProviderState.PENDING, ProviderEvent.PREPARED) is ProviderState.ACTIVE
    for state in (ProviderState.PENDING, ProviderState.ACTIVE, ProviderState.FAILED):
        assert move(state, ProviderEvent.DELETED) is ProviderState.DELETING
    for state in (ProviderState.ACTIVE, ProviderState.DELETING):
        with pytest.raises(IllegalProviderMove):
            move(state, ProviderEvent.PREPARED)


def test_capacity_provider_is_named_by_name_or_arn() -> None:
    assert named("pool", SCOPE) == named(ARN, SCOPE) == (SCOPE, "pool")
    assert named(ARN.replace("us-east-1", "eu-west-1"), SCOPE) == (Scope("123456789012", "eu-west-1"), "pool")
    assert new_provider(SCOPE, "pool", ASKED, 0.0).arn == ARN


def test_scaling_keeps_what_a_request_leaves_out_but_no_policies_under_auto() -> None:
    manual = Scaling().changed({"ScalingMode": "Manual", "ScalingPolicies": [POLICY], "MaxVCpuCount": 30})
    assert manual.shape() == {"MaxVCpuCount": 30, "ScalingMode": "Manual", "ScalingPolicies": [POLICY]}
    assert manual.changed({"MaxVCpuCount": 40}).policies == (POLICY,)
    assert manual.changed(None) == manual
    assert manual.changed({"ScalingMode": "Auto"}).shape() == {"MaxVCpuCount": 30, "ScalingMode": "Auto"}


def test_only_what_update_can_change_is_changed() -> None:
    provider = new_provider(SCOPE, "pool", {**ASKED, "TelemetryConfig": {"LoggingConfig": {"LogGroup": "g"}}}, 1.0)
    changed = provider.updated({"TelemetryConfig": {}, "VpcConfig": {"SubnetIds": ["subnet-2"]}}, 2.0)
    assert (changed.telemetry, changed.last_modified, changed.subnets) == (None, 2.0, ("subnet-1",))
    assert message_of(provider.updated, {"PropagateTags": {}}, 2.0) == "Mode is required in PropagateTags"


def with_types(instance_type: str) -> dict[str, Any]:  # Any: a request's members
    """Return a request for instances of one type."""
    return {**ASKED, "InstanceRequirements": {"AllowedInstanceTypes": [instance_type]}}


@pytest.mark.parametrize("instance_type", ["m7i.large", "c8gn.48xlarge", "r7iz.metal-16xl", "m5.*", "g6e.xlarge"])
def test_large_instances_of_some_families_are_allowed(instance_type: str) -> None:
    kept = new_provider(SCOPE, "pool", with_types(instance_type), 0.0).requirements
    assert kept == {"Architectures": ["x86_64"], "AllowedInstanceTypes": [instance_type]}


@pytest.mark.parametrize("instance_type", ["t3.large", "m5.medium", "large"])
def test_other_instances_are_refused(instance_type: str) -> None:
    text = f"The instance type {instance_type} isn't supported by Lambda Managed Instances."
    assert message_of(new_provider, SCOPE, "pool", with_types(instance_type), 0.0) == text


@pytest.mark.parametrize(
    ("runtime", "memory_mb", "ratio", "expected"),
    [
        ("python3.13", 2048, None, 16),
        ("nodejs22.x", 8192, 4.0, 128),
        ("java21", 8192, 8.0, 32),
        ("dotnet8", 4096, 2.0, 64),
        ("provided.al2023", 2048, 2.0, 8),
    ],
)
def test_concurrency_follows_runtime_and_vcpus(
    runtime: str, memory_mb: int, ratio: float | None, expected: int
) -> None:
    asked = config() if ratio is None else config(ExecutionEnvironmentMemoryGiBPerVCpu=ratio)
    assert ManagedInstances.of(asked, memory_mb=memory_mb, runtime=runtime).max_concurrency == expected
    assert ManagedInstances.of(
        config(PerExecutionEnvironmentMaxConcurrency=3), memory_mb=memory_mb, runtime=runtime
    ) == (ManagedInstances(ARN, 2.0, 3, memory_mb / 2048))


def test_an_images_runtime_is_not_known() -> None:
    assert default_concurrency(None) == 16


def test_sound_settings_and_those_of_other_functions_pass() -> None:
    check_managed(settings())
    check_managed(settings(recorded={}, memory_mb=128, runtime="python3.8", snap_start="PublishedVersions"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"memory_mb": 1024}, "Lambda Managed Instance functions must have memory size greater than or equal to 2048"),
        (
            {"runtime": "ruby3.4"},
            "Runtime Enum ruby3.4 does not support specified feature: Lambda Managed Instances",
        ),
        (
            {"recorded": {"CapacityProviderConfig": config(), "VpcConfig": {"SubnetIds": ["subnet-1"]}}},
            "You can't use Lambda Managed Instance functions with VPC configurations.",
        ),
        (
            {"recorded": {"CapacityProviderConfig": config(), "FileSystemConfigs": [{"Arn": "arn:fsap"}]}},
            "Function must be configured to execute in a VPC to reference access point arn:fsap.",
        ),
        ({"memory_mb": 5120}, "Memory size of 5120MB is not a multiple of 2048.0MB per CPU"),
    ],
)
def test_other_settings_are_refused(changes: dict[str, object], message: str) -> None:
    assert message_of(check_managed, settings(**changes)) == message


def test_a_version_is_pending_until_it_has_capacity() -> None:
    latest = FunctionVersion(SCOPE, "f", "$LATEST", settings(), Code("sha", 1), ACTIVE, "id", 0.0)
    published = latest.published("$LATEST.PUBLISHED", revision_id="new", description=None, now=1.0)
    assert (published.status, published.arn.rpartition(":")[2]) == (PENDING, "$LATEST.PUBLISHED")
    assert replace(latest, settings=settings(recorded={})).published(
        1, revision_id="new", description=None, now=1.0
    ).status == (ACTIVE)
    assert is_version("$LATEST.PUBLISHED")


def test_bounds_that_are_left_out_go_back_to_their_defaults() -> None:
    assert ScalingConfig.of(None).shape() == {"MinExecutionEnvironments": 3}
    assert ScalingConfig.of({"MinExecutionEnvironments": 5}) == ScalingConfig(5, None)
    assert ScalingConfig.of({"MinExecutionEnvironments": 0, "MaxExecutionEnvironments": 0}).is_zero
    refused = message_of(ScalingConfig.of, {"MaxExecutionEnvironments": 2})
    assert refused == "MinExecutionEnvironments (3) can't be greater than MaxExecutionEnvironments (2)."
    text = "MinExecutionEnvironments can be set to 0 only when MaxExecutionEnvironments is set to 0."
    assert message_of(ScalingConfig.of, {"MinExecutionEnvironments": 0}) == text


def test_scaling_settles_on_what_was_asked_for_last() -> None:
    asked = ScalingConfig(1, 2)
    assert VersionScaling().settled() == VersionScaling(ScalingConfig())
    assert VersionScaling(ScalingConfig(), asked).settled() == VersionScaling(asked)
    assert VersionScaling(asked).settled() == VersionScaling(asked)
