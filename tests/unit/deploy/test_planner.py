"""Planning, by what AWS answers: changes over pages, refusals, remains of failures, what is the same already."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from lambent.aws.clients import AwsCallError
from lambent.compiler.result import CompiledSystem
from lambent.deploy.errors import DeployError
from lambent.deploy.plan import Action, Plan, PropertyChange
from lambent.deploy.planner import Planner, Prepared
from lambent.template.json_text import to_json
from tests.unit.deploy.recorded import CHANGE_SET_ID, STACK_ID, Answer, Recorded, no_stack, stacks

TEMPLATE: Mapping[str, Any] = {  # Any: a CloudFormation template
    "Parameters": {"Stage": {"Type": "String", "Default": "dev"}, "Size": {"Type": "Number", "Default": 3}},
    "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
}
MADE = Answer("CreateChangeSet", {"Id": CHANGE_SET_ID, "StackId": STACK_ID})
NOTHING = "The submitted information didn't contain changes. Submit different information to create a change set."
FORGOTTEN = Answer("DeleteChangeSet")
DEFAULTS = [
    {"ParameterKey": "Stage", "ParameterValue": "dev"},
    {"ParameterKey": "Size", "ParameterValue": "3"},
]


def prepared(parameters: Mapping[str, str] | None = None) -> Prepared:
    """Return a template that is ready to be sent."""
    compiled = CompiledSystem("shop", TEMPLATE, parameters=parameters or {})
    return Prepared(compiled, to_json(compiled.template), {})


def planner(*answers: Answer) -> tuple[Planner, Recorded]:
    """Return a planner that does not wait, and the target it works on."""
    target = Recorded.with_answers(*answers)
    return Planner(target, wait=lambda _: None), target


def deployed() -> Answer:
    """Return GetTemplate's answer: the template as it was sent."""
    return Answer("GetTemplate", {"TemplateBody": json.dumps(TEMPLATE, separators=(",", ":"))})


def change_set(status: str = "CREATE_COMPLETE", *changes: Mapping[str, object], **more: object) -> Answer:
    """Return DescribeChangeSet's answer."""
    told = [{"Type": "Resource", "ResourceChange": change} for change in changes]
    return Answer("DescribeChangeSet", {"ChangeSetId": CHANGE_SET_ID, "Status": status, "Changes": told, **more})


def change(logical_id: str, action: str = "Add", **more: object) -> Mapping[str, object]:
    """Return a ResourceChange."""
    return {"Action": action, "LogicalResourceId": logical_id, "ResourceType": "AWS::SQS::Queue", **more}


def detail(name: str, before: str, after: str) -> Mapping[str, object]:
    """Return a detail of a ResourceChange, with values as IncludePropertyValues brings them."""
    return {
        "Target": {"Attribute": "Properties", "Name": name, "BeforeValue": before, "AfterValue": after},
        "Evaluation": "Static",
        "ChangeSource": "DirectModification",
    }


def test_a_change_set_is_waited_for_and_read_over_its_pages_with_values() -> None:
    work, target = planner(
        stacks("CREATE_COMPLETE", Parameters=DEFAULTS),
        Answer("GetTemplate", {"TemplateBody": "{}"}),
        MADE,
        change_set("CREATE_PENDING"),
        change_set("CREATE_IN_PROGRESS"),
        change_set(
            "CREATE_COMPLETE",
            change("Queue", "Modify", Replacement="True", Details=[detail("QueueName", "a", "b")]),
            NextToken="page-2",
        ),
        change_set("CREATE_COMPLETE", change("Other", "Modify", Details=[detail("DelaySeconds", "1", "2")])),
    )
    plan = work.plan(prepared())
    assert target.answers == []
    assert [(one.action, one.logical_id, one.properties) for one in plan.changes] == [
        (Action.REPLACE, "Queue", (PropertyChange("QueueName", "a", "b"),)),
        (Action.CHANGE, "Other", (PropertyChange("DelaySeconds", "1", "2"),)),
    ]
    assert plan.changes[0].lost == "all its messages"
    assert (target.asked[-1]["NextToken"], target.asked[-1]["IncludePropertyValues"]) == ("page-2", "true")


def test_what_was_deployed_with_the_same_template_and_parameters_needs_no_change_set() -> None:
    work, _ = planner(stacks("CREATE_COMPLETE", Parameters=DEFAULTS), deployed())
    assert work.plan(prepared()).is_empty


