"""Buses, rules, targets, archives and replays as AWS's clients see them, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory

Client = Any  # Any: boto3 makes its clients at run time
PATTERN = '{"source": ["shop"]}'
QUEUE = "arn:aws:sqs:us-east-1:{}:q"


@pytest.fixture
def mine(aws: ClientFactory) -> Client:
    """A client of EventBridge in an account of the test's own."""
    return aws("events")


def refusal(call: Callable[..., Any], **parameters: object) -> tuple[str, str]:  # Any: a client's method
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def entry(**members: object) -> dict[str, object]:
    return {"Source": "shop", "DetailType": "Order", "Detail": "{}", **members}


def test_default_bus_is_always_there(mine: Client, account: str) -> None:
    arn = f"arn:aws:events:us-east-1:{account}:event-bus/default"

    assert mine.list_event_buses()["EventBuses"] == [{"Name": "default", "Arn": arn}]
    assert mine.describe_event_bus()["Arn"] == arn
    assert refusal(mine.delete_event_bus, Name="default") == (
        "ValidationException",
        "Cannot delete event bus default.",
    )
    assert refusal(mine.create_event_bus, Name="default")[0] == "ResourceAlreadyExistsException"


def test_bus_is_made_changed_and_deleted(mine: Client, account: str) -> None:
    arn = f"arn:aws:events:us-east-1:{account}:event-bus/b"
    made = mine.create_event_bus(Name="b", Description="d", Tags=[{"Key": "k", "Value": "v"}])
    mine.update_event_bus(Name="b", Description="e")
    described = mine.describe_event_bus(Name=arn)
    mine.untag_resource(ResourceARN=arn, TagKeys=["k"])
    mine.tag_resource(ResourceARN=arn, Tags=[{"Key": "l", "Value": "w"}])

    assert made["EventBusArn"] == arn
    assert (described["Name"], described["Description"]) == ("b", "e")
    assert described["LastModifiedTime"] >= described["CreationTime"]
    assert mine.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "l", "Value": "w"}]
    assert [each["Name"] for each in mine.list_event_buses(NamePrefix="b")["EventBuses"]] == ["b"]
    assert refusal(mine.create_event_bus, Name="b") == (
        "ResourceAlreadyExistsException",
        "Event bus b already exists.",
    )
    mine.put_rule(Name="r", EventBusName="b", EventPattern=PATTERN)
    assert refusal(mine.delete_event_bus, Name="b")[0] == "ValidationException"
    mine.delete_rule(Name="r", EventBusName="b")
    mine.delete_event_bus(Name="b")
    mine.delete_event_bus(Name="b")
    assert refusal(mine.describe_event_bus, Name="b") == (
        "ResourceNotFoundException",
        "Event bus b does not exist.",
    )


def test_permissions_are_statements_of_the_policy(mine: Client, account: str) -> None:
    mine.put_permission(Action="events:PutEvents", Principal="222222222222", StatementId="they")
    mine.put_permission(Action="events:PutEvents", Principal="*", StatementId="all")
    policy = json.loads(mine.describe_event_bus()["Policy"])
    mine.remove_permission(StatementId="all")

    assert policy["Statement"][0] == {
        "Sid": "they",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::222222222222:root"},
        "Action": "events:PutEvents",
        "Resource": f"arn:aws:events:us-east-1:{account}:event-bus/default",
    }
    assert policy["Statement"][1]["Principal"] == "*"
    assert refusal(mine.remove_permission, StatementId="all") == (
        "ResourceNotFoundException",
        "Statement with the provided id does not exist.",
    )
    mine.remove_permission(RemoveAllPermissions=True)
    assert "Policy" not in mine.describe_event_bus()


def test_rule_is_put_again_and_keeps_its_targets(mine: Client, account: str) -> None:
    queue = QUEUE.format(account)
    arn = mine.put_rule(Name="r", EventPattern=PATTERN, Description="d")["RuleArn"]
    mine.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": queue}])
    mine.put_rule(Name="r", EventPattern='{"source": ["other"]}', State="DISABLED")

    assert arn == f"arn:aws:events:us-east-1:{account}:rule/r"
    assert (
        mine.describe_rule(Name="r").items()
        >= {
            "Name": "r",
            "Arn": arn,
            "EventPattern": '{"source": ["other"]}',
            "State": "DISABLED",
            "EventBusName": "default",
            "CreatedBy": account,
        }.items()
    )
    assert "Description" not in mine.describe_rule(Name="r")
    assert mine.list_targets_by_rule(Rule="r")["Targets"] == [{"Id": "1", "Arn": queue}]
    assert mine.list_rule_names_by_target(TargetArn=queue)["RuleNames"] == ["r"]
    assert refusal(mine.delete_rule, Name="r") == (
        "ValidationException",
        "Rule can't be deleted since it has targets.",
    )
    assert mine.remove_targets(Rule="r", Ids=["1", "2"])["FailedEntryCount"] == 0
    assert mine.list_rule_names_by_target(TargetArn=queue)["RuleNames"] == []
    mine.delete_rule(Name="r")
    mine.delete_rule(Name="r")
    assert refusal(mine.describe_rule, Name="r") == (
        "ResourceNotFoundException",
        "Rule r does not exist on EventBus default.",
    )


