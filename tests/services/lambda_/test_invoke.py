"""Invoke: answers, errors of the function, refused requests, the tail of the log."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from botocore.awsrequest import AWSRequest

from lambent.testing.builders import zip_of
from lambent.testing.pytest_plugin import ClientFactory
from tests.services.lambda_.conftest import Client, MakeFunction, refusal
from tests.waiting import eventually

ACTOR = zip_of(
    {
        "handler.py": """
import os, sys, time

def handler(event, context):
    print("acting on", event)
    if event == "raise":
        raise ValueError("on purpose")
    if event == "exit":
        sys.exit(0)
    if event == "crash":
        os._exit(7)
    if event == "hang":
        time.sleep(60)
    if event == "large":
        return "x" * 6_291_600
    if event == "context":
        return [context.aws_request_id, context.client_context.custom, context.invoked_function_arn]
    return event
"""
    }
)


CONTEXT = zip_of(
    {
        "handler.py": "def handler(event, context):\n"
        "    print(context.client_context.custom if context.client_context else 'no context')\n"
    }
)


def logged(aws: ClientFactory, text: str) -> None:
    """Wait until a function's log has a line with this text."""
    logs = aws("logs")

    def found() -> bool:
        try:
            events = logs.filter_log_events(logGroupName="/aws/lambda/f")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return False
        return any(text in event["message"] for event in events)

    eventually(found)


def error_of(answer: dict[str, Any]) -> dict[str, Any]:  # Any: a botocore answer
    assert answer["StatusCode"] == 200
    assert answer["FunctionError"] == "Unhandled"
    found: dict[str, Any] = json.loads(answer["Payload"].read())  # Any: JSON
    return found


def test_answer_comes_back_with_the_version_that_made_it(functions: Client, make: MakeFunction) -> None:
    make()
    answer = functions.invoke(FunctionName="f", Payload=b'{"a": [1, "\xc3\xa9"]}')
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert not {"FunctionError", "LogResult"} & set(answer)
    assert json.loads(answer["Payload"].read()) == {"a": [1, "é"]}


def test_no_payload_is_an_empty_event(functions: Client, make: MakeFunction) -> None:
    make()
    assert functions.invoke(FunctionName="f")["Payload"].read() == b"{}"


def test_exception_is_told_as_the_runtime_told_it(functions: Client, make: MakeFunction) -> None:
    make(code=ACTOR)
    answer = functions.invoke(FunctionName="f", Payload=b'"raise"')
    error = error_of(answer)
    assert set(error) == {"errorMessage", "errorType", "requestId", "stackTrace"}
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "on purpose")
    assert error["requestId"] == answer["ResponseMetadata"]["RequestId"]


def test_crash_names_the_exit_status(functions: Client, make: MakeFunction) -> None:
    make(code=ACTOR)
    answer = functions.invoke(FunctionName="f", Payload=b'"crash"')
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert error_of(answer) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {request_id} Error: Runtime exited with error: exit status 7",
    }
    assert functions.invoke(FunctionName="f", Payload=b"1")["Payload"].read() == b"1"


def test_timeout_is_told_in_seconds(functions: Client, make: MakeFunction) -> None:
    make(code=ACTOR, Timeout=1)
    answer = functions.invoke(FunctionName="f", Payload=b'"hang"', LogType="Tail")
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert error_of(answer) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {request_id} Error: Task timed out after 1.00 seconds",
    }
    tail = base64.b64decode(answer["LogResult"]).decode()
    assert f"{request_id} Task timed out after 1.00 seconds\n\n" in tail
    assert tail.endswith("\tStatus: timeout\n")


@pytest.mark.not_kept("its log holds what a runtime that is ended still had time to write")
def test_response_beyond_6_mb_is_an_error(functions: Client, make: MakeFunction) -> None:
    make(code=ACTOR)
    answer = functions.invoke(FunctionName="f", Payload=b'"large"', LogType="Tail")
    assert error_of(answer) == {
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }
    assert base64.b64decode(answer["LogResult"]).endswith(b"\tStatus: error\tError Type: Runtime.ExitError\n")


