"""An Invoke request to an `Invocation` of the data plane, and its `Outcome` to an answer or one of Lambda's errors.

This is the invocation path: no store, no executor, nothing computed that the answer does not need.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

import orjson

from lambent.aws.quotas import CLIENT_CONTEXT_BYTES, MAXIMUM_TIMEOUT_S
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.faults.strikes import NEVER
from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.dependencies import Plane
from lambent.cloud.services.lambda_.mishaps import is_throttled, mishap_of
from lambent.cloud.services.lambda_.model import exits
from lambent.cloud.services.lambda_.model.function import LATEST, LATEST_PUBLISHED
from lambent.cloud.services.lambda_.model.state import State
from lambent.cloud.services.lambda_.packages import Packages
from lambent.cloud.services.lambda_.routing import FunctionRoute, VersionRoute
from lambent.dataplane import (
    CapacityThrottle,
    Completed,
    Crashed,
    FunctionError,
    FunctionSpec,
    InitFailed,
    Invocation,
    Mishap,
    Outcome,
    PlatformStoppingError,
    ProcessExit,
    ResponseSink,
    RestoreFailed,
    RuntimeUnavailableError,
    SandboxError,
    Throttled,
    ThrottleReason,
    TimedOut,
)

_NO_CLIENT_CONTEXT = "Client context must be a valid Base64-encoded JSON object."


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation to be made: which version of what serves it, and with what."""

    request_id: str
    version: VersionRoute
    invoked_arn: str
    payload: bytes
    client_context: str | None = None
    trace_id: str | None = None
    sink: ResponseSink | None = None
    is_event: bool = False
    with_tail: bool = False
    """Whether the caller asked for the end of the log, which is whole only when extensions are done, too."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How an invocation ended, as its caller is told: `function_error` is set for errors of the function."""

    payload: bytes
    function_error: str | None = None


class Invoker:
    """Makes invocations."""

    def __init__(self, plane: Plane, packages: Packages) -> None:
        self._plane = plane
        self._packages = packages
        self.strikes = NEVER
        """The faults on purpose that strike invocations."""
        self.on_throttle: Callable[[FunctionSpec, CapacityThrottle], None] | None = None
        """Who counts requests that were refused for want of capacity."""
        self.before_managed: Callable[[str], None] | None = None
        """Who is told the ARN of each version on Managed Instances before it is invoked."""

    async def run(self, call: Call) -> Answer:
        """Run an invocation to its end. Raises ServiceError where it could not be run, or was throttled."""
        version = call.version
        if version.state is not State.ACTIVE:
            is_initializing = version.state is State.PENDING and version.spec is not None and version.spec.snap_start
            raise errors.snap_start_not_ready() if is_initializing else errors.not_active(version.state)
        if version.spec is None:
            raise errors.invalid_runtime(version.hindrance)
        for digest in version.digests:
            if not self._packages.is_ready(digest):
                await self._packages.restore(digest)
        if version.is_managed and self.before_managed is not None:
            self.before_managed(version.arn)
        mishap = self._mishap(call) if self.strikes.active else None
        invocation = Invocation(
            request_id=call.request_id,
            spec=version.spec,
            payload=call.payload,
            invoked_arn=call.invoked_arn,
            client_context=call.client_context,
            trace_id=call.trace_id,
            sink=call.sink,
            is_event=call.is_event,
            waits_for_extensions=call.with_tail,
            mishap=mishap,
        )
        try:
            outcome = await self._plane.invoke(invocation)
        except RuntimeUnavailableError as error:
            raise errors.invalid_runtime(str(error)) from error
        except (SandboxError, PlatformStoppingError) as error:
            raise errors.internal(str(error)) from error
        if isinstance(outcome, Throttled) and isinstance(outcome.reason, CapacityThrottle) and self.on_throttle:
            self.on_throttle(version.spec, outcome.reason)
        return answer_to(outcome, call.request_id)

    def _mishap(self, call: Call) -> Mishap | None:
        """Return what befalls an invocation on purpose; raises TooManyRequestsException where it is throttled so."""
        function_arn = call.version.function_arn
        if is_throttled(self.strikes, function_arn, call.invoked_arn):
            answer_to(Throttled(ThrottleReason.RESERVED), call.request_id)
        return mishap_of(self.strikes, function_arn, call.invoked_arn, call.request_id)


