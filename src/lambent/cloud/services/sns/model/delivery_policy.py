"""How often and when a delivery is tried again: HTTP/S as its delivery policy says, the others as AWS fixed it.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import orjson

Json = Mapping[str, Any]  # Any: a stranger's JSON, looked at part by part

BACKOFFS: Final = ("linear", "arithmetic", "geometric", "exponential")
CONTENT_TYPE: Final = "text/plain; charset=UTF-8"
_MOST_RETRIES = 100
_LONGEST_DELAY_S = 3600
# https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html#creating-delivery-policy
_CONTENT_TYPES = frozenset(
    {
        "application/atom+xml", "application/json", "application/octet-stream", "application/soap+xml",
        "application/x-www-form-urlencoded", "application/xhtml+xml", "application/xml", "text/css", "text/csv",
        "text/html", "text/plain", "text/xml",
    }
)  # fmt: skip


class PolicyProblemError(ValueError):
    """A delivery policy that cannot be, in AWS's words."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The retries of a delivery, in four phases: at once, `min_delay` apart, ever further apart, `max_delay` apart."""

    min_delay: int = 20
    max_delay: int = 20
    retries: int = 3
    at_once: int = 0
    at_min_delay: int = 0
    at_max_delay: int = 0
    backoff: str = "linear"

    def delay_before(self, retry: int) -> float | None:
        """Return the seconds before the retry of that number, from 1 on; None where there is none.

        >>> [RetryPolicy(min_delay=1, max_delay=4, retries=5, at_once=1).delay_before(n) for n in (1, 2, 3, 5, 6)]
        [0.0, 1.0, 2.0, 4.0, None]
        """
        if retry > self.retries:
            return None
        if retry <= self.at_once:
            return 0.0
        step = retry - self.at_once - self.at_min_delay
        if step <= 0:
            return float(self.min_delay)
        steps = self.retries - self.at_once - self.at_min_delay - self.at_max_delay
        if step > steps:
            return float(self.max_delay)
        return self._backed_off(step, steps)

    def _backed_off(self, step: int, steps: int) -> float:
        if steps == 1 or self.min_delay == self.max_delay:
            return float(self.min_delay)
        way = (step - 1) / (steps - 1)
        low, high = float(self.min_delay), float(self.max_delay)
        if self.backoff == "arithmetic":
            # The delays grow by ever more: 1, 3, 6, 10, ….
            return low + (high - low) * (step * (step + 1) / 2 - 1) / (steps * (steps + 1) / 2 - 1)
        if self.backoff == "geometric":
            return low * math.pow(high / max(low, 1.0), way)
        if self.backoff == "exponential":
            return min(high, low * 2.0 ** (step - 1))
        return low + (high - low) * way

    def shown(self) -> dict[str, object]:
        """Return it as AWS shows it."""
        return {
            "minDelayTarget": self.min_delay,
            "maxDelayTarget": self.max_delay,
            "numRetries": self.retries,
            "numMaxDelayRetries": self.at_max_delay,
            "numNoDelayRetries": self.at_once,
            "numMinDelayRetries": self.at_min_delay,
            "backoffFunction": self.backoff,
        }


AWS_MANAGED: Final = RetryPolicy(1, 20, 100_015, 3, 2, 100_000, "exponential")
"""For SQS, Lambda and Firehose: 100,015 retries over 23 days."""


@dataclass(frozen=True, slots=True)
class WebPolicy:
    """The delivery policy of an HTTP/S subscription, or of a topic for all of its."""

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    content_type: str = CONTENT_TYPE
    overrules: bool = False
    per_second: int | None = None


@lru_cache(maxsize=1024)
def topic_policy(text: str) -> WebPolicy:
    """Return a topic's delivery policy; raises PolicyProblemError."""
    web = _object(_parsed(text).get("http", {}), "http")
    throttle = _object(web.get("defaultThrottlePolicy"), "defaultThrottlePolicy")
    return WebPolicy(
        _retry(_object(web.get("defaultHealthyRetryPolicy"), "defaultHealthyRetryPolicy")),
        _content_type(_object(web.get("defaultRequestPolicy"), "defaultRequestPolicy"), CONTENT_TYPE),
        overrules=web.get("disableSubscriptionOverrides") is True,
        per_second=_rate(throttle),
    )


