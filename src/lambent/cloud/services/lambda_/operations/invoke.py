"""Invoke: an event to a function, waited for or queued."""

from __future__ import annotations

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import EventStream, Parameters, Result, operation
from lambent.cloud.protocol.message import MORE_HEADERS
from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.async_queue import AsyncQueue
from lambent.cloud.services.lambda_.control import Control, Target, target_of
from lambent.cloud.services.lambda_.invocation import (
    Call,
    check_waited_for,
    decoded_client_context,
    resolve,
)
from lambent.cloud.services.lambda_.model.event import QueuedEvent
from lambent.cloud.services.lambda_.model.event_payload import checked_payload
from lambent.cloud.services.lambda_.model.function import LATEST, LATEST_PUBLISHED
from lambent.cloud.services.lambda_.model.state import State
from lambent.cloud.services.lambda_.rendering import Shape
from lambent.cloud.services.lambda_.reporting import Reporting
from lambent.cloud.services.lambda_.routing import FunctionRoute, VersionRoute
from lambent.cloud.services.lambda_.streams import Opened, Streams
from lambent.cloud.services.lambda_.tracing import Loops, trace_of


class InvokeOperations:
    """Invoke, InvokeAsync, InvokeWithResponseStream."""

    def __init__(self, control: Control, streams: Streams, queue: AsyncQueue, reporting: Reporting) -> None:
        self._control = control
        self._invoker = streams.invoker
        self._streams = streams
        self._queue = queue
        self._loops: Loops = queue.loops
        self._reporting = reporting

    @operation("Invoke")
    async def invoke(self, context: RequestContext, parameters: Parameters) -> Result:
        """Invoke a function: RequestResponse waits for its answer, Event queues, DryRun only checks."""
        kind = parameters.get("InvocationType") or "RequestResponse"
        target = target_of(context, parameters["FunctionName"], parameters.get("Qualifier"))
        function, version = self._found(target)
        payload = checked_payload(parameters.get("Payload") or b"", kind)
        client_context = decoded_client_context(parameters.get("ClientContext"))
        _check_tenant(version, parameters.get("TenantId"))
        _check_durable(version, target, parameters.get("DurableExecutionName"))
        if kind == "DryRun":
            return {"StatusCode": 204}
        trace_id = trace_of(context.headers, version, self._control.dependencies.ids, context.now)
        if kind == "Event":
            # The client context is passed on to synchronous invocations only:
            # https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
            event = QueuedEvent(
                request_id=context.request_id,
                scope=target.scope,
                function=target.name,
                qualifier=target.qualifier or "",
                payload=payload,
                accepted_at=context.now,
                due_at=context.now,
                trace_id=trace_id,
                number=self._queue.next_number(),
            )
            return await self._queued(event, version, is_kept=context.caller.is_aws)
        _check_synchronous(version, parameters)
        call = Call(
            request_id=context.request_id,
            version=version,
            invoked_arn=function.arn_of(target.qualifier),
            payload=payload,
            client_context=client_context,
            trace_id=self._loops.enter(function, trace_id),
            with_tail=parameters.get("LogType") == "Tail",
        )
        return await self._answered(call)

    @operation("InvokeWithResponseStream")
    async def invoke_with_response_stream(self, context: RequestContext, parameters: Parameters) -> Result:
        """Invoke a function and pass its answer on while it writes; one that does not stream answers in one piece."""
        target = target_of(context, parameters["FunctionName"], parameters.get("Qualifier"))
        function, version = self._found(target)
        payload = checked_payload(parameters.get("Payload") or b"", "RequestResponse")
        client_context = decoded_client_context(parameters.get("ClientContext"))
        _check_tenant(version, parameters.get("TenantId"))
        _check_durable(version, target, None)
        if parameters.get("InvocationType") == "DryRun":
            return {"StatusCode": 204}
        _check_synchronous(version, parameters)
        trace_id = trace_of(context.headers, version, self._control.dependencies.ids, context.now)
        call = Call(
            request_id=context.request_id,
            version=version,
            invoked_arn=function.arn_of(target.qualifier),
            payload=payload,
            client_context=client_context,
            trace_id=self._loops.enter(function, trace_id),
            with_tail=parameters.get("LogType") == "Tail",
        )
        if call.with_tail:
            self._reporting.watch(call.request_id)
        try:
            opened = await self._streams.open(call)
        except BaseException:
            if call.with_tail:
                self._reporting.tail(call.request_id)
            raise
        return {
            "StatusCode": 200,
            "ExecutedVersion": version.version,
            "EventStream": self._events(opened, call.request_id if call.with_tail else None),
            MORE_HEADERS: _headers(call.trace_id),
        }

    async def _events(self, opened: Opened, watched: str | None) -> EventStream:
        complete: Shape = {}
        try:
            async for chunk in opened.chunks:
                yield {"PayloadChunk": {"Payload": chunk}}
            answer = opened.end()
            if answer.function_error is not None:
                complete = {"ErrorCode": answer.function_error, "ErrorDetails": answer.payload.decode(errors="replace")}
        finally:
            opened.abandon()
            if watched is not None:
                complete["LogResult"] = self._reporting.tail(watched)
        yield {"InvokeComplete": complete}

    @operation("InvokeAsync")
    async def invoke_async(self, context: RequestContext, parameters: Parameters) -> Result:
        """Queue an event, as Invoke with type Event does (deprecated by AWS)."""
        arguments = parameters.get("InvokeArgs") or b""
        asked = {"FunctionName": parameters["FunctionName"], "InvocationType": "Event", "Payload": arguments}
        await self.invoke(context, asked)
        return {"Status": 202}

    def _found(self, target: Target) -> tuple[FunctionRoute, VersionRoute]:
        function, version = self._look_up(target)
        if function is not None and (version is None or version.state is not State.ACTIVE):
            # What was committed can be read a moment before the routes follow it; who saw it must not be refused.
            self._control.routes.refresh(target.scope, target.name)
            function, version = self._look_up(target)
        if function is not None and function.latest.is_managed and target.qualifier in {None, LATEST}:
            if LATEST_PUBLISHED not in function.versions:
                raise errors.no_published_version()
            if target.qualifier == LATEST:
                raise errors.latest_not_invocable()
        if function is None or version is None:
            raise errors.function_not_found(target.scope, target.name, target.qualifier or LATEST)
        return function, version

    def _look_up(self, target: Target) -> tuple[FunctionRoute | None, VersionRoute | None]:
        function = self._control.routes.find(target.scope.account, target.scope.region, target.name)
        return function, None if function is None else resolve(function, target.qualifier, self._fraction())

    def _fraction(self) -> float:
        return self._control.dependencies.ids.fraction()

    async def _queued(self, event: QueuedEvent, version: VersionRoute, *, is_kept: bool) -> Result:
        if version.state is not State.ACTIVE:
            raise errors.not_active(version.state)
        # A service of AWS's has what it brings in its own books until this returns: no sync is needed before the try.
        await (self._queue.take(event) if is_kept else self._queue.accept(event))
        return {"StatusCode": 202, "Payload": b"", MORE_HEADERS: _headers(event.trace_id)}

    async def _answered(self, call: Call) -> Result:
        if not call.with_tail:
            answer = await self._invoker.run(call)
            shape: Shape = {"StatusCode": 200, "Payload": answer.payload, "ExecutedVersion": call.version.version}
        else:
            self._reporting.watch(call.request_id)
            try:
                answer = await self._invoker.run(call)
            finally:
                tail = self._reporting.tail(call.request_id)
            shape = {
                "StatusCode": 200,
                "Payload": answer.payload,
                "ExecutedVersion": call.version.version,
                "LogResult": tail,
            }
        if answer.function_error is not None:
            shape["FunctionError"] = answer.function_error
        shape[MORE_HEADERS] = _headers(call.trace_id)
        return shape


