"""Which operation a request means, where botocore's clients cannot ask: other clients, and requests that mean none."""

from __future__ import annotations

import pytest

from lambent.aws.service_models import service_model
from lambent.cloud.errors import ServiceError
from lambent.cloud.protocol.codec import codec
from lambent.cloud.protocol.identify import UnidentifiedError, WireFormat, identify
from lambent.cloud.protocol.message import Request

_FORMATS: dict[str, WireFormat] = {"lambda": "rest-json", "logs": "json", "iam": "query", "route53": "rest-xml"}
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


def _request(
    method: str, path: str, query: str = "", headers: dict[str, str] | None = None, body: bytes = b""
) -> Request:
    return Request(method, path, query, headers or {}, body)


@pytest.mark.parametrize(
    ("method", "path", "query", "signing_name", "service", "operation"),
    [
        ("POST", "/2015-03-31/functions/f/invocations", "", "lambda", "lambda", "Invoke"),
        ("GET", "/2015-03-31/functions/", "", "lambda", "lambda", "ListFunctions"),
        ("GET", "/2015-03-31/functions", "MaxItems=2", "lambda", "lambda", "ListFunctions"),
        ("GET", "/2018-10-31/layers", "find=LayerVersion&Arn=x", "lambda", "lambda", "GetLayerVersionByArn"),
        ("GET", "/2018-10-31/layers", "", "lambda", "lambda", "ListLayers"),
        # What is missing is then said by the operation's own constraints.
        ("GET", "/2018-10-31/layers", "find=LayerVersion", "lambda", "lambda", "GetLayerVersionByArn"),
        (
            "GET",
            "/2019-09-30/functions/f/provisioned-concurrency",
            "",
            "lambda",
            "lambda",
            "GetProvisionedConcurrencyConfig",
        ),
        (
            "GET",
            "/2019-09-30/functions/f/provisioned-concurrency",
            "List=ALL",
            "lambda",
            "lambda",
            "ListProvisionedConcurrencyConfigs",
        ),
        ("PUT", "/b/k/with/slashes", "", "s3", "s3", "PutObject"),
        ("DELETE", "/b", "analytics", "s3", "s3", "DeleteBucketAnalyticsConfiguration"),
        ("DELETE", "/b", "", "s3", "s3", "DeleteBucket"),
        ("PUT", "/b/k", "partNumber=1&uploadId=u", "s3", "s3", "UploadPart"),
        ("GET", "/b", "list-type=2", "s3", "s3", "ListObjectsV2"),
        ("GET", "/v2/apis", "", "apigateway", "apigatewayv2", "GetApis"),
        ("GET", "/restapis", "", "apigateway", "apigateway", "GetRestApis"),
    ],
)
def test_rest_request_is_found_by_method_path_and_query(  # noqa: PLR0913, PLR0917 - one table, a column each
    method: str, path: str, query: str, signing_name: str, service: str, operation: str
) -> None:
    call = identify(_request(method, path, query), signing_name)

    assert (call.operation.service.name, call.operation.name) == (service, operation)


def test_action_in_a_query_string_is_found_as_one_in_a_form() -> None:
    asked = identify(_request("GET", "/", "Action=GetCallerIdentity&Version=2011-06-15"), "sts")
    posted = identify(_request("POST", "/", headers=FORM, body=b"Action=GetCallerIdentity&Version=2011-06-15"), "sts")

    assert asked == posted
    assert asked.operation.name == "GetCallerIdentity"


def test_unsigned_request_is_found_by_what_only_one_service_says() -> None:
    body = b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=a&RoleSessionName=s&WebIdentityToken=t"
    target = {"x-amz-target": "AWSCognitoIdentityService.GetId"}

    assert identify(_request("POST", "/", headers=FORM, body=body), None).operation.service.name == "sts"
    assert identify(_request("POST", "/", headers=target), None).operation.service.name == "cognito-identity"


def test_signature_name_need_not_be_the_services() -> None:
    alarm = {"x-amz-target": "GraniteServiceVersion20100801.DescribeAlarms"}

    assert identify(_request("POST", "/", headers=alarm), "monitoring").operation.service.name == "cloudwatch"


