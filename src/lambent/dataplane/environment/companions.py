"""The extensions of one environment's sandbox: what they ask and are told, and how they take part in its phases.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle
Most functions have none. Then nothing here ever happens, and `is_active` says so.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from lambent.dataplane.environment.assignment import Assignment
from lambent.dataplane.environment.host import Host
from lambent.dataplane.environment.telemetry_feed import TelemetryFeed
from lambent.dataplane.logs import OutputRelay
from lambent.dataplane.runtime_api import extensions, subscriptions, telemetry
from lambent.dataplane.runtime_api.companion_link import (
    Call,
    CallAnswer,
    CompanionLink,
    Delivered,
    ExtensionEnded,
    LaunchFailed,
    LinkClosed,
    Told,
)
from lambent.dataplane.runtime_api.extensions import INVOKE, SHUTDOWN, Extension, Registry, State, refusal
from lambent.dataplane.runtime_api.messages import InvocationHeaders
from lambent.dataplane.sandbox.handle import Sandbox
from lambent.dataplane.supervision.child import exit_of, exit_text
from lambent.dataplane.types import (
    Completed,
    Crashed,
    EnvironmentInfo,
    ExtensionStatus,
    FunctionError,
    InitFailed,
    InitializationType,
    InvocationReport,
    InvocationStatus,
    OutputLine,
    RestoreFailed,
    TelemetrySubscribed,
    TimedOut,
)

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-shutdown
_INTERNAL_S: Final = 0.5
_EXTERNAL_S: Final = 2.0
_RUNTIME_SHARE_S: Final = 0.3
_END_PATIENCE_S: Final = 1.0
_FLUSH_S: Final = 1.0
_PERMISSION_ERRORS: Final = frozenset({1, 13})


class ShutdownReason(StrEnum):
    """Why the processes are ended, as extensions are told."""

    SPINDOWN = "SPINDOWN"
    TIMEOUT = "TIMEOUT"
    FAILURE = "FAILURE"

    @classmethod
    def after(cls, status: InvocationStatus) -> ShutdownReason:
        """Return the reason where something has not succeeded."""
        return cls.TIMEOUT if status is InvocationStatus.TIMEOUT else cls.FAILURE


@dataclass(frozen=True, slots=True)
class ExtensionFailure:
    """An extension has failed, and with it the environment."""

    error_type: str
    message: str

    def payload(self, request_id: str) -> bytes:
        """Return what the caller of an invocation is answered."""
        told = {"errorType": self.error_type, "errorMessage": f"RequestId: {request_id} Error: {self.message}"}
        return json.dumps(told, separators=(",", ":")).encode()


Ran = Completed | FunctionError | TimedOut | Crashed | InitFailed | RestoreFailed
"""How an invocation ends that was given to an environment."""


class Failed(Protocol):
    """How an init phase failed."""

    @property
    def status(self) -> InvocationStatus:
        """Its status, in the words of the report."""

    @property
    def error_type(self) -> str:
        """What it failed of."""


class CompanionsOwner(Protocol):
    """Who is told what its extensions do once init is over: the environment."""

    def extensions_returned(self) -> None:
        """All that were told of the invocation have called `next`."""

    def extension_failed(self, failure: ExtensionFailure) -> None:
        """One has ended of its own."""


class Companions:
    """The extensions of one sandbox. `failed` resolves when one fails during init, `ready` when all wait in `next`."""

    def __init__(self, link: CompanionLink, info: EnvironmentInfo, host: Host, owner: CompanionsOwner) -> None:
        spec = info.spec
        on_managed_instances = info.initialization_type is InitializationType.MANAGED_INSTANCES
        loop = asyncio.get_running_loop()
        self.is_active = bool(link.expected)
        """Whether there is any extension."""
        self.failed: Final[asyncio.Future[ExtensionFailure]] = loop.create_future()
        self.ready: Final[asyncio.Future[None]] = loop.create_future()
        self._link = link
        self._info = info
        self._host = host
        self._owner = owner
        self._registry = Registry(
            extensions.Function(spec.function_name, spec.version, spec.handler, spec.account, on_managed_instances)
        )
        self._feed = TelemetryFeed(link, host.timers, host.real_time.now)
        self._relay: OutputRelay | None = None
        self._is_initialized = False
        self._is_awaited = False
        self._shutdown: CallAnswer | None = None
        self._over: asyncio.Future[None] | None = None
        self._all_ended: asyncio.Future[None] = loop.create_future()
        for name in link.expected:
            self._registry.expect(name, host.ids.uuid())
        for extra in self._registry.extensions[extensions.MAX_EXTENSIONS :]:
            self._fail_launch(extra, "TooManyExtensions", "ErrTooManyExtensions")
        link.on_told(self._take)

    @property
    def are_awaited(self) -> bool:
        """Whether extensions still work on the invocation that the runtime has answered."""
        return self._is_awaited and self._registry.awaits_return

    # What the environment tells, in the order of its phases.

    def init_started(self, relay: OutputRelay, at: float) -> None:
        """Init has begun; what the relay passes on is told to subscribers, too."""
        self._relay = relay
        if self.is_active:
            relay.tap = self._written
        spec = self._info.spec
        record = {**self._init(), "functionName": spec.function_name, "functionVersion": spec.version}
        self._feed.tell(telemetry.platform("initStart", at, record))

    def runtime_initialized(self, error_type: str | None) -> None:
        """The runtime waits in `next`, or has failed: no extension can register any more."""
        self._registry.is_open = False
        if not self.is_active:
            self._feed.close()
            return
        record = {**self._init(), **_status(error_type)}
        self._feed.tell(telemetry.platform("initRuntimeDone", self._host.real_time.now(), record))
        self._note_readiness()

    def init_ended(self, init_ms: float, failure: Failed | None) -> None:
        """Init is over; what became of each extension is told."""
        self._is_initialized = True
        if not self.is_active:
            return
        now = self._host.real_time.now()
        for each in self._registry.extensions:
            state = ExtensionStatus(each.name, str(each.state), each.events, each.error_type)
            self._host.observer.extension_initialized(self._info, state)
            told: dict[str, object] = {"name": each.name, "state": str(each.state), "events": list(each.events)}
            if each.error_type is not None:
                told["errorType"] = each.error_type
            self._feed.tell(telemetry.platform("extension", now, told))
        ended = _status(None) if failure is None else _status(failure.error_type, str(failure.status))
        record = {**self._init(), **ended, "metrics": {"durationMs": round(init_ms, 3)}}
        self._feed.tell(telemetry.platform("initReport", now, record))
        self._feed.close()

    def invoked(self, headers: InvocationHeaders, started_at: float) -> None:
        """An invocation is handed to the runtime, and to the extensions that registered for it."""
        record = {"requestId": headers.request_id, "version": self._info.spec.version}
        self._feed.tell(telemetry.platform("start", started_at, {**record, **telemetry.tracing(headers.trace_id)}))
        event = extensions.invoke_event(
            headers.request_id, headers.deadline_ms, headers.invoked_function_arn, headers.trace_id
        )
        self._is_awaited = True
        for extension in tuple(self._registry.subscribed(INVOKE)):
            number = self._registry.release(extension)
            if number is not None:
                self._link.answer(number, event)

    def runtime_done(self, report: InvocationReport, trace_id: str | None, produced_bytes: int = 0) -> None:
        """The runtime has answered, or will not: `report` counts until now."""
        # https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-execution-environment.html
        if self._info.initialization_type is not InitializationType.MANAGED_INSTANCES:
            self._feed.tell(telemetry.runtime_done(report, produced_bytes, trace_id))

    def invocation_ended(self, assignment: Assignment, outcome: Ran) -> None:
        """An invocation is over, its extensions included."""
        self._is_awaited = False
        report, trace_id = outcome.report, assignment.invocation.trace_id
        if isinstance(outcome, Crashed):
            self._tell_fault(report, f"Runtime exited with error: {exit_text(outcome.exit)}")
        elif self.failed.done() and report.error_type == self.failed.result().error_type:
            self._tell_fault(report, self.failed.result().message)
        elif assignment.outcome is None and not isinstance(outcome, Completed | FunctionError):
            self.runtime_done(report, trace_id)
        self._feed.tell(telemetry.platform("end", report.ended_at, {"requestId": report.request_id}))
        on_managed_instances = self._info.initialization_type is InitializationType.MANAGED_INSTANCES
        told = telemetry.managed_report if on_managed_instances else telemetry.invocation_report
        self._feed.tell(told(report, trace_id))

    def _tell_fault(self, report: InvocationReport, message: str) -> None:
        text = f"RequestId: {report.request_id} Error: {message}\n{report.error_type}\n"
        self._feed.tell(telemetry.platform("fault", report.ended_at, text))
        self.runtime_done(report, None)

    def _written(self, line: OutputLine) -> None:
        self._feed.tell(telemetry.line(line))

    async def shut_down(self, sandbox: Sandbox, reason: ShutdownReason) -> None:
        """Let the runtime and then the external extensions come to their end, as long as AWS lets them; once only.

        Whatever is still there afterwards is to be killed.
        """
        if not self.is_active:
            self._feed.stop()
            return
        if self._over is not None:
            await asyncio.shield(self._over)
            return
        self._over = asyncio.get_running_loop().create_future()
        try:
            await self._shut_down(sandbox, reason)
        finally:
            self._feed.stop()
            self._over.set_result(None)

    async def _shut_down(self, sandbox: Sandbox, reason: ShutdownReason) -> None:
        begun = self._host.real_time.now()
        allowed_s = _EXTERNAL_S if self._link.expected else _INTERNAL_S
        self._shutdown = extensions.shutdown_event(reason, int((begun + allowed_s) * 1000))
        if not sandbox.left.done():
            sandbox.ask_runtime()
            await asyncio.wait({sandbox.left}, timeout=_RUNTIME_SHARE_S if self._link.expected else _INTERNAL_S)
        if not self._link.expected:
            return
        if not sandbox.left.done():
            sandbox.kill_runtime()
            await asyncio.wait({sandbox.left}, timeout=_END_PATIENCE_S)
        sandbox.drain_output()
        await self._feed.flush(_FLUSH_S)
        for extension in tuple(self._registry.subscribed(SHUTDOWN)):
            number = self._registry.release(extension)
            if number is not None:
                self._link.answer(number, self._shutdown)
        self._note_ends()
        rest_s = begun + allowed_s - self._host.real_time.now()
        await asyncio.wait({self._all_ended}, timeout=max(0.0, rest_s))
        sandbox.drain_output()

    # What the process that serves tells.

    def _take(self, told: Told) -> None:
        match told:
            case Call():
                answer = self._called(told)
                if answer is not None:
                    self._link.answer(told.number, answer)
            case LaunchFailed(name=name, errno=errno, reason=reason):
                extension = self._registry.named(name)
                if extension is not None:
                    error_type = "PermissionDenied" if errno in _PERMISSION_ERRORS else "UnknownError"
                    self._fail_launch(extension, error_type, f"fork/exec /opt/extensions/{name}: {reason}")
            case ExtensionEnded(name=name, wait_status=wait_status):
                self._ended(name, wait_status)
            case Delivered():
                self._feed.delivered(told)
            case LinkClosed():
                if self.is_active and self._shutdown is None:
                    self._fail(ExtensionFailure("Extension.Crash", "the extensions' API has ended"))

    def _called(self, call: Call) -> CallAnswer | None:
        match (call.method, call.path.rstrip("/")):
            case ("POST", "/2020-01-01/extension/register"):
                return self._register(call)
            case ("GET", "/2020-01-01/extension/event/next"):
                return self._next(call)
            case ("POST", "/2020-01-01/extension/init/error"):
                return self._registry.fail(call, State.INIT_ERROR)
            case ("POST", "/2020-01-01/extension/exit/error"):
                return self._registry.fail(call, State.EXIT_ERROR)
            case ("PUT", "/2022-07-01/telemetry"):
                return self._subscribe(call, subscriptions.TELEMETRY)
            case ("PUT", "/2020-08-15/logs"):
                return self._subscribe(call, subscriptions.LOGS)
            case ("GET", "/2018-06-01/ping"):
                return CallAnswer(200, b"pong", {"Content-Type": "text/plain; charset=utf-8"})
            case _:
                return CallAnswer(404, b"404 page not found\n", {"Content-Type": "text/plain; charset=utf-8"})

    def _register(self, call: Call) -> CallAnswer:
        answer = self._registry.register(call, self._host.ids.uuid())
        if answer.status == 200:
            self.is_active = True
            if self._relay is not None:
                self._relay.tap = self._written
            if not self._registry.awaits_registration:
                self._link.open_gate()
        return answer

    def _next(self, call: Call) -> CallAnswer | None:
        answer = self._registry.next(call)
        if answer is not None:
            return answer
        extension = self._registry.identified(call)
        if self._shutdown is not None and isinstance(extension, Extension) and SHUTDOWN in extension.events:
            self._registry.release(extension)
            return self._shutdown
        if not self._is_initialized:
            self._note_readiness()
        elif self._is_awaited and not self._registry.awaits_return:
            self._owner.extensions_returned()
        return None

    def _subscribe(self, call: Call, api: subscriptions.Api) -> CallAnswer:
        extension = self._registry.identified(call)
        if isinstance(extension, CallAnswer):
            return extension
        if self._feed.is_closed:
            return refusal(f"{api.name}.SubscriptionClosed", f"{api.name} API subscription is closed already")
        on_managed_instances = self._registry.function.is_on_managed_instances
        try:
            wanted = subscriptions.subscription(api, call.body, on_managed_instances=on_managed_instances)
        except subscriptions.SubscriptionError as error:
            return refusal("ValidationError", str(error), status=400)
        before = self._feed.subscription_of(extension.name)
        if before is not None and before.api is not api:
            return refusal("ValidationError", f"already subscribed by the {before.api.name} API", status=400)
        state = "Subscribed" if before is None else "Already subscribed"
        if before is None:
            self._feed.subscribe(extension.name, wanted)
        kind = "telemetrySubscription" if api is subscriptions.TELEMETRY else "logsSubscription"
        record = {"name": extension.name, "state": state, "types": list(wanted.types)}
        self._feed.tell(telemetry.platform(kind, self._host.real_time.now(), record))
        told = TelemetrySubscribed(api.name, extension.name, state, wanted.types)
        self._host.observer.telemetry_subscribed(self._info, told)
        return CallAnswer(200, b'"OK"', {"Content-Type": "application/json"})

    def _ended(self, name: str, wait_status: int) -> None:
        extension = self._registry.named(name)
        if extension is None:
            return
        extension.has_ended = True
        if self._shutdown is not None:
            self._note_ends()
        else:
            self._fail(ExtensionFailure(self._registry.fault or "Extension.Crash", exit_text(exit_of(wait_status))))

    def _fail_launch(self, extension: Extension, error_type: str, message: str) -> None:
        if extension.move(State.LAUNCH_ERROR):
            extension.error_type = error_type
        extension.has_ended = True
        self._fail(ExtensionFailure("Extension.LaunchError", message))

    def _fail(self, failure: ExtensionFailure) -> None:
        if not self.failed.done():
            self.failed.set_result(failure)
            if self._is_initialized:
                self._owner.extension_failed(failure)

    def _note_readiness(self) -> None:
        if not self._registry.is_open and not self._registry.awaits_ready and not self.ready.done():
            self.ready.set_result(None)

    def _note_ends(self) -> None:
        if not any(self._registry.subscribed(SHUTDOWN)) and not self._all_ended.done():
            self._all_ended.set_result(None)

    def _init(self) -> dict[str, object]:
        return {"initializationType": str(self._info.initialization_type), "phase": self._info.init_phase}


def _status(error_type: str | None, status: str | None = None) -> dict[str, object]:
    if error_type is None:
        return {"status": "success"}
    return {"status": status or "error", "errorType": error_type}
