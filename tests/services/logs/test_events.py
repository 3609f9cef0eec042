from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lambent.testing.platform import local_platform
from lambent.testing.pytest_plugin import ClientFactory

DAY_MS = 86_400_000


def make(logs: Any, *streams: str) -> int:  # Any: as boto3
    """Make the group "g" with streams; return its moment of creation."""
    logs.create_log_group(logGroupName="g")
    for stream in streams:
        logs.create_log_stream(logGroupName="g", logStreamName=stream)
    return int(logs.describe_log_groups()["logGroups"][0]["creationTime"])


def put(logs: Any, stream: str, *events: tuple[int, str]) -> Any:  # Any: as boto3
    batch = [{"timestamp": timestamp, "message": message} for timestamp, message in events]
    return logs.put_log_events(logGroupName="g", logStreamName=stream, logEvents=batch)


def messages(answer: Any) -> list[str]:  # Any: as boto3
    return [event["message"] for event in answer["events"]]


def test_tokens_lead_through_a_stream_in_both_directions(aws: ClientFactory) -> None:
    logs = aws("logs")
    now = make(logs, "s")
    put(logs, "s", *((now + place, str(place)) for place in range(5)))

    def get(**parameters: object) -> Any:  # Any: as boto3
        return logs.get_log_events(logGroupName="g", logStreamName="s", limit=2, **parameters)

    first = get(startFromHead=True)
    second = get(startFromHead=True, nextToken=first["nextForwardToken"])
    third = get(startFromHead=True, nextToken=second["nextForwardToken"])
    assert [messages(page) for page in (first, second, third)] == [["0", "1"], ["2", "3"], ["4"]]
    assert messages(get(nextToken=third["nextBackwardToken"])) == ["2", "3"]
    latest = get()
    assert messages(latest) == ["3", "4"]
    assert messages(get(nextToken=latest["nextBackwardToken"])) == ["1", "2"]


def test_the_end_of_a_stream_gives_the_same_token_again_until_more_comes(aws: ClientFactory) -> None:
    logs = aws("logs")
    now = make(logs, "s")
    put(logs, "s", (now, "a"))

    def get(token: str) -> Any:  # Any: as boto3
        return logs.get_log_events(logGroupName="g", logStreamName="s", startFromHead=True, nextToken=token)

    end = logs.get_log_events(logGroupName="g", logStreamName="s", startFromHead=True)["nextForwardToken"]
    assert (messages(get(end)), get(end)["nextForwardToken"]) == ([], end)
    put(logs, "s", (now, "b"), (now + 1, "c"))
    assert messages(get(end)) == ["b", "c"]


def test_times_bound_what_is_read(aws: ClientFactory) -> None:
    logs = aws("logs")
    now = make(logs, "s")
    put(logs, "s", *((now + place, str(place)) for place in range(4)))
    span = {"startTime": now + 1, "endTime": now + 3}
    # GetLogEvents leaves the end out, FilterLogEvents does not.
    assert messages(logs.get_log_events(logGroupName="g", logStreamName="s", **span)) == ["1", "2"]
    assert messages(logs.filter_log_events(logGroupName="g", **span)) == ["1", "2", "3"]


def test_streams_interleave_and_pages_neither_repeat_nor_skip(aws: ClientFactory) -> None:
    logs = aws("logs")
    now = make(logs, "a", "b", "other")
    put(logs, "a", *((now + 2 * place, f"a{place}") for place in range(4)))
    put(logs, "b", *((now + 2 * place + 1, f"b{place}") for place in range(4)))
    put(logs, "other", (now, "x"))
    pager = logs.get_paginator("filter_log_events")

    def read(**parameters: object) -> list[str]:
        pages = pager.paginate(logGroupName="g", PaginationConfig={"PageSize": 3}, **parameters)
        return [message for page in pages for message in messages(page)]

    both = ["a0", "b0", "a1", "b1", "a2", "b2", "a3", "b3"]
    assert read(logStreamNames=["a", "b"]) == both
    assert read(logStreamNames=["a", "b"], startFromHead=False, startTime=now) == both[::-1]
    assert read(logStreamNamePrefix="b") == both[1::2]
    assert read(filterPattern="?a1 ?b2") == ["a1", "b2"]
    found = logs.filter_log_events(logGroupName="g")["events"]
    assert len({event["eventId"] for event in found}) == 9
    assert [event["eventId"] for event in found] == sorted(event["eventId"] for event in found)
    with pytest.raises(logs.exceptions.InvalidParameterException, match="mutually exclusive"):
        read(logStreamNames=["a"], logStreamNamePrefix="b")
    with pytest.raises(logs.exceptions.InvalidParameterException, match=r"Invalid character\(s\) in term 'a-b'"):
        read(filterPattern="a-b")


