"""When an asynchronous event is tried again, and why it is given up."""

from __future__ import annotations

import json

import pytest

from lambent.cloud.services.lambda_.model.event import (
    Condition,
    QueuedEvent,
    after_function_error,
    after_system_error,
    is_too_old,
)
from lambent.cloud.services.lambda_.model.invocation_record import Response, error_message, object_key, record
from lambent.cloud.services.lambda_.model.invoke_config import DEFAULT, InvokeConfig, problem_of
from lambent.cloud.store.scope import Scope

SCOPE = Scope("123456789012", "eu-west-1")
HOURS = 3600.0


def event(function_errors: int = 0, system_errors: int = 0) -> QueuedEvent:
    return QueuedEvent(
        "r", SCOPE, "f", "", b"{}", 0.0, 0.0, function_errors=function_errors, system_errors=system_errors
    )


@pytest.mark.parametrize(
    ("errors_before", "config", "now", "outcome"),
    [
        (0, DEFAULT, 5.0, 65.0),
        (1, DEFAULT, 65.0, 185.0),
        (2, DEFAULT, 185.0, Condition.RETRIES_EXHAUSTED),
        (0, InvokeConfig(maximum_retries=0), 5.0, Condition.RETRIES_EXHAUSTED),
        (1, InvokeConfig(maximum_retries=1), 65.0, Condition.RETRIES_EXHAUSTED),
        (0, InvokeConfig(maximum_age_s=60), 0.0, Condition.EVENT_AGE_EXCEEDED),
        (0, InvokeConfig(maximum_age_s=120), 5.0, 65.0),
        (1, InvokeConfig(maximum_age_s=120), 65.0, Condition.EVENT_AGE_EXCEEDED),
    ],
)
def test_a_function_error_is_tried_again_as_often_and_as_long_as_the_configuration_says(
    errors_before: int, config: InvokeConfig, now: float, outcome: float | Condition
) -> None:
    verdict = after_function_error(event(function_errors=errors_before), config, now)
    if isinstance(verdict, QueuedEvent):
        assert (verdict.due_at, verdict.function_errors) == (outcome, errors_before + 1)
    else:
        assert verdict is outcome


@pytest.mark.parametrize(
    ("errors_before", "delay"), [(0, 1.0), (1, 2.0), (2, 4.0), (8, 256.0), (9, 300.0), (99, 300.0)]
)
def test_throttles_and_system_errors_back_off_up_to_five_minutes(errors_before: int, delay: float) -> None:
    verdict = after_system_error(event(system_errors=errors_before), DEFAULT, 10.0)
    assert isinstance(verdict, QueuedEvent)
    assert verdict.due_at == 10.0 + delay


def test_what_would_be_too_old_at_its_next_attempt_is_given_up() -> None:
    assert after_system_error(event(system_errors=20), DEFAULT, 6 * HOURS - 299) is Condition.EVENT_AGE_EXCEEDED
    assert is_too_old(event(), DEFAULT, 6 * HOURS + 1)
    assert not is_too_old(event(), DEFAULT, 6 * HOURS)


@pytest.mark.parametrize(
    "config",
    [
        DEFAULT,
        InvokeConfig(on_success="arn:aws:sqs:eu-west-1:123456789012:q"),
        InvokeConfig(on_failure="arn:aws:s3:::bucket"),
    ],
)
def test_destinations_are_of_services_that_take_records(config: InvokeConfig) -> None:
    assert problem_of(config) is None


@pytest.mark.parametrize(
    "config",
    [
        InvokeConfig(on_success="arn:aws:s3:::bucket"),
        InvokeConfig(on_failure="arn:aws:iam::123456789012:role/r"),
        InvokeConfig(on_failure="nonsense"),
        InvokeConfig(on_failure="arn:aws:sqs:eu-west-1:123456789012:q.fifo"),
        InvokeConfig(on_success="arn:aws:sns:eu-west-1:123456789012:t.fifo"),
    ],
)
def test_no_other_service_is_a_destination(config: InvokeConfig) -> None:
    assert "is invalid" in str(problem_of(config))


def test_a_record_of_an_event_that_never_ran_has_no_response() -> None:
    shown = json.loads(record(event(function_errors=1), Condition.ZERO_RESERVED_CONCURRENCY, None, 0.0))
    assert shown["timestamp"] == "1970-01-01T00:00:00.000Z"
    assert "responseContext" not in shown
    assert shown["requestContext"] == {
        "requestId": "r",
        "functionArn": "arn:aws:lambda:eu-west-1:123456789012:function:f:$LATEST",
        "condition": "ZeroReservedConcurrency",
        "approximateInvokeCount": 1,
    }


def test_what_is_no_json_is_told_as_text() -> None:
    response = Response(b"\xff plain", "Unhandled", "1")
    assert error_message(response) == "\ufffd plain"
    shown = json.loads(record(event(), Condition.RETRIES_EXHAUSTED, response, 0.0))
    assert shown["responsePayload"] == "\ufffd plain"
    unended = Response(b'"no end', "Unhandled", "1")
    assert json.loads(record(event(), Condition.RETRIES_EXHAUSTED, unended, 0.0))["responsePayload"] == '"no end'


def test_payloads_stand_in_a_record_as_they_came() -> None:
    payload = b'{"n": 123456789012345678901234567890, "n": 1.10}'
    shown = record(event(), Condition.SUCCESS, Response(payload, None, "1"), 0.0)
    assert b'"responsePayload":' + payload in shown


def test_a_bucket_keeps_records_by_function_and_day() -> None:
    assert object_key(event(), 1_763_712_000.0, "u") == "aws/lambda/async/f/2025/11/21/2025-11-21T08.00.00-u"
