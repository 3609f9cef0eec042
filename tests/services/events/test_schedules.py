"""Rules with a schedule, on a clock that the tests move."""

from __future__ import annotations

import json
from typing import Any

from lambent.testing.platform import LocalPlatform
from tests.services.events.conftest import Keeper, rule_to

Client = Any  # Any: boto3 makes its clients at run time


def test_rate_fires_each_time_until_the_rule_is_disabled(
    events: Client, name: str, keeper: Keeper, world: LocalPlatform
) -> None:
    world.clock.freeze()  # what passes by itself would count
    try:
        rule = rule_to(events, name, {"Arn": keeper.arn}, ScheduleExpression="rate(1 minute)")
        world.clock.advance(58)
        early = keeper.kept()
        world.clock.advance(121)
        fired = [json.loads(text) for text in keeper.kept()]
        events.disable_rule(Name=name)
        world.clock.advance(300)
        while_disabled = keeper.kept()
        events.enable_rule(Name=name)
        world.clock.advance(60)
        events.disable_rule(Name=name)
        last = keeper.kept()
    finally:
        world.clock.flow()

    assert early == []
    assert len(while_disabled) == len(fired) == 3
    assert len({each["time"] for each in fired}) == len({each["id"] for each in fired}) == 3
    event = fired[0]
    assert (event["detail-type"], event["source"], event["resources"]) == ("Scheduled Event", "aws.events", [rule])
    assert event["detail"] == {}
    assert len(last) == 4


def test_cron_fires_at_its_minute(events: Client, name: str, keeper: Keeper, world: LocalPlatform) -> None:
    rule_to(events, name, {"Arn": keeper.arn}, ScheduleExpression="cron(30 4 * * ? *)")
    world.clock.advance(86_400)
    events.disable_rule(Name=name)

    assert [json.loads(text)["time"][10:] for text in keeper.kept()] == ["T04:30:00Z"]