def test_rules_are_listed_in_pages(mine: Client) -> None:
    for name in ("a1", "a2", "a3", "b1"):
        mine.put_rule(Name=name, EventPattern=PATTERN)
    first = mine.list_rules(NamePrefix="a", Limit=2)
    second = mine.list_rules(NamePrefix="a", Limit=2, NextToken=first["NextToken"])

    assert [each["Name"] for each in first["Rules"] + second["Rules"]] == ["a1", "a2", "a3"]
    assert "NextToken" not in second


@pytest.mark.parametrize(
    ("rule", "refused"),
    [
        ({}, ("ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified.")),
        (
            {"ScheduleExpression": "rate(1 minutes)"},
            ("ValidationException", "Parameter ScheduleExpression is not valid."),
        ),
        (
            {"ScheduleExpression": "rate(1 minute)", "EventBusName": "b"},
            ("ValidationException", "ScheduleExpression is supported only on the default event bus."),
        ),
        (
            {"EventPattern": PATTERN, "EventBusName": "gone"},
            ("ResourceNotFoundException", "Event bus gone does not exist."),
        ),
        (
            {"EventPattern": '{"source": "shop"}'},
            (
                "InvalidEventPatternException",
                (
                    'Event pattern is not valid. Reason: "source" must be an object or an array\n'
                    ' at [Source: (String)"{"source": "shop"}"; line: 1, column: 13]'
                ),
            ),
        ),
    ],
)
def test_rules_that_are_refused(mine: Client, rule: dict[str, object], refused: tuple[str, str]) -> None:
    mine.create_event_bus(Name="b")

    assert refusal(mine.put_rule, Name="r", **rule) == refused


FIFO = "arn:aws:sqs:us-east-1:000000000000:q.fifo"
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:m"
PLAIN = "arn:aws:sqs:us-east-1:000000000000:q"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"Arn": "q"}, "Parameter q is not valid. Reason: Provided Arn is not in correct format."),
        ({"Arn": FIFO}, "Parameter(s) SqsParameters must be specified for target: 1."),
        ({"Arn": MACHINE}, f"RoleArn is required for target {MACHINE}."),
        (
            {"Arn": "arn:aws:ecs:us-east-1:000000000000:cluster/c"},
            (
                "Parameter arn:aws:ecs:us-east-1:000000000000:cluster/c is not valid."
                " Reason: Targets of ecs are not simulated."
            ),
        ),
        (
            {"Arn": PLAIN, "Input": "{}", "InputPath": "$.detail"},
            "Only one of Input, InputPath, or InputTransformer must be provided for target 1.",
        ),
        ({"Arn": PLAIN, "Input": "{"}, "JSON syntax error in input for target 1"),
        ({"Arn": PLAIN, "InputPath": "detail"}, "Invalid InputPath for target 1."),
        (
            {"Arn": PLAIN, "InputTransformer": {"InputTemplate": '"<x>"'}},
            "InputTemplate for target 1 contains placeholder which is not in InputPathsMap: x.",
        ),
        (
            {"Arn": PLAIN, "RetryPolicy": {"MaximumRetryAttempts": 186}},
            (
                "1 validation error detected: Value '186' at 'targets.1.member.retryPolicy.maximumRetryAttempts'"
                " failed to satisfy constraint: Member must have value less than or equal to 185"
            ),
        ),
    ],
)
def test_targets_that_are_refused(mine: Client, target: dict[str, object], message: str) -> None:
    mine.put_rule(Name="r", EventPattern=PATTERN)

    assert refusal(mine.put_targets, Rule="r", Targets=[{"Id": "1", **target}]) == ("ValidationException", message)


def test_rule_has_five_targets_at_most(mine: Client, account: str) -> None:
    mine.put_rule(Name="r", EventPattern=PATTERN)
    targets = [{"Id": str(number), "Arn": QUEUE.format(account)} for number in range(6)]

    assert refusal(mine.put_targets, Rule="r", Targets=targets) == (
        "LimitExceededException",
        "The requested resource exceeds the maximum number allowed.",
    )
    mine.put_targets(Rule="r", Targets=targets[:5])
    mine.put_targets(Rule="r", Targets=targets[:2])
    assert len(mine.list_targets_by_rule(Rule="r")["Targets"]) == 5


