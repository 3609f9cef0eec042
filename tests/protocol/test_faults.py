"""Our errors reach a botocore client as the ClientError of that code, message and status, in every wire format."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.cloud.errors import ServiceError
from lambent.cloud.protocol.faults import fault
from lambent.cloud.protocol.identify import Call, WireFormat
from lambent.cloud.protocol.message import Request, Response
from tests.protocol.oracle import Oracle

_ROLE = {"RoleName": "r"}


def _failure(
    oracle: Oracle,
    operation: str,
    parameters: dict[str, Any],  # Any: botocore-shaped
    error: ServiceError,
) -> Any:  # Any: a ClientError, whose response has further members
    def answer(call: Call, _request: Request) -> Response:
        return fault(oracle.service, call.wire_format, error, "the-request-id")

    oracle.answer = answer
    with pytest.raises(ClientError) as caught:
        oracle.call(operation, parameters)
    return caught.value


@pytest.mark.parametrize(
    ("service", "wire_format", "operation", "parameters", "code", "expected_code", "status"),
    [
        ("lambda", "rest-json", "GetFunction", {"FunctionName": "f"}, "ResourceNotFoundException", None, 404),
        ("lambda", "rest-json", "GetFunction", {"FunctionName": "f"}, "ValidationException", None, 400),
        ("lambda", "rest-json", "GetFunction", {"FunctionName": "f"}, "ServiceException", None, 500),
        ("logs", "json", "DescribeLogGroups", {}, "ResourceNotFoundException", None, 400),
        ("iam", "query", "GetRole", _ROLE, "NoSuchEntityException", "NoSuchEntity", 404),
        ("sts", "query", "GetCallerIdentity", {}, "ExpiredTokenException", None, 400),
        ("ec2", "ec2", "DescribeInstances", {}, "InvalidInstanceID.NotFound", None, 400),
        ("s3", "rest-xml", "GetBucketTagging", {"Bucket": "b"}, "NoSuchBucket", None, 404),
        ("route53", "rest-xml", "GetHostedZone", {"Id": "z"}, "NoSuchHostedZone", None, 404),
        ("cloudwatch", "json", "DescribeAlarms", {}, "ResourceNotFoundException", None, 404),
        ("cloudwatch", "query", "DescribeAlarms", {}, "ResourceNotFoundException", None, 404),
        ("cloudwatch", "smithy-rpc-v2-cbor", "DescribeAlarms", {}, "ResourceNotFoundException", None, 404),
    ],
)
def test_client_sees_code_message_and_status(  # noqa: PLR0913, PLR0917 - one table, a column each
    service: str,
    wire_format: WireFormat,
    operation: str,
    parameters: dict[str, Any],  # Any: botocore-shaped
    code: str,
    expected_code: str | None,
    status: int,
) -> None:
    failure = _failure(
        Oracle(service, wire_format), operation, parameters, ServiceError(code, "it is <not> there & gone")
    )

    assert failure.response["Error"]["Code"] == (expected_code or code)
    assert failure.response["Error"]["Message"] == "it is <not> there & gone"
    assert failure.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert failure.response["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"] == "the-request-id"


def test_client_catches_the_modelled_exception_with_its_members() -> None:
    oracle = Oracle("lambda")
    error = ServiceError(
        "TooManyRequestsException",
        "Rate Exceeded.",
        members={"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "retryAfterSeconds": "3"},
    )

    failure = _failure(oracle, "Invoke", {"FunctionName": "f"}, error)

    assert isinstance(failure, oracle.client.exceptions.TooManyRequestsException)
    assert failure.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert failure.response["retryAfterSeconds"] == "3"
    assert failure.response["Type"] == "User"
    assert failure.response["ResponseMetadata"]["HTTPStatusCode"] == 429


def test_lambda_says_whose_fault_it_is_only_where_its_model_has_a_place_for_it() -> None:
    oracle = Oracle("lambda")

    modelled = _failure(oracle, "GetFunction", {"FunctionName": "f"}, ServiceError("ServiceException", "oh"))
    silenced = ServiceError("ResourceNotFoundException", "no", members={"Type": None})
    unmodelled = _failure(oracle, "GetFunction", {"FunctionName": "f"}, ServiceError("ValidationException", "bad"))

    assert modelled.response["Type"] == "Server"
    assert "Type" not in _failure(oracle, "GetFunction", {"FunctionName": "f"}, silenced).response
    assert "Type" not in unmodelled.response


def test_former_query_service_tells_the_code_it_used_to_have() -> None:
    dashboard = {"DashboardName": "d"}
    failure = _failure(
        Oracle("cloudwatch", "json"), "GetDashboard", dashboard, ServiceError("DashboardNotFoundError", "gone")
    )

    assert failure.response["Error"]["Code"] == "ResourceNotFound"
    assert failure.response["Error"]["Type"] == "Sender"


def test_errors_own_status_wins_over_the_models() -> None:
    error = ServiceError("ResourceNotFoundException", "no", status=410)

    assert fault("lambda", "rest-json", error, "id").status == 410