def resolve(function: FunctionRoute, qualifier: str | None, fraction: float) -> VersionRoute | None:
    """Return the version that serves a qualifier, `$LATEST` without one; None where it leads nowhere.

    On Managed Instances it is `$LATEST.PUBLISHED` without one. An alias with weights decides by `fraction`, a number
    drawn from [0, 1).
    """
    if qualifier is None and function.latest.is_managed:
        return function.versions.get(LATEST_PUBLISHED)
    if qualifier is None or qualifier == LATEST:
        return function.latest
    alias = function.aliases.get(qualifier)
    if alias is None:
        return function.versions.get(qualifier)
    return function.versions.get(alias.choose(fraction) if alias.weights else alias.version)


def check_waited_for(version: VersionRoute) -> None:
    """Raise ModeNotSupportedException for a version that may take longer than a caller can wait.

    Longer timeouts are for events alone: https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
    """
    if version.is_managed and version.spec is not None and version.spec.timeout_s > MAXIMUM_TIMEOUT_S:
        raise errors.mode_not_supported()


def decoded_client_context(encoded: str | None) -> str | None:
    """Return the JSON text of an X-Amz-Client-Context header; raises InvalidRequestContentException."""
    if not encoded:
        return None
    if len(encoded) > CLIENT_CONTEXT_BYTES:
        raise _invalid_content(f"Client context must be no more than {CLIENT_CONTEXT_BYTES} bytes when base64-encoded.")
    try:
        text = base64.b64decode(encoded, validate=True).decode()
        value = json.loads(text, parse_constant=_no_constant)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _invalid_content(_NO_CLIENT_CONTEXT) from error
    if not isinstance(value, dict):
        raise _invalid_content(_NO_CLIENT_CONTEXT)
    return text


def answer_to(outcome: Outcome, request_id: str) -> Answer:
    """Return what the caller is told of an outcome; raises TooManyRequestsException for a throttled one."""
    match outcome:
        case Completed(payload=payload):
            return Answer(payload)
        case FunctionError(payload=payload):
            return _error(payload)
        case TimedOut(timeout_s=timeout_s):
            return _error(_failure("Sandbox.Timedout", request_id, f"Task timed out after {timeout_s:.2f} seconds"))
        case Crashed(exit=process_exit):
            return _error(_crash(process_exit, request_id))
        case InitFailed(payload=payload, error_type="Runtime.InvalidEntrypoint") if payload is not None:
            # Nothing has run: the platform says it, and to whom.
            return _error(_failure("Runtime.InvalidEntrypoint", request_id, _message(payload)))
        case InitFailed():
            return _error(_failed_init(outcome, request_id))
        case RestoreFailed(is_timeout=is_timeout):
            raise errors.snap_start_failed(is_timeout=is_timeout)
        case Throttled(reason=reason):
            raise ServiceError(
                "TooManyRequestsException",
                "Rate Exceeded.",
                status=429,
                members={"Type": "User", "Reason": _reason(reason)},
            )
        case _:
            assert_never(outcome)


def _reason(reason: ThrottleReason | CapacityThrottle) -> str:
    # The Reason knows no want of capacity; which it was, the metrics tell: every slot is a unit of concurrency.
    return str(ThrottleReason.ACCOUNT if isinstance(reason, CapacityThrottle) else reason)


def _failed_init(outcome: InitFailed, request_id: str) -> bytes:
    if outcome.payload is not None:
        return outcome.payload
    if outcome.exit is not None:
        return _crash(outcome.exit, request_id)
    return _failure(outcome.error_type, request_id, "Runtime failed to initialize")


def response_too_large(limit_bytes: int) -> Answer:
    """Return what the caller is told of a response beyond the limit of streamed ones."""
    message = f"Response payload size exceeded maximum allowed payload size ({limit_bytes} bytes)."
    return _error(orjson.dumps({"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}))


def _error(payload: bytes) -> Answer:
    return Answer(payload, function_error="Unhandled")


def _message(payload: bytes) -> str:
    try:
        return str(orjson.loads(payload)["errorMessage"])
    except (ValueError, TypeError, KeyError):
        return "Runtime failed to initialize"


def _failure(error_type: str, request_id: str, message: str) -> bytes:
    return orjson.dumps({"errorType": error_type, "errorMessage": f"RequestId: {request_id} Error: {message}"})


def _crash(process_exit: ProcessExit, request_id: str) -> bytes:
    error_type, message = exits.named(process_exit)
    return _failure(error_type, request_id, message)


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _invalid_content(message: str) -> ServiceError:
    # AWS does not say whose fault it is.
    return ServiceError("InvalidRequestContentException", message, members={"Type": None})