def _headers(trace_id: str | None) -> tuple[tuple[str, str], ...]:
    # The length of a body that a proxy of AWS's own has replaced: always 0.
    remapped = ("x-amzn-Remapped-Content-Length", "0")
    return (remapped,) if trace_id is None else (remapped, ("X-Amzn-Trace-Id", trace_id))


def _check_tenant(version: VersionRoute, tenant_id: str | None) -> None:
    """Raise where a tenant is named that the function does not ask for, and for functions that isolate tenants.

    https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation-invocation.html
    """
    if not version.isolates_tenants:
        if tenant_id is not None:
            raise errors.invalid_parameter(
                "The invoked function is not enabled with tenancy configuration. Remove the tenant ID from your "
                "request and try again."
            )
        return
    if tenant_id is None:
        raise errors.invalid_parameter(
            "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try "
            "again."
        )
    raise errors.invalid_runtime(version.hindrance)


def _check_durable(version: VersionRoute, target: Target, execution_name: str | None) -> None:
    """Raise for durable functions, and where a durable execution of one that is not durable is named.

    https://docs.aws.amazon.com/lambda/latest/dg/durable-invoking.html
    """
    if version.is_durable:
        if target.qualifier is None:
            raise errors.invalid_parameter("You cannot invoke a durable function using an unqualified ARN.")
        raise errors.invalid_runtime(version.hindrance)
    if execution_name is not None:
        # No recording shows AWS's words.
        raise errors.invalid_parameter(
            "DurableExecutionName names an execution of a durable function, which the invoked function is not."
        )


def _check_synchronous(version: VersionRoute, parameters: Parameters) -> None:
    """Raise for what a caller cannot have of a function on Managed Instances while it waits for the answer."""
    if not version.is_managed:
        return
    if parameters.get("LogType") == "Tail":
        raise errors.invalid_parameter("LogType Tail isn't supported for Lambda Managed Instances functions")
    check_waited_for(version)
