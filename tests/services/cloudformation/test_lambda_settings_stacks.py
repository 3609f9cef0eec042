"""Code signing, runtime management, loops and layer permissions in stacks: made, changed in place, taken out again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform
from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_stacks import Stacks, Template, stacks, template

__all__ = ["stacks"]

PROFILE = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/test"
OTHER_PROFILE = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/other"
HELD = f"arn:aws:lambda:us-east-1::runtime:{'7' * 64}"
SIGNED = {"CodeSigningConfigArn": {"Fn::GetAtt": ["Signing", "CodeSigningConfigArn"]}}


def signing(policy: str, function: dict[str, Any] | None = None) -> Template:  # Any: properties of the function
    """Return a code signing configuration, and a function too where its properties are given."""
    properties = {
        "AllowedPublishers": {"SigningProfileVersionArns": [PROFILE]},
        "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": policy},
    }
    body: Template = {"Resources": {}} if function is None else template(**function)
    body["Resources"]["Signing"] = {"Type": "AWS::Lambda::CodeSigningConfig", "Properties": properties}
    body["Outputs"] = {
        "Ref": {"Value": {"Ref": "Signing"}},
        "Arn": {"Value": {"Fn::GetAtt": ["Signing", "CodeSigningConfigArn"]}},
        "Id": {"Value": {"Fn::GetAtt": ["Signing", "CodeSigningConfigId"]}},
    }
    return body


def with_properties(body: Template, **properties: Any) -> Template:  # Any: properties of the configuration
    """Return the template with other properties of the configuration."""
    body["Resources"]["Signing"]["Properties"] = properties
    return body


def test_code_signing_config_is_made_changed_in_place_and_removed(stacks: Stacks, aws: ClientFactory) -> None:
    functions = aws("lambda")
    body = signing("Enforce")
    body["Resources"]["Signing"]["Properties"] |= {"Description": "first", "Tags": [{"Key": "a", "Value": "1"}]}
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stacks.create("s", body)["Outputs"]}
    (made,) = functions.list_code_signing_configs()["CodeSigningConfigs"]
    arn = made["CodeSigningConfigArn"]
    assert outputs == {"Ref": arn, "Arn": arn, "Id": made["CodeSigningConfigId"]}
    assert made["Description"] == "first"
    tags = functions.list_tags(Resource=arn)["Tags"]
    assert (tags["a"], tags["aws:cloudformation:logical-id"]) == ("1", "Signing")
    changed = with_properties(
        body, AllowedPublishers={"SigningProfileVersionArns": [OTHER_PROFILE]}, Tags=[{"Key": "b", "Value": "2"}]
    )
    assert stacks.update("s", changed)["StackStatus"] == "UPDATE_COMPLETE"
    found = functions.get_code_signing_config(CodeSigningConfigArn=arn)["CodeSigningConfig"]
    assert found["AllowedPublishers"] == {"SigningProfileVersionArns": [OTHER_PROFILE]}
    assert found["CodeSigningPolicies"] == {"UntrustedArtifactOnDeployment": "Warn"}
    assert found["Description"] == ""
    tags = functions.list_tags(Resource=arn)["Tags"]
    assert (tags["b"], "a" in tags) == ("2", False)
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"
    assert functions.list_code_signing_configs()["CodeSigningConfigs"] == []


def test_function_is_bound_and_released_by_its_stack(stacks: Stacks, aws: ClientFactory) -> None:
    functions = aws("lambda")
    assert stacks.create("s", signing("Warn", SIGNED))["StackStatus"] == "CREATE_COMPLETE"
    (made,) = functions.list_code_signing_configs()["CodeSigningConfigs"]
    bound = functions.get_function_code_signing_config(FunctionName="s-f")
    assert bound["CodeSigningConfigArn"] == made["CodeSigningConfigArn"]
    assert stacks.update("s", signing("Warn", {}))["StackStatus"] == "UPDATE_COMPLETE"
    assert "CodeSigningConfigArn" not in functions.get_function_code_signing_config(FunctionName="s-f")
    assert stacks.update("s", signing("Warn", SIGNED))["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"


def test_unsigned_code_rolls_a_stack_back_where_signatures_are_enforced(stacks: Stacks, aws: ClientFactory) -> None:
    assert stacks.create("s", signing("Enforce", SIGNED))["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = [reason for name, status, reason in stacks.events("s") if (name, status) == ("Function", "CREATE_FAILED")]
    assert "Lambda cannot deploy the function." in reasons[0]
    assert "Check the provided signature for s-f." in reasons[0]
    assert aws("lambda").list_functions()["Functions"] == []


def test_runtime_management_and_loops_follow_the_template(stacks: Stacks, aws: ClientFactory) -> None:
    functions = aws("lambda")
    held = {"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": HELD}
    body = template(RuntimeManagementConfig=held, RecursiveLoop="Allow")
    body["Resources"]["Version"]["Properties"]["RuntimePolicy"] = {"UpdateRuntimeOn": "FunctionUpdate"}
    assert stacks.create("s", body)["StackStatus"] == "CREATE_COMPLETE"
    shown = functions.get_runtime_management_config(FunctionName="s-f")
    assert (shown["UpdateRuntimeOn"], shown["RuntimeVersionArn"]) == ("Manual", HELD)
    published = functions.get_runtime_management_config(FunctionName="s-f", Qualifier="1")
    assert published["UpdateRuntimeOn"] == "FunctionUpdate"
    assert functions.get_function_recursion_config(FunctionName="s-f")["RecursiveLoop"] == "Allow"
    changed = template(RuntimeManagementConfig={"UpdateRuntimeOn": "FunctionUpdate"}, RecursiveLoop="Allow")
    changed["Resources"]["Version"] = body["Resources"]["Version"]
    assert stacks.update("s", changed)["StackStatus"] == "UPDATE_COMPLETE"
    shown = functions.get_runtime_management_config(FunctionName="s-f")
    assert (shown["UpdateRuntimeOn"], "RuntimeVersionArn" in shown) == ("FunctionUpdate", False)
    plain = template()
    plain["Resources"]["Version"] = body["Resources"]["Version"]
    assert stacks.update("s", plain)["StackStatus"] == "UPDATE_COMPLETE"
    assert functions.get_runtime_management_config(FunctionName="s-f")["UpdateRuntimeOn"] == "Auto"
    assert functions.get_function_recursion_config(FunctionName="s-f")["RecursiveLoop"] == "Terminate"


def test_settings_that_somebody_changed_are_found_as_drift(stacks: Stacks, aws: ClientFactory) -> None:
    functions = aws("lambda")
    stacks.create("s", signing("Warn", {**SIGNED, "RecursiveLoop": "Allow"}))
    functions.put_function_recursion_config(FunctionName="s-f", RecursiveLoop="Terminate")
    functions.delete_function_code_signing_config(FunctionName="s-f")
    detected = stacks.client.detect_stack_resource_drift(StackName="s", LogicalResourceId="Function")
    differences = detected["StackResourceDrift"]["PropertyDifferences"]
    assert {each["PropertyPath"] for each in differences} == {"/RecursiveLoop", "/CodeSigningConfigArn"}


def permission(principal: str) -> Template:
    """Return a layer version and a permission to get it."""
    return {
        "Resources": {
            "Layer": {
                "Type": "AWS::Lambda::LayerVersion",
                "Properties": {"LayerName": "l", "Content": {"S3Bucket": {"Ref": "Bucket"}, "S3Key": "layer.zip"}},
            },
            "Permission": {
                "Type": "AWS::Lambda::LayerVersionPermission",
                "Properties": {
                    "LayerVersionArn": {"Ref": "Layer"},
                    "Action": "lambda:GetLayerVersion",
                    "Principal": principal,
                },
            },
        },
        "Parameters": {"Bucket": {"Type": "String"}},
        "Outputs": {"Layer": {"Value": {"Ref": "Layer"}}},
    }


@pytest.fixture
def bucket(aws: ClientFactory, account: str) -> list[dict[str, str]]:
    """A bucket with a layer's content, as a stack's parameter."""
    name = f"layers-{account}"
    aws("s3").create_bucket(Bucket=name)
    aws("s3").put_object(Bucket=name, Key="layer.zip", Body=zip_of({"python/shared.py": "VALUE = 1\n"}))
    return [{"ParameterKey": "Bucket", "ParameterValue": name}]


def test_layer_version_permission_is_made_replaced_and_removed(
    stacks: Stacks, aws: ClientFactory, platform: LocalPlatform, account: str, bucket: list[dict[str, str]]
) -> None:
    stranger = platform.client("lambda", account=f"3{account[1:]}")
    made = stacks.create("s", permission(f"3{account[1:]}"), Parameters=bucket)
    assert made["StackStatus"] == "CREATE_COMPLETE"
    layer = made["Outputs"][0]["OutputValue"]
    assert stranger.get_layer_version_by_arn(Arn=layer)["LayerVersionArn"] == layer
    assert stacks.update("s", permission("*"), Parameters=bucket)["StackStatus"] == "UPDATE_COMPLETE"
    policy = aws("lambda").get_layer_version_policy(LayerName="l", VersionNumber=1)["Policy"]
    assert [each["Principal"] for each in json.loads(policy)["Statement"]] == ["*"]
    without = permission("*")
    del without["Resources"]["Permission"]
    assert stacks.update("s", without, Parameters=bucket)["StackStatus"] == "UPDATE_COMPLETE"
    with pytest.raises(stranger.exceptions.ClientError, match="no resource-based policy allows"):
        stranger.get_layer_version_by_arn(Arn=layer)
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"


def policed(effect: str) -> Template:
    """Return a function with a whole resource policy of its alias."""
    body = template()
    statement = {
        "Effect": effect,
        "Principal": {"AWS": "333333333333"},
        "Action": "lambda:InvokeFunction",
        "Resource": {"Ref": "Alias"},
    }
    body["Resources"]["Policy"] = {
        "Type": "AWS::Lambda::ResourcePolicy",
        "Properties": {
            "ResourceArn": {"Ref": "Alias"},
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        },
    }
    body["Outputs"]["Policy"] = {"Value": {"Ref": "Policy"}}
    return body


def test_resource_policy_is_made_changed_in_place_and_removed(stacks: Stacks, aws: ClientFactory) -> None:
    functions = aws("lambda")
    (arn,) = [
        one["OutputValue"] for one in stacks.create("s", policed("Allow"))["Outputs"] if one["OutputKey"] == "Policy"
    ]
    assert arn.endswith(":function:s-f:live")

    def effects() -> list[str]:
        policy = json.loads(functions.get_resource_policy(ResourceArn=arn)["Policy"])
        return [each["Effect"] for each in policy["Statement"]]

    assert effects() == ["Allow"]
    assert stacks.update("s", policed("Deny"))["StackStatus"] == "UPDATE_COMPLETE"
    assert effects() == ["Deny"]
    assert stacks.update("s", template())["StackStatus"] == "UPDATE_COMPLETE"
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        effects()
