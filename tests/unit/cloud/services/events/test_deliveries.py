"""Events that targets do not take, rules that fall due, and replays, through restarts; a day in no time."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from lambent.base.clock import ManualClock
from lambent.cloud.errors import ServiceError
from lambent.cloud.services.events import archive_repository, repository
from lambent.cloud.services.events.retries import Exhausted, RetryPolicy, code_of, next_step
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.sqlite_store import memory_store, store_in
from lambent.cloud.store.unit_of_work import Transaction
from tests.unit.cloud.services.events.harness import FUNCTION, LETTERS, Alone, Others, alone, closing

DAY_S = 86_400
THROTTLE = ServiceError("TooManyRequestsException", "Rate exceeded", status=429)


@pytest.fixture
async def here() -> AsyncIterator[Alone]:
    clock = ManualClock()
    async with closing(memory_store(clock)) as store, alone(store, clock, Others(clock)) as running:
        yield running


def story(policy: RetryPolicy, chance: float) -> tuple[int, float, Exhausted]:
    """Return how many retries there were, how old the event was at the end, and which limit ended it."""
    now, retries = 0.0, 0
    while not isinstance(step := next_step(policy, retries, 0.0, now, chance), Exhausted):
        assert step > now
        now, retries = step, retries + 1
    return retries, now, step


def test_default_policy_tries_for_nearly_a_day() -> None:
    retries, age_s, end = story(RetryPolicy(), 0.5)

    assert (retries, end) == (185, Exhausted.RETRIES)
    assert 22 * 3600 < age_s < 24 * 3600


def test_event_that_would_be_too_old_is_tried_no_more() -> None:
    retries, age_s, end = story(RetryPolicy(age_s=60), 1.0)

    assert (retries, end) == (5, Exhausted.AGE)
    assert age_s <= 60


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (ServiceError("InternalError", "", status=500), None),
        (THROTTLE, None),
        (ServiceError("ThrottlingException", ""), None),
        (ServiceError("AccessDeniedException", "", status=403), "NO_PERMISSIONS"),
        (ServiceError("AWS.SimpleQueueService.NonExistentQueue", ""), "NO_RESOURCE"),
        (ServiceError("ResourceNotFoundException", "", status=404), "NO_RESOURCE"),
        (ServiceError("InvalidParameterValue", ""), "SDK_CLIENT_ERROR"),
    ],
)
def test_only_what_may_pass_is_tried_again(failure: ServiceError, code: str | None) -> None:
    assert code_of(failure) == code


async def test_throttled_event_is_tried_until_it_is_taken(here: Alone) -> None:
    here.others.refusals = [THROTTLE] * 4
    await here.rule("r")
    await here.put()
    await here.clock.advance(60)

    pauses = [later - earlier for earlier, later in zip(here.others.tried, here.others.tried[1:], strict=False)]
    assert [event["detail"] for event in here.others.events] == [{"n": 0}]
    assert len(pauses) == 4
    assert all(longest / 2 <= pause <= longest for pause, longest in zip(pauses, (1, 2, 4, 8), strict=True))


async def test_event_never_taken_is_a_dead_letter_after_185_retries(here: Alone) -> None:
    here.others.always = THROTTLE
    await here.rule("r", target={"DeadLetterConfig": {"Arn": LETTERS}})
    await here.put()
    await here.clock.advance(DAY_S)

    (letter,) = here.others.letters
    told = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert len(here.others.tried) == 186
    assert json.loads(letter["MessageBody"])["detail"] == {"n": 0}
    assert told == {
        "RULE_ARN": "arn:aws:events:eu-central-1:123456789012:rule/r",
        "TARGET_ARN": FUNCTION,
        "ERROR_CODE": "TooManyRequestsException",
        "ERROR_MESSAGE": "Rate exceeded",
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
        "RETRY_ATTEMPTS": "185",
    }


async def test_event_too_old_is_a_dead_letter_that_says_so(here: Alone) -> None:
    here.others.always = THROTTLE
    policy = {"MaximumEventAgeInSeconds": 60}
    await here.rule("r", target={"DeadLetterConfig": {"Arn": LETTERS}, "RetryPolicy": policy})
    await here.put()
    await here.clock.advance(120)

    (letter,) = here.others.letters
    assert letter["MessageAttributes"]["EXHAUSTED_RETRY_CONDITION"]["StringValue"] == "MaximumEventAgeInSeconds"


async def test_input_that_is_no_json_is_a_dead_letter_at_once(here: Alone) -> None:
    transformer = {"InputPathsMap": {"n": "$.detail"}, "InputTemplate": '{"a": 1<n>}'}
    await here.rule("r", target={"InputTransformer": transformer, "DeadLetterConfig": {"Arn": LETTERS}})
    await here.put()

    (letter,) = here.others.letters
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "INVALID_JSON"


async def test_restart_goes_on_with_what_was_accepted(tmp_path: Path) -> None:
    clock = ManualClock()
    others = Others(clock)
    async with closing(store_in(tmp_path, clock)) as store:
        others.always = THROTTLE
        async with alone(store, clock, others) as first:
            await first.rule("r")
            await first.put(3)
        assert others.events == []
        others.always = None
        async with alone(store, clock, others) as second:
            await clock.advance(DAY_S)
            assert sorted(event["detail"]["n"] for event in others.events) == [0, 1, 2]
            await second.put()
            await clock.advance(1)
            assert len(others.events) == 4


async def test_schedule_missed_while_down_fires_once_and_keeps_its_rhythm(tmp_path: Path) -> None:
    clock = ManualClock()
    others = Others(clock)
    async with closing(store_in(tmp_path, clock)) as store:
        async with alone(store, clock, others) as first:
            await first.rule("r", ScheduleExpression="rate(10 minutes)")
            await clock.advance(605)
        assert [event["time"][11:] for event in others.events] == ["00:10:00Z"]
        await clock.advance(3600)
        async with alone(store, clock, others):
            await clock.advance(1200)

    assert [event["time"][11:] for event in others.events] == ["00:10:00Z", "00:20:00Z", "01:20:00Z", "01:30:00Z"]


async def test_hour_of_minutes_fires_sixty_times(here: Alone) -> None:
    await here.rule("r", ScheduleExpression="rate(1 minute)")
    await here.clock.advance(3600)

    assert [event["time"][14:16] for event in here.others.events] == [f"{minute % 60:02}" for minute in range(1, 61)]


async def test_rules_go_on_firing_after_a_commit_that_failed(here: Alone, monkeypatch: pytest.MonkeyPatch) -> None:
    await here.rule("r", ScheduleExpression="rate(1 minute)")
    schedule, failures = repository.schedule, [OSError("no space left on device")]

    def failing_once(transaction: Transaction, scope: Scope, name: str, due: float | None) -> None:
        if failures:
            raise failures.pop()
        schedule(transaction, scope, name, due)

    monkeypatch.setattr(repository, "schedule", failing_once)
    await here.clock.advance(185)

    assert [event["time"][14:16] for event in here.others.events] == ["01", "02", "03"]


async def test_replay_gives_the_events_of_its_time_once_more(here: Alone) -> None:
    bus = "arn:aws:events:eu-central-1:123456789012:event-bus/default"
    began = here.clock.now()
    archive = (await here.ask("CreateArchive", ArchiveName="a", EventSourceArn=bus))["ArchiveArn"]
    await here.put(5)
    await here.rule("r")
    await here.rule("other")
    moments = {"EventStartTime": began + 1, "EventEndTime": began + 4}
    destination = {"Arn": bus, "FilterArns": ["arn:aws:events:eu-central-1:123456789012:rule/r"]}
    await here.ask("StartReplay", ReplayName="again", EventSourceArn=archive, Destination=destination, **moments)
    await here.clock.advance(1)

    replay = await here.ask("DescribeReplay", ReplayName="again")
    kept = await here.ask("DescribeArchive", ArchiveName="a")
    assert [event["detail"]["n"] for event in here.others.events] == [1, 2, 3]
    assert {event["replay-name"] for event in here.others.events} == {"again"}
    assert replay["State"] == "COMPLETED"
    assert replay["EventLastReplayedTime"] == began + 3
    assert kept["EventCount"] == 5


async def test_replay_goes_on_after_a_commit_that_failed(here: Alone, monkeypatch: pytest.MonkeyPatch) -> None:
    bus = "arn:aws:events:eu-central-1:123456789012:event-bus/default"
    began = here.clock.now()
    archive = (await here.ask("CreateArchive", ArchiveName="a", EventSourceArn=bus))["ArchiveArn"]
    await here.put(3)
    await here.rule("r")
    between, failures = archive_repository.between, [OSError("disk I/O error")]

    def failing_once(*asked: Any) -> Any:  # Any: as the function it stands for takes and gives them
        if failures:
            raise failures.pop()
        return between(*asked)

    monkeypatch.setattr(archive_repository, "between", failing_once)
    moments = {"EventStartTime": began, "EventEndTime": began + 3}
    await here.ask("StartReplay", ReplayName="again", EventSourceArn=archive, Destination={"Arn": bus}, **moments)
    await here.clock.advance(10)

    assert [event["detail"]["n"] for event in here.others.events] == [0, 1, 2]
    assert (await here.ask("DescribeReplay", ReplayName="again"))["State"] == "COMPLETED"


async def test_archive_keeps_events_of_its_pattern_for_its_days(here: Alone) -> None:
    bus = "arn:aws:events:eu-central-1:123456789012:event-bus/default"
    pattern = '{"detail": {"n": [{"numeric": [">=", 3]}]}}'
    await here.ask("CreateArchive", ArchiveName="a", EventSourceArn=bus, EventPattern=pattern, RetentionDays=1)
    await here.put(5)
    kept = await here.ask("DescribeArchive", ArchiveName="a")
    await here.clock.advance(DAY_S)
    await here.service.sweep()
    later = await here.ask("DescribeArchive", ArchiveName="a")

    assert (kept["EventCount"], later["EventCount"], later["SizeBytes"]) == (2, 0, 0)
    assert kept["SizeBytes"] > 200
