"""Macros: functions that rewrite templates, or parts of them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-author.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from lambent.base.identifiers import IdSource
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.store.scope import Scope
from lambent.template.document import TemplateError, Value

# The function that a macro calls, by the macro's name; None where there is no such macro.
MacroFunction = Callable[[Scope, str], str | None]


class Macros:
    """Calls the functions behind macros."""

    def __init__(self, client: InternalClient, ids: IdSource, function: MacroFunction) -> None:
        self._client = client
        self._ids = ids
        self._function = function

    async def apply(
        self,
        context: RequestContext,
        name: str,
        fragment: Value,
        *,
        params: Mapping[str, Value],
        values: Mapping[str, Value],
    ) -> Value:
        """Return what a macro makes of a fragment. Raises TemplateError in AWS's words where it cannot."""
        account = context.scope.account
        called = name if "::" in name else f"{account}::{name}"
        function = self._function(context.scope, name.rpartition("::")[2])
        if function is None:
            raise TemplateError(f"No transform named {called} found")
        event = {
            "accountId": account,
            "fragment": fragment,
            "transformId": called,
            "requestId": self._ids.uuid(),
            "region": context.scope.region,
            "params": dict(params),
            "templateParameterValues": dict(values),
        }
        return _fragment(called, event["requestId"], await self._answer(context, called, function, event))

    async def _answer(self, context: RequestContext, called: str, function: str, event: Mapping[str, Value]) -> Value:
        request = {"FunctionName": function, "Payload": json.dumps(event).encode()}
        try:
            answer = await self._client.call("lambda", "Invoke", request, scope=context.scope, principal=context.caller)
        except ServiceError as error:
            raise TemplateError(f"Transform {called} failed with: {error.message}") from error
        if answer.get("FunctionError"):
            raise TemplateError(_malformed(called))
        payload = answer.get("Payload", b"")
        content = payload if isinstance(payload, bytes) else b"".join([chunk async for chunk in payload])
        try:
            return json.loads(content)
        except ValueError as error:
            raise TemplateError(_malformed(called)) from error


def _fragment(called: str, request_id: str, answer: Any) -> Value:  # Any: whatever the function returned
    if not isinstance(answer, Mapping) or answer.get("requestId") != request_id or "status" not in answer:
        raise TemplateError(_malformed(called))
    if str(answer["status"]).lower() != "success":
        message = answer.get("errorMessage")
        told = f"failed with: {message}" if message else "failed without an error message."
        raise TemplateError(f"Transform {called} {told}")
    if "fragment" not in answer:
        raise TemplateError(_malformed(called))
    return answer["fragment"]


def _malformed(called: str) -> str:
    return f"Received malformed response from transform {called}"