def test_each_entry_is_refused_by_itself(mine: Client) -> None:
    answer = mine.put_events(
        Entries=[
            entry(),
            {"DetailType": "Order", "Detail": "{}"},
            {"Source": "shop", "Detail": "{}"},
            {"Source": "shop", "DetailType": "Order"},
            entry(Detail="[1]"),
            entry(Detail="{"),
            entry(Source="aws.s3"),
            entry(EventBusName="gone"),
        ]
    )

    assert answer["FailedEntryCount"] == 6
    assert [each.get("ErrorMessage") for each in answer["Entries"]] == [
        None,
        "Parameter Source is not valid. Reason: Source is a required argument.",
        "Parameter DetailType is not valid. Reason: DetailType is a required argument.",
        "Parameter Detail is not valid. Reason: Detail is a required argument.",
        "Detail is malformed.",
        "Detail is malformed.",
        "Not authorized for the source.",
        None,
    ]
    assert [each.get("ErrorCode") for each in answer["Entries"]][4:7] == [
        "MalformedDetail",
        "MalformedDetail",
        "NotAuthorizedForSource",
    ]
    assert len({each["EventId"] for each in answer["Entries"] if "EventId" in each}) == 2


def test_request_has_a_megabyte_and_ten_entries_at_most(mine: Client) -> None:
    large = entry(Detail=json.dumps({"text": "x" * 600_000}))
    mine.put_events(Entries=[large])

    assert refusal(mine.put_events, Entries=[large, large]) == (
        "ValidationException",
        "Total size of the entries in the request is over the limit.",
    )
    assert refusal(mine.put_events, Entries=[entry()] * 11)[0] == "ValidationException"


def test_what_there_is_not_here_is_refused(mine: Client) -> None:
    assert refusal(
        mine.put_partner_events, Entries=[{"Source": "aws.partner/a/b", "DetailType": "b", "Detail": "{}"}]
    ) == (
        "OperationDisabledException",
        "Partner event sources are not simulated.",
    )
    assert refusal(mine.list_endpoints)[0] == "UnknownOperationException"


def test_pattern_is_tried_on_an_event(mine: Client) -> None:
    event = {"id": "1", "account": "1", "source": "shop", "time": "t", "region": "r", "detail-type": "Order"}

    def fits(pattern: object, **more: object) -> bool:
        return bool(
            mine.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps({**event, **more}))["Result"]
        )

    assert fits({"detail": {"n": [{"numeric": [">", 1]}]}}, detail={"n": 2})
    assert not fits({"source": ["other"]})
    assert refusal(mine.test_event_pattern, EventPattern=PATTERN, Event='"text"') == (
        "ValidationException",
        "Parameter Event is not valid.",
    )
    assert refusal(mine.test_event_pattern, EventPattern='{"a": []}', Event="{}")[0] == "InvalidEventPatternException"


def test_archives_and_replays_that_are_refused(mine: Client, account: str) -> None:
    prefix = f"arn:aws:events:us-east-1:{account}"
    bus, archive = f"{prefix}:event-bus/default", f"{prefix}:archive/a"
    mine.create_event_bus(Name="b")
    times = {"EventStartTime": 1, "EventEndTime": 2}

    def start(**more: object) -> tuple[str, str]:
        asked = {"EventSourceArn": archive, "Destination": {"Arn": bus}, **times, **more}
        return refusal(mine.start_replay, ReplayName="p", **asked)

    assert refusal(mine.create_archive, ArchiveName="a", EventSourceArn=f"{prefix}:event-bus/gone") == (
        "ResourceNotFoundException",
        "Event bus gone does not exist.",
    )
    assert start() == (
        "ValidationException",
        "Parameter EventSourceArn is not valid. Reason: Archive a does not exist.",
    )
    made = mine.create_archive(ArchiveName="a", EventSourceArn=bus)
    assert (made["ArchiveArn"], made["State"]) == (archive, "ENABLED")
    assert refusal(mine.create_archive, ArchiveName="a", EventSourceArn=bus) == (
        "ResourceAlreadyExistsException",
        "Archive a already exists.",
    )
    assert start(Destination={"Arn": f"{prefix}:event-bus/b"}) == (
        "ValidationException",
        "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.",
    )
    assert start(EventEndTime=1) == (
        "ValidationException",
        "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.",
    )
    assert refusal(mine.describe_replay, ReplayName="p") == ("ResourceNotFoundException", "Replay p does not exist.")
    (listed,) = mine.list_archives(EventSourceArn=bus)["Archives"]
    assert (listed["ArchiveName"], listed["EventCount"], listed["RetentionDays"]) == ("a", 0, 0)
    mine.delete_archive(ArchiveName="a")
    assert refusal(mine.describe_archive, ArchiveName="a") == ("ResourceNotFoundException", "Archive a does not exist.")


def test_connection_shows_no_secrets(mine: Client) -> None:
    auth = {"BasicAuthParameters": {"Username": "u", "Password": "p"}}
    made = mine.create_connection(Name="c", AuthorizationType="BASIC", AuthParameters=auth)
    mine.create_api_destination(
        Name="d", ConnectionArn=made["ConnectionArn"], InvocationEndpoint="https://example.com", HttpMethod="POST"
    )

    shown = mine.describe_connection(Name="c")
    assert shown["AuthParameters"] == {"BasicAuthParameters": {"Username": "u"}}
    assert shown["ConnectionState"] == "AUTHORIZED"
    assert mine.describe_api_destination(Name="d")["InvocationRateLimitPerSecond"] == 300
    assert mine.deauthorize_connection(Name="c")["ConnectionState"] == "DEAUTHORIZED"
