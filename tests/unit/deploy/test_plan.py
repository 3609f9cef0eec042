"""Plans as data: kept in a file and read back, counted, and told what they destroy."""

from __future__ import annotations

import json

import pytest

from lambent.deploy.errors import DeployError
from lambent.deploy.plan import Action, Change, Plan, PropertyChange, from_json, lost_with, to_json
from tests.unit.deploy.recorded import CHANGE_SET_ID

CHANGE = Change(
    Action.REPLACE,
    "Queue",
    "AWS::SQS::Queue",
    "https://sqs/old",
    (PropertyChange("QueueName", "old", "new"), PropertyChange("DelaySeconds", None, "1")),
    is_conditional=True,
    lost="all its messages",
)
PLAN = Plan(
    "shop",
    CHANGE_SET_ID,
    is_new=False,
    changes=(CHANGE,),
    notices=("read this",),
    output_names={"QueueUrl": "queue_url"},
)


def test_a_plan_comes_back_from_its_file_as_it_was() -> None:
    assert from_json(to_json(PLAN)) == PLAN
    nothing = Plan("shop", None, is_new=False, output_names={})
    assert from_json(to_json(nothing)) == nothing


@pytest.mark.parametrize("key", ["stack_name", "changes", "notices", "format"])
def test_a_file_without_a_part_of_a_plan_is_none(key: str) -> None:
    body = json.loads(to_json(PLAN))
    del body[key]
    with pytest.raises(DeployError, match="This is no saved plan"):
        from_json(json.dumps(body))


def test_a_plan_of_another_version_is_told_apart_from_no_plan() -> None:
    body = {**json.loads(to_json(PLAN)), "format": 99}
    with pytest.raises(DeployError, match="of another version of lambent"):
        from_json(json.dumps(body))


def test_a_plan_knows_its_region_and_what_it_does() -> None:
    assert (PLAN.region, Plan("shop", None, is_new=False).region) == ("eu-west-1", None)
    assert (PLAN.is_empty, PLAN.count(Action.REPLACE), PLAN.count(Action.ADD)) == (False, 1, 0)


@pytest.mark.parametrize(
    ("action", "is_retained", "destroys"),
    [
        (Action.REPLACE, False, True),
        (Action.REMOVE, False, True),
        (Action.REMOVE, True, False),
        (Action.CHANGE, False, False),
        (Action.ADD, False, False),
    ],
)
def test_what_goes_for_good_is_destroyed(
    action: Action,
    is_retained: bool,  # noqa: FBT001 - a table's columns
    destroys: bool,  # noqa: FBT001 - as above
) -> None:
    change = Change(action, "Group", "AWS::Logs::LogGroup", is_retained=is_retained)
    assert Plan("shop", CHANGE_SET_ID, is_new=False, changes=(change,)).destroys is destroys


def test_what_is_lost_with_a_resource_is_known_for_those_that_hold_something() -> None:
    assert lost_with("AWS::Logs::LogGroup") == "all its log events"
    assert lost_with("AWS::CloudWatch::Alarm") == ""