def test_module_that_cannot_be_imported_is_an_error_of_the_function(functions: Client, make: MakeFunction) -> None:
    make(Handler="missing.handler")
    error = error_of(functions.invoke(FunctionName="f"))
    assert error["errorType"] == "Runtime.ImportModuleError"
    assert error["errorMessage"] == "Unable to import module 'missing': No module named 'missing'"


def test_tail_holds_the_lines_of_this_invocation(functions: Client, make: MakeFunction) -> None:
    make(code=ACTOR)
    functions.invoke(FunctionName="f", Payload=b'"first"')
    answer = functions.invoke(FunctionName="f", Payload=b'"second"', LogType="Tail")
    request_id = answer["ResponseMetadata"]["RequestId"]
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    start, spoken, end, report = lines
    assert start == f"START RequestId: {request_id} Version: $LATEST"
    assert (spoken, end) == ("acting on second", f"END RequestId: {request_id}")
    assert re.fullmatch(
        rf"REPORT RequestId: {request_id}\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\t"
        r"Max Memory Used: \d+ MB\t",
        report,
    )


def test_context_carries_request_id_client_context_and_arn(functions: Client, make: MakeFunction) -> None:
    arn = make(code=ACTOR)
    client_context = base64.b64encode(b'{"custom": {"k": "v"}}').decode()
    answer = functions.invoke(FunctionName="f:$LATEST", Payload=b'"context"', ClientContext=client_context)
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert json.loads(answer["Payload"].read()) == [request_id, {"k": "v"}, f"{arn}:$LATEST"]


def test_dry_run_only_looks(functions: Client, make: MakeFunction) -> None:
    make()
    assert functions.invoke(FunctionName="f", InvocationType="DryRun")["StatusCode"] == 204
    assert refusal(functions.invoke, FunctionName="g", InvocationType="DryRun").status == 404


def test_missing_function_is_named_with_its_qualifier(
    functions: Client, make: MakeFunction, account: str, region: str
) -> None:
    arn = f"arn:aws:lambda:{region}:{account}:function"
    assert refusal(functions.invoke, FunctionName="g").message == f"Function not found: {arn}:g:$LATEST"
    make()
    assert refusal(functions.invoke, FunctionName="f:none").message == f"Function not found: {arn}:f:none"


@pytest.mark.parametrize("payload", [b"not json", b'{"a": 1', b'{"a": NaN}', b"\xff\xfe"])
def test_payload_that_is_not_json_is_refused(functions: Client, make: MakeFunction, payload: bytes) -> None:
    make()
    refused = refusal(functions.invoke, FunctionName="f", Payload=payload)
    assert (refused.status, refused.code) == (400, "InvalidRequestContentException")
    assert refused.message.startswith("Could not parse request body into json: Could not parse payload into json: ")


@pytest.mark.parametrize(
    ("kind", "limit", "message"),
    [
        (
            "RequestResponse",
            6_291_456,
            "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
        ),
        (
            "Event",
            1_048_576,
            "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)",
        ),
    ],
)
def test_payload_that_is_too_large_is_refused(
    functions: Client, make: MakeFunction, kind: str, limit: int, message: str
) -> None:
    make()
    payload = b'"' + b"x" * (limit - 2) + b'"'
    assert functions.invoke(FunctionName="f", Payload=payload, InvocationType=kind)["StatusCode"] in {200, 202}
    refused = refusal(functions.invoke, FunctionName="f", Payload=payload + b" ", InvocationType=kind)
    assert refused == (413, "RequestEntityTooLargeException", message)


