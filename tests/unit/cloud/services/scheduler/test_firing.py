from __future__ import annotations

import time
from pathlib import Path

import pytest

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.scheduler import repository
from lambent.cloud.services.scheduler.model import KeptSchedule, Key
from lambent.cloud.store.sqlite_store import memory_store, store_in
from lambent.cloud.store.unit_of_work import Transaction
from tests.unit.cloud.services.scheduler.harness import LETTERS, SCOPE, Others, alone, at

_DAY = 86400.0


async def test_cron_keeps_its_local_time_and_leaves_out_what_the_clocks_skip() -> None:
    async with alone("2026-03-28T12:00:00", memory_store) as scheduler:
        await scheduler.create("skipped", "cron(30 2 * * ? *)", ScheduleExpressionTimezone="Europe/Berlin")
        await scheduler.advance_to("2026-03-30T12:00:00")

        assert scheduler.sent == ["2026-03-30T00:30:00Z"]


async def test_cron_fires_once_where_the_clocks_pass_its_time_twice() -> None:
    async with alone("2026-10-24T12:00:00", memory_store) as scheduler:
        await scheduler.create("twice", "cron(30 2 * * ? *)", ScheduleExpressionTimezone="Europe/Berlin")
        await scheduler.advance_to("2026-10-26T12:00:00")

        assert scheduler.sent == ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]


async def test_week_of_hours_takes_no_time() -> None:
    async with alone("2026-01-01T00:00:00", memory_store) as scheduler:
        await scheduler.create("hourly", "rate(1 hour)")
        started = time.perf_counter()
        await scheduler.advance_to("2026-01-08T00:00:00")

        assert len(scheduler.sent) == 169  # the first at once, as there is no StartDate
        assert len(set(scheduler.sent)) == 169
        assert time.perf_counter() - started < 5  # some 100 ms on a quiet machine


async def test_rate_begins_at_its_start_date_and_ends_at_its_end_date() -> None:
    async with alone("2026-01-01T00:00:00", memory_store) as scheduler:
        bounds = {"StartDate": at("2026-01-01T06:30:00"), "EndDate": at("2026-01-01T08:30:00")}
        await scheduler.create("bounded", "rate(1 hour)", **bounds)
        await scheduler.advance_to("2026-01-02T00:00:00")

        assert scheduler.sent == ["2026-01-01T06:30:00Z", "2026-01-01T07:30:00Z", "2026-01-01T08:30:00Z"]


async def test_start_date_itself_may_be_an_occurrence_of_a_cron() -> None:
    async with alone("2026-01-01T00:00:00", memory_store) as scheduler:
        await scheduler.create("from", "cron(0 6 * * ? *)", StartDate=at("2026-01-02T06:00:00"))
        await scheduler.advance_to("2026-01-03T07:00:00")

        assert scheduler.sent == ["2026-01-02T06:00:00Z", "2026-01-03T06:00:00Z"]


async def test_disabled_schedule_does_not_fire_until_it_is_enabled() -> None:
    async with alone("2026-01-01T00:30:00", memory_store) as scheduler:
        await scheduler.create("off", "cron(0 * * * ? *)", State="DISABLED")
        await scheduler.advance_to("2026-01-01T03:30:00")
        assert scheduler.sent == []
        known = dict(await scheduler.ask("GetSchedule", Name="off"))
        members = ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
        await scheduler.ask("UpdateSchedule", **{name: known[name] for name in members})
        await scheduler.advance_to("2026-01-01T05:30:00")

        assert scheduler.sent == ["2026-01-01T04:00:00Z", "2026-01-01T05:00:00Z"]


async def test_change_that_is_not_of_its_time_leaves_a_rate_its_rhythm() -> None:
    async with alone("2026-01-01T00:00:00", memory_store) as scheduler:
        await scheduler.create("steady", "rate(1 hour)", StartDate=at("2026-01-01T00:00:00"))
        await scheduler.advance_to("2026-01-01T00:20:00")
        known = dict(await scheduler.ask("GetSchedule", Name="steady"))
        members = ("Name", "ScheduleExpression", "StartDate", "FlexibleTimeWindow", "Target")
        await scheduler.ask("UpdateSchedule", Description="changed", **{name: known[name] for name in members})
        await scheduler.advance_to("2026-01-01T01:10:00")

        assert scheduler.sent == ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"]


