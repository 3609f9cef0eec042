"""A mapping's invocations of its function: waited for, on the same way as Invoke's."""

from __future__ import annotations

from collections.abc import Sequence

from lambent.aws.arn import Arn
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import Principal, service_principal
from lambent.cloud.framework.faults.kind import FaultKind
from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.dependencies import Dependencies
from lambent.cloud.services.lambda_.event_sources.replies import Reply
from lambent.cloud.services.lambda_.invocation import Call, Invoker, resolve
from lambent.cloud.services.lambda_.lookups import HOST
from lambent.cloud.services.lambda_.model.event_source import SourceKind
from lambent.cloud.services.lambda_.model.event_source_mapping import EventSourceMapping
from lambent.cloud.services.lambda_.model.function import LATEST
from lambent.cloud.services.lambda_.model.lineage import lineage_with, parts_of
from lambent.cloud.services.lambda_.routing import FunctionRoute, Routes
from lambent.cloud.services.lambda_.tracing import HEADER, Loops, trace_of

_LOOP = errors.recursive_invocation().code


class Delivery:
    """Invokes the functions of mappings."""

    def __init__(self, dependencies: Dependencies, routes: Routes, invoker: Invoker, loops: Loops) -> None:
        self._ids = dependencies.ids
        self._clock = dependencies.clock
        self._routes = routes
        self._invoker = invoker
        self._loops = loops

    async def invoke(self, mapping: EventSourceMapping, event: bytes, traces: Sequence[str] = ()) -> Reply:
        """Run the function with an event and return how that ended.

        `traces` are the trace headers that the records came with. Raises ServiceError where the function could not be
        run just now: it is throttled, not active, or gone.
        """
        if self._invoker.strikes.active and mapping.kind is SourceKind.DYNAMODB and self._comes_twice(mapping):
            # What becomes of the first is not told to who reads the stream, as after a failure of AWS's own.
            await self._invoke(mapping, event, traces)
        return await self._invoke(mapping, event, traces)

    def _comes_twice(self, mapping: EventSourceMapping) -> bool:
        table = (mapping.source_arn or "").partition("/stream/")[0]
        return self._invoker.strikes.strike(FaultKind.DUPLICATE, table) is not None

    async def _invoke(self, mapping: EventSourceMapping, event: bytes, traces: Sequence[str]) -> Reply:
        named = mapping.function
        function = self._find(mapping)
        version = None if function is None else resolve(function, named.qualifier, self._ids.fraction())
        if function is None or version is None:
            raise errors.function_not_found(mapping.scope, named.name, named.qualifier or LATEST)
        given = _deepest(traces, function.arn)
        headers = {} if given is None else {HEADER: given}
        request_id = self._ids.uuid()
        try:
            trace_id = self._loops.enter(function, trace_of(headers, version, self._ids, self._clock.now()))
        except ServiceError as error:
            if error.code != _LOOP:
                raise
            return Reply(request_id, error.message.encode(), version.version, error.code)
        call = Call(
            request_id=request_id,
            version=version,
            invoked_arn=function.arn_of(named.qualifier),
            payload=event,
            trace_id=trace_id,
        )
        answer = await self._invoker.run(call)
        return Reply(request_id, answer.payload, version.version, answer.function_error)

    def role_of(self, mapping: EventSourceMapping) -> str | None:
        """Return the ARN of the role that the function reads its source with; None once the function is gone."""
        function = self._find(mapping)
        if function is None:
            return None
        version = resolve(function, mapping.function.qualifier, 0.0) or function.latest
        return None if version.spec is None else version.spec.role_arn

    def reader_of(self, mapping: EventSourceMapping) -> Principal:
        """Return who reads the source: the function's role, in a session of its name."""
        role = self.role_of(mapping)
        if role is None:
            return service_principal(HOST, mapping.scope, mapping.arn)
        arn = Arn.parse(role)
        name = arn.resource.rpartition("/")[2]
        session = f"arn:{arn.partition}:sts::{arn.account}:assumed-role/{name}/{mapping.function.name}"
        return Principal("assumed-role", arn.account, session, name, via=HOST)

    def _find(self, mapping: EventSourceMapping) -> FunctionRoute | None:
        return self._routes.find(mapping.scope.account, mapping.scope.region, mapping.function.name)


def _deepest(traces: Sequence[str], function_arn: str) -> str | None:
    """Return the trace in which the function has run most often, so that a loop is found whatever else is there."""
    if len(traces) < 2:
        return traces[0] if traces else None
    return max(dict.fromkeys(traces), key=lambda trace: _depth(trace, function_arn))


def _depth(trace: str, function_arn: str) -> int:
    return lineage_with(parts_of(trace).get("lineage", ""), function_arn)[1]
