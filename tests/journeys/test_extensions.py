"""External and internal extensions, and the Telemetry API, as functions of every runtime have them."""

from __future__ import annotations

import base64
import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lambent.dataplane import IsolationLevel
from lambent.testing.platform import LocalPlatform, local_platform
from tests.journeys.archives import programs
from tests.journeys.commands import Commands
from tests.requirements import ROOT, require_namespaces, require_tool
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(120)
COLLECTOR = (Path(__file__).parent / "extensions" / "collector").read_bytes()
PYTHON = """
import os, signal, sys, time
def end(*_):
    print("the runtime ends", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("the runtime begins")
def handler(event, context):
    print("hello")
    if event == "wait":
        time.sleep(30)
    return os.environ["AWS_LAMBDA_RUNTIME_API"] if event == "address" else event
"""
NODE = "exports.handler = async (event) => { console.log('hello'); return event }"
SHELL = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
  headers=$(mktemp)
  event=$(curl -sS -D "$headers" "$api/next")
  id=$(grep -i lambda-runtime-aws-request-id "$headers" | tr -d '[:space:]' | cut -d: -f2)
  echo hello
  curl -sS "$api/$id/response" -d "$event" > /dev/null
done
"""
AGENT = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension"
headers=$(mktemp)
curl -sS -D "$headers" -H "Lambda-Extension-Name: agent" -d '{"events": ["SHUTDOWN"]}' "$api/register" > /dev/null
id=$(grep -i lambda-extension-identifier "$headers" | tr -d '[:space:]' | cut -d: -f2)
echo "AGENT $(curl -sS -H "Lambda-Extension-Identifier: $id" "$api/event/next")"
"""
INTERNAL = """
import http.client, json, os, threading
def call(method, path, body=None, headers={}):
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    api.request(method, "/2020-01-01/extension/" + path, body, headers)
    answer = api.getresponse()
    return answer, json.loads(answer.read())
def register(events, name="inside"):
    return call("POST", "register", json.dumps({"events": events}), {"Lambda-Extension-Name": name})
print("refused", register(["SHUTDOWN"])[1]["errorMessage"])
answer, told = register(["INVOKE"])
me = {"Lambda-Extension-Identifier": answer.getheader("Lambda-Extension-Identifier")}
print("registered", told)
def run():
    while True:
        print("event", call("GET", "event/next", None, me)[1]["eventType"])
threading.Thread(target=run, daemon=True).start()
def handler(event, context):
    return register(["INVOKE"], name="late")[1]
"""


@pytest.fixture(scope="module", params=list(IsolationLevel))
def platform(request: pytest.FixtureRequest) -> Iterator[LocalPlatform]:
    """A platform that these tests share, in each isolation."""
    level: IsolationLevel = request.param
    if level is IsolationLevel.NAMESPACE:
        require_namespaces()
    with local_platform(isolation=level) as running:
        yield running


def layer(platform: LocalPlatform, files: dict[str, bytes] | None = None, *, may_run: bool = True) -> str:
    """Publish a layer of extensions, the collector if nothing is said; return its ARN."""
    named = {f"extensions/{name}": body for name, body in (files or {"collector": COLLECTOR}).items()}
    content = programs(named, may_run=may_run)
    published = platform.client("lambda").publish_layer_version(LayerName="l", Content={"ZipFile": content})
    return str(published["LayerVersionArn"])


def create(platform: LocalPlatform, name: str, mode: str = "", **changes: Any) -> None:  # Any: members of AWS's shapes
    """Create a function with the collector."""
    parameters: dict[str, object] = {
        "Runtime": "python3.11",
        "Handler": "index.handler",
        "Timeout": 20,
        "MemorySize": 1769,  # a whole CPU: a Python beside the function is heavy
        "Layers": [layer(platform)],
        "Environment": {"Variables": {"EXTENSION_MODE": mode}},
    }
    code = changes.pop("code", {"index.py": PYTHON.encode()})
    platform.create_function(name, programs(code), **{**parameters, **changes})


def invoke(platform: LocalPlatform, name: str, event: object = None, log: str = "Tail") -> tuple[Any, str]:  # Any: JSON
    """Return a function's answer and what was logged of its invocation."""
    functions = platform.client("lambda")
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(event).encode(), LogType=log)
    return json.loads(answer["Payload"].read()), base64.b64decode(answer.get("LogResult", "")).decode()


