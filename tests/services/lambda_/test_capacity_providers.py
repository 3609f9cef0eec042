"""Capacity providers: CreateCapacityProvider and its siblings, and how many environments versions on them keep."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lambent.cloud.services.lambda_ import repository
from lambent.cloud.services.lambda_.capacity_providers import capacity_providers, put_provider, put_version_scaling
from lambent.cloud.services.lambda_.model.capacity_provider import ProviderState
from lambent.cloud.services.lambda_.model.scaling_config import ScalingConfig, VersionScaling
from lambent.cloud.services.lambda_.model.state import PENDING, Event, move
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Transaction
from lambent.testing.builders import ensure_role
from lambent.testing.platform import LocalPlatform, local_platform
from lambent.testing.pytest_plugin import ClientFactory
from tests.services.lambda_.conftest import ECHO, Client, MakeProvider, provider_state, refusal
from tests.waiting import eventually

pytestmark = pytest.mark.local_only("its capacity providers start EC2 instances, which cost money")

Network = dict[str, list[str]]
Parameters = dict[str, Any]  # Any: parameters of the API
CPU = "LambdaCapacityProviderAverageCPUUtilization"
TARGET = [{"PredefinedMetricType": CPU, "TargetValue": 50.0}]


@pytest.fixture
def wanted(network: Network, role: str) -> Parameters:
    return {
        "CapacityProviderName": "pool",
        "VpcConfig": network,
        "PermissionsConfig": {"CapacityProviderOperatorRoleArn": role},
    }


def test_new_capacity_provider_is_pending_with_awss_defaults_and_then_active(
    functions: Client, wanted: Parameters, account: str
) -> None:
    answer = functions.create_capacity_provider(**wanted)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    made = answer["CapacityProvider"]
    changed = made.pop("LastModified")
    assert changed.endswith("+0000")
    assert made == {
        "CapacityProviderArn": f"arn:aws:lambda:us-east-1:{account}:capacity-provider:pool",
        "State": "Pending",
        "VpcConfig": wanted["VpcConfig"],
        "PermissionsConfig": wanted["PermissionsConfig"],
        "InstanceRequirements": {"Architectures": ["x86_64"]},
        "CapacityProviderScalingConfig": {"MaxVCpuCount": 400, "ScalingMode": "Auto"},
    }
    eventually(lambda: provider_state(functions, "pool") == "Active")
    named_by_arn = functions.get_capacity_provider(CapacityProviderName=made["CapacityProviderArn"])
    assert named_by_arn["CapacityProvider"] == {**made, "State": "Active", "LastModified": changed}


def test_everything_that_was_said_of_a_capacity_provider_is_kept(functions: Client, wanted: Parameters) -> None:
    said = {
        "InstanceRequirements": {"Architectures": ["arm64"], "AllowedInstanceTypes": ["m7g.xlarge", "c8g*"]},
        "CapacityProviderScalingConfig": {"MaxVCpuCount": 64, "ScalingMode": "Manual", "ScalingPolicies": TARGET},
        "KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "PropagateTags": {"Mode": "Explicit", "ExplicitTags": {"team": "data"}},
        "TelemetryConfig": {"LoggingConfig": {"SystemLogLevel": "DEBUG", "LogGroup": "/pools"}},
    }
    made = functions.create_capacity_provider(**wanted, **said)["CapacityProvider"]
    assert {name: made[name] for name in said} == said


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"CapacityProviderScalingConfig": {"ScalingMode": "Auto", "ScalingPolicies": TARGET}},
            "A scaling policy can't be specified when the scalingMode is set to Auto",
        ),
        (
            {"CapacityProviderScalingConfig": {"ScalingMode": "Manual"}},
            "A scaling policy must be specified when the scalingMode is set to Manual",
        ),
        (
            {"InstanceRequirements": {"AllowedInstanceTypes": ["m7i.large"], "ExcludedInstanceTypes": ["c*"]}},
            "You can specify only one of AllowedInstanceTypes or ExcludedInstanceTypes.",
        ),
        (
            {"InstanceRequirements": {"AllowedInstanceTypes": ["t3.micro"]}},
            "The instance type t3.micro isn't supported by Lambda Managed Instances.",
        ),
        (
            {"PropagateTags": {"Mode": "Explicit"}},
            "ExplicitTags must be specified when the PropagateTags mode is set to Explicit",
        ),
        (
            {"PropagateTags": {"Mode": "None", "ExplicitTags": {"a": "b"}}},
            "ExplicitTags can't be specified when the PropagateTags mode is set to None",
        ),
        (
            {"PermissionsConfig": {"CapacityProviderOperatorRoleArn": "arn:aws:iam::{account}:role/missing"}},
            (
                "The operator role is invalid or doesn't have sufficient permissions. Verify the role and permissions "
                "and try again."
            ),
        ),
        (
            {"VpcConfig": {"SubnetIds": ["subnet-0123"], "SecurityGroupIds": []}},
            (
                "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error Message: "
                "The subnet ID 'subnet-0123' does not exist"
            ),
        ),
    ],
)
def test_capacity_provider_is_refused_where_aws_refuses_it(
    functions: Client, wanted: Parameters, account: str, changes: Parameters, message: str
) -> None:
    given = json.loads(json.dumps({**wanted, **changes}).replace("{account}", account))
    refused = refusal(functions.create_capacity_provider, **given)
    assert refused == (400, "InvalidParameterValueException", message)
    assert functions.list_capacity_providers()["CapacityProviders"] == []


def test_values_outside_the_model_are_refused_as_aws_words_it(functions: Client, wanted: Parameters) -> None:
    given = {**wanted, "InstanceRequirements": {"Architectures": ["X86_64"]}}
    assert refusal(functions.create_capacity_provider, **given) == (
        400,
        "ValidationException",
        (
            "1 validation error detected: Value '[X86_64]' at 'instanceRequirements.architectures' failed to satisfy "
            "constraint: Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member "
            "must not be null]"
        ),
    )


def test_name_is_taken_once(functions: Client, wanted: Parameters, make_provider: MakeProvider) -> None:
    arn = make_provider()
    refused = refusal(functions.create_capacity_provider, **wanted)
    assert refused == (409, "ResourceConflictException", f"Capacity provider already exists: {arn}")


def test_update_changes_what_can_change_and_leaves_the_rest(functions: Client, make_provider: MakeProvider) -> None:
    make_provider(CapacityProviderScalingConfig={"MaxVCpuCount": 30})
    answer = functions.update_capacity_provider(
        CapacityProviderName="pool",
        CapacityProviderScalingConfig={"ScalingMode": "Manual", "ScalingPolicies": TARGET},
        TelemetryConfig={"LoggingConfig": {"SystemLogLevel": "WARN"}},
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    scaling = {"MaxVCpuCount": 30, "ScalingMode": "Manual", "ScalingPolicies": TARGET}
    assert answer["CapacityProvider"]["CapacityProviderScalingConfig"] == scaling
    assert answer["CapacityProvider"]["TelemetryConfig"] == {"LoggingConfig": {"SystemLogLevel": "WARN"}}
    back = functions.update_capacity_provider(
        CapacityProviderName="pool", CapacityProviderScalingConfig={"ScalingMode": "Auto"}
    )
    auto = {"MaxVCpuCount": 30, "ScalingMode": "Auto"}
    assert back["CapacityProvider"]["CapacityProviderScalingConfig"] == auto
    assert functions.get_capacity_provider(CapacityProviderName="pool") | {"ResponseMetadata": 0} == (
        back | {"ResponseMetadata": 0}
    )


def test_capacity_providers_are_listed_in_pages_and_by_state(functions: Client, make_provider: MakeProvider) -> None:
    arns = [make_provider(name) for name in ("a", "b", "c")]
    first = functions.list_capacity_providers(MaxItems=2)
    rest = functions.list_capacity_providers(Marker=first["NextMarker"])
    assert [each["CapacityProviderArn"] for each in first["CapacityProviders"] + rest["CapacityProviders"]] == arns
    assert "NextMarker" not in rest
    assert functions.list_capacity_providers(State="Failed")["CapacityProviders"] == []
    assert len(functions.list_capacity_providers(State="Active")["CapacityProviders"]) == 3


def test_deletion_is_seen_and_then_the_capacity_provider_is_gone(
    functions: Client, make_provider: MakeProvider
) -> None:
    arn = make_provider()
    answer = functions.delete_capacity_provider(CapacityProviderName="pool")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert answer["CapacityProvider"]["State"] == "Deleting"
    eventually(lambda: provider_state(functions, "pool") == "")
    missing = (404, "ResourceNotFoundException", f"Capacity provider not found: {arn}")
    for call in (
        functions.get_capacity_provider,
        functions.update_capacity_provider,
        functions.delete_capacity_provider,
        functions.list_function_versions_by_capacity_provider,
    ):
        assert refusal(call, CapacityProviderName="pool") == missing


def test_capacity_provider_of_another_region_is_not_found(make_provider: MakeProvider, aws: ClientFactory) -> None:
    arn = make_provider()
    refused = refusal(aws("lambda", "eu-west-1").get_capacity_provider, CapacityProviderName=arn)
    assert refused == (404, "ResourceNotFoundException", f"Capacity provider not found: {arn}")


def test_capacity_provider_has_tags(functions: Client, make_provider: MakeProvider) -> None:
    arn = make_provider(Tags={"team": "data", "stage": "test"})
    functions.tag_resource(Resource=arn, Tags={"stage": "live"})
    functions.untag_resource(Resource=arn, TagKeys=["team"])
    assert functions.list_tags(Resource=arn)["Tags"] == {"stage": "live"}
    missing = f"{arn}-missing"
    for refused in (
        refusal(functions.list_tags, Resource=missing),
        refusal(functions.tag_resource, Resource=missing, Tags={"a": "b"}),
        refusal(functions.untag_resource, Resource=missing, TagKeys=["a"]),
    ):
        assert refused == (404, "ResourceNotFoundException", f"Capacity provider not found: {missing}")


def test_capacity_provider_that_is_not_active_takes_neither_changes_nor_functions(
    functions: Client, make_provider: MakeProvider, platform: LocalPlatform, account: str
) -> None:
    arn = make_provider()

    def work(transaction: Transaction) -> None:
        (provider,) = capacity_providers(transaction, Scope(account, "us-east-1"))
        put_provider(transaction, replace(provider, state=ProviderState.PENDING))

    in_store(platform, work)
    busy = (
        409,
        "ResourceConflictException",
        (
            "The operation cannot be performed at this time. The capacity provider is currently in the following "
            "state: Pending"
        ),
    )
    assert refusal(functions.update_capacity_provider, CapacityProviderName="pool") == busy
    asked = {
        "Runtime": "python3.13",
        "Handler": "handler.handler",
        "Role": f"arn:aws:iam::{account}:role/lambent-test",
        "MemorySize": 2048,
        "CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": arn}},
    }
    assert refusal(functions.create_function, FunctionName="f", Code={"ZipFile": ECHO}, **asked) == busy


def test_account_has_a_thousand_capacity_providers_at_most(
    functions: Client, wanted: Parameters, make_provider: MakeProvider, platform: LocalPlatform, account: str
) -> None:
    make_provider()

    def work(transaction: Transaction) -> None:
        (provider,) = capacity_providers(transaction, Scope(account, "us-east-1"))
        for number in range(999):
            put_provider(transaction, replace(provider, name=f"pool-{number}"))

    in_store(platform, work)
    assert refusal(functions.create_capacity_provider, **{**wanted, "CapacityProviderName": "more"}) == (
        400,
        "CapacityProviderLimitExceededException",
        "The maximum number of capacity providers for your account has been exceeded.",
    )


def in_store(platform: LocalPlatform, work: Callable[[Transaction], None]) -> None:
    """Do something to what the Lambda service keeps."""

    async def write(inside: Any) -> None:  # Any: the platform inside
        await inside.registry.service("lambda")._dependencies.store.write(work)

    platform.on_loop(write)


def test_what_was_under_way_is_taken_up_after_a_restart(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path) as first:
        functions = first.client("lambda")
        for name in ("new", "leaving"):
            _make_pool(first, name)
        eventually(lambda: {provider_state(functions, name) for name in ("new", "leaving")} == {"Active"})
        arn = functions.get_capacity_provider(CapacityProviderName="new")["CapacityProvider"]["CapacityProviderArn"]
        for name in ("f", "gone"):
            functions.create_function(
                FunctionName=name,
                Runtime="python3.13",
                Handler="handler.handler",
                Role=ensure_role(first.client("iam")),
                Code={"ZipFile": ECHO},
                MemorySize=2048,
                CapacityProviderConfig={"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": arn}},
                PublishTo="LATEST_PUBLISHED",
            )
        eventually(lambda: _version_state(functions) == "Active")
        in_store(first, _cut_off)
    with local_platform(data_dir=tmp_path) as second:
        functions = second.client("lambda")
        eventually(lambda: provider_state(functions, "new") == "Active")
        eventually(lambda: provider_state(functions, "leaving") == "")
        eventually(lambda: _version_state(functions) == "Deactivated")
        eventually(lambda: [each["FunctionName"] for each in functions.list_functions()["Functions"]] == ["f"])
        scaling = functions.get_function_scaling_config(FunctionName="f", Qualifier="$LATEST.PUBLISHED")
        none = {"MinExecutionEnvironments": 0, "MaxExecutionEnvironments": 0}
        assert scaling["AppliedFunctionScalingConfig"] == none
        assert "RequestedFunctionScalingConfig" not in scaling


def _make_pool(platform: LocalPlatform, name: str) -> None:
    ec2 = platform.client("ec2")
    groups = [each["GroupId"] for each in ec2.describe_security_groups()["SecurityGroups"]][:1]
    platform.client("lambda").create_capacity_provider(
        CapacityProviderName=name,
        VpcConfig={"SubnetIds": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]], "SecurityGroupIds": groups},
        PermissionsConfig={"CapacityProviderOperatorRoleArn": ensure_role(platform.client("iam"))},
    )


def _version_state(functions: Client) -> str:
    return str(functions.get_function_configuration(FunctionName="f", Qualifier="$LATEST.PUBLISHED")["State"])


def _cut_off(transaction: Transaction) -> None:
    """Leave everything as if the platform had stopped in the middle of it."""
    scope = Scope("000000000000", "us-east-1")
    states = {"new": ProviderState.PENDING, "leaving": ProviderState.DELETING}
    for provider in capacity_providers(transaction, scope):
        put_provider(transaction, replace(provider, state=states[provider.name]))
    latest = repository.version(transaction, scope, "f")
    version = repository.version(transaction, scope, "f", "$LATEST.PUBLISHED")
    assert latest is not None
    assert version is not None
    repository.put_version(transaction, replace(latest, status=PENDING))
    repository.put_version(transaction, replace(version, status=move(version.status, Event.SCALED_TO_ZERO)))
    put_version_scaling(transaction, version, VersionScaling(requested=ScalingConfig(0, 0)))
    for leaving in repository.versions(transaction, scope, "gone"):
        repository.put_version(transaction, replace(leaving, status=move(leaving.status, Event.DELETED)))
