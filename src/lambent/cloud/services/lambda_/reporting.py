"""What the data plane observes becomes log lines: in CloudWatch Logs, and in the tail an Invoke may ask for.

Observing only notes facts, a fraction of a microsecond each; formatting and delivery happen in batches behind the
invocations.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from lambent.aws.quotas import LOG_TAIL_BYTES
from lambent.base.clock import Clock
from lambent.base.tasks import OwnedTask, TaskOwner, let_others_run, shielded
from lambent.cloud.services.lambda_.log_delivery import LogBatch, LogDelivery
from lambent.cloud.services.lambda_.managed.activity import Activity
from lambent.cloud.services.lambda_.model import log_lines
from lambent.cloud.services.lambda_.model.runtimes import version_arn
from lambent.cloud.store.scope import Scope
from lambent.dataplane import (
    EnvironmentInfo,
    ExtensionStatus,
    Invocation,
    InvocationReport,
    InvocationStatus,
    OutputLine,
    TelemetrySubscribed,
)

_log = logging.getLogger(__name__)
T_contra = TypeVar("T_contra", contravariant=True)
_INTERVAL_S = 0.1
# Putting notes into words and handing them over takes some 20 µs each, on the loop that invocations share: a helping of
# this size holds it for about a millisecond, and between two of them invocations go on.
_NOTES_AT_ONCE = 48
# So many helpings may wait for the disk: where a commit takes long, lines would else come faster than they go.
_PUTS_AT_ONCE = 8
_STREAMS_AT_ONCE = 4

Lines = Sequence[tuple[int, str]]
"""Log events: epoch milliseconds and message."""
Note = Callable[[], Lines]
"""A fact that was observed, to be put into words later."""


class _Line(Protocol[T_contra]):
    """Puts something that was told into words."""

    def __call__(self, told: T_contra, /, *, json: bool, at: float) -> str: ...


@dataclass(slots=True)
class _Stream:
    environment: EnvironmentInfo
    notes: list[Note] = field(default_factory=list)


class Reporting:
    """The data plane's observer. `start` and `stop` are called by the Lambda service."""

    def __init__(self, delivery: LogDelivery, real_clock: Clock) -> None:
        self._delivery = delivery
        self._now = real_clock.now
        self._streams: dict[str, _Stream] = {}
        self._tails: dict[str, list[Note]] = {}
        self._levels: dict[str, str] = {}
        self.activity = Activity()
        """What environments on Managed Instances served."""
        self._noted = asyncio.Event()
        self._tasks = TaskOwner("lambda reporting")
        self._puts = TaskOwner("log lines")

    def start(self) -> None:
        """Begin to deliver."""
        self._tasks.loop(self._deliver_batches(), name="log delivery")

    async def stop(self) -> None:
        """Deliver what has been noted, and end."""
        await self._tasks.aclose()
        await self._deliver_noted()

    async def flush(self) -> None:
        """Deliver what has been noted so far, at once."""
        await self._deliver_noted()

    def set_system_level(self, version_arn: str, level: str | None) -> None:
        """Tell which system records of a version are logged (JSON format only)."""
        if level is None:
            self._levels.pop(version_arn, None)
        else:
            self._levels[version_arn] = level

    def watch(self, request_id: str) -> None:
        """Keep what an invocation logs, for `tail`."""
        self._tails[request_id] = []

    def tail(self, request_id: str) -> str:
        """Return the last 4 KB an invocation logged, in base64, and stop keeping it."""
        notes = self._tails.pop(request_id, [])
        text = "".join(message for note in notes for _, message in note())
        return base64.b64encode(text.encode()[-LOG_TAIL_BYTES:]).decode()

    # What the data plane tells: each returns at once.

    def init_started(self, environment: EnvironmentInfo, at: float) -> None:
        """Note the beginning of an init phase."""
        self._note(environment, None, lambda: self._init_start(environment, at))

    def init_ended(
        self, environment: EnvironmentInfo, init_ms: float, status: InvocationStatus, error_type: str | None
    ) -> None:
        """Note an init phase that failed, or that no invocation reports."""
        ended, at = log_lines.EndedInit(init_ms, status, error_type), self._now()
        self._note(environment, None, lambda: self._init_report(environment, ended, at))

    def restore_started(self, environment: EnvironmentInfo, at: float) -> None:
        """Note the beginning of a restore."""
        self._note(environment, None, lambda: self._restore_start(environment, at))

    def restore_ended(
        self, environment: EnvironmentInfo, restore_ms: float, status: InvocationStatus, error_type: str | None
    ) -> None:
        """Note the end of a restore."""
        ended, at = log_lines.EndedInit(restore_ms, status, error_type), self._now()
        self._note(environment, None, lambda: self._restore_end(environment, ended, at))

    def extension_initialized(self, environment: EnvironmentInfo, extension: ExtensionStatus) -> None:
        """Note how far an extension came in init."""
        at = self._now()
        self._note(environment, None, lambda: self._told(environment, log_lines.extension, extension, at))

    def telemetry_subscribed(self, environment: EnvironmentInfo, subscribed: TelemetrySubscribed) -> None:
        """Note that an extension subscribed to telemetry."""
        at = self._now()
        self._note(environment, None, lambda: self._told(environment, log_lines.subscription, subscribed, at))

    def invocation_started(self, environment: EnvironmentInfo, invocation: Invocation, at: float) -> None:
        """Note the beginning of an invocation."""
        request_id, trace_id = invocation.request_id, invocation.trace_id
        if environment.spec.is_managed:
            self.activity.began(environment.environment_id)
        self._note(environment, request_id, lambda: self._start(environment, request_id, trace_id, at))

    def output(self, environment: EnvironmentInfo, request_id: str | None, line: OutputLine) -> None:
        """Note a line the function wrote."""
        self._note(environment, request_id, lambda: ((line.timestamp_ms, _message(line, environment)),))

    def invocation_ended(self, environment: EnvironmentInfo, invocation: Invocation, report: InvocationReport) -> None:
        """Note the end of an invocation."""
        trace_id = invocation.trace_id
        if environment.spec.is_managed:
            self.activity.ended(environment.environment_id, environment.spec, report)
        self._note(environment, report.request_id, lambda: self._end(environment, trace_id, report))

    def _note(self, environment: EnvironmentInfo, request_id: str | None, note: Note) -> None:
        stream = self._streams.get(environment.environment_id)
        if stream is None:
            stream = self._streams[environment.environment_id] = _Stream(environment)
        stream.notes.append(note)
        if self._tails and request_id is not None and (tail := self._tails.get(request_id)) is not None:
            tail.append(note)
        if not self._noted.is_set():
            self._noted.set()

    def _init_start(self, environment: EnvironmentInfo, at: float) -> Lines:
        if not self._passes(environment, "INFO"):
            return ()
        json = environment.spec.log_format == "JSON"
        return ((_ms(at), log_lines.init_start(environment, _runtime_arn(environment), json=json, at=at)),)

    def _restore_start(self, environment: EnvironmentInfo, at: float) -> Lines:
        if not self._passes(environment, "INFO"):
            return ()
        json = environment.spec.log_format == "JSON"
        return ((_ms(at), log_lines.restore_start(environment, _runtime_arn(environment), json=json, at=at)),)

    def _restore_end(self, environment: EnvironmentInfo, ended: log_lines.EndedInit, at: float) -> Lines:
        json, is_success = environment.spec.log_format == "JSON", ended.error_type is None
        lines = []
        if json and self._passes(environment, "DEBUG" if is_success else "WARN"):
            lines.append(log_lines.restore_runtime_done(ended, at))
        if self._passes(environment, "INFO" if is_success else "WARN"):
            lines.append(log_lines.restore_report(ended, json=json, at=at))
        return [(_ms(at), line) for line in lines]

    def _told(self, environment: EnvironmentInfo, line: _Line[T_contra], told: T_contra, at: float) -> Lines:
        if not self._passes(environment, "INFO"):
            return ()
        return ((_ms(at), line(told, json=environment.spec.log_format == "JSON", at=at)),)

    def _start(self, environment: EnvironmentInfo, request_id: str, trace_id: str | None, at: float) -> Lines:
        if not self._passes(environment, "INFO"):
            return ()
        spec = environment.spec
        tracing = log_lines.tracing_of(trace_id, is_active=spec.tracing_active)
        line = log_lines.start(request_id, spec.version, tracing, json=spec.log_format == "JSON", at=at)
        return ((_ms(at), line),)

    def _init_report(self, environment: EnvironmentInfo, ended: log_lines.EndedInit, at: float) -> Lines:
        # As far as the level goes: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
        if ended.error_type is None and not self._passes(environment, "INFO"):
            return ()
        json = environment.spec.log_format == "JSON"
        return ((_ms(at), log_lines.init_report(environment, ended, json=json, at=at)),)

    def _end(self, environment: EnvironmentInfo, trace_id: str | None, report: InvocationReport) -> Lines:
        at = _ms(report.ended_at)
        tracing = log_lines.tracing_of(trace_id, is_active=environment.spec.tracing_active)
        if environment.spec.log_format == "JSON":
            return self._end_json(environment, report, tracing)
        lines = [log_lines.end(report.request_id), log_lines.report_text(report, tracing)]
        if report.status is InvocationStatus.TIMEOUT:
            timeout_s = environment.spec.timeout_s
            lines.insert(0, log_lines.timed_out(report.request_id, timeout_s, report.ended_at))
        if report.exit is not None:
            lines.insert(0, log_lines.crashed(report.request_id, report.exit))
        if report.fault is not None and report.error_type is not None:
            lines.insert(0, log_lines.faulted(report.request_id, report.error_type, report.fault))
        return [(at, line) for line in lines]

    def _end_json(
        self, environment: EnvironmentInfo, report: InvocationReport, tracing: log_lines.Tracing | None
    ) -> Lines:
        at, is_managed = _ms(report.ended_at), environment.spec.is_managed
        lines: list[tuple[int, str]] = []
        if self._passes(environment, "DEBUG"):
            if report.init_ms is not None:
                # Only the invocation that waited for an init on demand tells how long it took.
                ended = log_lines.EndedInit(report.init_ms, InvocationStatus.SUCCESS, None)
                line = log_lines.init_report(environment, ended, json=True, at=report.started_at)
                lines.append((_ms(report.started_at), line))
            # https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
            if not is_managed:
                lines.append((at, log_lines.runtime_done(report, tracing)))
        if self._passes(environment, "INFO" if report.status is InvocationStatus.SUCCESS else "WARN"):
            lines.append((at, log_lines.report_json(report, tracing, is_managed=is_managed)))
        return lines

    def _passes(self, environment: EnvironmentInfo, level: str) -> bool:
        spec = environment.spec
        return spec.log_format == "Text" or log_lines.is_logged(level, self._levels.get(spec.version_arn))

    async def _deliver_batches(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._noted.wait()
            # Real time: what a function wrote must not wait for a virtual clock to move.
            elapsed = asyncio.Event()
            loop.call_later(_INTERVAL_S, elapsed.set)
            await elapsed.wait()
            try:
                await shielded(self._deliver_noted())  # what has been taken is delivered, also when we are ended
            except Exception:  # noqa: BLE001 - the loop's outermost guard: one bad batch must not end all logging
                _log.exception("a batch of log lines was lost")

    async def _deliver_noted(self) -> None:
        self._noted.clear()
        streams, self._streams = self._streams, {}
        # Several at a time, for the same reason as several batches of one: each waits for the disk.
        waiting = iter(streams.values())
        most = min(len(streams), _STREAMS_AT_ONCE)
        turns = [self._puts.start(self._deliver_each(waiting), name="streams") for _ in range(most)]
        for turn in turns:
            await turn.result()

    async def _deliver_each(self, waiting: Iterator[_Stream]) -> None:
        for stream in waiting:
            try:
                await self._deliver(stream)
            except Exception:  # noqa: BLE001 - what is wrong with one stream's lines is not to cost another its own
                _log.exception("log lines of %s were lost", stream.environment.log_stream)

    async def _deliver(self, stream: _Stream) -> None:
        info = stream.environment
        scope = Scope(info.spec.account, info.spec.region)
        under_way: deque[OwnedTask[None]] = deque()
        most = 1  # the first makes group and stream where they are missing, and has to be there before the others
        for begin in range(0, len(stream.notes), _NOTES_AT_ONCE):
            lines = [line for note in stream.notes[begin : begin + _NOTES_AT_ONCE] for line in note()]
            if not lines:
                continue
            batch = LogBatch(scope, info.spec.log_group, info.log_stream, lines)
            under_way.append(self._puts.start(self._delivery.put(batch), name=info.log_stream))
            await let_others_run()  # a store in memory answers at once
            if len(under_way) == most:
                await under_way.popleft().result()
                most = _PUTS_AT_ONCE
        for put in under_way:
            await put.result()


def _runtime_arn(environment: EnvironmentInfo) -> str:
    spec = environment.spec
    return version_arn(Scope(spec.account, spec.region).partition, spec.region, spec.runtime)


def _message(line: OutputLine, environment: EnvironmentInfo) -> str:
    # In JSON each event is a line of its own, for whoever reads the log's end.
    is_ended = line.is_ended or environment.spec.log_format == "JSON"
    return f"{line.text}\n" if is_ended else line.text


def _ms(at: float) -> int:
    return int(at * 1000)