def logged(platform: LocalPlatform, name: str) -> str:
    """Return everything that a function's log group has, if it is there."""
    if not platform.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]:
        return ""
    pages = platform.client("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
    return "".join(event["message"] for page in pages for event in page["events"])


def logged_with(platform: LocalPlatform, name: str, text: str, count: int = 1) -> str:
    """Return a function's whole log once a text stands in it so often."""

    def look() -> str | None:
        log = logged(platform, name)
        return log if log.count(text) >= count else None

    return eventually(look)


def change(platform: LocalPlatform, name: str, **changes: Any) -> None:  # Any: members of AWS's shapes
    """Change a function, and wait until it is changed."""
    functions = platform.client("lambda")
    functions.update_function_configuration(FunctionName=name, **changes)
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})


def told(log: str, what: str) -> list[Any]:  # Any: JSON
    """Return what a collector wrote of one kind."""
    return [json.loads(text) for text in re.findall(rf"^{what} (.*)$", log, re.MULTILINE)]


def collected(log: str) -> list[Any]:  # Any: JSON
    """Return the telemetry that a collector wrote."""
    return [event for batch in told(log, "BATCH") for event in batch]


@pytest.mark.parametrize(
    ("runtime", "code"),
    [
        ("python3.11", {"index.py": PYTHON.encode()}),
        ("nodejs20.x", {"index.js": NODE.encode()}),
        ("provided.al2023", {"bootstrap": SHELL.encode()}),
    ],
)
def test_an_extension_takes_part_in_every_phase_of_a_function(
    platform: LocalPlatform, runtime: str, code: dict[str, bytes]
) -> None:
    require_tool("node")
    require_tool("curl")
    name = runtime.partition(".")[0]
    both = layer(platform, {"collector": COLLECTOR, "agent": AGENT.encode()})
    create(platform, name, "telemetry", Runtime=runtime, code=code, Layers=[both])
    answer, log = invoke(platform, name, {"n": 1})
    assert answer == {"n": 1}
    (event,) = told(log, "EVENT")
    assert event["eventType"] == "INVOKE"
    assert event["invokedFunctionArn"].endswith(f":function:{name}")
    assert event["tracing"]["type"] == "X-Amzn-Trace-Id"
    assert f"REPORT RequestId: {event['requestId']}" in log
    logged_with(platform, name, "platform.report")
    change(platform, name, Timeout=10)
    whole = log = logged_with(platform, name, "SPINDOWN", 2)
    assert told(whole, "AGENT")[0]["shutdownReason"] == "SPINDOWN"
    assert "EXTENSION\tName: agent\tState: Ready\tEvents: [SHUTDOWN]\n" in whole
    assert told(whole, "REGISTERED")[0]["functionName"] == name
    assert told(whole, "REGISTERED")[0]["accountId"] == "000000000000"
    assert told(whole, "SUBSCRIBED") == [[200, "OK"]]
    assert "TELEMETRY\tName: collector\tState: Subscribed\tTypes: [Platform, Function]\n" in whole
    assert "EXTENSION\tName: collector\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n" in whole
    events = collected(log)
    kinds = [event["type"] for event in events if event["type"].startswith("platform.")]
    assert kinds[0] == "platform.initStart"
    assert {
        "platform.telemetrySubscription",
        "platform.initRuntimeDone",
        "platform.extension",
        "platform.initReport",
        "platform.start",
        "platform.runtimeDone",
        "platform.report",
    } <= set(kinds)
    assert any(event["record"].endswith("hello") for event in events if event["type"] == "function")
    (report,) = [event["record"] for event in events if event["type"] == "platform.report"]
    assert report["status"] == "success"
    assert report["spans"][0]["name"] == "extensionOverhead"
    (done,) = [event["record"] for event in events if event["type"] == "platform.runtimeDone"]
    assert done["metrics"]["producedBytes"] in {len('{"n":1}'), len('{"n": 1}')}
    assert done["metrics"]["durationMs"] <= report["metrics"]["durationMs"]


def test_the_api_of_before_still_serves_and_lines_go_over_tcp(platform: LocalPlatform) -> None:
    create(platform, "logs", "logs")
    invoke(platform, "logs")
    log = logged_with(platform, "logs", "platform.report")
    assert "LOGS\tName: collector\tState: Subscribed\tTypes: [Platform]\n" in log
    kinds = {event["type"] for event in collected(log)}
    assert {"platform.logsSubscription", "platform.start", "platform.end", "platform.report"} <= kinds
    assert told(log, "OTHER")[0]["errorType"] == "ValidationError"


