"""Stacks as boto3 sees them: made, changed, rolled back, removed, with AWS's words."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory

Template = dict[str, Any]  # Any: a CloudFormation template
SOON = {"Delay": 0.02, "MaxAttempts": 500}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
IAM = ["CAPABILITY_IAM"]


def template(**changes: Any) -> Template:  # Any: properties of the function
    """Return a function with its role, log group, version and alias."""
    function = {
        "FunctionName": {"Fn::Sub": "${AWS::StackName}-f"},
        "Runtime": "python3.11",
        "Handler": "index.handler",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Code": {"ZipFile": "def handler(event, context):\n    return {'answer': 42}\n"},
        **changes,
    }
    return {
        "Resources": {
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}},
            "Logs": {
                "Type": "AWS::Logs::LogGroup",
                "Properties": {"LogGroupName": {"Fn::Sub": "/aws/lambda/${AWS::StackName}-f"}, "RetentionInDays": 30},
            },
            "Function": {"Type": "AWS::Lambda::Function", "DependsOn": "Logs", "Properties": function},
            "Version": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Function"}}},
            "Alias": {
                "Type": "AWS::Lambda::Alias",
                "Properties": {
                    "FunctionName": {"Ref": "Function"},
                    "Name": "live",
                    "FunctionVersion": {"Fn::GetAtt": ["Version", "Version"]},
                },
            },
        },
        "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Function", "Arn"]}}},
    }


def groups(**names: Any) -> Template:  # Any: properties of log groups
    """Return a template of log groups: cheap resources."""
    return {"Resources": {key: {"Type": "AWS::Logs::LogGroup", "Properties": value} for key, value in names.items()}}


class Stacks:
    """One account's CloudFormation, with waits."""

    def __init__(self, client: Any) -> None:  # Any: a boto3 client
        self.client = client

    def create(self, name: str, body: Template, **options: Any) -> Any:  # Any: as boto3
        """Create a stack and return it when it rests."""
        self.client.create_stack(StackName=name, TemplateBody=json.dumps(body), Capabilities=IAM, **options)
        return self.at_rest(name)

    def update(self, name: str, body: Template, **options: Any) -> Any:  # Any: as boto3
        """Update a stack and return it when it rests."""
        self.client.update_stack(StackName=name, TemplateBody=json.dumps(body), Capabilities=IAM, **options)
        return self.at_rest(name)

    def delete(self, name: str) -> Any:  # Any: as boto3
        """Delete a stack and return it when it rests."""
        stack_id = self.client.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        self.client.delete_stack(StackName=name)
        return self.at_rest(stack_id)

    def at_rest(self, name: str) -> Any:  # Any: as boto3
        """Return a stack once nothing is under way."""
        while (found := self.client.describe_stacks(StackName=name)["Stacks"][0])["StackStatus"].endswith("PROGRESS"):
            self.client.get_waiter("stack_exists").wait(StackName=name, WaiterConfig=SOON)
        return found

    def events(self, name: str) -> list[tuple[str, str, str]]:
        """Return a stack's events, the oldest first."""
        listed = self.client.describe_stack_events(StackName=name)["StackEvents"]
        return [
            (one["LogicalResourceId"], one["ResourceStatus"], one.get("ResourceStatusReason", ""))
            for one in reversed(listed)
        ]


@pytest.fixture
def stacks(aws: ClientFactory) -> Stacks:
    """CloudFormation in an account of the test's own."""
    return Stacks(aws("cloudformation"))


def code_of(error: ClientError) -> tuple[str, str]:
    """Return an error's code and message."""
    return error.response["Error"]["Code"], error.response["Error"]["Message"]


def test_a_stack_makes_a_function_that_runs(stacks: Stacks, aws: ClientFactory) -> None:
    found = stacks.create("s", template())
    assert found["StackStatus"] == "CREATE_COMPLETE"
    arn = aws("lambda").get_function(FunctionName="s-f")["Configuration"]["FunctionArn"]
    assert found["Outputs"] == [{"OutputKey": "Arn", "OutputValue": arn}]
    answer = aws("lambda").invoke(FunctionName="s-f", Qualifier="live")
    assert json.loads(answer["Payload"].read()) == {"answer": 42}
    tags = aws("lambda").get_function(FunctionName="s-f")["Tags"]
    assert tags["aws:cloudformation:logical-id"] == "Function"
    assert aws("logs").describe_log_groups()["logGroups"][0]["retentionInDays"] == 30


