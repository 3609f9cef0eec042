"""How long to wait before a target is asked again, and after what; tests pass a wait that takes no time."""

from __future__ import annotations

import threading
from collections.abc import Callable

from lambent.aws.clients import AwsCallError, TargetUnreachableError

Wait = Callable[[float], object]
_THROTTLED = frozenset(
    {
        "RequestLimitExceeded",
        "RequestThrottled",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


def wait(seconds: float) -> None:
    """Return after `seconds` of real time, or at once with Ctrl-C."""
    threading.Event().wait(seconds)


def is_passing(error: TargetUnreachableError | AwsCallError) -> bool:
    """Return whether it may go well later: nothing answers, AWS asks for fewer calls, or AWS itself has failed."""
    return isinstance(error, TargetUnreachableError) or error.code in _THROTTLED or error.status >= 500
