"""Invoke: answers, errors of the function, refused requests, the tail of the log."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from lambent.testing.builders import zip_of
from tests.services.lambda_.conftest import Client, MakeFunction, refusal

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


def test_response_beyond_6_mb_is_an_error(functions: Client, make: MakeFunction) -> None:
    make(code=ACTOR)
    error = error_of(functions.invoke(FunctionName="f", Payload=b'"large"'))
    assert error == {
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }


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


def test_missing_function_is_named_with_its_qualifier(functions: Client, make: MakeFunction, account: str) -> None:
    arn = f"arn:aws:lambda:us-east-1:{account}:function"
    assert refusal(functions.invoke, FunctionName="g").message == f"Function not found: {arn}:g:$LATEST"
    make()
    assert refusal(functions.invoke, FunctionName="f:none").message == f"Function not found: {arn}:f:none"


@pytest.mark.parametrize("payload", [b"not json", b'{"a": 1', b'{"a": NaN}', b"\xff\xfe"])
def test_payload_that_is_not_json_is_refused(functions: Client, make: MakeFunction, payload: bytes) -> None:
    make()
    refused = refusal(functions.invoke, FunctionName="f", Payload=payload)
    assert (refused.status, refused.code) == (400, "InvalidRequestContentException")
    assert refused.message.startswith("Could not parse request body into json: Could not parse payload into json: ")


@pytest.mark.parametrize(("kind", "limit"), [("RequestResponse", 6_291_456), ("Event", 1_048_576)])
def test_payload_that_is_too_large_is_refused(functions: Client, make: MakeFunction, kind: str, limit: int) -> None:
    make()
    payload = b'"' + b"x" * limit + b'"'
    refused = refusal(functions.invoke, FunctionName="f", Payload=payload, InvocationType=kind)
    assert refused == (
        413,
        "RequestEntityTooLargeException",
        f"{limit + 2} byte payload is too large for the {kind} invocation type (limit {limit} bytes)",
    )


def test_invalid_client_context_is_refused(functions: Client, make: MakeFunction) -> None:
    make()
    others = [base64.b64encode(text).decode() for text in (b"[]", b"1", b'"text"', b'{"n": NaN}', b"[" * 2000)]
    for encoded in ("%%%", *others):
        refused = refusal(functions.invoke, FunctionName="f", ClientContext=encoded)
        assert refused.code == "InvalidRequestContentException"
        assert refused.message == "Client context must be a valid Base64-encoded JSON object."
