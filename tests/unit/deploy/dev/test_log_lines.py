"""What a line of a log tells, in both of Lambda's formats."""

from __future__ import annotations

import pytest

from lambent.deploy.dev.log_lines import LineKind, kind_of


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("START RequestId: 1 Version: $LATEST", LineKind.PLATFORM),
        ("REPORT RequestId: 1\tDuration: 1.00 ms", LineKind.PLATFORM),
        ("INIT_START Runtime Version: python:3.13.v0", LineKind.PLATFORM),
        ('{"time": "…", "type": "platform.report", "record": {}}', LineKind.PLATFORM),
        ("[ERROR] ValueError: no\nTraceback (most recent call last):", LineKind.ERROR),
        ("2026-01-01T00:00:00.000Z\t1\tERROR\tInvoke Error \t{}", LineKind.ERROR),
        ("2026-01-01T00:00:00.000Z 1 Task timed out after 3.00 seconds", LineKind.ERROR),
        ('{"level": "ERROR", "message": "no"}', LineKind.ERROR),
        ('{"log_level": "ERROR", "errorMessage": "no"}', LineKind.ERROR),
        ('{"level": "INFO", "message": "an ERROR is not told here"}', LineKind.OUTPUT),
        ("{not json", LineKind.OUTPUT),
        ("[1]", LineKind.OUTPUT),
        ("STARTED well", LineKind.OUTPUT),
    ],
)
def test_a_line_is_what_it_tells(message: str, kind: LineKind) -> None:
    assert kind_of(message) is kind
