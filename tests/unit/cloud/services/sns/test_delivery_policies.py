"""When a delivery is tried again."""

from __future__ import annotations

import json

import pytest

from lambent.cloud.services.sns.model.delivery_policy import (
    AWS_MANAGED,
    PolicyProblemError,
    RetryPolicy,
    WebPolicy,
    subscription_policy,
    topic_policy,
)


def delays(policy: RetryPolicy, count: int) -> list[float | None]:
    return [policy.delay_before(number) for number in range(1, count + 1)]


def test_aws_own_endpoints_are_tried_for_twenty_three_days() -> None:
    assert delays(AWS_MANAGED, 16) == [0, 0, 0, 1, 1, 1, 2, 4, 8, 16, 20, 20, 20, 20, 20, 20]
    assert AWS_MANAGED.delay_before(100_015) == 20
    assert AWS_MANAGED.delay_before(100_016) is None
    assert 23 <= sum(AWS_MANAGED.delay_before(n) or 0 for n in range(1, 100_016)) / 86_400 < 24


@pytest.mark.parametrize(
    ("backoff", "expected"),
    [
        ("linear", [10, 20, 30, 40]),
        ("exponential", [10, 20, 40, 40]),
        ("geometric", [10, 15.87, 25.2, 40]),
        ("arithmetic", [10, 16.67, 26.67, 40]),
    ],
)
def test_delays_grow_as_the_backoff_function_says(backoff: str, expected: list[float]) -> None:
    policy = RetryPolicy(min_delay=10, max_delay=40, retries=4, backoff=backoff)
    assert [round(delay or 0, 2) for delay in delays(policy, 4)] == expected
    assert policy.delay_before(5) is None


def test_a_subscription_takes_its_topics_policy_unless_it_has_its_own() -> None:
    of_topic = topic_policy(json.dumps({"http": {"defaultHealthyRetryPolicy": {"numRetries": 7}}}))
    own = json.dumps({"healthyRetryPolicy": {"numRetries": 1}})
    assert subscription_policy("", of_topic).retry.retries == 7
    assert subscription_policy(own, of_topic).retry.retries == 1
    overruling = topic_policy('{"http": {"disableSubscriptionOverrides": true}}')
    assert subscription_policy(own, overruling).retry.retries == 3


@pytest.mark.parametrize(
    "healthy",
    [
        {"numRetries": 101},
        {"minDelayTarget": 30},
        {"numRetries": 1, "numNoDelayRetries": 2},
        {"numRetries": 100, "minDelayTarget": 60, "maxDelayTarget": 60},
        {"backoffFunction": "none"},
        {"numRetries": "3"},
        [],
    ],
)
def test_policies_that_cannot_be_are_refused(healthy: object) -> None:
    with pytest.raises(PolicyProblemError):
        subscription_policy(json.dumps({"healthyRetryPolicy": healthy}), WebPolicy())