async def test_flexible_window_has_it_begin_at_a_moment_within() -> None:
    async with alone("2026-01-01T00:00:00", memory_store) as scheduler:
        window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 60}
        await scheduler.create("loose", "cron(0 6 * * ? *)", FlexibleTimeWindow=window)
        await scheduler.advance_to("2026-01-05T00:00:00")

        late_s = [(moment - at("2026-01-01T06:00:00")) % _DAY for moment in scheduler.others.tried]
        assert len(late_s) == 4
        assert all(0 < each < 3600 for each in late_s)
        assert len(set(late_s)) == 4
        assert scheduler.sent[0] == "2026-01-01T06:00:00Z"


@pytest.mark.parametrize(("after", "is_there"), [("NONE", True), ("DELETE", False)])
async def test_schedule_that_is_complete_is_deleted_if_it_says_so(*, after: str, is_there: bool) -> None:
    async with alone("2026-01-01T00:00:00", memory_store) as scheduler:
        await scheduler.create("once", "at(2026-01-01T01:00:00)", ActionAfterCompletion=after)
        await scheduler.advance_to("2026-01-01T00:59:00")
        await scheduler.ask("GetSchedule", Name="once")
        await scheduler.advance_to("2026-01-01T02:00:00")

        assert scheduler.sent == ["2026-01-01T01:00:00Z"]
        left = [one["Name"] for one in (await scheduler.ask("ListSchedules"))["Schedules"]]
        assert left == (["once"] if is_there else [])


async def test_target_that_is_throttled_is_tried_again_after_growing_pauses() -> None:
    async with alone("2026-01-01T00:00:00", memory_store) as scheduler:
        busy = ServiceError("ThrottlingException", "Rate exceeded")
        scheduler.others.refusals = [busy, ServiceError("InternalError", "sorry", status=500), busy]
        await scheduler.create("again", "at(2026-01-01T01:00:00)", Target={"Input": "<aws.scheduler.attempt-number>"})
        await scheduler.advance_to("2026-01-01T02:00:00")

        assert [moment - at("2026-01-01T01:00:00") for moment in scheduler.others.tried] == [0, 1, 3, 7]
        assert scheduler.sent == ["4"]


_DEAD = {"DeadLetterConfig": {"Arn": LETTERS}}


def _told(others: Others) -> dict[str, str]:
    (letter,) = others.letters
    return {name: each["StringValue"] for name, each in letter["MessageAttributes"].items()}


async def test_what_exhausts_its_attempts_becomes_a_dead_letter() -> None:
    async with alone("2026-01-01T00:00:00", memory_store) as scheduler:
        scheduler.others.refusals = [ServiceError("ServiceUnavailable", "not now", status=503)] * 9
        policy = {"RetryPolicy": {"MaximumRetryAttempts": 2}}
        await scheduler.create("gone", "at(2026-01-01T01:00:00)", Target={**_DEAD, **policy})
        await scheduler.advance_to("2026-01-01T02:00:00")

        told = _told(scheduler.others)
        assert len(told.pop("EXECUTION_ID")) == 16
        assert told == {
            "ERROR_CODE": "ServiceUnavailable",
            "ERROR_MESSAGE": "not now",
            "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
            "IS_PAYLOAD_TRUNCATED": "false",
            "RETRY_ATTEMPTS": "2",
            "SCHEDULED_TIME": "2026-01-01T01:00:00Z",
            "SCHEDULE_ARN": "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/gone",
            "TARGET_ARN": "arn:aws:sqs:eu-central-1:123456789012:work",
        }
        assert '"MessageBody": "2026-01-01T01:00:00Z"' in scheduler.others.letters[0]["MessageBody"]


