"""Runtimes that a function brings itself: any program called bootstrap that speaks the Runtime API."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lambent.cli import connection
from lambent.testing.platform import LocalPlatform, local_platform
from tests.journeys.archives import programs
from tests.requirements import require_tool
from tests.waiting import eventually

# The tutorial's, https://docs.aws.amazon.com/lambda/latest/dg/runtimes-walkthrough.html, and what it leaves out.
SHELL = r"""#!/bin/sh
set -eu
. "$LAMBDA_TASK_ROOT/$(echo "$_HANDLER" | cut -d. -f1).sh"
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while true; do
  headers=$(mktemp)
  event=$(curl -sS -D "$headers" "$api/invocation/next")
  id=$(grep -i lambda-runtime-aws-request-id "$headers" | tr -d '[:space:]' | cut -d: -f2)
  arn=$(grep -i lambda-runtime-invoked-function-arn "$headers" | tr -d '[:space:]' | cut -d: -f2-)
  answer=$($(echo "$_HANDLER" | cut -d. -f2) "$event" "$arn")
  curl -sS "$api/invocation/$id/response" -d "$answer" > /dev/null
done
"""
FUNCTION = 'handler() { echo "seen $1" >&2; echo "{\\"event\\": $1, \\"arn\\": \\"$2\\"}"; }\n'

# Speaks to the API with nothing but the standard library, one connection for all, each situation by its event.
PROGRAM = r"""#!/usr/bin/env python3
import http.client, json, os, sys
if os.environ["_HANDLER"] == "init.error":
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    api.request("POST", "/2018-06-01/runtime/init/error", json.dumps({"errorMessage": "not ready", "errorType": ""}),
                {"Lambda-Runtime-Function-Error-Type": "Runtime.NotReady"})
    api.getresponse().read()
    sys.exit(1)
if os.environ["_HANDLER"] == "init.exit":
    sys.exit(7)
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
def call(method, path, body=None, headers={}, **more):
    api.request(method, "/2018-06-01/runtime/" + path, body, headers, **more)
    answer = api.getresponse()
    return answer, answer.read()
while True:
    answer, event = call("GET", "invocation/next")
    id = answer.getheader("Lambda-Runtime-Aws-Request-Id")
    what = json.loads(event)
    if what == "error":
        body = json.dumps({"errorMessage": "as asked", "errorType": "Own.Kind"})
        call("POST", f"invocation/{id}/error", body)
    elif what == "exit":
        sys.exit(9)
    elif what == "kill":
        os.kill(os.getpid(), 9)
    elif what == "large":
        refused, body = call("POST", f"invocation/{id}/response", b"x" * 6291557)
        print("refused", refused.status, body.decode(), file=sys.stderr, flush=True)
    elif what == "wrong":
        said = []
        def ask(method, path, body=None, headers={}):
            answer, content = call(method, path, body, headers)
            kind = json.loads(content).get("errorType") if content.startswith(b"{") else content.decode()
            said.append([answer.status, kind])
            return content
        attempt = answer.getheader("Lambda-Runtime-Invocation-Id")
        ask("POST", "invocation/nobody/response", "1")
        ask("POST", f"invocation/{id}/response", "1", {"Lambda-Runtime-Invocation-Id": "another"})
        ask("GET", "nothing")
        ask("POST", "invocation/next")
        ask("GET", "restore/next")
        ask("POST", "init/error", "{}")
        said.append(call("GET", "invocation/next")[1] == event)
        answer, content = call("POST", f"invocation/{id}/response", json.dumps(said),
                               {"Lambda-Runtime-Invocation-Id": attempt})
        print("taken", answer.status, content.decode(), file=sys.stderr, flush=True)
        refused, content = call("POST", f"invocation/{id}/error", "{}")
        print("refused", refused.status, content.decode(), file=sys.stderr, flush=True)
    elif what == "mode":
        refused, content = call("POST", f"invocation/{id}/response", "1",
                                {"Lambda-Runtime-Function-Response-Mode": "sometimes"})
        print("refused", refused.status, content.decode(), file=sys.stderr, flush=True)
    elif what in ("short", "cut", "streamed short"):
        import socket
        host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
        head = f"POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nHost: x\r\n"
        framing = {"short": "Content-Length: 9\r\n\r\n1234", "cut": "Transfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n",
                   "streamed short": "Lambda-Runtime-Function-Response-Mode: streaming\r\n"
                                     "Transfer-Encoding: chunked\r\n\r\n9\r\n1234"}[what]
        with socket.create_connection((host, int(port))) as raw:
            raw.sendall((head + framing).encode())
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(4096):
                pass
    elif what == "client":
        call("POST", f"invocation/{id}/response", answer.getheader("Lambda-Runtime-Client-Context"))
    elif what == "stream":
        headers = {"Lambda-Runtime-Function-Response-Mode": "streaming", "Content-Type": "text/plain"}
        call("POST", f"invocation/{id}/response", iter([b"one ", b"two"]), headers, encode_chunked=True)
    else:
        deadline = int(answer.getheader("Lambda-Runtime-Deadline-Ms"))
        trace = answer.getheader("Lambda-Runtime-Trace-Id")
        said = {"event": what, "deadline": deadline > 0, "trace": trace.startswith("Root="),
                "env": os.environ.get("AWS_EXECUTION_ENV"), "cwd": os.getcwd(), "argv": sys.argv[0]}
        call("POST", f"invocation/{id}/response", json.dumps(said))