def test_what_an_extension_may_not_do_is_refused_in_aws_s_words(platform: LocalPlatform) -> None:
    create(platform, "refusals", "refusals")
    invoke(platform, "refusals")
    (refused,) = eventually(lambda: told(logged(platform, "refusals"), "REFUSED"))
    assert refused == [
        [403, "Extension.InvalidExtensionName"],
        [403, "Extension.InvalidEventType"],
        [403, "Extension.InvalidExtensionState"],
        [403, "Extension.InvalidEventType"],
        [403, "Extension.MissingExtensionIdentifier"],
        [403, "Extension.InvalidExtensionIdentifier"],
        [403, "Extension.UnknownExtensionIdentifier"],
        [403, "Extension.MissingHeader"],
        [400, "ValidationError"],
        [404, "404 page not found\n"],
        [413, "RequestEntityTooLarge"],
    ]


def test_the_caller_has_the_answer_before_a_slow_extension_is_done(platform: LocalPlatform) -> None:
    create(platform, "slow", "slow 0.7")
    invoke(platform, "slow", log="None")
    first = platform.client("lambda").invoke(FunctionName="slow", Payload=b'"early"')
    assert first["Payload"].read() == b'"early"'
    _, log = invoke(platform, "slow")
    duration = re.search(r"\tDuration: ([\d.]+) ms\tBilled Duration: (\d+)", log)
    assert duration is not None
    assert float(duration[1]) >= 700
    assert int(duration[2]) >= 700
    assert log.index("hello") < log.index("END")


def test_the_timeout_counts_for_extensions_too_and_resets_the_environment(platform: LocalPlatform) -> None:
    create(platform, "late", "slow 6", Timeout=3)
    answer, log = invoke(platform, "late", "early")
    assert answer == "early"
    assert "Status: timeout" in log
    whole = logged_with(platform, "late", "END RequestId")
    assert whole.count("REGISTERED") == 1
    invoke(platform, "late")
    whole = logged_with(platform, "late", "END RequestId", 2)
    assert whole.count("REGISTERED") == 2
    assert whole.index("the runtime ends") < whole.rindex("REGISTERED")


def test_the_runtime_ends_first_and_extensions_hear_why(platform: LocalPlatform) -> None:
    create(platform, "reasons", Timeout=3)
    answer, _ = invoke(platform, "reasons", "wait")
    assert answer["errorType"] == "Sandbox.Timedout"
    log = logged_with(platform, "reasons", '"SHUTDOWN"')
    (shutdown,) = [event for event in told(log, "EVENT") if event["eventType"] == "SHUTDOWN"]
    assert shutdown["shutdownReason"] == "TIMEOUT"
    assert log.index("the runtime ends") < log.index('"SHUTDOWN"')
    assert invoke(platform, "reasons", "again")[0] == "again"


@pytest.mark.parametrize(
    ("mode", "error_type", "message", "state"),
    [
        ("crash", "Extension.Crash", "exit status 3", "State: Started\tEvents: []"),
        ("init error", "Extension.InitError", "exit status 1", "State: InitError\tEvents: [INVOKE, SHUTDOWN]"),
    ],
)
def test_an_extension_that_fails_in_init_fails_the_function(
    platform: LocalPlatform, mode: str, error_type: str, message: str, state: str
) -> None:
    name = mode.replace(" ", "-")
    create(platform, name, mode)
    answer, _ = invoke(platform, name)
    assert answer["errorType"] == error_type
    assert answer["errorMessage"].endswith(f"Error: {message}")
    log = logged_with(platform, name, "INIT_REPORT")
    assert f"EXTENSION\tName: collector\t{state}" in log
    assert re.search(
        rf"INIT_REPORT Init Duration: [\d.]+ ms\tPhase: init\tStatus: error\tError Type: {error_type}", log
    )


def test_an_extension_that_ends_in_an_invocation_ends_it(platform: LocalPlatform) -> None:
    create(platform, "segv", "crash in invocation")
    answer, log = invoke(platform, "segv", "wait")
    assert answer["errorType"] == "Extension.Crash"
    assert answer["errorMessage"].endswith("Error: signal: segmentation fault")
    assert "Status: error\tError Type: Extension.Crash" in log
    assert f"{answer['errorMessage']}\nExtension.Crash\nEND RequestId" in log
    change(platform, "segv", Environment={"Variables": {"EXTENSION_MODE": ""}})
    assert invoke(platform, "segv", "again")[0] == "again"


