"""What becomes of asynchronous invocations: retries and destinations."""

from __future__ import annotations

from collections.abc import Iterator

from lambent.compiler.intrinsics import Value, resource_ref
from lambent.compiler.names import logical_id
from lambent.compiler.resources.parties import party
from lambent.compiler.resources.scope import Emitted, Scope, resource, said
from lambent.manifest.checks.parties import TARGETS
from lambent.manifest.node import Retry
from lambent.manifest.system import Function


def event_invoke_config(scope: Scope, key: str, function: Function) -> Iterator[Emitted]:
    """Yield the asynchronous settings of function `key`, for its alias where it has one."""
    retry = function.retry or Retry()
    destinations: dict[str, Value] = said(
        {
            name: None if target is None else {"Destination": party(scope, target, *sections).arn}
            for name, target, sections in (
                ("OnSuccess", function.on_success, TARGETS["on_success"]),
                ("OnFailure", function.on_failure, TARGETS["on_failure"]),
            )
        }
    )
    settings = said(
        {
            "DestinationConfig": destinations or None,
            "MaximumEventAgeInSeconds": retry.max_age,
            "MaximumRetryAttempts": retry.attempts,
        }
    )
    if not settings:
        return
    alias = function.alias
    properties = {
        "FunctionName": resource_ref(key, "Function"),
        "Qualifier": "$LATEST" if alias is None else alias.name,
        **settings,
    }
    after = None if alias is None else logical_id(key, "FunctionAlias")
    yield (
        logical_id(key, "FunctionEventInvokeConfig"),
        resource("AWS::Lambda::EventInvokeConfig", properties, DependsOn=after),
    )