async def test_what_grows_too_old_becomes_a_dead_letter() -> None:
    async with alone("2026-01-01T00:00:00", memory_store) as scheduler:
        scheduler.others.refusals = [ServiceError("ServiceUnavailable", "not now", status=503)] * 99
        policy = {"RetryPolicy": {"MaximumEventAgeInSeconds": 60}}
        await scheduler.create("old", "at(2026-01-01T01:00:00)", Target={**_DEAD, **policy})
        await scheduler.advance_to("2026-01-01T02:00:00")

        told = _told(scheduler.others)
        assert told["EXHAUSTED_RETRY_CONDITION"] == "MaximumEventAgeInSeconds"
        assert told["RETRY_ATTEMPTS"] == "5"


async def test_what_the_role_may_not_do_becomes_a_dead_letter_at_once() -> None:
    async with alone("2026-01-01T00:00:00", memory_store) as scheduler:
        await scheduler.create("forbidden", "at(2026-01-01T01:00:00)", Target=_DEAD)
        scheduler.others.allowed = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": LETTERS}
        await scheduler.advance_to("2026-01-01T02:00:00")

        told = _told(scheduler.others)
        assert (told["ERROR_CODE"], told["RETRY_ATTEMPTS"]) == ("AccessDeniedException", "0")
        assert "EXHAUSTED_RETRY_CONDITION" not in told
        assert scheduler.others.tried == []


async def test_schedules_go_on_after_a_restart_and_recurring_ones_make_up_for_nothing(tmp_path: Path) -> None:
    async with alone("2026-01-01T00:30:00", lambda clock: store_in(tmp_path, clock)) as scheduler:
        await scheduler.create("every", "cron(0 * * * ? *)")
        await scheduler.create("once", "at(2026-01-01T03:00:00)")
        await scheduler.advance_to("2026-01-01T01:30:00")
        assert scheduler.sent == ["2026-01-01T01:00:00Z"]
    async with alone("2026-01-01T05:30:00", lambda clock: store_in(tmp_path, clock)) as scheduler:
        await scheduler.advance_to("2026-01-01T06:30:00")
        assert scheduler.sent == ["2026-01-01T03:00:00Z", "2026-01-01T06:00:00Z"]


async def test_one_time_schedule_is_not_made_up_for_once_it_is_older_than_its_event_may_be(tmp_path: Path) -> None:
    async with alone("2026-01-01T00:00:00", lambda clock: store_in(tmp_path, clock)) as scheduler:
        policy = {"RetryPolicy": {"MaximumEventAgeInSeconds": 3600}}
        await scheduler.create("once", "at(2026-01-01T03:00:00)", Target=policy, ActionAfterCompletion="DELETE")
    async with alone("2026-01-01T05:30:00", lambda clock: store_in(tmp_path, clock)) as scheduler:
        await scheduler.advance_to("2026-01-01T06:30:00")
        assert scheduler.sent == []
        assert (await scheduler.ask("ListSchedules"))["Schedules"] == []


async def test_ten_thousand_schedules_that_are_not_due_keep_nobody_waiting() -> None:
    definition = {"ScheduleExpression": "cron(0 0 29 2 ? 2028)", "State": "ENABLED"}
    far = at("2028-02-29T00:00:00")
    waiting = [
        KeptSchedule(0, Key(SCOPE, "default", f"far-{number}"), definition, 0.0, 0.0, 0.0, far, revision=1)
        for number in range(10_000)
    ]

    def add(transaction: Transaction) -> None:
        for one in waiting:
            repository.add_schedule(transaction, one)

    async with alone("2026-01-01T00:00:00", memory_store) as scheduler:
        await scheduler.store.write(add)
        started = time.perf_counter()
        await scheduler.create("near", "cron(0 * * * ? *)")
        await scheduler.advance_to("2026-01-02T00:00:00")

        assert len(scheduler.sent) == 25  # the first at once, as the moment is its own
        assert time.perf_counter() - started < 2  # some 30 ms on a quiet machine
