"""The Extensions API: who is registered, for what, and in which state; pure, one value per sandbox.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
States, error types and texts are those of AWS's own runtime interface emulator, which is made from what runs in
Lambda: https://github.com/aws/aws-lambda-runtime-interface-emulator (internal/lambda/core, internal/lambda/rapi).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from lambent.dataplane.runtime_api.companion_link import Call, CallAnswer

MAX_EXTENSIONS: Final = 10
INVOKE: Final = "INVOKE"
SHUTDOWN: Final = "SHUTDOWN"
_NOT_ALLOWED: Final = "State transition is not allowed"
_IDENTIFIER: Final = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")


class State(StrEnum):
    """Where an extension stands, by the names that AWS's log uses."""

    STARTED = "Started"
    REGISTERED = "Registered"
    READY = "Ready"
    RUNNING = "Running"
    INIT_ERROR = "InitError"
    EXIT_ERROR = "ExitError"
    LAUNCH_ERROR = "LaunchError"
    EXITED = "Exited"
    """Named in refusals alone: whether a process has ended is told apart, so that the log shows how far it came."""


_S = State
_ALLOWED: Final[Mapping[State, frozenset[State]]] = {
    _S.STARTED: frozenset({_S.REGISTERED, _S.LAUNCH_ERROR}),
    _S.REGISTERED: frozenset({_S.READY, _S.INIT_ERROR, _S.EXIT_ERROR}),
    _S.READY: frozenset({_S.RUNNING, _S.EXIT_ERROR}),
    _S.RUNNING: frozenset({_S.READY, _S.EXIT_ERROR}),
    _S.INIT_ERROR: frozenset({_S.INIT_ERROR}),
    _S.EXIT_ERROR: frozenset({_S.EXIT_ERROR}),
    _S.LAUNCH_ERROR: frozenset(),
    _S.EXITED: frozenset(),
}


@dataclass(slots=True)
class Extension:
    """One extension; an internal one is part of the runtime's process. `parked` is the call of a waiting `next`."""

    name: str
    identifier: str
    is_external: bool
    state: State = State.STARTED
    events: tuple[str, ...] = ()
    error_type: str | None = None
    parked: int | None = None
    has_ended: bool = False

    def move(self, target: State) -> bool:
        """Take it to `target`; False where the table lacks the move."""
        if target not in _ALLOWED[self.state]:
            return False
        self.state = target
        return True


@dataclass(frozen=True, slots=True)
class Function:
    """What extensions are told of the function."""

    name: str
    version: str
    handler: str
    account: str
    is_on_managed_instances: bool = False


