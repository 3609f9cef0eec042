"""Events on their way: to targets of every kind, changed as their rule says, tried again, and ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform
from tests.services.events.conftest import Keeper, bodies, put, rule_to, taken
from tests.waiting import eventually

Client = Any  # Any: boto3 makes its clients at run time
Shape = dict[str, Any]  # Any: members of a target
ACCOUNT = "000000000000"


def test_queue_gets_the_event_as_it_is(
    events: Client, sqs: Client, name: str, queue: Callable[..., str], world: LocalPlatform
) -> None:
    arn = queue()
    rule_to(events, name, {"Arn": arn})
    event_id = put(events, name, Resources=["arn:a"], Time=1_700_000_000)
    put(events, "another")
    world.clock.advance(1)

    assert bodies(sqs, arn) == [
        {
            "version": "0",
            "id": event_id,
            "detail-type": "Order",
            "source": name,
            "account": ACCOUNT,
            "time": "2023-11-14T22:13:20Z",
            "region": "us-east-1",
            "resources": ["arn:a"],
            "detail": {"n": 1},
        }
    ]


def test_function_is_invoked_once_its_policy_lets_the_rule_in(
    events: Client, sqs: Client, name: str, queue: Callable[..., str], world: LocalPlatform
) -> None:
    code = zip_of({"handler.py": "def handler(event, context):\n    print('got', event['detail']['n'])\n"})
    function = world.create_function(name, code, Handler="handler.handler")["FunctionArn"]
    letters = queue()
    rule = rule_to(events, name, {"Arn": function, "DeadLetterConfig": {"Arn": letters}})
    put(events, name, Detail='{"n": 41}')
    world.clock.advance(1)
    (letter,) = taken(sqs, letters)
    world.client("lambda").add_permission(
        FunctionName=name,
        StatementId="events",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule,
    )
    put(events, name, Detail='{"n": 42}')

    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert letter["MessageAttributes"]["RETRY_ATTEMPTS"]["StringValue"] == "0"

    def lines() -> list[str]:
        world.clock.advance(1)
        try:
            found = world.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern="got")
        except world.client("logs").exceptions.ResourceNotFoundException:
            return []
        return [each["message"].strip() for each in found["events"]]

    assert eventually(lines) == ["got 42"]


DETAIL = {"n": 7, "text": 'say "hi"', "list": [1, {"a": "b"}], "object": {"k": "v"}, "is": True}


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ({"Input": '{"fixed":  1}'}, '{"fixed":  1}'),
        ({"InputPath": "$.detail.object"}, '{"k":"v"}'),
        ({"InputPath": "$.detail.list[1]['a']"}, '"b"'),
        ({"InputPath": "$.detail.nowhere"}, "null"),
        ({"InputTransformer": {"InputTemplate": '"<t> of <n> <o> <gone>!"'}}, '"say \\"hi\\" of 7 {k:v} !"'),
        ({"InputTransformer": {"InputTemplate": '{"t": <t>, "q": "<t>!", "n": <n>, "l": <l>, "g": <gone>, "b": <b>}'}},
         '{"t":"say \\"hi\\"","q":"say \\"hi\\"!","n":7,"l":[1,{"a":"b"}],"g":"","b":true}'),
        ({"InputTransformer": {"InputTemplate": '{"r": "<aws.events.rule-name>", "e": <aws.events.event.json>}'}},
         None),
    ],
)  # fmt: skip
def test_target_gets_what_its_input_says(
    events: Client, name: str, keeper: Keeper, shape: Shape, expected: str | None
) -> None:
    if "InputTransformer" in shape:
        paths = {"t": "text", "n": "n", "l": "list", "o": "object", "b": "is", "gone": "nowhere"}
        shape["InputTransformer"]["InputPathsMap"] = {key: f"$.detail.{path}" for key, path in paths.items()}
    rule_to(events, name, {"Arn": keeper.arn, **shape})
    event_id = put(events, name, Detail=json.dumps(DETAIL))

    (text,) = keeper.kept()
    if expected is None:
        told = json.loads(text)
        assert (told["r"], told["e"]["id"], told["e"]["detail"]) == (name, event_id, DETAIL)
    else:
        assert text == expected


def test_missing_queue_ends_an_event_at_once(
    events: Client, sqs: Client, name: str, queue: Callable[..., str], world: LocalPlatform
) -> None:
    letters = queue()
    gone = f"arn:aws:sqs:us-east-1:{ACCOUNT}:nowhere"
    rule = rule_to(events, name, {"Arn": gone, "DeadLetterConfig": {"Arn": letters}})
    event_id = put(events, name)
    world.clock.advance(1)

    (letter,) = taken(sqs, letters)
    told = {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()}
    assert json.loads(letter["Body"])["id"] == event_id
    assert told.pop("ERROR_MESSAGE")
    assert told == {"RULE_ARN": rule, "TARGET_ARN": gone, "ERROR_CODE": "NO_RESOURCE", "RETRY_ATTEMPTS": "0"}


def test_closed_queue_ends_an_event_at_once(
    events: Client, sqs: Client, name: str, queue: Callable[..., str], world: LocalPlatform
) -> None:
    letters, closed = queue(), queue("-closed", is_open=False)
    rule_to(events, name, {"Arn": closed, "DeadLetterConfig": {"Arn": letters}})
    put(events, name)
    world.clock.advance(1)

    (letter,) = taken(sqs, letters)
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"


def test_log_group_gets_events(events: Client, name: str, keeper: Keeper) -> None:
    rule_to(events, name, {"Arn": keeper.arn})
    event_id = put(events, name)

    assert [json.loads(text)["id"] for text in keeper.kept()] == [event_id]


def test_other_buses_get_events_but_no_third_one(
    events: Client, sqs: Client, name: str, queue: Callable[..., str], world: LocalPlatform
) -> None:
    second = events.create_event_bus(Name=f"{name}-2")["EventBusArn"]
    third = events.create_event_bus(Name=f"{name}-3")["EventBusArn"]
    at_second, at_third = queue("-2"), queue("-3")
    rule_to(events, name, {"Arn": second})
    rule_to(
        events, f"{name}q", {"Arn": at_second}, EventBusName=f"{name}-2", EventPattern='{"account": ["000000000000"]}'
    )
    rule_to(events, f"{name}b", {"Arn": third}, EventBusName=f"{name}-2", EventPattern='{"account": ["000000000000"]}')
    rule_to(
        events, f"{name}q", {"Arn": at_third}, EventBusName=f"{name}-3", EventPattern='{"account": ["000000000000"]}'
    )
    event_id = put(events, name)
    world.clock.advance(1)

    assert [each["id"] for each in bodies(sqs, at_second)] == [event_id]
    assert bodies(sqs, at_third) == []


def test_bus_of_another_account_takes_whom_its_policy_lets_in(
    sqs: Client, name: str, queue: Callable[..., str], world: LocalPlatform
) -> None:
    ours, theirs = world.client("events"), world.client("events", account="222222222222")
    arn, bus = queue(), f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/{name}"
    ours.create_event_bus(Name=name)
    rule_to(ours, name, {"Arn": arn}, EventBusName=name)
    entry = {"Source": name, "DetailType": "Order", "Detail": "{}", "EventBusName": bus}
    with pytest.raises(theirs.exceptions.ClientError) as refused:
        theirs.put_events(Entries=[entry])
    ours.put_permission(EventBusName=name, Action="events:PutEvents", Principal="222222222222", StatementId="they")
    theirs.put_events(Entries=[entry])
    world.clock.advance(1)

    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    assert [each["account"] for each in bodies(sqs, arn)] == ["222222222222"]
