"""Reports of invocations, as Lambda writes them as text and as JSON."""

from __future__ import annotations

import json

import pytest

from lambent.insight.reports import Report, parse_report

TEXT = (
    "REPORT RequestId: 7f1c\tDuration: 12.50 ms\tBilled Duration: 113 ms\tMemory Size: 128 MB\t"
    "Max Memory Used: 40 MB\tInit Duration: 99.60 ms\t\n"
)


def test_a_line_of_text_is_read() -> None:
    assert parse_report(TEXT, 5.0) == Report(5.0, 12.5, 40.0)


def test_an_event_is_read_and_managed_instances_report_no_memory() -> None:
    metrics = {"durationMs": 80.25, "billedDurationMs": 81, "maxMemoryUsedMB": 55}
    event = {"time": "2026-11-22T10:00:00Z", "type": "platform.report", "record": {"metrics": metrics}}
    assert parse_report(json.dumps(event), 1.0) == Report(1.0, 80.25, 55.0)
    event["record"] = {"metrics": {"durationMs": 80}}
    assert parse_report(json.dumps(event), 1.0) == Report(1.0, 80.0, None)


@pytest.mark.parametrize(
    "message",
    [
        "START RequestId: 7f1c",
        "REPORT RequestId: 7f1c\tno figures",
        '{"type": "platform.start"}',
        '{"type": "platform.report"}',
        '{"type": "platform.report", "record": {"metrics": {"durationMs": "x"}}}',
        '{"note": "platform.report',
        "[1]",
    ],
)
def test_other_events_are_none(message: str) -> None:
    assert parse_report(message, 1.0) is None
