from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError

from tests.recorder.cleaning import NotOursError
from tests.recorder.cloud import AwsCloud, SharedRole
from tests.recorder.normalise import Place
from tests.recorder.target import Target

ACCOUNT = "210987654321"
ROLE = f"arn:aws:iam::{ACCOUNT}:role"
UNKNOWN_ROLE = (400, "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.")
THROTTLED = (429, "TooManyRequestsException", "Rate exceeded")


class Body(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


class Lambda:
    """Answers a client with what a test says, then with success."""

    def __init__(self, *refusals: tuple[int, str, str]) -> None:
        session: Any = boto3.Session("local", "local", region_name="eu-central-1")  # Any: boto3 ships no types
        target = Target(Place(ACCOUNT, "eu-central-1"), "http://127.0.0.1:1", session)
        self.cloud = AwsCloud(target, SharedRole(target, "lambent-recorder-1"), "lt1-")
        self.client = self.cloud.client("lambda")
        self.client.meta.events.register("before-send", self._answer)
        self.sent: list[str] = []
        self.lose_the_next_answer = False
        self._refusals = list(refusals)

    def _answer(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        self.sent.append(request.url)
        if self.lose_the_next_answer:
            self.lose_the_next_answer = False
            raise ConnectionClosedError(endpoint_url=request.url)
        status, code, message = self._refusals.pop(0) if self._refusals else (200, "", "")
        headers = HTTPHeaders.from_dict({"x-amzn-ErrorType": code} if code else {})
        return AWSResponse(request.url, status, headers, Body(json.dumps({"Message": message}).encode()))

    def create(self, role: str) -> None:
        code = {"ZipFile": b"PK"}
        self.client.create_function(FunctionName="f", Runtime="python3.13", Handler="h.h", Role=role, Code=code)


class Logs:
    """Answers a cloud's client of CloudWatch Logs with success."""

    def __init__(self, cloud: AwsCloud) -> None:
        self.sent: list[object] = []
        cloud.client("logs").meta.events.register("before-send", self._answer)

    def _answer(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        assert isinstance(request.body, bytes)
        self.sent.append(json.loads(request.body))
        return AWSResponse(request.url, 200, HTTPHeaders(), Body(b"{}"))


def test_a_new_role_is_waited_for() -> None:
    functions = Lambda(UNKNOWN_ROLE, UNKNOWN_ROLE)
    functions.create(f"{ROLE}/lambent-test")
    assert len(functions.sent) == 3


def test_a_role_that_is_missing_is_refused_at_once() -> None:
    functions = Lambda(UNKNOWN_ROLE)
    with pytest.raises(functions.client.exceptions.InvalidParameterValueException):
        functions.create(f"{ROLE}/missing")
    assert len(functions.sent) == 1


def test_a_throttled_call_is_made_again_and_kept_once() -> None:
    functions = Lambda(THROTTLED)
    functions.client.get_function(FunctionName="f")
    assert [url.rpartition("/")[2] for url in functions.sent] == ["lt1-f", "lt1-f"]
    assert functions.cloud.tape is not None
    assert [(each.operation, each.request) for each in functions.cloud.tape.heard] == [
        ("lambda.GetFunction", {"FunctionName": "f"})
    ]


def test_a_throttled_invocation_is_the_tests_to_see() -> None:
    functions = Lambda(THROTTLED)
    with pytest.raises(functions.client.exceptions.TooManyRequestsException):
        functions.client.invoke(FunctionName="f")
    assert len(functions.sent) == 1


def test_what_is_another_s_is_not_sent() -> None:
    functions = Lambda()
    with pytest.raises(NotOursError, match="DeleteFunction was not sent: its FunctionName 'arn:"):
        functions.client.delete_function(FunctionName="arn:aws:lambda:us-east-1:999999999999:function:f")
    with pytest.raises(NotOursError, match="DeleteEventSourceMapping was not sent"):
        functions.client.delete_event_source_mapping(UUID="aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee")
    assert functions.sent == []


def test_a_function_goes_and_so_does_its_log_group() -> None:
    functions = Lambda()
    logs = Logs(functions.cloud)
    functions.create(f"{ROLE}/lambent-test")
    assert functions.cloud.close() == []
    assert [url.rpartition("/")[2] for url in functions.sent] == ["functions", "lt1-f"]
    assert logs.sent == [{"logGroupName": "/aws/lambda/lt1-f"}]


def test_what_is_made_is_taken_away_though_its_answer_is_lost() -> None:
    functions = Lambda()
    Logs(functions.cloud)
    functions.lose_the_next_answer = True
    with pytest.raises(ConnectionClosedError):
        functions.create(f"{ROLE}/lambent-test")
    functions.cloud.close()
    assert [url.rpartition("/")[2] for url in functions.sent] == ["functions", "lt1-f"]


def test_what_cannot_be_found_without_its_answer_is_told() -> None:
    functions = Lambda()
    functions.lose_the_next_answer = True
    with pytest.raises(ConnectionClosedError):
        functions.client.create_event_source_mapping(FunctionName="f", EventSourceArn="a")
    assert functions.cloud.close() == [
        "lambda.CreateEventSourceMapping(FunctionName=lt1-f): AWS did not say its UUID: its answer was lost"
    ]


def test_what_aws_refuses_to_make_is_not_taken_away() -> None:
    functions = Lambda((409, "ResourceConflictException", "Function already exist: f"))
    Logs(functions.cloud)
    with pytest.raises(functions.client.exceptions.ResourceConflictException):
        functions.create(f"{ROLE}/lambent-test")
    functions.cloud.close()
    assert len(functions.sent) == 1