def test_waiters_end_and_events_tell_the_story(stacks: Stacks) -> None:
    stacks.client.create_stack(StackName="s", TemplateBody=json.dumps(groups(A={})))
    stacks.client.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig=SOON)
    assert stacks.events("s") == [
        ("s", "CREATE_IN_PROGRESS", "User Initiated"),
        ("A", "CREATE_IN_PROGRESS", ""),
        ("A", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("A", "CREATE_COMPLETE", ""),
        ("s", "CREATE_COMPLETE", ""),
    ]


def test_an_update_changes_in_place_and_one_that_changes_nothing_is_refused(stacks: Stacks, aws: ClientFactory) -> None:
    stacks.create("s", template())
    assert stacks.update("s", template(MemorySize=256))["StackStatus"] == "UPDATE_COMPLETE"
    assert aws("lambda").get_function_configuration(FunctionName="s-f")["MemorySize"] == 256
    with pytest.raises(ClientError) as refused:
        stacks.update("s", template(MemorySize=256))
    assert code_of(refused.value) == ("ValidationError", "No updates are to be performed.")


def test_a_replacement_makes_the_new_before_it_removes_the_old(stacks: Stacks, aws: ClientFactory) -> None:
    stacks.create("s", groups(A={"LogGroupName": "before"}))
    assert stacks.update("s", groups(A={"LogGroupName": "after"}))["StackStatus"] == "UPDATE_COMPLETE"
    assert [one["logGroupName"] for one in aws("logs").describe_log_groups()["logGroups"]] == ["after"]
    told = [event for event in stacks.events("s") if event[0] == "A"]
    assert told[-2:] == [("A", "DELETE_IN_PROGRESS", ""), ("A", "DELETE_COMPLETE", "")]


def test_a_creation_that_fails_is_rolled_back_with_aws_s_reason(stacks: Stacks, aws: ClientFactory) -> None:
    aws("logs").create_log_group(logGroupName="taken")
    found = stacks.create("s", groups(A={"LogGroupName": "taken"}))
    assert found["StackStatus"] == "ROLLBACK_COMPLETE"
    told = stacks.events("s")
    assert ("s", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [A]. Rollback requested by user.") in told  # fmt: skip  # noqa: E501 - AWS's message
    assert aws("logs").describe_log_groups()["logGroups"] != []  # the one that was there before is left alone
    with pytest.raises(ClientError) as refused:
        stacks.update("s", groups(A={}))
    assert code_of(refused.value)[1].endswith("is in ROLLBACK_COMPLETE state and can not be updated.")


def test_properties_that_a_type_does_not_have_or_lacks_are_told_by_name(stacks: Stacks) -> None:
    body = template(Memory=128)
    del body["Resources"]["Function"]["Properties"]["Code"]
    assert stacks.create("s", body)["StackStatus"] == "ROLLBACK_COMPLETE"
    told = [reason for name, status, reason in stacks.events("s") if (name, status) == ("Function", "CREATE_FAILED")]
    assert told == [
        (
            "Properties validation failed for resource Function with message:\n"
            "#: required key [Code] not found\n#: extraneous key [Memory] is not permitted"
        )
    ]


def test_an_update_that_fails_brings_back_what_was(stacks: Stacks, aws: ClientFactory) -> None:
    stacks.create("s", template(MemorySize=128))
    found = stacks.update("s", template(MemorySize=512, Runtime="python2.0"))
    assert found["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert aws("lambda").get_function_configuration(FunctionName="s-f")["MemorySize"] == 128
    assert stacks.update("s", template(MemorySize=256))["StackStatus"] == "UPDATE_COMPLETE"


def test_a_deleted_stack_is_found_by_its_id_alone(stacks: Stacks, aws: ClientFactory) -> None:
    stacks.create("s", template())
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"
    assert aws("lambda").list_functions()["Functions"] == []
    with pytest.raises(ClientError) as gone:
        stacks.client.describe_stacks(StackName="s")
    assert code_of(gone.value) == ("ValidationError", "Stack with id s does not exist")


def test_what_is_to_be_retained_stays(stacks: Stacks, aws: ClientFactory) -> None:
    body = groups(A={"LogGroupName": "kept"})
    body["Resources"]["A"]["DeletionPolicy"] = "Retain"
    stacks.create("s", body)
    stacks.delete("s")
    assert [one["logGroupName"] for one in aws("logs").describe_log_groups()["logGroups"]] == ["kept"]


def test_protection_keeps_a_stack_from_being_deleted(stacks: Stacks) -> None:
    stacks.create("s", groups(A={}), EnableTerminationProtection=True)
    with pytest.raises(ClientError) as refused:
        stacks.client.delete_stack(StackName="s")
    assert code_of(refused.value)[1] == "Stack [s] cannot be deleted while TerminationProtection is enabled"
    stacks.client.update_termination_protection(StackName="s", EnableTerminationProtection=False)
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"


def test_exports_are_imported_and_held_while_they_are(stacks: Stacks) -> None:
    giver = groups(A={"LogGroupName": "a"}) | {
        "Outputs": {"Name": {"Value": {"Ref": "A"}, "Export": {"Name": "the-name"}}}
    }
    stacks.create("giver", giver)
    stacks.create(
        "taker", groups(B={"LogGroupName": {"Fn::Sub": ["${name}-b", {"name": {"Fn::ImportValue": "the-name"}}]}})
    )
    assert stacks.client.list_imports(ExportName="the-name")["Imports"] == ["taker"]
    assert [one["Value"] for one in stacks.client.list_exports()["Exports"]] == ["a"]
    with pytest.raises(ClientError) as refused:
        stacks.client.delete_stack(StackName="giver")
    assert code_of(refused.value)[1] == "Delete canceled. Cannot delete export the-name as it is in use by taker."
    stacks.delete("taker")
    assert stacks.delete("giver")["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ("{}", "ValidationError", "Template format error: At least one Resources member must be defined."),
        (
            '{"Resources": {"A": {"Type": "AWS::No::Such"}}}',
            "ValidationError",
            "Template format error: Unrecognized resource types: [AWS::No::Such]",
        ),
        (
            '{"Resources": {"A": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {"Ref": "B"}}}}}',
            "ValidationError",
            "Template format error: Unresolved resource dependencies [B] in the Resources block of the template",
        ),
        (
            '{"Parameters": {"P": {"Type": "String"}}, "Resources": {"A": {"Type": "AWS::Logs::LogGroup"}}}',
            "ValidationError",
            "Parameters: [P] must have values",
        ),
        (
            '{"Resources": {"A": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}}}',
            "InsufficientCapabilitiesException",
            "Requires capabilities : [CAPABILITY_IAM]",
        ),
    ],
)
def test_what_cannot_be_made_is_refused_in_aws_s_words(stacks: Stacks, body: str, code: str, message: str) -> None:
    with pytest.raises(ClientError) as refused:
        stacks.client.create_stack(StackName="s", TemplateBody=body)
    assert code_of(refused.value) == (code, message)
    assert stacks.client.list_stacks()["StackSummaries"] == []


def test_parameters_are_masked_kept_and_checked(stacks: Stacks) -> None:
    body = groups(A={"LogGroupName": {"Ref": "Name"}, "RetentionInDays": {"Ref": "Days"}})
    body["Parameters"] = {
        "Name": {"Type": "String", "NoEcho": True},
        "Days": {"Type": "Number", "Default": "7", "AllowedValues": ["7", "30"]},
    }
    found = stacks.create("s", body, Parameters=[{"ParameterKey": "Name", "ParameterValue": "hidden"}])
    assert {one["ParameterKey"]: one["ParameterValue"] for one in found["Parameters"]} == {"Name": "****", "Days": "7"}
    kept = [
        {"ParameterKey": "Name", "UsePreviousValue": True},
        {"ParameterKey": "Days", "ParameterValue": "30"},
    ]
    assert stacks.update("s", body, Parameters=kept)["StackStatus"] == "UPDATE_COMPLETE"
    with pytest.raises(ClientError) as refused:
        stacks.update("s", body, Parameters=[kept[0], {"ParameterKey": "Days", "ParameterValue": "8"}])
    assert code_of(refused.value)[1] == "Parameter 'Days' must be one of AllowedValues"


def test_a_stack_may_be_deleted_while_it_is_made(stacks: Stacks, aws: ClientFactory) -> None:
    body = template()
    stack_id = stacks.client.create_stack(StackName="s", TemplateBody=json.dumps(body), Capabilities=IAM)["StackId"]
    stacks.client.delete_stack(StackName="s")
    assert stacks.at_rest(stack_id)["StackStatus"] == "DELETE_COMPLETE"
    assert aws("lambda").list_functions()["Functions"] == []
    assert aws("logs").describe_log_groups()["logGroups"] == []


def test_of_two_that_create_or_update_at_once_one_is_refused(stacks: Stacks) -> None:
    body = json.dumps(groups(A={"LogGroupName": "a"}))

    def twice(call: Any) -> list[str]:  # Any: a boto3 method
        def one(body: str) -> str:
            try:
                call(StackName="s", TemplateBody=body)
            except ClientError as refused:
                return code_of(refused)[0]
            return "accepted"

        with ThreadPoolExecutor(4) as pool:
            return sorted(pool.map(one, [body] * 4))

    assert twice(stacks.client.create_stack) == ["AlreadyExistsException"] * 3 + ["accepted"]
    stacks.at_rest("s")
    body = json.dumps(groups(A={"LogGroupName": "a", "RetentionInDays": 7}))
    assert set(twice(stacks.client.update_stack)) == {"ValidationError", "accepted"}
    assert stacks.at_rest("s")["StackStatus"] == "UPDATE_COMPLETE"
