"""An asynchronous invocation that was accepted and is still owed to its function, and when it is tried again."""

from __future__ import annotations

from dataclasses import dataclass

from lambent.cloud.store.scope import Scope

MAXIMUM_RETRIES = 2
MAXIMUM_AGE_S = 6 * 3600.0


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


def retry_after_function_error(failures: int) -> float | None:
    """Return how many seconds after the `failures`-th function error the event is tried again, or None for no more.

    One minute, then two: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html

    >>> [retry_after_function_error(failures) for failures in (1, 2, 3)]
    [60.0, 120.0, None]
    """
    return 60.0 * failures if failures <= MAXIMUM_RETRIES else None


def retry_after_system_error(failures: int) -> float:
    """Return the back-off after the `failures`-th throttle or system error: from one second up to five minutes.

    >>> [retry_after_system_error(failures) for failures in (1, 2, 3, 20)]
    [1.0, 2.0, 4.0, 300.0]
    """
    return float(min(2 ** min(failures - 1, 20), 300))
