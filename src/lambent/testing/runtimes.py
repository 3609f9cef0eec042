"""Scripted runtimes: environments without processes, which do what a test says.

launcher = ScriptedLauncher(Script(answers=(Respond(b'"first"'), Crash())))
time = ManualTime()
plane = DataPlane(..., world=RealWorld(launcher, time.clock, time))
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from lambent.base.clock import ManualClock
from lambent.dataplane import (
    CloseReason,
    Credentials,
    EnvironmentInfo,
    ErrorAnswer,
    ExitKind,
    ExtensionStatus,
    FunctionSpec,
    Interpreter,
    Invocation,
    InvocationHeaders,
    InvocationReport,
    InvocationStatus,
    IsolationLevel,
    OutputCallback,
    OutputLine,
    Parked,
    ProcessExit,
    Response,
    ResponseSink,
    RuntimeAnswer,
    RuntimeChannel,
    RuntimeUnavailableError,
    Sandbox,
    SandboxError,
    SandboxSpec,
    TelemetrySubscribed,
    Timer,
    Usage,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Respond:
    """Write `lines`, then answer with `payload`; None answers with the event. As init: park in the first `next`."""

    payload: bytes | None = None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fail:
    """Report an error, as a handler that raises does, or as init a module that cannot be imported."""

    error_type: str = "ValueError"
    message: str = "no"

    def answer(self) -> ErrorAnswer:
        """Return the error as the runtime reports it."""
        body = {"errorMessage": self.message, "errorType": self.error_type, "requestId": "", "stackTrace": []}
        return ErrorAnswer(json.dumps(body).encode(), self.error_type)


@dataclass(frozen=True, slots=True)
class Crash:
    """End the process."""

    kind: ExitKind = ExitKind.EXITED
    code: int = 1

    def exit(self) -> ProcessExit:
        """Return the cause of the process's end."""
        return ProcessExit(self.kind, self.code)


@dataclass(frozen=True, slots=True)
class Hang:
    """Do nothing until the test says otherwise, or the process is killed."""


@dataclass(frozen=True, slots=True)
class Garble:
    """Send what is no message."""


Step = Respond | Fail | Crash | Hang | Garble


@dataclass(frozen=True, slots=True)
class Script:
    """What one environment does: in init, and for each invocation in turn, the last step standing for all later ones.

    `cannot_launch` is the reason why its sandbox cannot even be built.
    """

    init: Step = Respond()
    answers: tuple[Step, ...] = (Respond(),)
    cannot_launch: str | None = None
    peak_memory_mb: int = 40


class ScriptedChannel(RuntimeChannel):
    """A runtime's channel without a socket: invocations go to the script."""

    def __init__(self, sandbox: ScriptedSandbox) -> None:
        super().__init__(asyncio.get_running_loop())
        self._sandbox = sandbox

    def invoke(
        self, headers: InvocationHeaders, payload: bytes, sink: ResponseSink | None = None
    ) -> asyncio.Future[RuntimeAnswer]:
        """Let the script answer; as the real one, it never fails. Scripts do not stream."""
        answer: asyncio.Future[RuntimeAnswer] = asyncio.get_running_loop().create_future()
        if self.closed.done():
            answer.set_result(self.closed.result())
        else:
            self._sandbox.invoked(headers, payload, answer)
        return answer


