"""Stacks with capacity providers, and with functions and versions that run on them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_stacks import TRUST, Stacks, Template
from tests.services.managed import instances
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(90)
PUBLISHED = "$LATEST.PUBLISHED"
CPU = "LambdaCapacityProviderAverageCPUUtilization"
Properties = dict[str, Any]  # Any: of a resource


@pytest.fixture
def stacks(aws: ClientFactory) -> Stacks:
    """CloudFormation in an account of the test's own."""
    return Stacks(aws("cloudformation"))


def template(provider: Properties | None = None, function: Properties | None = None, **more: Properties) -> Template:
    """Return a network with a capacity provider, and a function on it."""
    return {
        "Resources": {
            "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
            "Subnet": {
                "Type": "AWS::EC2::Subnet",
                "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.1.0/24"},
            },
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}},
            "Pool": {
                "Type": "AWS::Lambda::CapacityProvider",
                "Properties": {
                    "VpcConfig": {"SubnetIds": [{"Ref": "Subnet"}], "SecurityGroupIds": []},
                    "PermissionsConfig": {"CapacityProviderOperatorRoleArn": {"Fn::GetAtt": ["Role", "Arn"]}},
                    **(provider or {}),
                },
            },
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "FunctionName": "f",
                    "Runtime": "python3.13",
                    "Handler": "index.handler",
                    "MemorySize": "2048",
                    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                    "Code": {"ZipFile": "def handler(event, context):\n    return 'first'\n"},
                    "CapacityProviderConfig": {
                        "LambdaManagedInstancesCapacityProviderConfig": {
                            "CapacityProviderArn": {"Fn::GetAtt": ["Pool", "Arn"]},
                            "PerExecutionEnvironmentMaxConcurrency": "8",
                        }
                    },
                    **(function or {}),
                },
            },
            **more,
        },
        "Outputs": {"Pool": {"Value": {"Ref": "Pool"}}, "State": {"Value": {"Fn::GetAtt": ["Pool", "State"]}}},
    }


def invoked(functions: Any, **named: str) -> Any:  # Any: a boto3 client; what the handler returns
    """Return what the function answers."""
    return json.loads(functions.invoke(FunctionName="f", **named)["Payload"].read())


def scaling(functions: Any, qualifier: str = PUBLISHED) -> Any:  # Any: a boto3 client; an AWS shape
    """Return the bounds that are in effect."""
    answer = functions.get_function_scaling_config(FunctionName="f", Qualifier=qualifier)
    return answer["AppliedFunctionScalingConfig"]


def test_function_on_a_capacity_provider_is_made_published_changed_and_removed(
    stacks: Stacks, aws: ClientFactory
) -> None:
    functions = aws("lambda")
    bounds = {"MinExecutionEnvironments": "1", "MaxExecutionEnvironments": "4"}
    made = stacks.create("s", template(function={"FunctionScalingConfig": bounds}))
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.events("s")
    outputs = {each["OutputKey"]: each["OutputValue"] for each in made["Outputs"]}
    assert outputs["State"] == "Active"
    assert outputs["Pool"].startswith("s-Pool-")
    assert functions.get_function_configuration(FunctionName="f")["State"] == "ActiveNonInvocable"
    assert invoked(functions) == "first"
    assert scaling(functions) == {"MinExecutionEnvironments": 1, "MaxExecutionEnvironments": 4}

    code = {"Code": {"ZipFile": "def handler(event, context):\n    return 'second'\n"}, "Timeout": 9}
    assert stacks.update("s", template(function=code))["StackStatus"] == "UPDATE_COMPLETE", stacks.events("s")
    assert invoked(functions) == "second"
    assert functions.get_function_configuration(FunctionName="f", Qualifier=PUBLISHED)["Timeout"] == 9
    assert scaling(functions) == {"MinExecutionEnvironments": 3}

    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE", stacks.events("s")
    assert functions.list_functions()["Functions"] == []
    assert functions.list_capacity_providers()["CapacityProviders"] == []


