"""What a function's answer says of the records it was given.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

REPORTS = "ReportBatchItemFailures"
_FAILURES, _IDENTIFIER = "batchItemFailures", "itemIdentifier"


@dataclass(frozen=True, slots=True)
class Reply:
    """How one invocation for a mapping ended. `function_error` is set where the function failed."""

    request_id: str
    payload: bytes
    version: str
    function_error: str | None = None


def failed_items(reply: Reply, items: Sequence[str], *, reports: bool) -> frozenset[str]:
    """Return which of a batch's items failed: none, some that the function reports, or all of them.

    An empty or absent list is success; what cannot be read, or names no item of the batch, fails the whole batch.

    >>> reply = Reply("id", b'{"batchItemFailures": [{"itemIdentifier": "b"}]}', "1")
    >>> failed_items(reply, ["a", "b"], reports=True)
    frozenset({'b'})
    >>> failed_items(reply, ["a", "b"], reports=False)
    frozenset()
    >>> sorted(failed_items(reply, ["c", "d"], reports=True))
    ['c', 'd']
    """
    if reply.function_error is not None:
        return frozenset(items)
    if not reports:
        return frozenset()
    named = _named(reply.payload)
    if named is None or not named <= set(items):
        return frozenset(items)
    return frozenset(named)


def state_of(reply: Reply) -> dict[str, Any] | None:  # Any: JSON of the function's
    """Return the state that a function keeps for its window; None where it failed to give one."""
    if reply.function_error is not None:
        return None
    answer = _json(reply.payload)
    state = answer.get("state") if isinstance(answer, dict) else None
    return state if isinstance(state, dict) else None


def _named(payload: bytes) -> set[str] | None:
    """Return the items that an answer names as failed; None where it cannot be read as such."""
    answer = _json(payload)
    if answer is None:
        return None if payload.strip() not in {b"null", b""} else set()
    failures = answer.get(_FAILURES) if isinstance(answer, dict) else answer
    if isinstance(answer, dict) and not failures:
        return set() if failures is None or failures == [] else None
    if not isinstance(failures, list):
        return None
    named = [failure.get(_IDENTIFIER) if isinstance(failure, dict) else None for failure in failures]
    return {str(name) for name in named} if all(isinstance(name, str) and name for name in named) else None


def _json(payload: bytes) -> Any:  # Any: JSON of the function's
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
