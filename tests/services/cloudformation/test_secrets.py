"""Secrets of a stack: its resources have them, nobody who reads about the stack does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_drift import detected
from tests.services.cloudformation.test_stacks import Stacks

STORED = "{{resolve:secretsmanager:stored:SecretString:word}}"


@pytest.fixture
def stacks(aws: ClientFactory) -> Stacks:
    """CloudFormation in an account of the test's own."""
    aws("secretsmanager").create_secret(Name="stored", SecretString='{"word": "out-of-the-store"}')
    return Stacks(aws("cloudformation"))


def value(name: str, told: object) -> dict[str, Any]:  # Any: a resource
    """Return an SSM parameter of a template."""
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Name": name, "Type": "String", "Value": told}}


TEMPLATE: dict[str, Any] = {  # Any: a template
    "Parameters": {"Word": {"Type": "String", "NoEcho": True}},
    "Conditions": {"IsLong": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Word"}, "****"]}]}},
    "Resources": {
        "Given": value("/given", {"Fn::Sub": "it is ${Word}"}),
        "Chosen": value("/chosen", {"Fn::If": ["IsLong", "long", "short"]}),
        "Stored": value("/stored", STORED),
    },
}


def given(word: str) -> dict[str, Any]:  # Any: as boto3
    """Return the option that gives the secret."""
    return {"Parameters": [{"ParameterKey": "Word", "ParameterValue": word}]}


def values_in(properties: list[tuple[str, str]]) -> dict[str, set[str]]:
    """Return what is told of each resource's Value."""
    found: dict[str, set[str]] = {}
    for name, text in properties:
        found.setdefault(name, set()).add(json.loads(text)["Value"])
    return found


SHOWN = {"Given": {"it is ****"}, "Chosen": {"long"}, "Stored": {STORED}}


def test_events_mask_secrets_and_leave_references_as_they_are(stacks: Stacks, aws: ClientFactory) -> None:
    assert stacks.create("s", TEMPLATE, **given("first"))["StackStatus"] == "CREATE_COMPLETE", stacks.events("s")
    assert stacks.update("s", TEMPLATE, **given("second"))["StackStatus"] == "UPDATE_COMPLETE", stacks.events("s")
    made = {name: aws("ssm").get_parameter(Name=name)["Parameter"]["Value"] for name in ("/given", "/stored")}
    assert made == {"/given": "it is second", "/stored": "out-of-the-store"}
    events = stacks.client.describe_stack_events(StackName="s")["StackEvents"]
    operations = stacks.client.describe_events(StackName="s")["OperationEvents"]
    for listed in (events, operations):
        told = [(one["LogicalResourceId"], one["ResourceProperties"]) for one in listed if "ResourceProperties" in one]
        assert values_in(told) == SHOWN


def test_an_update_that_is_taken_back_tells_neither_secret(stacks: Stacks) -> None:
    stacks.create("s", TEMPLATE, **given("first"))
    broken = value("/given", "x") | {"DependsOn": "Given"}
    bad = {**TEMPLATE, "Resources": {**TEMPLATE["Resources"], "Bad": broken}}
    assert stacks.update("s", bad, **given("second"))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE", stacks.events("s")
    events = stacks.client.describe_stack_events(StackName="s")["StackEvents"]
    assert len([one for one in events if one["LogicalResourceId"] == "Given"]) >= 5
    told = [(one["LogicalResourceId"], one["ResourceProperties"]) for one in events if "ResourceProperties" in one]
    assert values_in(told) == {**SHOWN, "Bad": {"x"}}


def test_a_change_set_tells_that_a_secret_changes_but_not_to_what(stacks: Stacks) -> None:
    stacks.create("s", TEMPLATE, **given("first"))
    made = stacks.client.create_change_set(
        StackName="s", ChangeSetName="c", TemplateBody=json.dumps(TEMPLATE), **given("second")
    )
    found = stacks.client.describe_change_set(ChangeSetName=made["Id"], IncludePropertyValues=True)
    changes = {one["ResourceChange"]["LogicalResourceId"]: one["ResourceChange"] for one in found["Changes"]}
    target = changes["Given"]["Details"][0]["Target"]
    assert changes["Given"]["Action"] == "Modify"
    assert (target["BeforeValue"], target["AfterValue"]) == ("it is ****", "it is ****")
    told = json.dumps(found["Changes"])
    assert [word for word in ("first", "second", "out-of-the-store") if word in told] == []


def test_a_reference_that_is_written_as_it_was_is_no_change(stacks: Stacks, aws: ClientFactory) -> None:
    stacks.create("s", TEMPLATE, **given("first"))
    aws("secretsmanager").put_secret_value(SecretId="stored", SecretString='{"word": "another"}')
    again = stacks.client.create_change_set(
        StackName="s", ChangeSetName="c", TemplateBody=json.dumps(TEMPLATE), **given("first")
    )
    found = stacks.client.describe_change_set(ChangeSetName=again["Id"])
    assert (found["Status"], found["Changes"]) == ("FAILED", [])
    other = {
        **TEMPLATE,
        "Resources": {**TEMPLATE["Resources"], "Stored": value("/stored", STORED.replace("word", "w"))},
    }
    rewritten = stacks.client.create_change_set(
        StackName="s", ChangeSetName="d", TemplateBody=json.dumps(other), **given("first")
    )
    (change,) = stacks.client.describe_change_set(ChangeSetName=rewritten["Id"])["Changes"]
    assert change["ResourceChange"]["LogicalResourceId"] == "Stored"


def test_drift_is_told_without_secrets(stacks: Stacks, aws: ClientFactory) -> None:
    group = {"LogGroupName": "g", "RetentionInDays": {"Ref": "Word"}}
    kept = {"Type": "AWS::Logs::LogGroup", "Properties": {**group, "Tags": [{"Key": "t", "Value": STORED}]}}
    stacks.create("s", {**TEMPLATE, "Resources": {"Kept": kept}}, **given("30"))
    aws("logs").put_retention_policy(logGroupName="g", retentionInDays=7)
    assert detected(stacks)["DriftedStackResourceCount"] == 1
    (drift,) = stacks.client.describe_stack_resource_drifts(StackName="s")["StackResourceDrifts"]
    expected = {"LogGroupName": "g", "RetentionInDays": "****", "Tags": [{"Key": "t", "Value": STORED}]}
    assert json.loads(drift["ExpectedProperties"]) == expected
    assert {name: json.loads(drift["ActualProperties"])[name] for name in expected} == expected
    (difference,) = drift["PropertyDifferences"]
    told = ("/RetentionInDays", "****", "****")
    assert (difference["PropertyPath"], difference["ExpectedValue"], difference["ActualValue"]) == told
