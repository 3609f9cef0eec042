"""An asynchronous invocation that was accepted and is still owed to its function, and when it is tried again.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from lambent.cloud.services.lambda_.model.invoke_config import InvokeConfig
from lambent.cloud.store.scope import Scope


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    """One accepted event. `function_errors` and `system_errors` count its failed attempts of either kind."""

    request_id: str
    scope: Scope
    function: str
    qualifier: str
    payload: bytes
    accepted_at: float
    due_at: float
    client_context: str | None = None
    trace_id: str | None = None
    function_errors: int = 0
    system_errors: int = 0
    number: int = 0
    """Its place among all that were accepted, under which it is kept."""


FunctionKey = tuple[str, str, str]
"""Account, Region and name of a function."""


def key_of(event: QueuedEvent) -> FunctionKey:
    """Return which function an event is for."""
    return event.scope.account, event.scope.region, event.function


class Condition(StrEnum):
    """How an event came to its end, in the words of its invocation record."""

    SUCCESS = "Success"
    RETRIES_EXHAUSTED = "RetriesExhausted"
    EVENT_AGE_EXCEEDED = "EventAgeExceeded"
    ZERO_RESERVED_CONCURRENCY = "ZeroReservedConcurrency"


def is_too_old(event: QueuedEvent, config: InvokeConfig, at: float) -> bool:
    """Tell whether an event may not be tried any more at a moment."""
    return at - event.accepted_at > config.age_s


def after_function_error(event: QueuedEvent, config: InvokeConfig, now: float) -> QueuedEvent | Condition:
    """Return the event as it waits for its next attempt after the function failed, or why there is none.

    The next attempt comes after one minute, then after two. AWS gives an event up at once where it would be too old
    by then.
    """
    failures = event.function_errors + 1
    waiting = replace(event, function_errors=failures, due_at=now + 60.0 * failures)
    if failures > config.retries:
        return Condition.RETRIES_EXHAUSTED
    # Not a second is left to an event whose maximum age is its first retry's delay: it has spent some in its attempt.
    return Condition.EVENT_AGE_EXCEEDED if waiting.due_at - event.accepted_at >= config.age_s else waiting


def after_system_error(event: QueuedEvent, config: InvokeConfig, now: float) -> QueuedEvent | Condition:
    """Return the event as it waits after a throttle or a system error, or that it would be too old by then.

    The back-off grows from one second to five minutes.
    """
    failures = event.system_errors + 1
    waiting = replace(event, system_errors=failures, due_at=now + min(2.0 ** min(failures - 1, 20), 300.0))
    return Condition.EVENT_AGE_EXCEEDED if is_too_old(event, config, waiting.due_at) else waiting