@dataclass(slots=True)
class Registry:
    """The extensions of one sandbox. Calls are answered at once, or parked (None) until there is an event."""

    function: Function
    extensions: list[Extension] = field(default_factory=list)
    is_open: bool = True
    """Whether extensions may register: until the runtime has initialized."""
    fault: str | None = None
    """The first error type that an extension reported of itself."""

    def expect(self, name: str, identifier: str) -> Extension:
        """Note an external extension, about to be started."""
        extension = Extension(name, identifier, is_external=True)
        self.extensions.append(extension)
        return extension

    def named(self, name: str) -> Extension | None:
        """Return the extension of this name."""
        return next((each for each in self.extensions if each.name == name), None)

    def subscribed(self, event: str) -> Iterator[Extension]:
        """Return those who registered for an event and have not ended."""
        return (each for each in self.extensions if event in each.events and not each.has_ended)

    @property
    def awaits_registration(self) -> bool:
        """Whether an external extension has still to register."""
        return any(each.state is State.STARTED for each in self.extensions)

    @property
    def awaits_ready(self) -> bool:
        """Whether an extension has still to call `next`."""
        return any(each.state is not State.READY for each in self.extensions)

    @property
    def awaits_return(self) -> bool:
        """Whether an extension that was told of the invocation has still to call `next`."""
        return any(each.state is not State.READY for each in self.subscribed(INVOKE))

    def register(self, call: Call, identifier: str) -> CallAnswer:
        """Register the extension that the call names, `identifier` being its own if it is an internal one."""
        name = call.headers.get("lambda-extension-name", "")
        if not name:
            return refusal("Extension.InvalidExtensionName", "Empty extension name")
        try:
            events = _events(call.body)
        except (ValueError, RecursionError) as error:
            return refusal("InvalidRequestFormat", str(error))
        extension = self.named(name)
        is_external = extension is not None and extension.is_external
        obstacle = self._obstacle_to(events, is_external=is_external)
        if obstacle is not None:
            return refusal("Extension.InvalidEventType", obstacle)
        if extension is None:
            if not self.is_open:
                return refusal("Extension.RegistrationClosed", "Extension registration closed already")
            if len(self.extensions) >= MAX_EXTENSIONS:
                return refusal("Extension.TooManyExtensions", f"Extension limit ({MAX_EXTENSIONS}) reached")
            extension = Extension(name, identifier, is_external=False)
            self.extensions.append(extension)
        elif not extension.is_external:
            return refusal("Extension.InvalidExtensionState", "Extension with this name already registered")
        if extension.state is not State.STARTED:
            return _forbidden_move(extension, State.REGISTERED, extension.name)
        extension.move(State.REGISTERED)
        extension.events = tuple(dict.fromkeys(events))
        return CallAnswer(200, self._registered(call), _headers({"Lambda-Extension-Identifier": extension.identifier}))

    def next(self, call: Call) -> CallAnswer | None:
        """Park the extension's `next`; None where it waits now."""
        extension = self.identified(call)
        if isinstance(extension, CallAnswer):
            return extension
        if not extension.move(State.READY):
            return _forbidden_move(extension, State.READY, extension.identifier)
        extension.parked = call.number
        return None

    def release(self, extension: Extension) -> int | None:
        """Let an extension run whose `next` waits; return the number of that call, or None where none does."""
        number, extension.parked = extension.parked, None
        if number is not None:
            extension.move(State.RUNNING)
        return number

    def fail(self, call: Call, target: State) -> CallAnswer:
        """Note the error that an extension reports of its init (INIT_ERROR) or before it exits (EXIT_ERROR)."""
        extension = self.identified(call)
        if isinstance(extension, CallAnswer):
            return extension
        error_type = call.headers.get("lambda-extension-function-error-type", "")
        if not error_type:
            return refusal("Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
        was = extension.state
        if not extension.move(target):
            # The emulator names the state of an exited process here, for `exit/error`.
            shown = State.EXITED if target is State.EXIT_ERROR else target
            return _forbidden_move(extension, shown, extension.identifier)
        if was is not target:
            extension.error_type = error_type
            self.fault = self.fault or f"Extension.{target}"
        return CallAnswer(202, b'{"status":"OK"}\n', _headers())

    def identified(self, call: Call) -> Extension | CallAnswer:
        """Return who calls, by the identifier in the header, or how it is refused."""
        told = call.headers.get("lambda-extension-identifier", "")
        if not told:
            return refusal("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
        if not _IDENTIFIER.fullmatch(told.lower()):
            return refusal("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
        found = next((each for each in self.extensions if each.identifier == told.lower()), None)
        if found is None or found.state is State.STARTED:
            return refusal("Extension.UnknownExtensionIdentifier", f"Unknown extension {told}")
        return found

    def _obstacle_to(self, events: Sequence[str], *, is_external: bool) -> str | None:
        if events and not is_external and self.function.is_on_managed_instances:
            return "No events allowed for internal extensions"
        reasons = ((event, self._reason_against(event, is_external=is_external)) for event in events)
        return next((f"{event}: {reason}" for event, reason in reasons if reason is not None), None)

    def _reason_against(self, event: str, *, is_external: bool) -> str | None:
        if event == SHUTDOWN:
            return None if is_external else "ShutdownEventNotSupportedForInternalExtension"
        # https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-execution-environment.html
        if event == INVOKE and not self.function.is_on_managed_instances:
            return None
        return "ErrorInvalidEventType"

    def _registered(self, call: Call) -> bytes:
        told = {
            "functionName": self.function.name,
            "functionVersion": self.function.version,
            "handler": self.function.handler,
        }
        wanted = {each.strip() for each in call.headers.get("lambda-extension-accept-feature", "").split(",")}
        if "accountId" in wanted:
            told["accountId"] = self.function.account
        return _body(told)


def refusal(error_type: str, message: str, status: int = 403) -> CallAnswer:
    """Return an error as AWS words it."""
    return CallAnswer(status, _body({"errorMessage": message, "errorType": error_type}), _headers())


def _forbidden_move(extension: Extension, target: State, who: str) -> CallAnswer:
    text = f"State transition from {extension.state} to {target} failed for extension {who}. Error: {_NOT_ALLOWED}"
    return refusal("Extension.InvalidExtensionState", text)


def _events(body: bytes) -> list[str]:
    request = json.loads(body)
    if not isinstance(request, dict):
        raise ValueError("the request is no JSON object")  # noqa: TRY004 - what is wrong is the request
    if request.get("configurationKeys"):
        raise ValueError("configurationKeys are deprecated; use environment variables instead")
    events = request.get("events") or []
    if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
        raise ValueError("events is no list of strings")
    return events


def _headers(more: Mapping[str, str] | None = None) -> dict[str, str]:
    return {"Content-Type": "application/json", **(more or {})}


def _body(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"


def invoke_event(request_id: str, deadline_ms: int, invoked_arn: str, trace_id: str | None) -> CallAnswer:
    """Return what an extension's `next` answers when the function is invoked."""
    event: dict[str, object] = {
        "eventType": INVOKE,
        "deadlineMs": deadline_ms,
        "requestId": request_id,
        "invokedFunctionArn": invoked_arn,
    }
    if trace_id is not None:
        event["tracing"] = {"type": "X-Amzn-Trace-Id", "value": trace_id}
    return CallAnswer(200, _body(event), _headers({"Lambda-Extension-Event-Identifier": request_id}))


def shutdown_event(reason: str, deadline_ms: int) -> CallAnswer:
    """Return what an extension's `next` answers when the environment is being shut down."""
    event = {"eventType": SHUTDOWN, "shutdownReason": reason, "deadlineMs": deadline_ms}
    return CallAnswer(200, _body(event), _headers())
