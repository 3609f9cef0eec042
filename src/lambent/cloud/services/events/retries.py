"""What becomes of an event that a target did not take: another try, or the end, and why.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from lambent.cloud.errors import ServiceError

MOST_RETRIES = 185
LONGEST_AGE_S = 86_400
_FIRST_PAUSE_S = 1.0
# So that the tries of the default policy come to an end a little before its 24 hours do.
_LONGEST_PAUSE_S = 600.0
_THROTTLES = ("Throttl", "TooManyRequests", "RequestLimitExceeded", "SlowDown", "ProvisionedThroughputExceeded")
_DENIALS = ("AccessDenied", "KMS.AccessDenied", "AuthorizationError", "NotAuthorized", "Forbidden")
_ABSENCES = ("NotFound", "NonExistentQueue", "QueueDoesNotExist", "DoesNotExist", "NoSuch")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, and for how long, an event is tried again."""

    retries: int = MOST_RETRIES
    age_s: float = LONGEST_AGE_S


class Exhausted(StrEnum):
    """Which limit of its policy ended an event, as dead letters tell it."""

    RETRIES = "MaximumRetryAttempts"
    AGE = "MaximumEventAgeInSeconds"


def code_of(failure: ServiceError) -> str | None:
    """Return the code under which an event ends at once, or None where trying again may help.

    >>> code_of(ServiceError("AccessDeniedException", "no", status=403))
    'NO_PERMISSIONS'
    """
    if failure.status >= HTTPStatus.INTERNAL_SERVER_ERROR or any(word in failure.code for word in _THROTTLES):
        return None
    if any(word in failure.code for word in _DENIALS):
        return "NO_PERMISSIONS"
    if any(word in failure.code for word in _ABSENCES):
        return "NO_RESOURCE"
    return "SDK_CLIENT_ERROR"


def pause_before(retry: int, chance: float) -> float:
    """Return the seconds before a retry (1 is the first): twice as long each time, between half and all of that.

    >>> [pause_before(retry, 1.0) for retry in (1, 2, 3, 20)]
    [1.0, 2.0, 4.0, 600.0]
    """
    longest = min(_FIRST_PAUSE_S * 2.0 ** min(retry - 1, 20), _LONGEST_PAUSE_S)
    return longest * (0.5 + chance / 2)


def next_step(policy: RetryPolicy, retries: int, accepted_at: float, now: float, chance: float) -> float | Exhausted:
    """Return when to try again after `retries` retries, or why not."""
    if retries >= policy.retries:
        return Exhausted.RETRIES
    at = now + pause_before(retries + 1, chance)
    return Exhausted.AGE if at - accepted_at > policy.age_s else at