"""
COMPILED = r"""
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static char buffer[65536];
static int call(const char *request) {
  char host[64]; strcpy(host, getenv("AWS_LAMBDA_RUNTIME_API"));
  char *port = strchr(host, ':'); *port++ = 0;
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(atoi(port)), .sin_addr.s_addr = inet_addr(host)};
  int s = socket(AF_INET, SOCK_STREAM, 0), n, size = 0;
  if (connect(s, (struct sockaddr *)&place, sizeof place)) exit(2);
  if (write(s, request, strlen(request)) < 0) exit(3);
  while ((n = read(s, buffer + size, sizeof buffer - 1 - size)) > 0) size += n;
  buffer[size] = 0; close(s); return size;
}
int main(void) {
  for (;;) {
    call("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    char id[64] = ""; char *at = strstr(buffer, "Request-Id: ");
    if (at) sscanf(at + 12, "%63[^\r]", id);
    char *event = strstr(buffer, "\r\n\r\n") + 4;
    char body[1024]; snprintf(body, sizeof body, "{\"compiled\": %s}", event);
    char request[2048];
    snprintf(request, sizeof request, "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: x\r\n"
      "Connection: close\r\nContent-Length: %zu\r\n\r\n%s", id, strlen(body), body);
    call(request);
  }
}
"""
ID = "RequestId: [0-9a-f-]{36} Error: "
FORK = f"{ID}fork/exec /.*/bootstrap: "
NOT_FOUND = rf"{ID}Couldn't find valid bootstrap\(s\): \[/.*/bootstrap /.*/bootstrap\]$"


@pytest.fixture(scope="module")
def platform() -> Iterator[LocalPlatform]:
    """A platform for this file, with a function for every situation."""
    with local_platform() as running:
        running.create_function("own", programs({"bootstrap": PROGRAM.encode()}), Runtime="provided.al2023", Timeout=20)
        yield running


def invoke(platform: LocalPlatform, name: str, event: object) -> tuple[Any, str]:  # Any: JSON
    """Return a function's answer and its log."""
    answer = platform.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode(), LogType="Tail")
    body = answer["Payload"].read()
    log = base64.b64decode(answer["LogResult"]).decode()
    try:
        return json.loads(body), log
    except ValueError:
        return body, log


def logged(platform: LocalPlatform, name: str, beginning: str) -> list[str]:
    """Return the lines with this beginning that a function has logged so far."""
    logs = platform.client("logs")
    try:
        events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [each["message"].rstrip("\n") for each in events if each["message"].startswith(beginning)]


def test_a_program_is_told_what_the_runtime_api_tells(platform: LocalPlatform) -> None:
    for number in (1, 2):
        answer, _ = invoke(platform, "own", {"n": number})
        assert answer.pop("argv").endswith("/bootstrap")
        assert answer.pop("cwd")
        assert answer == {"event": {"n": number}, "deadline": True, "trace": True, "env": None}