def test_events_that_are_too_old_or_too_new_are_named_and_the_rest_is_kept(aws: ClientFactory) -> None:
    logs = aws("logs")
    now = make(logs, "s")
    answer = put(logs, "s", (now - 15 * DAY_MS, "old"), (now, "kept"), (now + DAY_MS, "new"))
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2}
    assert messages(logs.filter_log_events(logGroupName="g")) == ["kept"]
    logs.put_retention_policy(logGroupName="g", retentionInDays=1)
    answer = put(logs, "s", (now - 2 * DAY_MS, "expired"), (now, "kept too"))
    assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}


def test_a_batch_must_be_in_order_within_a_day_and_not_too_large(aws: ClientFactory) -> None:
    logs = aws("logs")
    now = make(logs, "s")
    with pytest.raises(logs.exceptions.InvalidParameterException, match="must be in chronological order"):
        put(logs, "s", (now, "a"), (now - 1, "b"))
    with pytest.raises(logs.exceptions.InvalidParameterException, match="cannot span more than 24 hours"):
        put(logs, "s", (now - 2 * DAY_MS, "a"), (now, "b"))
    with pytest.raises(
        logs.exceptions.InvalidParameterException, match="Upload too large: 1048577 bytes exceeds limit of 1048576"
    ):
        put(logs, "s", (now, "a" * (1_048_576 - 26 + 1)))
    put(logs, "s", (now, "a" * (1_048_576 - 26)))
    assert logs.describe_log_groups()["logGroups"][0]["storedBytes"] == 1_048_576


def test_a_large_stream_is_read_whole_through_its_pages(aws: ClientFactory) -> None:
    logs = aws("logs")
    now = make(logs, "s")
    for batch in range(3):
        put(logs, "s", *((now + place, f"{batch}-{place}") for place in range(5000)))
    pages = list(logs.get_paginator("filter_log_events").paginate(logGroupName="g"))
    events = [event for page in pages for event in page["events"]]
    assert len(events) == 15_000
    assert len(pages) > 1
    assert [event["timestamp"] for event in events] == sorted(event["timestamp"] for event in events)


def test_events_expire_and_count_no_longer() -> None:
    with local_platform(virtual_time=True, seed=1) as platform:
        platform.clock.freeze()
        logs = platform.client("logs")
        now = make(logs, "s")
        logs.put_retention_policy(logGroupName="g", retentionInDays=1)
        put(logs, "s", (now, "first"))
        platform.clock.advance(timedelta(hours=12))
        put(logs, "s", (now + DAY_MS // 2, "second"))
        assert messages(logs.filter_log_events(logGroupName="g")) == ["first", "second"]
        platform.clock.advance(timedelta(hours=13))
        assert messages(logs.filter_log_events(logGroupName="g")) == ["second"]
        assert logs.describe_log_groups()["logGroups"][0]["storedBytes"] == len("second") + 26


def test_events_survive_a_restart(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path) as platform:
        logs = platform.client("logs")
        put(logs, "s", (make(logs, "s"), "kept"))
    with local_platform(data_dir=tmp_path) as platform:
        assert messages(platform.client("logs").filter_log_events(logGroupName="g")) == ["kept"]