class ScriptedSandbox:
    """A sandbox in which a script runs; a test may also answer, write, or end it by hand."""

    def __init__(self, spec: SandboxSpec, script: Script) -> None:
        self.spec = spec
        self.channel = ScriptedChannel(self)
        self.exited: asyncio.Future[ProcessExit] = asyncio.get_running_loop().create_future()
        self.left = self.exited
        self.link = None
        self.started_by: Literal["fork", "exec"] = "fork"
        self.notices: tuple[str, ...] = ()
        self.workers = None
        self.calls: list[tuple[InvocationHeaders, bytes]] = []
        self.terminations = 0
        self.is_limited = False
        self.usage_now = Usage(0.0, script.peak_memory_mb)
        """What it says to have used; the test's to set."""
        self._script = script
        self._held: list[asyncio.Future[RuntimeAnswer]] = []
        self._callback: OutputCallback | None = None
        self._unread: list[OutputLine] = []
        if isinstance(script.init, Respond):
            self.park(*script.init.lines)
        elif isinstance(script.init, Fail):
            self.channel.first_next.set_result(script.init.answer())
        elif isinstance(script.init, Crash):
            self.crash(script.init.exit())

    def invoked(self, headers: InvocationHeaders, payload: bytes, answer: asyncio.Future[RuntimeAnswer]) -> None:
        """Do the script's next step for this invocation."""
        self.calls.append((headers, payload))
        self._held.append(answer)
        step = self._script.answers[min(len(self.calls), len(self._script.answers)) - 1]
        if isinstance(step, Respond):
            self.write(*step.lines)
            self.answer(Response(payload if step.payload is None else step.payload, "application/json"))
        elif isinstance(step, Fail):
            self.answer(step.answer())
        elif isinstance(step, Crash):
            self.crash(step.exit())
        elif isinstance(step, Garble):
            self._close(CloseReason.MALFORMED)

    def park(self, *lines: str) -> None:
        """Write `lines` and come to the first `next`: init is over."""
        self.write(*lines)
        self.channel.first_next.set_result(Parked())

    def answer(self, answer: RuntimeAnswer) -> None:
        """Answer the invocation that has waited longest."""
        self._held.pop(0).set_result(answer)

    def write(self, *lines: str) -> None:
        """Write to stdout; it is read when the platform drains it, or when the process ends."""
        self._unread.extend(OutputLine(0, line) for line in lines)

    def crash(self, cause: ProcessExit) -> None:
        """End the process from within."""
        if self.exited.done():
            return
        self._close(CloseReason.ENDED)
        self.drain_output()
        self.exited.set_result(cause)

    def on_output(self, callback: OutputCallback) -> None:
        """Keep who is told of output."""
        self._callback = callback

    def drain_output(self) -> None:
        """Tell of all output written so far."""
        unread, self._unread = self._unread, []
        for line in unread:
            if self._callback is not None:
                self._callback(line)

    def peak_memory_mb(self) -> int:
        """Return what the script says."""
        return self._script.peak_memory_mb

    def usage(self) -> Usage:
        """Return what the test says."""
        return self.usage_now

    def ask_runtime(self) -> None:
        """End it, as a runtime does that has no handler for SIGTERM."""
        self.crash(ProcessExit(ExitKind.SIGNALLED, 15))

    def kill_runtime(self) -> None:
        """End it."""
        self.crash(ProcessExit(ExitKind.SIGNALLED, 9))

    def limit_cpu(self) -> None:
        """Note that init is over; a script uses no CPU."""
        self.is_limited = True

    async def reset(self) -> bool:
        """End the process from outside; nothing of a script's stands afterwards."""
        await self.terminate()
        return False

    async def terminate(self, grace_s: float = 0.0) -> ProcessExit:
        """End the process from outside, unless it has ended."""
        self.terminations += 1
        await asyncio.sleep(0)  # noqa: TID251 - as the real one, it takes at least a turn of the loop
        self.crash(ProcessExit(ExitKind.KILLED_BY_PLATFORM, 9))
        return self.exited.result()

    def _close(self, reason: CloseReason) -> None:
        self.channel._end(reason)  # noqa: SLF001 - the scripted process stands at the socket's other end
        held, self._held = self._held, []
        for answer in held:
            answer.set_result(self.channel.closed.result())


class ScriptedLauncher:
    """Gives each environment the next script, the last one standing for all later ones."""

    isolation = IsolationLevel.PROCESS

    def __init__(self, *scripts: Script, runtimes: frozenset[str] = frozenset({"python3.13"})) -> None:
        self.launched: list[ScriptedSandbox] = []
        self.is_running = False
        self._scripts = scripts or (Script(),)
        self._launches = 0
        self._runtimes = runtimes

    @property
    def alive(self) -> list[ScriptedSandbox]:
        """The sandboxes whose process has not ended."""
        return [sandbox for sandbox in self.launched if not sandbox.exited.done()]

    async def start(self) -> None:
        """Note that it runs."""
        self.is_running = True

    async def stop(self) -> None:
        """Note that it does not."""
        self.is_running = False

    def resolve(self, runtime: str, *, strict: bool = False) -> Interpreter:
        """Return an interpreter that is nowhere, or refuse what is not among the runtimes."""
        if runtime not in self._runtimes:
            raise RuntimeUnavailableError(runtime, "scripted away")
        version = runtime.removeprefix("python")
        return Interpreter(runtime, Path("/scripted/python"), Path("/scripted"), version, is_exact=True)

    async def prepare(self, spec: FunctionSpec) -> None:
        """Refuse as `resolve` does; nothing else is to be done."""
        self.resolve(spec.runtime)

    async def restore(self, template: Sandbox, spec: SandboxSpec, shared_mb: int) -> ScriptedSandbox:
        """Refuse: a script has no memory to fork."""
        raise SandboxError("scripted runtimes have no snapshots")

    def restored_from(self, template: Sandbox) -> list[Sandbox]:
        """Return nothing, since nothing is restored."""
        return []

    async def launch(self, spec: SandboxSpec) -> ScriptedSandbox:
        """Start the next script."""
        script = self._scripts[min(self._launches, len(self._scripts) - 1)]
        self._launches += 1
        await asyncio.sleep(0)  # noqa: TID251 - as the real one, it takes at least a turn of the loop
        if script.cannot_launch is not None:
            raise SandboxError(script.cannot_launch)
        sandbox = ScriptedSandbox(spec, script)
        self.launched.append(sandbox)
        return sandbox


