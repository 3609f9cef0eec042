"""What Lambda itself writes to a function's log: START, END, REPORT, INIT_START, RESTORE_START …, as text or JSON.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html and the telemetry schema.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import orjson

from lambent.cloud.services.lambda_.model import exits
from lambent.cloud.services.lambda_.model.lineage import parts_of
from lambent.cloud.services.lambda_.model.runtimes import version_label
from lambent.dataplane import (
    EnvironmentInfo,
    ExtensionStatus,
    InvocationReport,
    InvocationStatus,
    ProcessExit,
    TelemetrySubscribed,
)

_ORDER = {"DEBUG": 0, "INFO": 1, "WARN": 2}
_KNOWN_TYPE: Final = re.compile(r"(Runtime|Function|Sandbox|Extension)\.[A-Z][a-zA-Z]+")


def init_start(environment: EnvironmentInfo, runtime_arn: str, *, json: bool, at: float) -> str:
    """Return the line an environment's log begins with."""
    runtime = version_label(environment.spec.runtime)
    if not json:
        return f"INIT_START Runtime Version: {runtime}\tRuntime Version ARN: {runtime_arn}\n"
    record = {
        "initializationType": environment.initialization_type,
        "phase": "init",
        "runtimeVersion": runtime,
        "runtimeVersionArn": runtime_arn,
        "functionName": environment.spec.function_name,
        "functionVersion": environment.spec.version,
    }
    return _event("platform.initStart", record, at)


@dataclass(frozen=True, slots=True)
class EndedInit:
    """An init phase or a restore that is over: how long it took and, where it failed, of what it died."""

    init_ms: float
    status: InvocationStatus
    error_type: str | None


def known_type(error_type: str) -> str:
    """Return how the platform names an error: types of a runtime's own making are unknown to it.

    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-initerror

    >>> known_type("Runtime.ImportModuleError"), known_type("ValueError"), known_type("Function.x")
    ('Runtime.ImportModuleError', 'Runtime.Unknown', 'Function.Unknown')
    """
    if _KNOWN_TYPE.match(error_type):
        return error_type
    return "Function.Unknown" if error_type.startswith("Function.") else "Runtime.Unknown"


def init_report(environment: EnvironmentInfo, ended: EndedInit, *, json: bool, at: float) -> str:
    """Return the line about an init phase that failed, or that no invocation reports."""
    if not json:
        line = f"INIT_REPORT Init Duration: {ended.init_ms:.2f} ms"
        if ended.error_type is None:
            return line + "\n"
        tail = "" if ended.status is InvocationStatus.TIMEOUT else f"\tError Type: {known_type(ended.error_type)}"
        return f"{line}\tPhase: {environment.init_phase}\tStatus: {ended.status}{tail}\n"
    record: dict[str, object] = {
        "initializationType": environment.initialization_type,
        "phase": environment.init_phase,
        "status": ended.status,
    }
    if ended.error_type is not None:
        record["errorType"] = known_type(ended.error_type)
    record["metrics"] = {"durationMs": round(ended.init_ms, 3)}
    return _event("platform.initReport", record, at)


def restore_start(environment: EnvironmentInfo, runtime_arn: str, *, json: bool, at: float) -> str:
    """Return the line that the log of an environment restored from a snapshot begins with."""
    runtime = version_label(environment.spec.runtime)
    if not json:
        return f"RESTORE_START Runtime Version: {runtime}\tRuntime Version ARN: {runtime_arn}\n"
    record = {
        "runtimeVersion": runtime,
        "runtimeVersionArn": runtime_arn,
        "functionName": environment.spec.function_name,
        "functionVersion": environment.spec.version,
    }
    return _event("platform.restoreStart", record, at)


def restore_report(ended: EndedInit, *, json: bool, at: float) -> str:
    """Return the line about a restore that is over."""
    if not json:
        line = f"RESTORE_REPORT Restore Duration: {ended.init_ms:.2f} ms"
        if ended.error_type is None:
            return line + "\n"
        tail = "" if ended.status is InvocationStatus.TIMEOUT else f"\tError Type: {ended.error_type}"
        return f"{line}\tStatus: {ended.status}{tail}\n"
    return _event(
        "platform.restoreReport", {**_restored(ended), "metrics": {"durationMs": round(ended.init_ms, 3)}}, at
    )


