"""What stands around a function in a stack: asynchronous invocation, provisioned concurrency, keys; and its drift."""

from __future__ import annotations

from typing import Any

from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_stacks import Stacks, Template, stacks, template

__all__ = ["stacks"]


def around(retries: int | None, provisioned: int | None, **function: Any) -> Template:  # Any: properties
    """Return a function with an alias, and what stands around them."""
    body = template(**function)
    body["Resources"]["Failed"] = {"Type": "AWS::SQS::Queue", "Properties": {}}
    if provisioned is not None:
        config = {"ProvisionedConcurrentExecutions": provisioned}
        body["Resources"]["Alias"]["Properties"]["ProvisionedConcurrencyConfig"] = config
    if retries is not None:
        properties = {
            "FunctionName": {"Ref": "Function"},
            "Qualifier": "live",
            "MaximumRetryAttempts": retries,
            "DestinationConfig": {"OnFailure": {"Destination": {"Fn::GetAtt": ["Failed", "Arn"]}}},
        }
        kind = "AWS::Lambda::EventInvokeConfig"
        body["Resources"]["Async"] = {"Type": kind, "Properties": properties, "DependsOn": "Alias"}
    return body


def drifted(aws: ClientFactory) -> list[str]:
    """Return what drift detection finds, by resource and property."""
    client = aws("cloudformation")
    detection = client.detect_stack_drift(StackName="s")["StackDriftDetectionId"]
    while True:
        found = client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        if found["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            break
    assert found["DetectionStatus"] == "DETECTION_COMPLETE", found.get("DetectionStatusReason")
    drifts = client.describe_stack_resource_drifts(StackName="s")["StackResourceDrifts"]
    return [
        f"{one['LogicalResourceId']}{difference['PropertyPath']}"
        for one in drifts
        for difference in one.get("PropertyDifferences", ())
    ]


def test_an_alias_whose_environments_cannot_be_is_rolled_back_with_its_stack(
    stacks: Stacks, aws: ClientFactory
) -> None:
    stacks.create("s", template())
    properties = {
        "FunctionName": "s-f",
        "FunctionVersion": "1",
        "Name": "beside",
        "ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 5000},
    }
    found = stacks.create("t", {"Resources": {"A": {"Type": "AWS::Lambda::Alias", "Properties": properties}}})
    assert found["StackStatus"] == "ROLLBACK_COMPLETE"
    assert [one["Name"] for one in aws("lambda").list_aliases(FunctionName="s-f")["Aliases"]] == ["live"]


def test_asynchronous_invocation_and_provisioned_concurrency_follow_the_template(
    stacks: Stacks, aws: ClientFactory
) -> None:
    functions = aws("lambda")
    stacks.create("s", around(1, 1))
    (function,) = functions.list_functions()["Functions"]
    name = function["FunctionName"]

    def asked() -> dict[str, Any]:  # Any: botocore's shape
        found: dict[str, Any] = functions.get_function_event_invoke_config(FunctionName=f"{name}:live")  # Any: as above
        return found

    assert asked()["MaximumRetryAttempts"] == 1
    assert asked()["DestinationConfig"]["OnFailure"]["Destination"].startswith("arn:aws:sqs:")
    ready = functions.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")
    assert (ready["Status"], ready["AvailableProvisionedConcurrentExecutions"]) == ("READY", 1)
    assert drifted(aws) == []
    stacks.update("s", around(0, 2))
    assert asked()["MaximumRetryAttempts"] == 0
    ready = functions.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")
    assert (ready["Status"], ready["AvailableProvisionedConcurrentExecutions"]) == ("READY", 2)
    functions.put_provisioned_concurrency_config(FunctionName=name, Qualifier="live", ProvisionedConcurrentExecutions=1)
    assert drifted(aws) == ["Alias/ProvisionedConcurrencyConfig/ProvisionedConcurrentExecutions"]
    stacks.update("s", around(None, None))
    assert functions.list_function_event_invoke_configs(FunctionName=name)["FunctionEventInvokeConfigs"] == []
    assert functions.list_provisioned_concurrency_configs(FunctionName=name)["ProvisionedConcurrencyConfigs"] == []


def test_a_key_reaches_the_function_and_what_aws_fills_in_is_no_drift(stacks: Stacks, aws: ClientFactory) -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    stacks.create("s", around(None, None, KmsKeyArn=key, LoggingConfig={"LogFormat": "JSON"}))
    functions = aws("lambda")
    (function,) = functions.list_functions()["Functions"]
    assert function["KMSKeyArn"] == key
    assert drifted(aws) == []
    functions.update_function_configuration(FunctionName=function["FunctionName"], KMSKeyArn="", MemorySize=256)
    assert drifted(aws) == ["Function/KmsKeyArn"]


def test_a_property_that_does_not_exist_is_told_however_deep_it_lies(stacks: Stacks) -> None:
    body = around(None, None, LoggingConfig={"LogFormt": "JSON"})
    assert stacks.create("s", body)["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = [reason for _, _, reason in stacks.events("s")]
    assert any("#/LoggingConfig: extraneous key [LogFormt] is not permitted" in reason for reason in reasons)