@lru_cache(maxsize=1024)
def subscription_policy(text: str, of_topic: WebPolicy) -> WebPolicy:
    """Return a subscription's delivery policy, with its topic's for what it leaves open; raises PolicyProblemError."""
    given = _parsed(text)
    healthy = given.get("healthyRetryPolicy")
    if of_topic.overrules:
        return of_topic
    return WebPolicy(
        of_topic.retry if healthy is None else _retry(_object(healthy, "healthyRetryPolicy")),
        _content_type(_object(given.get("requestPolicy"), "requestPolicy"), of_topic.content_type),
        per_second=_rate(_object(given.get("throttlePolicy"), "throttlePolicy")) or of_topic.per_second,
    )


def shown_for_topic(policy: WebPolicy) -> str:
    """Return a topic's EffectiveDeliveryPolicy."""
    web: dict[str, object] = {
        "defaultHealthyRetryPolicy": policy.retry.shown(),
        "disableSubscriptionOverrides": policy.overrules,
    }
    if policy.per_second is not None:
        web["defaultThrottlePolicy"] = {"maxReceivesPerSecond": policy.per_second}
    web["defaultRequestPolicy"] = {"headerContentType": policy.content_type}
    return orjson.dumps({"http": web}).decode()


def shown_for_subscription(policy: WebPolicy) -> str:
    """Return an HTTP/S subscription's EffectiveDeliveryPolicy."""
    throttle = None if policy.per_second is None else {"maxReceivesPerSecond": policy.per_second}
    shown = {
        "healthyRetryPolicy": policy.retry.shown(),
        "sicklyRetryPolicy": None,
        "throttlePolicy": throttle,
        "requestPolicy": {"headerContentType": policy.content_type},
        "guaranteed": False,
    }
    return orjson.dumps(shown).decode()


def _parsed(text: str) -> Json:
    try:
        parsed = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError as error:
        raise PolicyProblemError("failed to parse JSON.") from error
    return _object(parsed, "policy")


def _object(value: object, name: str) -> Json:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise PolicyProblemError(f"{name} must be a JSON object")
    return value


def _retry(given: Json) -> RetryPolicy:
    standard = RetryPolicy()
    policy = RetryPolicy(
        _number(given, "minDelayTarget", standard.min_delay, _LONGEST_DELAY_S, least=1),
        _number(given, "maxDelayTarget", standard.max_delay, _LONGEST_DELAY_S, least=1),
        _number(given, "numRetries", standard.retries, _MOST_RETRIES),
        _number(given, "numNoDelayRetries", 0, _MOST_RETRIES),
        _number(given, "numMinDelayRetries", 0, _MOST_RETRIES),
        _number(given, "numMaxDelayRetries", 0, _MOST_RETRIES),
        str(given.get("backoffFunction") or standard.backoff),
    )
    if policy.backoff not in BACKOFFS:
        raise PolicyProblemError(f"backoffFunction must be one of: {', '.join(BACKOFFS)}")
    if policy.min_delay > policy.max_delay:
        raise PolicyProblemError("minDelayTarget must be less than or equal to maxDelayTarget")
    if policy.at_once + policy.at_min_delay + policy.at_max_delay > policy.retries:
        raise PolicyProblemError(
            "numNoDelayRetries + numMinDelayRetries + numMaxDelayRetries must be less than or equal to numRetries"
        )
    if sum(policy.delay_before(retry) or 0.0 for retry in range(1, policy.retries + 1)) > _LONGEST_DELAY_S:
        raise PolicyProblemError(f"total retry time must be less than or equal to {_LONGEST_DELAY_S} seconds")
    return policy


def _number(given: Json, name: str, default: int, most: int, *, least: int = 0) -> int:
    value = given.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise PolicyProblemError(f"{name} must be an integer between {least} and {most}")
    return value


def _rate(given: Json) -> int | None:
    value = given.get("maxReceivesPerSecond")
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise PolicyProblemError("maxReceivesPerSecond must be an integer of at least 1")
    return value


def _content_type(given: Json, default: str) -> str:
    value = given.get("headerContentType")
    if value is None:
        return default
    if not isinstance(value, str) or value.partition(";")[0].strip() not in _CONTENT_TYPES:
        raise PolicyProblemError("headerContentType is not supported")
    return value
