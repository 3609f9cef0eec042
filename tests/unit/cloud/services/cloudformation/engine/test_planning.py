"""What a definition would make of a stack, told beforehand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from lambent.base.clock import SystemClock
from lambent.base.identifiers import SeededIds
from lambent.cloud.services.cloudformation.engine.planning import planned
from lambent.cloud.services.cloudformation.model.stack import Definition, ResourceStatus, Stack, StackResource
from lambent.cloud.services.cloudformation.model.states import StackStatus
from lambent.cloud.services.cloudformation.resources.custom import custom_types
from lambent.cloud.services.cloudformation.resources.nested import nested_type
from lambent.cloud.services.cloudformation.resources.responses import Responses
from lambent.cloud.services.cloudformation.resources.table import ResourceTypes
from lambent.cloud.services.cloudformation.resources.waiting import Bells
from lambent.cloud.store.sqlite_store import memory_store
from lambent.template.document import read_template
from tests.unit.cloud.services.cloudformation.bench import ID, SCOPE

GROUP = "AWS::Logs::LogGroup"
RESPONSES = Responses("http://nowhere", memory_store(SystemClock()), clock=SystemClock(), ids=SeededIds(1))
TYPES = ResourceTypes([nested_type(Bells()), *custom_types(RESPONSES)])
Change = dict[str, Any]  # Any: a ResourceChange of the API


def group(**properties: object) -> Change:
    """Return a log group of a template."""
    return {"Type": GROUP, "Properties": properties}


def made(name: str, *, type_name: str = GROUP, **properties: object) -> StackResource:
    """Return a log group that is there."""
    done = ResourceStatus.CREATE_COMPLETE
    attributes = {"Arn": f"arn:{name}"}
    return StackResource(name, type_name, done, 0.0, "T", f"{name}-id", properties, attributes)


def plan(resources: dict[str, Change], *rows: StackResource) -> list[Change]:
    """Return the changes."""
    document = {"Resources": resources}
    text = json.dumps(document)
    definition = Definition(text, text)
    stack = Stack(ID, "s", SCOPE, StackStatus.CREATE_COMPLETE, 0.0, definition)
    live = {row.logical_id: row for row in rows}
    found = planned(read_template(document), stack, definition, live, TYPES, lambda name: name)
    return [one["ResourceChange"] for one in found]


def told(changes: list[Change]) -> list[tuple[str, str, str]]:
    """Return each change as action, logical id, replacement."""
    return [(one["Action"], one["LogicalResourceId"], one.get("Replacement", "")) for one in changes]


def test_what_is_the_same_is_no_change_whatever_the_scalars_kind() -> None:
    assert plan({"A": group(RetentionInDays="7")}, made("A", RetentionInDays=7)) == []


def test_additions_come_in_their_order_and_removals_last() -> None:
    body = {"B": group(LogGroupName={"Ref": "A"}), "A": group()}
    assert told(plan(body, made("Old"))) == [("Add", "A", ""), ("Add", "B", ""), ("Remove", "Old", "")]


def test_a_change_in_place_tells_what_it_was_and_what_it_will_be() -> None:
    (change,) = plan({"A": group(RetentionInDays=30)}, made("A", RetentionInDays=7))
    assert (change["Replacement"], change["Scope"], change["PhysicalResourceId"]) == ("False", ["Properties"], "A-id")
    target = change["Details"][0]["Target"]
    assert (target["Name"], target["BeforeValue"], target["AfterValue"]) == ("RetentionInDays", "7", "30")
    assert target["RequiresRecreation"] == "Never"


def test_whoever_refers_to_what_is_replaced_changes_by_it() -> None:
    body = {"A": group(LogGroupName="new"), "B": group(LogGroupName="b", KmsKeyId={"Fn::GetAtt": ["A", "Arn"]})}
    found = plan(body, made("A", LogGroupName="old"), made("B", LogGroupName="b", KmsKeyId="arn:A"))
    assert told(found) == [("Modify", "A", "True"), ("Modify", "B", "False")]
    detail = found[1]["Details"][0]
    assert (detail["Evaluation"], detail["ChangeSource"], detail["CausingEntity"]) == (
        "Dynamic",
        "ResourceAttribute",
        "A.Arn",
    )


def test_policies_tell_what_becomes_of_the_old() -> None:
    kept = made("A", LogGroupName="old")
    changes = plan({"A": group(LogGroupName="new")}, kept)
    assert changes[0]["PolicyAction"] == "ReplaceAndDelete"
    assert plan({"B": group()}, kept)[1]["PolicyAction"] == "Delete"


def test_another_type_under_the_same_name_is_a_replacement() -> None:
    body = {"A": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "t"}}}
    assert told(plan(body, made("A"))) == [("Modify", "A", "True")]


def test_what_failed_to_be_made_is_added() -> None:
    failed = StackResource("A", GROUP, ResourceStatus.CREATE_FAILED, 0.0, "T")
    assert told(plan({"A": group()}, failed)) == [("Add", "A", "")]


@pytest.mark.parametrize(
    ("kind", "changed", "attribute"),
    [
        ("AWS::CloudFormation::Stack", {"Parameters": {"P": "new"}}, "Outputs.V"),
        ("AWS::CloudFormation::CustomResource", {"P": "new"}, "V"),
        ("Custom::Thing", {"P": "new"}, "V"),
    ],
)
def test_whoever_takes_an_attribute_of_what_may_tell_another_changes_by_it(
    kind: str, changed: Change, attribute: str
) -> None:
    body = {
        "C": {"Type": kind, "Properties": changed},
        "B": group(LogGroupName={"Ref": "C"}, KmsKeyId={"Fn::GetAtt": ["C", attribute]}),
    }
    before = replace(made("C", type_name=kind, Parameters={"P": "old"}), attributes={attribute: "v"})
    found = plan(body, before, made("B", LogGroupName="C-id", KmsKeyId="v"))
    assert told(found) == [("Modify", "C", "False"), ("Modify", "B", "False")]
    assert [(one["Target"]["Name"], one["Evaluation"]) for one in found[1]["Details"]] == [("KmsKeyId", "Dynamic")]