def test_an_extension_that_ends_between_invocations_takes_its_environment_with_it(platform: LocalPlatform) -> None:
    create(platform, "idle", "crash when idle")
    assert invoke(platform, "idle", 1)[0] == 1
    assert logged_with(platform, "idle", "the runtime ends")
    assert invoke(platform, "idle", 2)[0] == 2
    assert logged_with(platform, "idle", "INIT_START", 2)


def test_what_cannot_be_started_is_a_launch_error(platform: LocalPlatform) -> None:
    create(platform, "forbidden", Layers=[layer(platform, {"plain": b"no program"}, may_run=False)])
    answer, _ = invoke(platform, "forbidden")
    assert answer["errorType"] == "Extension.LaunchError"
    assert answer["errorMessage"].endswith("fork/exec /opt/extensions/plain: permission denied")
    found = "EXTENSION\tName: plain\tState: LaunchError\tEvents: []\tError Type: PermissionDenied"
    assert logged_with(platform, "forbidden", found)


def test_there_are_no_more_than_ten(platform: LocalPlatform) -> None:
    many = {f"e{number:02}": b"#!/bin/sh\nsleep 60\n" for number in range(11)}
    create(platform, "many", Layers=[layer(platform, many)])
    answer, _ = invoke(platform, "many")
    assert answer["errorType"] == "Extension.LaunchError"
    assert logged_with(
        platform, "many", "EXTENSION\tName: e10\tState: LaunchError\tEvents: []\tError Type: TooManyExtensions"
    )


def test_code_inside_the_runtime_is_an_internal_extension(platform: LocalPlatform) -> None:
    create(platform, "inside", Layers=[], code={"index.py": INTERNAL.encode()})
    answer, log = invoke(platform, "inside")
    assert answer == {
        "errorMessage": "Extension registration closed already",
        "errorType": "Extension.RegistrationClosed",
    }
    assert "event INVOKE" in log
    whole = logged_with(platform, "inside", "EXTENSION")
    assert "refused SHUTDOWN: ShutdownEventNotSupportedForInternalExtension" in whole
    assert "EXTENSION\tName: inside\tState: Ready\tEvents: [INVOKE]\n" in whole
    assert invoke(platform, "inside")[1].count("event INVOKE") == 1


def test_nobody_outside_reaches_a_function_s_api(platform: LocalPlatform) -> None:
    create(platform, "address", Layers=[])
    address, _ = invoke(platform, "address", "address")
    connection = http.client.HTTPConnection(address, timeout=10)
    connection.request("POST", "/2020-01-01/extension/register", "{}", {"Lambda-Extension-Name": "foreign"})
    assert connection.getresponse().status == 403
    connection.close()
    assert invoke(platform, "address", "still")[0] == "still"


def test_in_a_network_of_its_own_an_extension_is_reached_by_its_name() -> None:
    require_namespaces()
    with local_platform(isolation=IsolationLevel.NAMESPACE, closed_network=True) as platform:
        create(platform, "closed", "telemetry")
        assert invoke(platform, "closed", 1)[0] == 1
        log = logged_with(platform, "closed", "platform.report")
        assert "platform.start" in {event["type"] for event in collected(log)}


def test_the_example_is_deployed_and_collects(tmp_path: Path) -> None:
    with local_platform() as platform:
        lambent = Commands(tmp_path, platform.port)
        lambent.run("up", str(ROOT / "examples" / "telemetry"))
        assert "Hello, Ada!" in lambent.run("invoke", "greet", "--event", '{"name": "Ada"}').stdout
        log = logged_with(platform, "greet", "collector: ")
        assert re.search(r"collector: [-0-9a-f]{36} took [\d.]+ ms, \d+ MB", log)
        lambent.run("down", str(ROOT / "examples" / "telemetry"), "--yes")


def test_the_platform_s_own_end_lets_extensions_finish(tmp_path: Path) -> None:
    target = tmp_path / "written"
    with local_platform(isolation=IsolationLevel.PROCESS) as platform:
        variables = {"EXTENSION_MODE": "twice", "EXTENSION_FILE": str(target)}
        create(platform, "ending", Environment={"Variables": variables})
        invoke(platform, "ending", 1)
    written = target.read_text()
    assert told(written, "EVENT")[-1]["shutdownReason"] == "SPINDOWN"
    records = [event["record"] for event in collected(written)]
    assert "the runtime ends" in records
    assert [record["state"] for record in records if "types" in record] == ["Subscribed", "Already subscribed"]
