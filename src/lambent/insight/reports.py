"""What functions report of each invocation, in their log groups: for targets whose CloudWatch has no metrics of them.

Both forms are Lambda's: a line of text, and the event `platform.report` of JSON logs.
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lambent.aws.clients import AwsCallError, Target, aws_errors

PATTERN = '?"REPORT RequestId" ?"platform.report"'
_TEXT = re.compile(r"REPORT RequestId: (?P<request>\S+)\s")
_FIELDS = {
    "duration_ms": re.compile(r"\tDuration: ([\d.]+) ms"),
    "memory_mb": re.compile(r"\tMax Memory Used: (\d+) MB"),
}
_JSON_FIELDS = {"duration_ms": "durationMs", "memory_mb": "maxMemoryUsedMB"}


@dataclass(frozen=True, slots=True)
class Report:
    """One invocation: when it ended (Unix seconds), how long the handler ran, and the memory its environment had used.

    Memory is None where it is not reported, as on managed instances.
    """

    at_s: float
    duration_ms: float
    memory_mb: float | None


def parse_report(message: str, at_s: float) -> Report | None:
    r"""Return the report that a log event is, or None where it is something else.

    >>> parse_report("REPORT RequestId: a\tDuration: 12.50 ms\tMax Memory Used: 40 MB\t", 5.0)
    Report(at_s=5.0, duration_ms=12.5, memory_mb=40.0)
    """
    if _TEXT.match(message):
        found = {name: field.search(message) for name, field in _FIELDS.items()}
        duration, memory = found["duration_ms"], found["memory_mb"]
        return (
            None if duration is None else Report(at_s, float(duration[1]), None if memory is None else float(memory[1]))
        )
    if not message.startswith("{") or "platform.report" not in message:
        return None
    try:
        event: Any = json.loads(message)  # Any: JSON, each part looked at before it is used
        metrics = event["record"]["metrics"] if event["type"] == "platform.report" else {}
        values = {name: metrics.get(key) for name, key in _JSON_FIELDS.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if not isinstance(values["duration_ms"], int | float):
        return None
    memory_mb = values["memory_mb"]
    return Report(at_s, float(values["duration_ms"]), float(memory_mb) if isinstance(memory_mb, int | float) else None)


def reports(target: Target, function_name: str, begin_s: float, end_s: float) -> list[Report]:
    """Return a function's reports between two moments; none where it has no log group yet."""
    with aws_errors():
        configuration = target.client("lambda").get_function_configuration(FunctionName=function_name)
        group = configuration.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{function_name}")
        pages = target.client("logs").get_paginator("filter_log_events")
    asked = pages.paginate(
        logGroupName=group, startTime=int(begin_s * 1000), endTime=int(end_s * 1000), filterPattern=PATTERN
    )
    try:
        with aws_errors():
            return list(_found(asked))
    except AwsCallError as error:
        if error.code == "ResourceNotFoundException":
            return []
        raise


def _found(pages: Iterable[Mapping[str, Any]]) -> Iterator[Report]:  # Any: botocore's answers
    for page in pages:
        for event in page["events"]:
            report = parse_report(event["message"], event["timestamp"] / 1000)
            if report is not None:
                yield report
