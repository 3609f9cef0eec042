"""Schedules as clients make, change, find and delete them, and what AWS says of those that cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.services.scheduler.owner import NOTE, Owner

FAR = "at(2090-01-01T00:00:00)"
_ROLE_MESSAGE = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."


def refusal(call: Callable[..., Any], **parameters: object) -> tuple[int, str, str]:  # Any: a client's method
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    answer = refused.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def test_schedule_is_shown_with_its_defaults_until_it_is_deleted(owner: Owner) -> None:
    arn = owner.create("s", FAR)
    assert arn == f"arn:aws:scheduler:us-east-1:{owner.account}:schedule/default/s"

    shown = owner.scheduler.get_schedule(Name="s")
    assert shown.pop("CreationDate") == shown.pop("LastModificationDate")
    shown.pop("ResponseMetadata")
    target = owner.definition("s", FAR)["Target"]
    retries = {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
    assert shown == {
        "Arn": arn,
        "GroupName": "default",
        "Name": "s",
        "ScheduleExpression": FAR,
        "ScheduleExpressionTimezone": "UTC",
        "State": "ENABLED",
        "ActionAfterCompletion": "NONE",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {**target, "RetryPolicy": retries},
    }
    owner.scheduler.delete_schedule(Name="s")
    missing = (404, "ResourceNotFoundException", "Schedule s does not exist.")
    for call in (owner.scheduler.get_schedule, owner.scheduler.delete_schedule):
        assert refusal(call, Name="s") == missing
    assert refusal(owner.scheduler.update_schedule, **owner.definition("s", FAR)) == missing


def test_update_puts_back_to_its_default_what_it_does_not_say(owner: Owner) -> None:
    window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 60}
    owner.create("s", FAR, Description="first", State="DISABLED", FlexibleTimeWindow=window)
    owner.scheduler.update_schedule(**owner.definition("s", "rate(2 minute)", StartDate=owner.now() + timedelta(1)))

    shown = owner.scheduler.get_schedule(Name="s")
    assert (shown["ScheduleExpression"], shown["State"]) == ("rate(2 minute)", "ENABLED")
    assert shown["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert "Description" not in shown


def test_second_schedule_of_a_name_is_a_conflict_unless_its_request_is_repeated(owner: Owner) -> None:
    asked = owner.definition("s", FAR, ClientToken="once")
    assert owner.scheduler.create_schedule(**asked) is not None
    again = owner.scheduler.create_schedule(**asked)["ScheduleArn"]
    assert again == owner.scheduler.get_schedule(Name="s")["Arn"]
    assert refusal(owner.create, name="s", expression=FAR) == (
        409, "ConflictException", "Schedule s already exists.",
    )  # fmt: skip
    assert refusal(owner.scheduler.create_schedule, **{**asked, "Name": "t"})[:2] == (409, "ConflictException")


def test_schedules_are_listed_in_pages_and_by_group_name_and_state(owner: Owner) -> None:
    owner.scheduler.create_schedule_group(Name="other")
    for name, more in (("a1", {}), ("a2", {"State": "DISABLED"}), ("b1", {}), ("a3", {"GroupName": "other"})):
        owner.create(name, FAR, **more)

    def names(**asked: object) -> list[str]:
        pages = owner.scheduler.get_paginator("list_schedules").paginate(**asked, PaginationConfig={"PageSize": 1})
        return [one["Name"] for page in pages for one in page["Schedules"]]

    assert names() == ["a1", "a2", "b1", "a3"]
    assert names(NamePrefix="a") == ["a1", "a2", "a3"]
    assert names(GroupName="default") == ["a1", "a2", "b1"]
    assert names(State="DISABLED") == ["a2"]
    (one,) = owner.scheduler.list_schedules(GroupName="other")["Schedules"]
    assert one["Target"] == {"Arn": NOTE}
    assert refusal(owner.scheduler.list_schedules, GroupName="none")[2] == "Schedule group none does not exist."
    assert refusal(owner.scheduler.list_schedules, NextToken="foreign")[1] == "ValidationException"


@pytest.mark.parametrize("expression", ["cron(0 1 * * * *)", "rate(10 seconds)", "at(2090-12-31T23:59:59Z)"])
def test_schedule_without_an_expression_of_schedulers_is_refused(owner: Owner, expression: str) -> None:
    answer = (400, "ValidationException", f"Invalid Schedule Expression {expression}.")

    assert refusal(owner.create, name="s", expression=expression) == answer


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"ScheduleExpressionTimezone": "Europe/Atlantis"}, "Europe/Atlantis"),
        ({"ScheduleExpressionTimezone": "Europe"}, "Invalid Schedule Expression Timezone Europe."),
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}, "MaximumWindowInMinutes"),
        (
            {"StartDate": 1_700_000_000, "ScheduleExpression": "rate(1 day)"},
            "The StartDate you specify cannot be earlier than 5 minutes ago.",
        ),
        ({"GroupName": "none"}, "Schedule group none does not exist."),
        ({"Name": "no/slash"}, "failed to satisfy constraint: Member must satisfy regular expression pattern"),
    ],
)
def test_schedule_that_cannot_be_is_refused(owner: Owner, more: dict[str, object], told: str) -> None:
    assert told in refusal(owner.scheduler.create_schedule, **{**owner.definition("s", FAR), **more})[2]


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ({"Arn": "nonsense"}, "Provided Arn is not in correct format."),
        ({"Arn": "arn:aws:s3:::bucket"}, "is not a supported target"),
        ({"Arn": "arn:aws:events:us-east-1:1:event-bus/b"}, "EventBridgeParameters must be specified"),
        ({"Arn": "arn:aws:sqs:us-east-1:1:q.fifo"}, "MessageGroupId"),
        ({"Arn": "arn:aws:sns:us-east-1:1:t", "SqsParameters": {}}, "SqsParameters cannot be specified"),
        ({"Arn": "arn:aws:lambda:us-east-1:1:function:f", "Input": "{"}, "not a well-formed JSON"),
        ({"Arn": "arn:aws:scheduler:::aws-sdk:sqs:getQueueUrl", "Input": "{}"}, "read-only"),
        ({"Arn": "arn:aws:scheduler:::aws-sdk:sqs:fly", "Input": "{}"}, "not a supported API action"),
        ({"Arn": "arn:aws:scheduler:::aws-sdk:nothing:fly", "Input": "{}"}, "not a supported service"),
        ({"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "Input": '{"Body": 1}'}, "The field 'Body'"),
    ],
)
def test_target_that_no_schedule_can_have_is_refused(owner: Owner, target: dict[str, object], told: str) -> None:
    status, code, message = refusal(owner.create, name="s", expression=FAR, Target={"RoleArn": owner.role, **target})

    assert (status, code) == (400, "ValidationException")
    assert told in message


def test_role_that_scheduler_may_not_assume_is_refused(owner: Owner) -> None:
    others = owner.make_role("others", allowed="*", trusted="lambda.amazonaws.com")
    for role in (others, f"arn:aws:iam::{owner.account}:role/missing"):
        target = {"Arn": NOTE, "RoleArn": role, "Input": json.dumps({"Name": "n", "QueryString": "q"})}
        answer = refusal(owner.create, name="s", expression=FAR, Target=target)
        assert answer == (400, "ValidationException", _ROLE_MESSAGE)


def test_role_may_trust_scheduler_for_one_group_alone(owner: Owner) -> None:
    owner.scheduler.create_schedule_group(Name="trusted")
    group = f"arn:aws:scheduler:us-east-1:{owner.account}:schedule-group/trusted"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "scheduler.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceArn": group, "aws:SourceAccount": owner.account}},
    }
    owner.client("iam").update_assume_role_policy(
        RoleName="fires", PolicyDocument=json.dumps({"Statement": [statement]})
    )

    owner.create("s", FAR, GroupName="trusted")
    assert refusal(owner.create, name="s", expression=FAR)[2] == _ROLE_MESSAGE