@pytest.mark.local_only("the role of the functions may not write logs there")
def test_event_that_is_queued_by_the_older_operation_arrives(
    aws: ClientFactory, functions: Client, make: MakeFunction
) -> None:
    make(code=ACTOR)
    answer = functions.invoke_async(FunctionName="f", InvokeArgs=b'{"by": "InvokeAsync"}')
    assert (answer["Status"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (202, 202)
    logged(aws, "{'by': 'InvokeAsync'}")
    assert (
        refusal(functions.invoke_async, FunctionName="f", InvokeArgs=b"no json").code
        == "InvalidRequestContentException"
    )
    assert refusal(functions.invoke_async, FunctionName="g", InvokeArgs=b"{}").status == 404


@pytest.mark.local_only("the role of the functions may not write logs there")
def test_queued_event_has_no_client_context_and_no_executed_version(
    aws: ClientFactory, functions: Client, make: MakeFunction
) -> None:
    make(code=CONTEXT)
    given = base64.b64encode(b'{"custom": {"k": "v"}}').decode()
    functions.invoke(FunctionName="f", ClientContext=given)
    logged(aws, "{'k': 'v'}")
    answer = functions.invoke(FunctionName="f", ClientContext=given, InvocationType="Event")
    assert answer["Payload"].read() == b""
    assert not {"ExecutedVersion", "FunctionError", "LogResult"} & set(answer)
    logged(aws, "no context")


def test_alias_answers_with_the_number_of_its_version(functions: Client, make: MakeFunction) -> None:
    make(Publish=True)
    functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    assert functions.invoke(FunctionName="f:live")["ExecutedVersion"] == "1"
    assert functions.invoke(FunctionName="f", Qualifier="live", LogType="Tail")["ExecutedVersion"] == "1"
    streamed = functions.invoke_with_response_stream(FunctionName="f:live")
    assert streamed["ExecutedVersion"] == "1"
    assert [set(event) for event in streamed["EventStream"]] == [{"PayloadChunk"}, {"InvokeComplete"}]


@pytest.mark.not_kept("chance decides whether its tail begins within a character")
def test_tail_is_the_last_4_kb_of_what_was_logged(functions: Client, make: MakeFunction) -> None:
    make(code=zip_of({"handler.py": "def handler(event, context):\n    print('é' * 5000)\n"}))
    answer = functions.invoke(FunctionName="f", LogType="Tail")
    tail = base64.b64decode(answer["LogResult"])
    assert len(tail) == 4096
    assert tail.startswith((b"\xc3\xa9", b"\xa9\xc3"))  # cut by bytes, though it be within a character
    assert b"\nEND RequestId: " in tail
    assert tail.endswith(b" MB\t\n") or b"Init Duration" in tail
    assert "LogResult" not in functions.invoke(FunctionName="f", LogType="None")


def test_tenant_is_named_to_those_functions_that_isolate_tenants(functions: Client, make: MakeFunction) -> None:
    make()
    make("g", TenancyConfig={"TenantIsolationMode": "PER_TENANT"})
    needless = "is not enabled with tenancy configuration. Remove the tenant ID from your request and try again."
    missing = "is enabled with tenancy configuration. Add a valid tenant ID in your request and try again."
    for call in (functions.invoke, functions.invoke_with_response_stream):
        refused = refusal(call, FunctionName="f", TenantId="blue")
        assert refused == (400, "InvalidParameterValueException", f"The invoked function {needless}")
        assert refusal(call, FunctionName="g") == (400, refused.code, f"The invoked function {missing}")
        refused = refusal(call, FunctionName="g", TenantId="blue")
        assert (refused.status, refused.code) == (502, "InvalidRuntimeException")
        assert refused.message.endswith("isolates tenants from one another; its tenants are not kept apart here.")


def test_durable_function_is_kept_and_shown_but_not_run_as_a_plain_one(functions: Client, make: MakeFunction) -> None:
    make()
    config = {"RetentionPeriodInDays": 7, "ExecutionTimeout": 60}
    make("g", DurableConfig=config, Publish=True)
    assert functions.get_function_configuration(FunctionName="g")["DurableConfig"] == config
    for kind in ("RequestResponse", "Event", "DryRun"):
        refused = refusal(functions.invoke, FunctionName="g", InvocationType=kind)
        assert refused[:2] == (400, "InvalidParameterValueException")
        assert refused.message == "You cannot invoke a durable function using an unqualified ARN."
        refused = refusal(functions.invoke, FunctionName="g:1", InvocationType=kind, DurableExecutionName="order-1")
        assert refused[:2] == (502, "InvalidRuntimeException")
        assert refused.message.endswith(":g:1 is durable; durable executions are not offered here.")
        refused = refusal(functions.invoke, FunctionName="f", InvocationType=kind, DurableExecutionName="order-1")
        assert refused[:2] == (400, "InvalidParameterValueException")
    streamed = refusal(functions.invoke_with_response_stream, FunctionName="g", Qualifier="$LATEST")
    assert streamed[:2] == (502, "InvalidRuntimeException")


def test_invalid_client_context_is_refused(functions: Client, make: MakeFunction) -> None:
    make()
    others = [base64.b64encode(text).decode() for text in (b"[]", b"1", b'"text"', b'{"n": NaN}', b"[" * 2000)]
    for encoded in ("%%%", *others):
        refused = refusal(functions.invoke, FunctionName="f", ClientContext=encoded)
        assert refused.code == "InvalidRequestContentException"
        assert refused.message == "Client context must be a valid Base64-encoded JSON object."


def test_client_context_has_3583_bytes_at_most(functions: Client, make: MakeFunction) -> None:
    make(code=ACTOR)
    fits = base64.b64encode(json.dumps({"custom": {"k": "v" * 2662}}).encode()).decode()
    assert len(fits) == 3580
    answer = functions.invoke(FunctionName="f", Payload=b'"context"', ClientContext=fits)
    assert json.loads(answer["Payload"].read())[1] == {"k": "v" * 2662}
    for kind in ("RequestResponse", "Event", "DryRun"):
        refused = refusal(functions.invoke, FunctionName="f", ClientContext=fits + "====", InvocationType=kind)
        assert (refused.status, refused.code) == (400, "InvalidRequestContentException")
        assert refused.message == "Client context must be no more than 3583 bytes when base64-encoded."


@pytest.mark.parametrize(
    "kind", ["binary/octet-stream", "application/x-www-form-urlencoded", "text/plain;charset=utf-8"]
)
def test_the_content_type_that_a_client_names_is_not_looked_at(
    functions: Client, make: MakeFunction, kind: str
) -> None:
    # AWS takes what its SDK for JavaScript names: https://github.com/aws/aws-sam-cli/issues/591
    make()

    def named(request: AWSRequest, **_: object) -> None:
        del request.headers["Content-Type"]
        request.headers["Content-Type"] = kind

    functions.meta.events.register("before-sign.lambda.Invoke", named)
    try:
        assert functions.invoke(FunctionName="f", Payload=b'{"n": 1}')["StatusCode"] == 200
        assert functions.invoke(FunctionName="f", Payload=b'{"n": 1}', InvocationType="Event")["StatusCode"] == 202
    finally:
        functions.meta.events.unregister("before-sign.lambda.Invoke", named)


@pytest.mark.parametrize(
    ("name", "types"), [("InvocationType", "DryRun, Event, RequestResponse"), ("LogType", "Tail, None")]
)
def test_what_is_no_type_is_refused(functions: Client, make: MakeFunction, name: str, types: str) -> None:
    make()
    refused = refusal(functions.invoke, FunctionName="f", **{name: "event"})
    assert (refused.status, refused.code) == (400, "ValidationException")
    failed = (
        f"'{name[0].lower()}{name[1:]}' failed to satisfy constraint: Member must satisfy enum value set: [{types}]"
    )
    assert refused.message == f"1 validation error detected: Value 'event' at {failed}"


@pytest.mark.not_kept("the parents of traces differ from run to run")
def test_answers_carry_their_trace_as_awss_do(functions: Client, make: MakeFunction) -> None:
    make(code=zip_of({"handler.py": "import os\ndef handler(event, context): return os.environ['_X_AMZN_TRACE_ID']\n"}))
    answer = functions.invoke(FunctionName="f")
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amzn-trace-id"] == json.loads(answer["Payload"].read())
    assert headers["x-amzn-remapped-content-length"] == "0"
    accepted = functions.invoke(FunctionName="f", InvocationType="Event")["ResponseMetadata"]["HTTPHeaders"]
    assert accepted["x-amzn-trace-id"].startswith("Root=1-")
    assert accepted["x-amzn-remapped-content-length"] == "0"


@pytest.mark.local_only("names are longer on AWS, and none has one letter")
@pytest.mark.parametrize(("name", "session"), [("f", "f@lambda_function"), ("ff", "ff")])
def test_session_of_a_role_has_the_functions_name(
    functions: Client, make: MakeFunction, name: str, session: str
) -> None:
    code = "import boto3\ndef handler(event, context): return boto3.client('sts').get_caller_identity()['Arn']\n"
    make(name, zip_of({"handler.py": code}))
    assert json.loads(functions.invoke(FunctionName=name)["Payload"].read()).endswith(f"/{session}")
