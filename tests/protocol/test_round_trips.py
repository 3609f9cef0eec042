"""What botocore sends is what we read, and what we write is what botocore reads, in every wire format."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lambent.cloud.protocol.codec import codec
from lambent.cloud.protocol.identify import Call, WireFormat
from lambent.cloud.protocol.message import Request, Response
from tests.protocol.oracle import Oracle, as_ours
from tests.protocol.strategies import structures

# Changed on their way by botocore's own handlers, or signed for another place than their model's.
_ALTERED = {
    "s3": {
        "CopyObject",
        "ListDirectoryBuckets", "CreateBucket", "CreateSession", "GetBucketLocation", "HeadObject",
        "ListObjects", "ListObjectsV2",
        "ListObjectVersions", "PutObject", "UploadPart", "UploadPartCopy",
        "SelectObjectContent", "WriteGetObjectResponse",
        # Told from their successors by nothing in the request.
        "GetBucketLifecycle", "GetBucketNotification", "PutBucketLifecycle", "PutBucketNotification",
        "CompleteMultipartUpload", "DeleteObjects", "ListMultipartUploads", "ListParts", "GetObject",
    },
    "ec2": {"CopySnapshot", "RunInstances", "RequestSpotInstances", "CreateLaunchTemplate", "GetConsoleOutput"},
    "lambda": {"InvokeWithResponseStream"},
    "logs": {"StartLiveTail", "GetLogObject"},
    "iam": {
        # Their documents are JSON text that botocore decodes.
        "GetAccountAuthorizationDetails", "GetRoleTemplateVersion", "ListRoleTemplateVersions",
        "GetGroupPolicy", "GetRole", "GetRolePolicy", "GetUserPolicy", "CreateRole",
        "ListRoles", "GetPolicyVersion", "CreatePolicyVersion", "ListPolicyVersions", "CreateServiceLinkedRole",
    },
    "route53": set(),
    "cloudfront": set(),
    "apigateway": {"GetExport", "GetSdk"},
}  # fmt: skip
_SUITES: list[tuple[str, WireFormat]] = [
    ("lambda", "rest-json"),
    ("apigateway", "rest-json"),
    ("logs", "json"),
    ("dynamodb", "json"),
    ("sqs", "json"),
    ("cloudwatch", "json"),
    ("cloudwatch", "query"),
    ("cloudwatch", "smithy-rpc-v2-cbor"),
    ("iam", "query"),
    ("sts", "query"),
    ("ec2", "ec2"),
    ("s3", "rest-xml"),
    ("route53", "rest-xml"),
    ("cloudfront", "rest-xml"),
]
_FEW = settings(
    max_examples=40,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@functools.cache
def _oracle(service: str, wire_format: WireFormat) -> Oracle:
    return Oracle(service, wire_format)


def _operations(oracle: Oracle) -> list[str]:
    usable = oracle.client.meta.method_to_api_mapping.values()
    return sorted(set(usable) - _ALTERED.get(oracle.service, set()))


@pytest.mark.parametrize(("service", "wire_format"), _SUITES)
def test_botocore_and_we_understand_each_other(service: str, wire_format: WireFormat) -> None:
    oracle = _oracle(service, wire_format)

    @_FEW
    @given(st.data())
    def exchange(data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(_operations(oracle)))
        operation = oracle.model.operation_model(name)
        sent = data.draw(structures(operation.input_shape, is_input=True)) if operation.input_shape else {}
        result = data.draw(structures(operation.output_shape, is_input=False)) if operation.output_shape else {}
        seen: list[tuple[Call, dict[str, Any]]] = []  # Any: parameters are botocore-shaped

        def answer(call: Call, request: Request) -> Response:
            found = codec(call.operation, call.wire_format)
            seen.append((call, found.parse(request)))
            return found.serialize(as_ours(result), "the-request-id")

        oracle.answer = answer
        received = oracle.call(name, sent)

        ((call, parsed),) = seen
        assert (call.operation.service.name, call.operation.name, call.wire_format) == (service, name, wire_format)
        if "ChecksumAlgorithm" not in sent:
            parsed.pop("ChecksumAlgorithm", None)  # botocore chooses one by itself
        # An empty body is what botocore sends for a structure that is the whole body and was not given.
        assert _without_nothing(parsed) == _without_nothing(as_ours(sent))
        if "ContentType" not in result:
            received.pop("ContentType", None)  # every body has a type
        for name, member in operation.output_shape.members.items() if operation.output_shape else ():
            if member.serialization.get("location") == "statusCode":
                received.pop(name, None)  # every answer has a status
        assert _without_nothing(as_ours(received)) == _without_nothing(as_ours(result))
        assert received["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"] == "the-request-id"

    exchange()


def _without_nothing(value: Any) -> Any:  # Any: botocore-shaped
    # botocore answers empty maps for prefixes nobody sent, and empty payloads.
    return {key: item for key, item in value.items() if item not in ({}, None, b"", "")}