@dataclass(slots=True)
class _ManualTimer:
    due: float
    call: Callable[[], None]
    is_cancelled: bool = False

    def cancel(self) -> None:
        self.is_cancelled = True


class ManualTime:
    """Real time as a test moves it: what measures durations, and the timers that end invocations."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self._timers: list[_ManualTimer] = []

    def call_later(self, delay: float, callback: Callable[[T], None], argument: T, /) -> Timer:
        """Keep the call until `advance` has moved time so far."""
        timer = _ManualTimer(self.clock.monotonic() + delay, lambda: callback(argument))
        self._timers.append(timer)
        return timer

    async def advance(self, seconds: float) -> None:
        """Move time on and make the calls that are then due."""
        await self.clock.advance(seconds)
        due = [timer for timer in self._timers if timer.due <= self.clock.monotonic() and not timer.is_cancelled]
        self._timers = [timer for timer in self._timers if timer not in due and not timer.is_cancelled]
        for timer in due:
            timer.call()

    @property
    def timers_running(self) -> int:
        """How many calls are still to be made."""
        return sum(not timer.is_cancelled for timer in self._timers)


class StaticCredentials:
    """Issues the same credentials to every function."""

    async def issue(self, spec: FunctionSpec) -> Credentials:
        """Return them."""
        return Credentials("ASIA000000000000TEST", "secret", "token")


@dataclass(slots=True)
class RecordingObserver:
    """Keeps every fact: as short texts in order, and the reports in full."""

    facts: list[str] = field(default_factory=list)
    reports: list[InvocationReport] = field(default_factory=list)
    environments: list[EnvironmentInfo] = field(default_factory=list)

    def init_started(self, environment: EnvironmentInfo, at: float) -> None:
        """Keep it."""
        self.facts.append("init started")
        self.environments.append(environment)

    def init_ended(
        self, environment: EnvironmentInfo, init_ms: float, status: InvocationStatus, error_type: str | None
    ) -> None:
        """Keep it."""
        self.facts.append("init ended" if error_type is None else f"init failed: {status} {error_type}")

    def restore_started(self, environment: EnvironmentInfo, at: float) -> None:
        """Keep it."""
        self.facts.append("restore started")
        self.environments.append(environment)

    def restore_ended(
        self, environment: EnvironmentInfo, restore_ms: float, status: InvocationStatus, error_type: str | None
    ) -> None:
        """Keep it."""
        self.facts.append("restore ended" if error_type is None else f"restore failed: {status} {error_type}")

    def extension_initialized(self, environment: EnvironmentInfo, extension: ExtensionStatus) -> None:
        """Keep it."""
        self.facts.append(f"extension {extension.name}: {extension.state}")

    def telemetry_subscribed(self, environment: EnvironmentInfo, subscribed: TelemetrySubscribed) -> None:
        """Keep it."""
        self.facts.append(f"telemetry {subscribed.name}: {subscribed.state}")

    def invocation_started(self, environment: EnvironmentInfo, invocation: Invocation, at: float) -> None:
        """Keep it."""
        self.facts.append(f"started {invocation.request_id}")

    def output(self, environment: EnvironmentInfo, request_id: str | None, line: OutputLine) -> None:
        """Keep it."""
        self.facts.append(f"output {request_id}: {line.text}")

    def invocation_ended(self, environment: EnvironmentInfo, invocation: Invocation, report: InvocationReport) -> None:
        """Keep it."""
        self.facts.append(f"ended {invocation.request_id}: {report.status}")
        self.reports.append(report)
