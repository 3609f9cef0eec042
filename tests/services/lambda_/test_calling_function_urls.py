"""Function URLs as HTTP clients see them: who is let in, what the function gets, what comes back."""

from __future__ import annotations

import base64
import http.client
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.credentials import Credentials

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform
from lambent.testing.pytest_plugin import ClientFactory
from tests.services.lambda_.conftest import Client, MakeFunction, refusal
from tests.services.lambda_.urls import FORBIDDEN, Answer, by_path, call, key_of, open_to_anybody, signed

pytestmark = pytest.mark.local_only("its HTTP client finds URLs on this machine alone")

# Answers with what the body says; without a body with the event and the context.
OBEDIENT = zip_of(
    {
        "handler.py": """
import base64, json, os
def handler(event, context):
    text = event.get("body")
    if text is None:
        told = {"arn": context.invoked_function_arn, "id": context.aws_request_id,
                "version": context.function_version, "trace": os.environ.get("_X_AMZN_TRACE_ID")}
        return {"statusCode": 200, "body": json.dumps({"event": event, "context": told})}
    asked = json.loads(base64.b64decode(text) if event["isBase64Encoded"] else text)
    if "raise" in asked:
        raise ValueError(asked["raise"])
    if "long" in asked:
        return "x" * asked["long"]
    return asked["return"]
"""
    }
)
MakeUrl = Callable[..., str]


@pytest.fixture
def url_of(functions: Client, make: MakeFunction) -> MakeUrl:
    """Makes the URL of an obedient function `f`, which anybody may call unless it asks for signatures."""

    def make_url(auth_type: str = "NONE", **parameters: object) -> str:
        make(code=OBEDIENT)
        made = functions.create_function_url_config(FunctionName="f", AuthType=auth_type, **parameters)
        if auth_type == "NONE":
            open_to_anybody(functions)
        return str(made["FunctionUrl"])

    return make_url


def told(url: str, value: object, **options: object) -> Answer:
    """Have the function return a value."""
    headers = {"Content-Type": "application/json"}
    return call(url, "POST", headers=headers, body=json.dumps({"return": value, **options}).encode())


def test_function_gets_the_request_as_an_event(url_of: MakeUrl, functions: Client, platform: LocalPlatform) -> None:
    url = url_of()
    headers = {"User-Agent": "test/1", "ExTrA": "With WeiRd CapS", "Cookie": "a=1; b=2"}
    answer = call(url, "PUT", "/a%2Fb//c%20d?x=1&y=%C3%A9&x=2&z", headers=headers)
    found = answer.json()
    event, context = found["event"], found["event"]["requestContext"]
    host = url.removeprefix("http://").removesuffix("/")
    assert (event["version"], event["routeKey"], event["isBase64Encoded"]) == ("2.0", "$default", False)
    assert event["rawPath"] == "/a%2Fb//c%20d"
    assert event["rawQueryString"] == "x=1&y=%C3%A9&x=2&z"
    assert event["queryStringParameters"] == {"x": "1,2", "y": "é", "z": ""}
    assert event["cookies"] == ["a=1", "b=2"]
    assert event["headers"]["extra"] == "With WeiRd CapS"
    assert event["headers"]["host"] == context["domainName"] == host
    assert event["headers"]["x-forwarded-port"] == str(platform.port)
    assert "body" not in event
    assert context["accountId"] == "anonymous"
    assert context["apiId"] == context["domainPrefix"] == host.partition(".")[0]
    assert "authorizer" not in context
    assert context["http"] == {
        "method": "PUT",
        "path": "/a/b//c d",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "test/1",
    }
    assert context["requestId"] == found["context"]["id"] == answer.one("x-amzn-requestid")
    assert found["context"]["version"] == "$LATEST"
    assert found["context"]["arn"] == functions.get_function_url_config(FunctionName="f")["FunctionArn"]


def test_path_leads_there_where_the_host_name_is_not_known(url_of: MakeUrl) -> None:
    url = url_of()
    address, prefix = by_path(url)
    known = call(address, target="/_lambent/functions").json()
    assert {"$LATEST": f"{prefix}/"} in [function["urls"] for function in known.values()]
    by_host = call(url, target="/a%20b?x=1").json()["event"]
    for target in ("/a%20b?x=1", "/", ""):
        event = call(address, target=prefix + target).json()["event"]
        assert event["rawPath"] == (target.partition("?")[0] or "/")
        assert event["requestContext"]["domainName"] == by_host["requestContext"]["domainName"]
        assert event["headers"]["host"] == address.removeprefix("http://")


