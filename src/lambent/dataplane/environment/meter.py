"""What an environment's invocations took: time by the real clock, and memory by its sandbox."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from lambent.base.clock import Clock
from lambent.dataplane import metering
from lambent.dataplane.environment.assignment import Assignment
from lambent.dataplane.sandbox.handle import Sandbox
from lambent.dataplane.types import FunctionSpec, InvocationReport, InvocationStatus

TOO_LARGE: Final = "Function.ResponseSizeTooLarge"


class Meter:
    """Makes the report of each invocation of one environment."""

    __slots__ = ("_peak_mb", "_peak_read", "_real_time", "_spec")

    def __init__(self, spec: FunctionSpec, real_time: Clock) -> None:
        self._spec = spec
        self._real_time = real_time
        self._peak_mb = 0
        self._peak_read = 0.0

    def begin(self, sandbox: Sandbox) -> None:
        """Count the memory of this sandbox from now on."""
        self._peak_mb, self._peak_read = sandbox.peak_memory_mb(), self._real_time.monotonic()

    def report(
        self,
        assignment: Assignment,
        sandbox: Sandbox | None,
        status: InvocationStatus,
        error_type: str | None = None,
    ) -> InvocationReport:
        """Return the report of an invocation that ends now."""
        now = self._real_time.monotonic()
        duration_ms = (now - assignment.started) * 1000
        if status is InvocationStatus.TIMEOUT:
            # AWS stops the count where it stopped the function.
            duration_ms = min(duration_ms, self._spec.timeout_s * 1000.0)
        if sandbox is not None and metering.memory_reading_is_due(duration_ms, now - self._peak_read):
            self._peak_mb, self._peak_read = max(self._peak_mb, sandbox.peak_memory_mb()), now
        measured = metering.Measured(
            assignment.invocation.request_id,
            assignment.started_at,
            duration_ms,
            assignment.cold_start,
            self._spec.memory_mb,
            self._peak_mb,
        )
        report = metering.report(measured, status, self._ended_by(error_type, sandbox))
        if assignment.responding_since is not None:
            streamed_ms = round(1000 * (now - assignment.responding_since), 2)
            report = replace(report, response_ms=min(streamed_ms, report.duration_ms))
        if assignment.outcome is None:
            return report
        # The runtime had answered, and the rest was its extensions'.
        return replace(report, extensions_ms=round(report.duration_ms - assignment.outcome.report.duration_ms, 2))

    def _ended_by(self, error_type: str | None, sandbox: Sandbox | None) -> str | None:
        """Return what the report names: where an answer is refused, AWS's client ends, unless it is one of several.

        https://github.com/DataBiosphere/azul/issues/7466 shows such a report.
        """
        is_alone = sandbox is None or sandbox.workers is None
        if error_type == TOO_LARGE and is_alone and not self._spec.runtime.startswith("provided"):
            return "Runtime.ExitError"
        return error_type
