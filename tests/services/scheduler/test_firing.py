"""Schedules fall due on the platform's clock, and call their targets as their roles."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from lambent.testing.builders import zip_of
from tests.services.scheduler.owner import Owner
from tests.waiting import eventually

KEEPER = zip_of({"handler.py": "import json\ndef handler(event, context):\n    print('sent', json.dumps(event))\n"})


def _at(moment: datetime) -> str:
    return f"at({moment:%Y-%m-%dT%H:%M:%S})"


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def test_one_time_schedule_calls_a_universal_target_once_at_its_moment(owner: Owner) -> None:
    moment = owner.now() + timedelta(hours=1)
    owner.create("once", _at(moment))

    owner.platform.clock.advance(3590)
    assert owner.fired("once") == []
    owner.platform.clock.advance(11)
    assert owner.fired("once") == [_text(moment)]
    owner.platform.clock.advance(86400)
    assert len(owner.fired("once")) == 1


def test_function_gets_the_input_with_its_keywords_replaced(owner: Owner) -> None:
    moment = owner.now() + timedelta(hours=1)
    configuration = owner.platform.create_function("keeper", KEEPER, account=owner.account)
    told = {"at": "<aws.scheduler.scheduled-time>", "by": "<aws.scheduler.schedule-arn>"}
    target = {"Arn": configuration["FunctionArn"], "RoleArn": owner.role, "Input": json.dumps(told)}
    arn = owner.create("given", _at(moment), Target=target)
    owner.create("plain", _at(moment + timedelta(seconds=1)), Target={**target, "Input": json.dumps({})})

    owner.platform.clock.advance(3602)

    def sent() -> list[object]:
        logs = owner.client("logs")
        try:
            events = logs.filter_log_events(logGroupName="/aws/lambda/keeper", filterPattern="sent")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        found = [json.loads(each["message"].removeprefix("sent")) for each in events]
        return found if len(found) == 2 else []

    found = eventually(sent)
    assert {"at": _text(moment), "by": arn} in found
    assert {} in found


def test_queue_gets_the_message_and_another_the_dead_letter(owner: Owner) -> None:
    moment = owner.now() + timedelta(hours=1)
    queues = owner.client("sqs")
    urls = {name: queues.create_queue(QueueName=name)["QueueUrl"] for name in ("work", "letters")}
    arns = {name: f"arn:aws:sqs:us-east-1:{owner.account}:{name}" for name in (*urls, "missing")}
    owner.create("sends", _at(moment), Target={"Arn": arns["work"], "RoleArn": owner.role, "Input": "hello"})
    lost = {"Arn": arns["missing"], "RoleArn": owner.role, "DeadLetterConfig": {"Arn": arns["letters"]}}
    schedule = owner.create("loses", _at(moment), Target=lost)

    owner.platform.clock.advance(3601)

    (message,) = eventually(lambda: queues.receive_message(QueueUrl=urls["work"]).get("Messages", []))
    assert message["Body"] == "hello"
    (letter,) = eventually(
        lambda: queues.receive_message(QueueUrl=urls["letters"], MessageAttributeNames=["All"]).get("Messages", [])
    )
    told = {name: each["StringValue"] for name, each in letter["MessageAttributes"].items()}
    assert told["ERROR_CODE"].endswith("NonExistentQueue")
    assert (told["SCHEDULE_ARN"], told["TARGET_ARN"]) == (schedule, arns["missing"])
    notification = json.loads(json.loads(letter["Body"])["MessageBody"])
    assert notification["detail-type"] == "Scheduled Event"
    assert notification["resources"] == [schedule]