def test_what_runs_it_is_told_to_be_its_own(platform: LocalPlatform) -> None:
    invoke(platform, "own", {})
    told = (connection.ask(platform.port, "environments") or {})["environments"]
    assert {one["interpreter"] for one in told if one["function_name"] == "own"} == {"the function's own bootstrap"}


def test_what_it_does_wrong_is_answered_as_aws_does(platform: LocalPlatform) -> None:
    answer, _ = invoke(platform, "own", "wrong")
    assert answer == [
        [400, "InvalidRequestID"],
        [400, "InvalidInvocationId"],
        [404, "404 page not found\n"],
        [405, ""],
        [404, "404 page not found\n"],
        [403, "InvalidStateTransition"],
        True,  # whoever asks for the next before it has answered is given the same again
    ]
    (taken,) = eventually(lambda: logged(platform, "own", "taken"))
    assert taken == 'taken 202 {"status": "OK"}'
    (refused,) = eventually(lambda: logged(platform, "own", "refused 403"))
    assert json.loads(refused.removeprefix("refused 403 ")) == {
        "errorMessage": "State transition from RuntimeResponseSentState to InvocationErrorResponse failed for runtime. "
        "Error: State transition is not allowed",
        "errorType": "InvalidStateTransition",
    }


def test_errors_and_answers_that_lambda_does_not_take_are_told(platform: LocalPlatform) -> None:
    answer, _ = invoke(platform, "own", "error")
    assert answer == {"errorMessage": "as asked", "errorType": "Own.Kind"}
    answer, _ = invoke(platform, "own", "large")
    assert answer["errorType"] == "Function.ResponseSizeTooLarge"
    answer, _ = invoke(platform, "own", "mode")
    assert answer["errorType"] == "Runtime.InvalidResponseModeHeader"
    assert invoke(platform, "own", "again")[0]["event"] == "again"
    (refused,) = eventually(lambda: logged(platform, "own", "refused 400"))
    assert '"errorType": "InvalidFunctionResponseMode"' in refused


@pytest.mark.parametrize(
    ("event", "message"), [("exit", "exited with error: exit status 9"), ("kill", "exited with error: signal: killed")]
)
def test_its_end_is_the_runtime_s(platform: LocalPlatform, event: str, message: str) -> None:
    answer, _ = invoke(platform, "own", event)
    assert answer["errorType"] == "Runtime.ExitError"
    assert answer["errorMessage"].endswith(message)
    assert invoke(platform, "own", "again")[0]["event"] == "again"


@pytest.mark.parametrize("event", ["short", "cut"])
def test_half_an_answer_is_an_error(platform: LocalPlatform, event: str) -> None:
    assert invoke(platform, "own", event)[0]["errorType"] == "Runtime.TruncatedResponse"
    assert invoke(platform, "own", "again")[0]["event"] == "again"


def test_half_a_stream_ends_in_an_error(platform: LocalPlatform) -> None:
    answer = platform.client("lambda").invoke_with_response_stream(FunctionName="own", Payload=b'"streamed short"')
    (complete,) = [each["InvokeComplete"] for each in answer["EventStream"] if "InvokeComplete" in each]
    assert complete["ErrorCode"] == "Runtime.TruncatedResponse" or "TruncatedResponse" in complete["ErrorDetails"]


def test_the_client_context_is_one_line_of_ascii(platform: LocalPlatform) -> None:
    context = '{"custom":\n {"k": "\u4e2d\u00e4"}}'
    encoded = base64.b64encode(context.encode()).decode()
    functions = platform.client("lambda")
    answer = functions.invoke(FunctionName="own", Payload=b'"client"', ClientContext=encoded)["Payload"].read()
    assert answer == b'{"custom": {"k": "\\u4e2d\\u00e4"}}'


