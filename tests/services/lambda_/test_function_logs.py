"""What a function's log group holds."""

from __future__ import annotations

import json
import re
import time

from lambent.testing.builders import zip_of
from lambent.testing.pytest_plugin import ClientFactory
from tests.services.lambda_.conftest import Client, MakeFunction

SPEAKING = zip_of({"handler.py": "def handler(event, context):\n    print('spoken')\n    return event\n"})


def messages(aws: ClientFactory, group: str, count: int) -> list[str]:
    """Return the group's messages once there are `count` of them; delivery takes a tenth of a second."""
    logs = aws("logs")
    deadline = time.monotonic() + 10
    while True:
        try:
            found = [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]
        except logs.exceptions.ResourceNotFoundException:
            found = []
        if len(found) >= count:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.02)  # noqa: TID251 - waits for what travels in real time


def test_text_log_begins_with_init_and_ends_with_report(
    aws: ClientFactory, functions: Client, make: MakeFunction
) -> None:
    make(code=SPEAKING)
    request_id = functions.invoke(FunctionName="f")["ResponseMetadata"]["RequestId"]
    init, start, spoken, end, report = messages(aws, "/aws/lambda/f", 5)
    assert re.fullmatch(
        r"INIT_START Runtime Version: python:3\.13\.v\d+\tRuntime Version ARN: "
        r"arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}\n",
        init,
    )
    assert start == f"START RequestId: {request_id} Version: $LATEST\n"
    assert spoken == "spoken\n"
    assert end == f"END RequestId: {request_id}\n"
    assert re.search(r"\tMax Memory Used: \d+ MB\tInit Duration: \d+\.\d\d ms\t\n$", report)
    (stream,) = aws("logs").describe_log_streams(logGroupName="/aws/lambda/f")["logStreams"]
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream["logStreamName"])


def test_json_log_consists_of_platform_records(aws: ClientFactory, functions: Client, make: MakeFunction) -> None:
    make(code=SPEAKING, LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "DEBUG", "LogGroup": "records"})
    request_id = functions.invoke(FunctionName="f")["ResponseMetadata"]["RequestId"]
    lines = messages(aws, "records", 5)
    records = [json.loads(line) for line in lines if line.startswith("{")]
    assert [record["type"] for record in records] == [
        "platform.initStart", "platform.start", "platform.runtimeDone", "platform.report",
    ]  # fmt: skip
    report = records[-1]["record"]
    assert (report["requestId"], report["status"]) == (request_id, "success")
    assert set(report["metrics"]) == {
        "durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB", "initDurationMs",
    }  # fmt: skip


def test_system_log_level_warn_leaves_only_what_the_function_says(
    aws: ClientFactory, functions: Client, make: MakeFunction
) -> None:
    make(code=SPEAKING, LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "WARN", "LogGroup": "quiet"})
    functions.invoke(FunctionName="f")
    functions.invoke(FunctionName="f")
    assert messages(aws, "quiet", 2) == ["spoken\n", "spoken\n"]


def test_a_runtime_that_ends_leaves_a_line_that_says_how(
    aws: ClientFactory, functions: Client, make: MakeFunction
) -> None:
    make(code=zip_of({"handler.py": "import os\ndef handler(event, context):\n    os._exit(7)\n"}))
    answer = functions.invoke(FunctionName="f")
    request_id = answer["ResponseMetadata"]["RequestId"]
    _, _, crashed, end, report = messages(aws, "/aws/lambda/f", 5)
    expected = f"RequestId: {request_id} Error: Runtime exited with error: exit status 7"
    assert crashed == f"{expected}\nRuntime.ExitError\n"
    assert json.loads(answer["Payload"].read()) == {"errorType": "Runtime.ExitError", "errorMessage": expected}
    assert end == f"END RequestId: {request_id}\n"
    assert report.endswith("\tStatus: error\tError Type: Runtime.ExitError\n")
