"""What a REPORT line in text format says of how an invocation ended."""

import json
from dataclasses import replace

import pytest

from lambent.cloud.services.lambda_.model import log_lines
from lambent.dataplane import InvocationReport, InvocationStatus

_ID = "6f1c2f0e-3d0b-4a55-9f7a-0d5a3b0a9b11"
_MEASURES = (
    f"REPORT RequestId: {_ID}\tDuration: 3.01 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\t"
)


def _line(status: InvocationStatus, error_type: str | None = None) -> str:
    return log_lines.report_text(
        InvocationReport(
            request_id=_ID,
            status=status,
            started_at=1.0,
            ended_at=1.003,
            duration_ms=3.01,
            init_ms=None,
            billed_ms=4,
            memory_mb=128,
            max_memory_mb=36,
            error_type=error_type,
        )
    )


@pytest.mark.parametrize("error_type", ["ValueError", "Unhandled", None])
def test_an_exception_the_handler_raised_leaves_no_status(error_type: str | None) -> None:
    assert _line(InvocationStatus.ERROR, error_type) == f"{_MEASURES}\n"


@pytest.mark.parametrize("error_type", ["Runtime.ExitError", "Runtime.OutOfMemory", "Runtime.ImportModuleError"])
def test_what_ended_the_environment_is_named(error_type: str) -> None:
    assert _line(InvocationStatus.ERROR, error_type) == f"{_MEASURES}Status: error\tError Type: {error_type}\n"


def test_a_timeout_is_named_without_a_type() -> None:
    assert _line(InvocationStatus.TIMEOUT, "Sandbox.Timedout") == f"{_MEASURES}Status: timeout\n"


def test_report_of_managed_instances_has_spans_and_no_bill() -> None:
    report = InvocationReport(_ID, InvocationStatus.SUCCESS, 1.0, 1.003, 3.01, None, 4, 128, 36, response_ms=1.0)
    record = json.loads(log_lines.report_json(report, is_managed=True))["record"]
    assert record["metrics"] == {"durationMs": 3.01}
    assert record["spans"] == [
        {"name": "responseLatency", "start": "1970-01-01T00:00:01.000Z", "durationMs": 2.01},
        {"name": "responseDuration", "start": "1970-01-01T00:00:01.002Z", "durationMs": 1.0},
    ]
    timed_out = replace(report, status=InvocationStatus.TIMEOUT, error_type="Sandbox.Timedout")
    assert "spans" not in json.loads(log_lines.report_json(timed_out, is_managed=True))["record"]
    assert "spans" not in json.loads(log_lines.report_json(report))["record"]