@pytest.mark.parametrize(
    "config",
    [{"DurableConfig": {"ExecutionTimeout": 60}}, {"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}],
    ids=["durable", "tenants"],
)
def test_function_that_cannot_be_run_as_asked_is_not_run_by_its_url(
    functions: Client,
    make: MakeFunction,
    config: dict[str, Any],  # Any: a member of any shape
) -> None:
    make(**config)
    url = functions.create_function_url_config(FunctionName="f", AuthType="NONE")["FunctionUrl"]
    open_to_anybody(functions)
    answer = call(url)
    assert answer.status == 502
    assert b"not kept apart" in answer.body or b"not offered" in answer.body


def test_page_under_the_platforms_own_origin_can_do_nothing(url_of: MakeUrl) -> None:
    url = url_of()
    address, prefix = by_path(url)
    assert call(address, target=prefix).one("content-security-policy") == "sandbox"
    assert call(url).all("content-security-policy") == []


def test_platforms_own_paths_are_not_opened_to_other_sites(url_of: MakeUrl) -> None:
    url = url_of()
    for host in (url, "http://" + "q" * 32 + url[39:]):
        assert call(host, "POST", "/_lambent/stop", headers={"Origin": "https://evil.example"}).status == 403
    assert call(url, headers={"Origin": "https://evil.example"}).status == 200


@pytest.mark.parametrize("content_type", ["application/json", "application/octet-stream", None])
def test_body_arrives_whatever_its_type(url_of: MakeUrl, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = call(url_of(), "POST", headers=headers, body=b'{"return": "\xc3\xa9"}')
    assert (answer.status, answer.body) == (200, "é".encode())


def test_chunked_body_is_whole(url_of: MakeUrl) -> None:
    chunks = iter([b'{"return": ', b'"a', b'b"}'])
    answer = call(url_of(), "POST", body=chunks)  # without a length http.client sends chunks
    assert answer.body == b"ab"


def test_repeated_headers_are_joined(url_of: MakeUrl) -> None:
    named = urlsplit(url_of())
    connection = http.client.HTTPConnection("127.0.0.1", named.port or 80, timeout=30)
    try:
        connection.putrequest("GET", "/", skip_host=True)
        for name, value in (
            ("Host", named.netloc),
            ("X-A", "1"),
            ("x-a", "2, 3"),
            ("Cookie", "a=1"),
            ("Cookie", "b=2"),
        ):
            connection.putheader(name, value)
        connection.endheaders()
        event = json.loads(connection.getresponse().read())["event"]
    finally:
        connection.close()
    assert event["headers"]["x-a"] == "1, 2, 3"
    assert event["cookies"] == ["a=1", "b=2"]


def test_value_is_answered_as_json(url_of: MakeUrl) -> None:
    url = url_of()
    for value, body in (
        ({"hello": "world"}, b'{"hello":"world"}'),
        ("hello", b"hello"),
        (3.1, b"3.1"),
        (None, b"null"),
    ):
        answer = told(url, value)
        assert (answer.status, answer.body) == (200, body)
        assert answer.one("content-type") == "application/json"
        assert answer.one("content-length") == str(len(body))


def test_response_is_what_the_function_describes(url_of: MakeUrl) -> None:
    described = {
        "statusCode": "418",
        "headers": {"Content-Type": "image/png", "My-Header": "Value", "Content-Length": "7"},
        "cookies": ["a=1; HttpOnly", "b=2"],
        "body": base64.b64encode(b"\x89PNG\x00").decode(),
        "isBase64Encoded": True,
    }
    answer = told(url_of(), described)
    assert (answer.status, answer.body) == (418, b"\x89PNG\x00")
    assert answer.one("content-type") == "image/png"
    assert answer.one("my-header") == "Value"
    assert answer.all("set-cookie") == ["a=1; HttpOnly", "b=2"]
    assert (answer.one("content-length"), answer.one("x-amzn-remapped-content-length")) == ("5", "7")


def test_head_has_the_headers_and_no_body(url_of: MakeUrl) -> None:
    answer = call(url_of(), "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.one("content-length")) > 0


@pytest.mark.parametrize(
    "asked", [{"raise": "no"}, {"return": {"statusCode": "x"}}, {"return": {"statusCode": 200, "headers": "x"}}]
)
def test_failure_of_the_function_is_an_internal_error(url_of: MakeUrl, asked: object) -> None:
    answer = call(url_of(), "POST", body=json.dumps(asked).encode())
    assert (answer.status, answer.body) == (502, b"Internal Server Error")
    assert answer.one("x-amzn-requestid")


def test_throttled_call_is_told_so(url_of: MakeUrl, functions: Client) -> None:
    url = url_of()
    functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    answer = call(url)
    assert answer.status == 429
    assert answer.one("x-amzn-errortype") == "TooManyRequestsException"
    assert answer.json() == {
        "Type": "User",
        "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
        "message": "Rate Exceeded.",
    }


def test_event_beyond_6_mb_is_refused(url_of: MakeUrl) -> None:
    url = url_of()
    answer = call(url, "POST", headers={"Content-Type": "image/png"}, body=b"x" * 4_800_000)
    assert answer.status == 413  # in base64 it is larger than it was
    assert answer.json()["message"] == "Request must be smaller than 6291456 bytes for the InvokeFunction operation"
    assert call(url, "POST", body=b'{"long": 6300000}').status == 502


def test_anybody_needs_both_permissions(make: MakeFunction, functions: Client) -> None:
    make(code=OBEDIENT)
    url = functions.create_function_url_config(FunctionName="f", AuthType="NONE")["FunctionUrl"]
    open_to_anybody(functions)
    assert call(url).status == 200
    for lost in ("url", "function"):
        functions.remove_permission(FunctionName="f", StatementId=lost)
        answer = call(url)
        assert (answer.status, answer.json()) == (403, FORBIDDEN)
        assert answer.one("x-amzn-errortype") == "AccessDeniedException"
        for statement in {"url", "function"} - {lost}:
            functions.remove_permission(FunctionName="f", StatementId=statement)
        open_to_anybody(functions)
    functions.update_function_url_config(FunctionName="f", AuthType="AWS_IAM")
    assert call(url).json() == FORBIDDEN


def test_auth_type_belongs_to_one_action(make: MakeFunction, functions: Client) -> None:
    make()
    grant = {"FunctionName": "f", "StatementId": "a", "Principal": "*", "FunctionUrlAuthType": "NONE"}
    assert refusal(functions.add_permission, **grant, Action="lambda:InvokeFunction") == (
        400,
        "InvalidParameterValueException",
        "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action",
    )


def test_account_itself_calls_with_a_signature(url_of: MakeUrl, account: str) -> None:
    url = url_of("AWS_IAM")
    assert call(url).json() == FORBIDDEN
    assert call(url, headers={"Authorization": "Bearer token"}).json() == FORBIDDEN
    context = call(url, headers=signed(url, key_of(account))).json()["event"]["requestContext"]
    assert context["accountId"] == account
    assert context["authorizer"]["iam"] == {
        "accessKey": account,
        "accountId": account,
        "callerId": account,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": f"arn:aws:iam::{account}:root",
        "userId": account,
    }


def test_role_session_stands_in_the_authorizer(url_of: MakeUrl, aws: ClientFactory, account: str) -> None:
    url = url_of("AWS_IAM")
    trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = aws("iam").create_role(RoleName="caller", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    given = aws("sts").assume_role(RoleArn=role, RoleSessionName="me")
    keys = given["Credentials"]
    key = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    identity = call(url, headers=signed(url, key)).json()["event"]["requestContext"]["authorizer"]["iam"]
    assert identity["userArn"] == given["AssumedRoleUser"]["Arn"]
    assert identity["callerId"] == given["AssumedRoleUser"]["AssumedRoleId"]
    tampered = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], "no token of ours")
    assert call(url, headers=signed(url, tampered)).status == 403


def test_other_account_needs_both_permissions(url_of: MakeUrl, functions: Client) -> None:
    url = url_of("AWS_IAM")
    key = key_of("999999999999")
    grant = {"FunctionName": "f", "Principal": "999999999999"}
    assert call(url, headers=signed(url, key)).json() == FORBIDDEN
    functions.add_permission(**grant, StatementId="a", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="AWS_IAM")
    assert call(url, headers=signed(url, key)).json() == FORBIDDEN
    functions.add_permission(**grant, StatementId="b", Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True)
    assert call(url, headers=signed(url, key)).json()["event"]["requestContext"]["accountId"] == "999999999999"
    assert call(url, headers=signed(url, key_of("888888888888"))).json() == FORBIDDEN


@pytest.mark.parametrize(
    ("scope", "message"),
    [
        ({"service": "execute-api"}, "Credential should be scoped to correct service: 'lambda'."),
        ({"region": "eu-west-1"}, "Credential should be scoped to a valid region, not 'eu-west-1'."),
    ],
)
def test_signature_for_something_else_is_refused(
    url_of: MakeUrl, account: str, scope: dict[str, str], message: str
) -> None:
    url = url_of("AWS_IAM")
    answer = call(url, headers=signed(url, key_of(account), **scope))
    assert (answer.status, answer.json()) == (403, {"message": message})
    assert answer.one("x-amzn-errortype") == "InvalidSignatureException"


def test_url_that_never_was_is_denied_as_on_aws(platform: LocalPlatform) -> None:
    for url in (f"http://0123456789abcdefghijklmnopqrstuv.lambda-url.us-east-1.localhost:{platform.port}",):
        answer = call(url)
        assert (answer.status, answer.body) == (403, b'{"Message":null}')
        assert answer.one("x-amzn-errortype") == "AccessDeniedException"
        assert answer.one("content-type") == "application/json"
    assert call(platform.endpoint_url, target="/_url/x/y").body == b'{"Message":null}'


def test_alias_is_called_with_its_version(make: MakeFunction, functions: Client) -> None:
    arn = make(code=OBEDIENT, Publish=True)
    functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    url = functions.create_function_url_config(FunctionName="f", AuthType="NONE", Qualifier="live")["FunctionUrl"]
    open_to_anybody(functions)
    assert call(url).json() == FORBIDDEN  # the function's policy is not the alias's
    open_to_anybody(functions, "f:live")
    context = call(url).json()["context"]
    assert (context["arn"], context["version"]) == (f"{arn}:live", "1")


def test_trace_of_the_caller_is_the_functions(url_of: MakeUrl) -> None:
    url = url_of()
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    answer = call(url, headers={"X-Amzn-Trace-Id": trace})
    found = answer.json()
    assert found["context"]["trace"] == answer.one("x-amzn-trace-id")
    assert re.fullmatch(re.escape(trace) + r";Lineage=1:[0-9a-f]{8}:0", found["context"]["trace"])
    assert found["event"]["headers"]["x-amzn-trace-id"] == "Root=1-5759e988-bd862e3fe1be46a994272793"
    assert call(url).json()["event"]["headers"]["x-amzn-trace-id"].startswith("Root=1-")


def test_streaming_url_answers_with_the_payload_itself(url_of: MakeUrl) -> None:
    url = url_of(InvokeMode="RESPONSE_STREAM")
    answer = told(url, {"statusCode": 404})
    assert (answer.status, answer.json()) == (200, {"statusCode": 404})
    assert answer.one("content-type") == "application/octet-stream"
    assert call(url, "POST", body=b'{"raise": "no"}').status == 502


CORS = {"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET"], "ExposeHeaders": ["x-one"], "MaxAge": 60}


def test_preflight_is_answered_without_the_function(url_of: MakeUrl, functions: Client) -> None:
    url = url_of("AWS_IAM", Cors=CORS)
    functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    answer = call(url, "OPTIONS", headers=asked)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.one("access-control-allow-origin") == "https://a.example"
    assert answer.one("access-control-allow-methods") == "GET"
    assert answer.one("access-control-max-age") == "60"
    stranger = call(url, "OPTIONS", headers={**asked, "Origin": "https://b.example"})
    assert (stranger.status, stranger.all("access-control-allow-origin")) == (200, [])


def test_options_without_rules_or_origin_goes_to_the_function(url_of: MakeUrl, functions: Client) -> None:
    url = url_of()
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    assert call(url, "OPTIONS", headers=asked).json()["event"]["requestContext"]["http"]["method"] == "OPTIONS"
    functions.update_function_url_config(FunctionName="f", Cors=CORS)
    assert "event" in call(url, "OPTIONS").json()


def test_rules_stand_beside_the_functions_own_headers(url_of: MakeUrl) -> None:
    url = url_of(Cors=CORS)
    answer = call(url, headers={"Origin": "https://a.example"})
    assert answer.one("access-control-allow-origin") == "https://a.example"
    assert answer.one("access-control-expose-headers") == "x-one"
    assert call(url, headers={"Origin": "https://b.example"}).all("access-control-allow-origin") == []
    own = {"return": {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*"}}}
    both = call(url, "POST", headers={"Origin": "https://a.example"}, body=json.dumps(own).encode())
    assert both.all("access-control-allow-origin") == ["*", "https://a.example"]