def test_capacity_provider_is_changed_in_place_and_replaced_for_what_is_fixed(
    stacks: Stacks, aws: ClientFactory
) -> None:
    functions = aws("lambda")
    said: Properties = {
        "CapacityProviderName": "pool",
        "CapacityProviderScalingConfig": {
            "MaxVCpuCount": "30",
            "ScalingMode": "Manual",
            "ScalingPolicies": [{"PredefinedMetricType": CPU, "TargetValue": "50"}],
        },
        "PropagateTags": {"Mode": "Explicit", "ExplicitTags": {"team": "data"}},
        "TelemetryConfig": {"LoggingConfig": {"SystemLogLevel": "WARN"}},
        "Tags": [{"Key": "stage", "Value": "test"}],
    }

    def without_function(provider: Properties) -> Template:
        body = template(provider)
        del body["Resources"]["Function"]
        return body

    assert stacks.create("s", without_function(said))["StackStatus"] == "CREATE_COMPLETE", stacks.events("s")
    pool = functions.get_capacity_provider(CapacityProviderName="pool")["CapacityProvider"]
    assert pool["CapacityProviderScalingConfig"]["ScalingPolicies"] == [
        {"PredefinedMetricType": CPU, "TargetValue": 50.0}
    ]
    assert pool["PropagateTags"] == said["PropagateTags"]
    changed = {"CapacityProviderName": "pool", "Tags": [{"Key": "stage", "Value": "live"}]}
    assert stacks.update("s", without_function(changed))["StackStatus"] == "UPDATE_COMPLETE", stacks.events("s")
    now = functions.get_capacity_provider(CapacityProviderName="pool")["CapacityProvider"]
    assert now["CapacityProviderScalingConfig"] == {"MaxVCpuCount": 400, "ScalingMode": "Auto"}
    assert now["PropagateTags"] == {"Mode": "None"}
    assert "TelemetryConfig" not in now
    tags = functions.list_tags(Resource=now["CapacityProviderArn"])["Tags"]
    assert tags["stage"] == "live"
    assert tags["aws:cloudformation:logical-id"] == "Pool"

    renamed = {"CapacityProviderName": "other", "InstanceRequirements": {"Architectures": ["arm64"]}}
    assert stacks.update("s", without_function(renamed))["StackStatus"] == "UPDATE_COMPLETE", stacks.events("s")
    (only,) = functions.list_capacity_providers()["CapacityProviders"]
    assert only["CapacityProviderArn"].endswith(":capacity-provider:other")
    assert only["InstanceRequirements"] == {"Architectures": ["arm64"]}


def test_version_on_a_capacity_provider_has_bounds_of_its_own(stacks: Stacks, aws: ClientFactory) -> None:
    def versioned(most: int) -> Template:
        bounds = {"MinExecutionEnvironments": 1, "MaxExecutionEnvironments": most}
        version = {"FunctionName": {"Ref": "Function"}, "FunctionScalingConfig": bounds}
        resource = {"Type": "AWS::Lambda::Version", "Properties": version}
        return template(function={"PublishToLatestPublished": "false"}, Version=resource)

    functions = aws("lambda")
    assert stacks.create("s", versioned(4))["StackStatus"] == "CREATE_COMPLETE", stacks.events("s")
    versions = functions.list_versions_by_function(FunctionName="f")["Versions"]
    assert [each["Version"] for each in versions] == ["$LATEST", "1"]
    assert scaling(functions, "1") == {"MinExecutionEnvironments": 1, "MaxExecutionEnvironments": 4}
    assert stacks.update("s", versioned(6))["StackStatus"] == "UPDATE_COMPLETE", stacks.events("s")
    assert scaling(functions, "1") == {"MinExecutionEnvironments": 1, "MaxExecutionEnvironments": 6}
    assert invoked(functions, Qualifier="1") == "first"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"PublishToLatestPublished": "true"}, "PublishTo isn't supported for Lambda Default functions"),
        (
            {"FunctionScalingConfig": {"MinExecutionEnvironments": 1, "MaxExecutionEnvironments": 2}},
            "The function provided by the arn does not contain a capacity provider configuration",
        ),
    ],
)
def test_what_needs_a_capacity_provider_is_refused_without_one(stacks: Stacks, said: Properties, reason: str) -> None:
    body = template(function=said)
    for name in ("Pool", "Subnet", "Vpc"):
        del body["Resources"][name]
    del body["Outputs"]
    del body["Resources"]["Function"]["Properties"]["CapacityProviderConfig"]
    assert stacks.create("s", body)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any(reason in each for _, _, each in stacks.events("s"))


