"""Invoke: an event to a function, waited for or queued."""

from __future__ import annotations

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.async_queue import AsyncQueue
from lambent.cloud.services.lambda_.control import Control, Target, target_of
from lambent.cloud.services.lambda_.invocation import (
    Call,
    Invoker,
    checked_payload,
    decoded_client_context,
    resolve,
)
from lambent.cloud.services.lambda_.model.event import QueuedEvent
from lambent.cloud.services.lambda_.model.function import LATEST
from lambent.cloud.services.lambda_.model.state import State
from lambent.cloud.services.lambda_.rendering import Shape
from lambent.cloud.services.lambda_.reporting import Reporting
from lambent.cloud.services.lambda_.routing import FunctionRoute, VersionRoute


class InvokeOperations:
    """Invoke, InvokeAsync."""

    def __init__(self, control: Control, invoker: Invoker, queue: AsyncQueue, reporting: Reporting) -> None:
        self._control = control
        self._invoker = invoker
        self._queue = queue
        self._reporting = reporting

    @operation("Invoke")
    async def invoke(self, context: RequestContext, parameters: Parameters) -> Result:
        """Invoke a function: RequestResponse waits for its answer, Event queues, DryRun only checks."""
        kind = parameters.get("InvocationType") or "RequestResponse"
        target = target_of(context, parameters["FunctionName"], parameters.get("Qualifier"))
        function, version = self._found(target)
        payload = checked_payload(parameters.get("Payload") or b"", kind)
        client_context = decoded_client_context(parameters.get("ClientContext"))
        if kind == "DryRun":
            return {"StatusCode": 204}
        trace_id = self._trace_id(context, version)
        if kind == "Event":
            event = QueuedEvent(
                request_id=context.request_id,
                scope=target.scope,
                function=target.name,
                qualifier=target.qualifier or "",
                payload=payload,
                accepted_at=context.now,
                due_at=context.now,
                client_context=client_context,
                trace_id=trace_id,
            )
            return await self._queued(event, version)
        call = Call(
            request_id=context.request_id,
            version=version,
            invoked_arn=function.arn if target.qualifier is None else f"{function.arn}:{target.qualifier}",
            payload=payload,
            client_context=client_context,
            trace_id=trace_id,
        )
        return await self._answered(call, with_tail=parameters.get("LogType") == "Tail")

    @operation("InvokeAsync")
    async def invoke_async(self, context: RequestContext, parameters: Parameters) -> Result:
        """Queue an event, as Invoke with type Event does (deprecated by AWS)."""
        arguments = parameters.get("InvokeArgs") or b""
        asked = {"FunctionName": parameters["FunctionName"], "InvocationType": "Event", "Payload": arguments}
        await self.invoke(context, asked)
        return {"Status": 202}

    def _found(self, target: Target) -> tuple[FunctionRoute, VersionRoute]:
        function = self._control.routes.find(target.scope.account, target.scope.region, target.name)
        version = None if function is None else resolve(function, target.qualifier, self._fraction())
        if function is None or version is None:
            raise errors.function_not_found(target.scope, target.name, target.qualifier or LATEST)
        return function, version

    def _fraction(self) -> float:
        return self._control.dependencies.ids.fraction()

    def _trace_id(self, context: RequestContext, version: VersionRoute) -> str:
        given = context.headers.get("x-amzn-trace-id")
        if given:
            return given
        ids = self._control.dependencies.ids
        sampled = int(version.spec is not None and version.spec.tracing_active)
        return f"Root=1-{int(context.now):08x}-{ids.hex(24)};Parent={ids.hex(16)};Sampled={sampled}"

    async def _queued(self, event: QueuedEvent, version: VersionRoute) -> Result:
        if version.state is not State.ACTIVE:
            raise errors.not_active(version.state)
        await self._queue.accept(event)
        return {"StatusCode": 202, "Payload": b""}

    async def _answered(self, call: Call, *, with_tail: bool) -> Result:
        if not with_tail:
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
        return shape
