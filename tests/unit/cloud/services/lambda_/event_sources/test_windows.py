"""Tumbling windows: where they lie, and what the function is told of them."""

from __future__ import annotations

import json

from lambent.cloud.services.lambda_.event_sources.windows import STATE_BYTES, Window, window_at, within
from tests.unit.cloud.services.lambda_.event_sources.records import record


def test_windows_follow_one_another_without_a_gap() -> None:
    assert [window_at(moment, 60).start for moment in (0.0, 59.9, 60.0, 61.0)] == [0, 0, 60, 60]


def test_a_batch_holds_records_of_one_window() -> None:
    assert within([record(50), record(59), record(60), record(61)], 60) == 2
    assert within([record(60), record(59), record(119)], 60) == 3
    assert within([], 60) == 0


def test_the_function_is_told_of_the_window_and_its_state() -> None:
    window = Window(1_596_128_400, 300, {"1": 282})
    event = json.loads(window.event([record(1)], "shardId-6", "arn", is_final=False))
    assert event == {
        "Records": [{"n": 1}],
        "window": {"start": "2020-07-30T17:00:00Z", "end": "2020-07-30T17:05:00Z"},
        "state": {"1": 282},
        "shardId": "shardId-6",
        "eventSourceARN": "arn",
        "isFinalInvokeForWindow": False,
        "isWindowTerminatedEarly": False,
    }


def test_a_state_beyond_a_megabyte_ends_the_window() -> None:
    assert not Window(0, 60, {"a": "x" * (STATE_BYTES - 8)}).is_too_large
    assert Window(0, 60, {"a": "x" * STATE_BYTES}).is_too_large
