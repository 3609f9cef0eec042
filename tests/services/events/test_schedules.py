"""Rules with a schedule, on a clock that the tests move."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lambent.testing.platform import LocalPlatform
from tests.services.events.conftest import bodies, rule_to

Client = Any  # Any: boto3 makes its clients at run time


def test_rate_fires_each_time_until_the_rule_is_disabled(
    events: Client, sqs: Client, name: str, queue: Callable[..., str], world: LocalPlatform
) -> None:
    arn = queue()
    rule = rule_to(events, name, {"Arn": arn}, ScheduleExpression="rate(1 minute)")
    world.clock.advance(59)
    early = bodies(sqs, arn)
    world.clock.advance(122)
    fired = bodies(sqs, arn)
    events.disable_rule(Name=name)
    world.clock.advance(300)
    while_disabled = bodies(sqs, arn)
    events.enable_rule(Name=name)
    world.clock.advance(61)

    assert early == while_disabled == []
    assert len(fired) == 3
    assert len({each["time"] for each in fired}) == len({each["id"] for each in fired}) == 3
    event = fired[0]
    assert (event["detail-type"], event["source"], event["resources"]) == ("Scheduled Event", "aws.events", [rule])
    assert event["detail"] == {}
    assert len(bodies(sqs, arn)) == 1


def test_cron_fires_at_its_minute(
    events: Client, sqs: Client, name: str, queue: Callable[..., str], world: LocalPlatform
) -> None:
    arn = queue()
    rule_to(events, name, {"Arn": arn}, ScheduleExpression="cron(30 4 * * ? *)")
    world.clock.advance(86_400)

    assert [each["time"][10:] for each in bodies(sqs, arn)] == ["T04:30:00Z"]