@pytest.mark.parametrize(
    "more",
    [
        {"Parameters": {"Image": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/image"}}},
        {"Description": "{{resolve:ssm:/words}}"},
        {"Metadata": {"Fn::Transform": {"Name": "AWS::Include"}}},
        {"Transform": ["AWS::LanguageExtensions", "Mine"]},
    ],
    ids=["a parameter of SSM", "a dynamic reference", "an include", "a macro"],
)
def test_a_template_that_looks_outside_is_asked_for_anew(more: Mapping[str, Any]) -> None:  # Any: as above
    compiled = CompiledSystem("shop", {"Resources": TEMPLATE["Resources"], **more})
    ready = Prepared(compiled, to_json(compiled.template), {})
    given = [{"ParameterKey": "Image", "ParameterValue": "/image"}] if "Parameters" in more else []
    same = Answer("GetTemplate", {"TemplateBody": ready.body})
    resting = stacks("CREATE_COMPLETE", Parameters=given)
    work, _ = planner(resting, MADE, change_set("CREATE_COMPLETE", change("Queue", "Modify")))
    assert work.plan(ready).change_set_id == CHANGE_SET_ID
    again, _ = planner(resting, same)
    assert not again.is_deployed(ready)


@pytest.mark.parametrize(
    ("was", "given"),
    [
        ([{"ParameterKey": "Stage", "ParameterValue": "prod"}, DEFAULTS[1]], {}),
        (DEFAULTS, {"Stage": "prod"}),
        ([DEFAULTS[0], {"ParameterKey": "Size", "ParameterValue": "****"}], {"Size": "3"}),
    ],
    ids=["its default again", "another value", "not echoed"],
)
def test_another_value_of_a_parameter_is_a_change(was: list[Mapping[str, str]], given: Mapping[str, str]) -> None:
    work, target = planner(stacks("CREATE_COMPLETE", Parameters=was), MADE, change_set("CREATE_COMPLETE"))
    assert work.plan(prepared(given)).change_set_id == CHANGE_SET_ID
    assert target.asked[1]["ChangeSetType"] == "UPDATE"


@pytest.mark.parametrize("words", [NOTHING, "No updates are to be performed."])
def test_a_change_set_without_changes_is_thrown_away(words: str) -> None:
    work, target = planner(
        stacks("CREATE_COMPLETE", Parameters=DEFAULTS),
        Answer("GetTemplate", {"TemplateBody": "Resources: {}"}),
        MADE,
        change_set("FAILED", StatusReason=words),
        FORGOTTEN,
    )
    assert work.plan(prepared()).is_empty
    assert target.answers == []


def test_a_template_that_is_refused_leaves_no_stack_behind() -> None:
    work, target = planner(
        no_stack(),
        MADE,
        change_set("FAILED", StatusReason="Transform AWS::Serverless-2016-10-31 failed with: Invalid"),
        FORGOTTEN,
        stacks("REVIEW_IN_PROGRESS"),
        Answer("ListChangeSets", {"Summaries": []}),
        Answer("DeleteStack"),
    )
    with pytest.raises(DeployError, match="CloudFormation refuses the template: Transform") as refused:
        work.plan(prepared())
    assert refused.value.advice == "Nothing was changed."
    assert target.answers == []


def test_a_call_that_is_refused_is_told_in_aws_s_words() -> None:
    message = "Template error: instance of Fn::GetAtt references undefined resource Nothing"
    work, _ = planner(no_stack(), Answer("CreateChangeSet", error=("ValidationError", message), status=400))
    with pytest.raises(AwsCallError, match="references undefined resource Nothing"):
        work.plan(prepared())


def test_a_change_set_is_waited_for_while_aws_asks_for_fewer_calls() -> None:
    refusal = Answer("DescribeChangeSet", error=("Throttling", "Rate exceeded"), status=400)
    failure = Answer("DescribeChangeSet", error=("InternalFailure", "An internal error occurred."), status=500)
    work, target = planner(
        no_stack(), MADE, refusal, failure, change_set("CREATE_IN_PROGRESS"), refusal, change_set("CREATE_COMPLETE")
    )
    assert work.plan(prepared()).change_set_id == CHANGE_SET_ID
    assert target.answers == []


def test_a_target_that_goes_on_asking_for_fewer_calls_is_told() -> None:
    refusal = Answer("DescribeChangeSet", error=("Throttling", "Rate exceeded"), status=400)
    work, _ = planner(no_stack(), MADE, *[refusal] * 40)
    with pytest.raises(AwsCallError, match="Rate exceeded"):
        work.plan(prepared())


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"])
def test_a_stack_that_somebody_changes_is_left_alone(status: str) -> None:
    work, _ = planner(stacks(status, LastUpdatedTime="2026-03-02T10:00:00.000Z"))
    with pytest.raises(DeployError, match=f"Stack shop is in {status} since 2026-03-02"):
        work.plan(prepared())


def test_a_stack_under_way_to_the_same_template_is_recognised() -> None:
    work, _ = planner(stacks("CREATE_IN_PROGRESS", Parameters=DEFAULTS), deployed())
    assert work.is_under_way(prepared())


@pytest.mark.parametrize(
    "answers",
    [
        [stacks("CREATE_IN_PROGRESS", Parameters=DEFAULTS), Answer("GetTemplate", {"TemplateBody": "{}"})],
        [stacks("UPDATE_IN_PROGRESS", Parameters=[{"ParameterKey": "Stage", "ParameterValue": "prod"}])],
        [stacks("UPDATE_IN_PROGRESS", Tags=[{"Key": "team", "Value": "shop"}])],
        [stacks("DELETE_IN_PROGRESS", Parameters=DEFAULTS)],
        [stacks("UPDATE_ROLLBACK_IN_PROGRESS", Parameters=DEFAULTS)],
        [stacks("UPDATE_COMPLETE", Parameters=DEFAULTS)],
    ],
    ids=["another template", "another parameter", "other tags", "deleted", "rolled back", "at rest"],
)
def test_a_stack_under_way_to_something_else_is_not_taken_for_ours(answers: list[Answer]) -> None:
    work, target = planner(*answers)
    assert not work.is_under_way(prepared())
    assert target.answers == []


def test_the_remains_of_a_creation_that_was_rolled_back_are_removed_first() -> None:
    work, target = planner(
        stacks("ROLLBACK_COMPLETE"),
        Answer("DeleteStack"),
        stacks("DELETE_IN_PROGRESS"),
        stacks("DELETE_COMPLETE"),
        MADE,
        change_set("CREATE_COMPLETE", change("Queue")),
    )
    plan = work.plan(prepared())
    assert (plan.is_new, target.answers) == (True, [])
    assert plan.notices == ("The remains of an earlier creation of shop that failed were removed.",)


def test_remains_that_cannot_be_removed_are_told() -> None:
    work, _ = planner(
        stacks("ROLLBACK_COMPLETE"),
        Answer("DeleteStack"),
        stacks("DELETE_FAILED", StackStatusReason="The following resource(s) failed to delete: [Bucket]."),
    )
    with pytest.raises(DeployError, match=r"cannot be removed: The following resource\(s\) failed to delete"):
        work.plan(prepared())


@pytest.mark.parametrize("status", ["ROLLBACK_FAILED", "DELETE_FAILED"])
def test_a_stack_whose_resources_could_not_be_deleted_is_not_deleted_unasked(status: str) -> None:
    work, _ = planner(stacks(status, StackStatusReason="The following resource(s) failed to delete: [Bucket]."))
    with pytest.raises(DeployError, match=rf"Stack shop is in {status}: The following resource\(s\)") as refused:
        work.plan(prepared())
    assert "lambent down" in refused.value.advice


def test_a_stack_whose_update_could_not_be_undone_is_told_with_what_goes_on() -> None:
    work, _ = planner(stacks("UPDATE_ROLLBACK_FAILED", StackStatusReason="The following resource(s) failed: [Role]."))
    with pytest.raises(DeployError, match="Stack shop is in UPDATE_ROLLBACK_FAILED: The following") as refused:
        work.plan(prepared())
    assert "continue-update-rollback --stack-name shop" in refused.value.advice


def test_a_plan_that_was_only_looked_at_is_forgotten_with_the_stack_made_for_it() -> None:
    work, target = planner(
        FORGOTTEN, stacks("REVIEW_IN_PROGRESS"), Answer("ListChangeSets", {"Summaries": []}), Answer("DeleteStack")
    )
    work.forget(Plan("shop", CHANGE_SET_ID, is_new=True))
    assert target.answers == []


@pytest.mark.parametrize(
    "rest",
    [
        [stacks("REVIEW_IN_PROGRESS"), Answer("ListChangeSets", {"Summaries": [{"StackId": STACK_ID}]})],
        [stacks("CREATE_IN_PROGRESS")],
        [no_stack()],
    ],
    ids=["a saved plan needs it", "somebody makes it", "it is gone"],
)
def test_a_stack_that_is_more_than_the_plan_stays(rest: list[Answer]) -> None:
    work, target = planner(FORGOTTEN, *rest)
    work.forget(Plan("shop", CHANGE_SET_ID, is_new=True))
    assert target.answers == []