def restore_runtime_done(ended: EndedInit, at: float) -> str:
    """Return the platform.restoreRuntimeDone record."""
    return _event("platform.restoreRuntimeDone", _restored(ended), at)


def _restored(ended: EndedInit) -> dict[str, object]:
    record: dict[str, object] = {"status": ended.status}
    if ended.error_type is not None:
        record["errorType"] = ended.error_type
    return record


def extension(status: ExtensionStatus, *, json: bool, at: float) -> str:
    """Return the line about how far an extension came in init."""
    if not json:
        tail = "" if status.error_type is None else f"\tError Type: {status.error_type}"
        return f"EXTENSION\tName: {status.name}\tState: {status.state}\tEvents: [{', '.join(status.events)}]{tail}\n"
    record: dict[str, object] = {"name": status.name, "state": status.state, "events": list(status.events)}
    if status.error_type is not None:
        record["errorType"] = status.error_type
    return _event("platform.extension", record, at)


def subscription(subscribed: TelemetrySubscribed, *, json: bool, at: float) -> str:
    """Return the line about an extension that subscribed to telemetry."""
    if not json:
        types = ", ".join(each.capitalize() for each in subscribed.types)
        return f"{subscribed.api.upper()}\tName: {subscribed.name}\tState: {subscribed.state}\tTypes: [{types}]\n"
    record = {"name": subscribed.name, "state": subscribed.state, "types": list(subscribed.types)}
    return _event(f"platform.{subscribed.api.lower()}Subscription", record, at)


@dataclass(frozen=True, slots=True)
class Tracing:
    """The trace that an invocation belongs to, where it is sampled; without a segment where tracing is passed through.

    https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html#telemetry-schema-tracecontext
    """

    header: str
    root: str
    segment_id: str | None

    def shown(self) -> dict[str, str]:
        """Return the `tracing` object of a record."""
        segment = {} if self.segment_id is None else {"spanId": self.segment_id}
        return {**segment, "type": "X-Amzn-Trace-Id", "value": self.header}


def tracing_of(header: str | None, *, is_active: bool) -> Tracing | None:
    """Return what the log tells of a trace; nothing of one that is not sampled.

    >>> tracing_of("Root=1-5759e988-bd86;Parent=53995c3f42cd8ad8;Sampled=1", is_active=True).segment_id
    '53995c3f42cd8ad8'
    """
    if header is None or "Sampled=1" not in header:
        return None
    parts = parts_of(header)
    return Tracing(header, parts.get("root", ""), parts.get("parent") if is_active else None)


def start(request_id: str, version: str, tracing: Tracing | None, *, json: bool, at: float) -> str:
    """Return the line an invocation begins with."""
    if not json:
        return f"START RequestId: {request_id} Version: {version}\n"
    record: dict[str, object] = {"requestId": request_id, "version": version}
    return _event("platform.start", _traced(record, tracing), at)


def timed_out(request_id: str, timeout_s: int, at: float) -> str:
    """Return the line about a task that ran out of time (text format only)."""
    return f"{_time(at)} {request_id} Task timed out after {timeout_s:.2f} seconds\n\n"


def crashed(request_id: str, process_exit: ProcessExit) -> str:
    """Return the line about a runtime that ended before it answered (text format only)."""
    error_type, message = exits.named(process_exit)
    return faulted(request_id, error_type, message)


def faulted(request_id: str, error_type: str, message: str) -> str:
    """Return the line about what ended an invocation before its time (text format only)."""
    return f"RequestId: {request_id} Error: {message}\n{error_type}\n"


def end(request_id: str) -> str:
    """Return the line an invocation ends with (text format only)."""
    return f"END RequestId: {request_id}\n"