def test_it_streams_where_the_caller_reads_a_stream(platform: LocalPlatform) -> None:
    answer = platform.client("lambda").invoke_with_response_stream(FunctionName="own", Payload=b'"stream"')
    chunks = [each["PayloadChunk"]["Payload"] for each in answer["EventStream"] if "PayloadChunk" in each]
    assert b"".join(chunks) == b"one two"
    assert invoke(platform, "own", "stream")[0] == b"one two"


@pytest.mark.parametrize(
    ("name", "files", "may_run", "handler", "kind", "message"),
    [
        ("none", {"other": b""}, True, "h", "Runtime.InvalidEntrypoint", NOT_FOUND),
        ("plain", {"bootstrap": b"#!/bin/sh\n"}, False, "h", "Runtime.InvalidEntrypoint", f"{FORK}permission denied"),
        ("other", {"bootstrap": b"\x7fELFx"}, True, "h", "Runtime.InvalidEntrypoint", f"{FORK}exec format error"),
        ("lost", {"bootstrap": b"#!/no/sh\n"}, True, "h", "Runtime.InvalidEntrypoint", f"{FORK}no such file or dir"),
        ("refuses", {"bootstrap": PROGRAM.encode()}, True, "init.error", "Runtime.NotReady", "not ready"),
        ("leaves", {"bootstrap": PROGRAM.encode()}, True, "init.exit", "Runtime.ExitError", f"{ID}Runtime exited w"),
    ],
)
def test_a_start_that_fails_says_why(  # noqa: PLR0913 - a row of the table
    platform: LocalPlatform, *, name: str, files: dict[str, bytes], may_run: bool, handler: str, kind: str, message: str
) -> None:
    code = programs(files, may_run=may_run)
    platform.create_function(name, code, Runtime="provided.al2023", Handler=handler, Timeout=20)
    answer, _ = invoke(platform, name, {})
    assert answer["errorType"] == kind
    assert re.match(message, answer["errorMessage"])


def test_a_shell_script_is_a_runtime(platform: LocalPlatform) -> None:
    require_tool("curl")
    code = programs({"bootstrap": SHELL.encode(), "function.sh": FUNCTION.encode()})
    platform.create_function("shell", code, Runtime="provided.al2", Handler="function.handler", Timeout=20)
    answer, log = invoke(platform, "shell", {"a": 1})
    assert answer == {"event": {"a": 1}, "arn": "arn:aws:lambda:us-east-1:000000000000:function:shell"}
    assert 'seen {"a": 1}' in log


def test_a_compiled_program_in_a_layer_is_a_runtime(platform: LocalPlatform, tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    (tmp_path / "bootstrap.c").write_text(COMPILED, encoding="utf-8")
    subprocess.run([compiler, "-O1", "-o", tmp_path / "bootstrap", tmp_path / "bootstrap.c"], check=True)
    content = programs({"bootstrap": (tmp_path / "bootstrap").read_bytes()})
    layer = platform.client("lambda").publish_layer_version(LayerName="runtime", Content={"ZipFile": content})
    platform.create_function(
        "compiled", programs({"x": b""}), Runtime="provided.al2023", Timeout=20, Layers=[layer["LayerVersionArn"]]
    )
    assert invoke(platform, "compiled", [1, 2])[0] == {"compiled": [1, 2]}


def test_the_port_is_closed_to_programs_outside_of_the_sandbox(platform: LocalPlatform) -> None:
    script = b"""#!/usr/bin/env python3
import http.client, json, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = api.getresponse()
    event = json.loads(answer.read())
    id = answer.getheader("Lambda-Runtime-Aws-Request-Id")
    if event is None:
        said = os.environ["AWS_LAMBDA_RUNTIME_API"]
    else:
        other = http.client.HTTPConnection(event)
        other.request("POST", "/2018-06-01/runtime/init/error", "{}")
        said = other.getresponse().status
    api.request("POST", f"/2018-06-01/runtime/invocation/{id}/response", json.dumps(said))
    api.getresponse().read()
"""
    for name in ("victim", "intruder"):
        platform.create_function(name, programs({"bootstrap": script}), Runtime="provided.al2023", Timeout=20)
    place, _ = invoke(platform, "victim", None)
    assert invoke(platform, "intruder", place)[0] == 403