def test_function_is_not_taken_off_its_capacity_provider(stacks: Stacks, aws: ClientFactory) -> None:
    stacks.create("s", template())
    body = template()
    del body["Resources"]["Function"]["Properties"]["CapacityProviderConfig"]
    assert stacks.update("s", body)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    text = "CapacityProviderConfig can't be removed from a Lambda Managed Instances function."
    assert any(text in reason for _, _, reason in stacks.events("s"))
    assert invoked(aws("lambda")) == "first"


def test_drift_is_what_was_changed_beside_the_stack_not_what_aws_fills_in(stacks: Stacks, aws: ClientFactory) -> None:
    bounds = {"MinExecutionEnvironments": 1, "MaxExecutionEnvironments": "4"}
    pool = {"CapacityProviderName": "pool", "InstanceRequirements": {"ExcludedInstanceTypes": ["m5.large"]}}
    scaling_config = {"CapacityProviderScalingConfig": {"MaxVCpuCount": 30}}
    stacks.create("s", template({**pool, **scaling_config}, {"FunctionScalingConfig": bounds}))
    assert drifts(stacks) == {}
    functions = aws("lambda")
    functions.update_capacity_provider(CapacityProviderName="pool", CapacityProviderScalingConfig={"MaxVCpuCount": 31})
    wider = {"MinExecutionEnvironments": 1, "MaxExecutionEnvironments": 5}
    functions.put_function_scaling_config(FunctionName="f", Qualifier=PUBLISHED, FunctionScalingConfig=wider)
    eventually(lambda: scaling(functions) == wider)
    assert drifts(stacks) == {
        "Function": ["/FunctionScalingConfig/MaxExecutionEnvironments"],
        "Pool": ["/CapacityProviderScalingConfig/MaxVCpuCount"],
    }


def drifts(stacks: Stacks) -> dict[str, list[str]]:
    """Return which properties of which resources have drifted."""
    detection = {"StackDriftDetectionId": stacks.client.detect_stack_drift(StackName="s")["StackDriftDetectionId"]}
    describe = stacks.client.describe_stack_drift_detection_status
    eventually(lambda: describe(**detection)["DetectionStatus"] == "DETECTION_COMPLETE")
    found = stacks.client.describe_stack_resource_drifts(StackName="s")["StackResourceDrifts"]
    return {
        each["LogicalResourceId"]: [one["PropertyPath"] for one in each["PropertyDifferences"]]
        for each in found
        if each["StackResourceDriftStatus"] != "IN_SYNC"
    }


def test_stack_whose_version_finds_no_room_says_so_and_is_rolled_back(stacks: Stacks, aws: ClientFactory) -> None:
    small = {"CapacityProviderScalingConfig": {"MaxVCpuCount": 2}}
    assert stacks.create("s", template(small, {"MemorySize": "8192"}))["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = {name: reason for name, status, reason in stacks.events("s") if status == "CREATE_FAILED"}
    assert "maximum number of vCPUs" in reasons["Function"]
    functions = aws("lambda")
    assert functions.list_functions()["Functions"] == []
    assert functions.list_capacity_providers()["CapacityProviders"] == []


def test_stacks_instances_carry_the_tags_that_it_propagates_and_go_with_it(stacks: Stacks, aws: ClientFactory) -> None:
    tags = {"PropagateTags": {"Mode": "Explicit", "ExplicitTags": {"team": "data"}}}
    types = {"InstanceRequirements": {"AllowedInstanceTypes": ["m7i.large"]}}
    assert stacks.create("s", template({**tags, **types}))["StackStatus"] == "CREATE_COMPLETE", stacks.events("s")
    found = instances(aws("ec2"), IncludeManagedResources=True)
    assert [each["InstanceType"] for each in found] == ["m7i.large"] * 3
    assert all({"Key": "team", "Value": "data"} in each["Tags"] for each in found)
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE", stacks.events("s")
    assert instances(aws("ec2"), IncludeManagedResources=True) == []