def report_text(report: InvocationReport, tracing: Tracing | None = None) -> str:
    """Return the REPORT line, and in the same event the XRAY line of an invocation with a segment."""
    if tracing is not None and tracing.segment_id is not None:
        xray = f"XRAY TraceId: {tracing.root}\tSegmentId: {tracing.segment_id}\tSampled: true\t\n"
        return report_text(report) + xray
    line = (
        f"REPORT RequestId: {report.request_id}\tDuration: {report.duration_ms:.2f} ms\t"
        f"Billed Duration: {report.billed_ms} ms\tMemory Size: {report.memory_mb} MB\t"
        f"Max Memory Used: {report.max_memory_mb} MB\t"
    )
    if report.init_ms is not None:
        line += f"Init Duration: {report.init_ms:.2f} ms\t"
    if report.restore_ms is not None:
        line += (
            f"Restore Duration: {report.restore_ms:.2f} ms\tBilled Restore Duration: {report.billed_restore_ms} ms\t"
        )
    if report.status is InvocationStatus.TIMEOUT:
        return f"{line}Status: timeout\n"
    # An exception the handler raised leaves no status here: Lambda's text log names only what ended the environment.
    # The errors of managed runtimes and of extensions carry these prefixes, which no exception's class name can.
    if report.status is InvocationStatus.ERROR and (report.error_type or "").startswith(("Runtime.", "Extension.")):
        return f"{line}Status: error\tError Type: {report.error_type}\n"
    return f"{line}\n"


def report_json(report: InvocationReport, tracing: Tracing | None = None, *, is_managed: bool = False) -> str:
    """Return the platform.report record; on Managed Instances a request has neither a bill nor memory of its own."""
    metrics: dict[str, float] = {"durationMs": round(report.duration_ms, 3)}
    if not is_managed:
        metrics["billedDurationMs"] = report.billed_ms
        metrics["memorySizeMB"] = report.memory_mb
        metrics["maxMemoryUsedMB"] = report.max_memory_mb
    if report.init_ms is not None:
        metrics["initDurationMs"] = round(report.init_ms, 3)
    if report.restore_ms is not None:
        metrics["restoreDurationMs"] = round(report.restore_ms, 3)
    record: dict[str, object] = {"requestId": report.request_id, "metrics": metrics, "status": report.status}
    if report.error_type is not None:
        record["errorType"] = report.error_type
    was_answered = report.exit is None and report.status not in {InvocationStatus.TIMEOUT, InvocationStatus.FAILURE}
    if is_managed and was_answered:
        record["spans"] = _spans(report)
    return _event("platform.report", _traced(record, tracing), report.ended_at)


def _spans(report: InvocationReport) -> list[dict[str, object]]:
    """Return how long an answer was waited for, and how long it took to be sent.

    https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html#Span
    """
    latency_ms = report.duration_ms - report.response_ms
    answered_at = report.started_at + latency_ms / 1000
    return [
        {"name": "responseLatency", "start": _time(report.started_at), "durationMs": round(latency_ms, 3)},
        {"name": "responseDuration", "start": _time(answered_at), "durationMs": round(report.response_ms, 3)},
    ]


def runtime_done(report: InvocationReport, tracing: Tracing | None = None) -> str:
    """Return the platform.runtimeDone record."""
    record: dict[str, object] = {
        "requestId": report.request_id,
        "status": report.status,
        "metrics": {"durationMs": round(report.duration_ms - (report.extensions_ms or 0.0), 3)},
    }
    if report.error_type is not None:
        record["errorType"] = report.error_type
    done_at = report.ended_at - (report.extensions_ms or 0.0) / 1000
    return _event("platform.runtimeDone", _traced(record, tracing), done_at)


def is_logged(level: str, threshold: str | None) -> bool:
    """Whether a system record of this level passes the function's SystemLogLevel; None means INFO."""
    return _ORDER[level] >= _ORDER[threshold or "INFO"]


def _traced(record: dict[str, object], tracing: Tracing | None) -> dict[str, object]:
    return record if tracing is None else {**record, "tracing": tracing.shown()}


def _event(kind: str, record: Mapping[str, object], at: float) -> str:
    return orjson.dumps({"time": _time(at), "type": kind, "record": record}).decode() + "\n"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(at * 1000) % 1000:03d}Z"