@pytest.mark.parametrize(
    ("request_", "signing_name", "wire_format", "code", "status"),
    [
        (_request("POST", "/", headers={"x-amz-target": "Logs_20140328.Nothing"}), "logs", "json",
         "UnknownOperationException", 400),
        (_request("POST", "/", headers=FORM, body=b"Action=Nothing&Version=2010-05-08"), "iam", "query",
         "InvalidAction", 400),
        (_request("POST", "/", headers=FORM, body=b"Action=Nothing&Version=2016-11-15"), "ec2", "ec2",
         "InvalidAction", 400),
        (_request("PATCH", "/2015-03-31/functions"), "lambda", "rest-json", "AccessDeniedException", 403),
        (_request("GET", "/nowhere"), "no-such-service", "rest-json", "AccessDeniedException", 403),
        (_request("POST", "/service/GraniteServiceVersion20100801/operation/No",
                  headers={"smithy-protocol": "rpc-v2-cbor"}),
         "monitoring", "smithy-rpc-v2-cbor", "UnknownOperationException", 404),
    ],
)  # fmt: skip
def test_request_that_means_nothing_gets_its_formats_error(
    request_: Request, signing_name: str, wire_format: str, code: str, status: int
) -> None:
    with pytest.raises(UnidentifiedError) as caught:
        identify(request_, signing_name)

    assert (caught.value.wire_format, caught.value.error.code, caught.value.error.status) == (wire_format, code, status)


def test_encoded_arn_in_a_path_is_one_label() -> None:
    request = _request("GET", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af")
    call = identify(request, "lambda")

    assert codec(call.operation, call.wire_format).parse(request) == {
        "FunctionName": "arn:aws:lambda:us-east-1:000000000000:function:f"
    }


@pytest.mark.parametrize(
    ("service", "operation", "body", "code", "message"),
    [
        ("lambda", "CreateFunction", b"{", "SerializationException", "Could not parse request body into json"),
        ("lambda", "CreateFunction", b"[]", "SerializationException", "Start of list found where not expected"),
        ("lambda", "CreateFunction", b'{"Timeout": "3"}', "SerializationException",
         "STRING_VALUE can not be converted to an Integer"),
        ("lambda", "CreateFunction", b'{"Handler": 3}', "SerializationException",
         "NUMBER_VALUE can not be converted to a String"),
        ("lambda", "CreateFunction", b'{"Code": "x"}', "SerializationException", "STRING_VALUE"),
        ("lambda", "CreateFunction", b'{"Code": {"ZipFile": "?"}}', "SerializationException", "Base64"),
        ("logs", "PutLogEvents", b'{"logEvents": {}}', "SerializationException", "Start of structure or map"),
        ("iam", "ListRoles", b"Action=ListRoles&MaxItems=x", "MalformedInput", "an Integer"),
        ("route53", "CreateHostedZone", b"<a><b></a>", "MalformedXML", "not well-formed"),
        ("route53", "CreateHostedZone", b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "MalformedXML", "not well-formed"),
        ("cloudwatch", "DescribeAlarms", b"\xbf\x61", "SerializationException", "cbor"),
        ("cloudwatch", "DescribeAlarms", b"\x81" * 5000, "SerializationException", "nested too deep"),
        ("cloudwatch", "DescribeAlarms", b"\xa1\x6aMaxRecords\x61x", "SerializationException", "integer"),
    ],
)  # fmt: skip
def test_body_that_cannot_be_read_is_refused(
    service: str, operation: str, body: bytes, code: str, message: str
) -> None:
    found = service_model(service).operation(operation)
    assert found is not None
    wire_format: WireFormat = "smithy-rpc-v2-cbor" if service == "cloudwatch" else _FORMATS[service]
    request = _request("POST", "/2013-04-01/hostedzone" if service == "route53" else found.request_uri, "", {}, body)

    with pytest.raises(ServiceError) as caught:
        codec(found, wire_format).parse(request)

    assert caught.value.code == code
    assert message in caught.value.message


def test_result_that_no_client_could_read_is_our_own_mistake() -> None:
    found = service_model("lambda").operation("GetFunction")
    assert found is not None

    with pytest.raises(KeyError):
        codec(found, "rest-json").serialize({"Confguration": {}}, "id")
