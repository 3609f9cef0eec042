"""What a function's log group holds."""

from __future__ import annotations

import base64
import json
import re
import time

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.pytest_plugin import ClientFactory
from tests.services.lambda_.conftest import Client, MakeFunction
from tests.waiting import PACE

pytestmark = pytest.mark.local_only("the role of the functions may not write logs there")

TRACE = zip_of({"handler.py": "import os\ndef handler(event, context):\n    return os.environ['_X_AMZN_TRACE_ID']\n"})
FAILING = zip_of({"handler.py": "def handler(event, context):\n    raise ValueError('on purpose')\n"})
LOGGING = zip_of(
    {
        "handler.py": "import logging\n"
        "def handler(event, context):\n"
        "    for name in ('debug', 'info', 'warning', 'error', 'critical'):\n"
        "        getattr(logging.getLogger(), name)(name)\n"
    }
)
SPEAKING = zip_of({"handler.py": "def handler(event, context):\n    print('spoken')\n    return event\n"})


def messages(aws: ClientFactory, group: str, count: int) -> list[str]:
    """Return the group's messages once there are `count` of them; delivery takes a tenth of a second."""
    logs = aws("logs")
    deadline = time.monotonic() + PACE.patience_s
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
    aws: ClientFactory, functions: Client, make: MakeFunction, region: str
) -> None:
    make(code=SPEAKING)
    request_id = functions.invoke(FunctionName="f")["ResponseMetadata"]["RequestId"]
    init, start, spoken, end, report = messages(aws, "/aws/lambda/f", 5)
    assert re.fullmatch(
        r"INIT_START Runtime Version: python:3\.13\.v\d+\tRuntime Version ARN: "
        rf"arn:aws:lambda:{region}::runtime:[0-9a-f]{{64}}\n",
        init,
    )
    assert start == f"START RequestId: {request_id} Version: $LATEST\n"
    assert spoken == "spoken\n"
    assert end == f"END RequestId: {request_id}\n"
    assert re.search(r"\tMax Memory Used: \d+ MB\tInit Duration: \d+\.\d\d ms\t\n$", report)
    (stream,) = aws("logs").describe_log_streams(logGroupName="/aws/lambda/f")["logStreams"]
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream["logStreamName"])


def test_records_and_what_is_printed_stand_in_the_order_of_writing(
    aws: ClientFactory, functions: Client, make: MakeFunction
) -> None:
    code = "import logging\ndef handler(event, context):\n    for number in range(9):\n"
    make(code=zip_of({"handler.py": code + "        print(number)\n        logging.warning(number)\n"}))
    functions.invoke(FunctionName="f")
    spoken = messages(aws, "/aws/lambda/f", 22)[2:-2]
    assert [line.rstrip()[-1] for line in spoken] == [str(number) for number in range(9) for _ in range(2)]


def test_error_that_the_runtime_reports_ends_without_a_line_end(
    aws: ClientFactory, functions: Client, make: MakeFunction
) -> None:
    make(code=FAILING)
    answer = functions.invoke(FunctionName="f", LogType="Tail")
    told = messages(aws, "/aws/lambda/f", 5)[2]
    assert told == (
        "[ERROR] ValueError: on purpose\nTraceback (most recent call last):\n"
        '\u00a0\u00a0File "/var/task/handler.py", line 2, in handler\n'
        "\u00a0\u00a0\u00a0\u00a0raise ValueError('on purpose')"
    )
    assert f"{told}END RequestId: " in base64.b64decode(answer["LogResult"]).decode()


def test_json_log_consists_of_platform_records(aws: ClientFactory, functions: Client, make: MakeFunction) -> None:
    make(code=SPEAKING, LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "DEBUG", "LogGroup": "records"})
    request_id = functions.invoke(FunctionName="f")["ResponseMetadata"]["RequestId"]
    lines = messages(aws, "records", 6)
    records = [json.loads(line) for line in lines if line.startswith("{")]
    assert [record["type"] for record in records] == [
        "platform.initStart", "platform.start", "platform.initReport", "platform.runtimeDone", "platform.report",
    ]  # fmt: skip
    assert not any("tracing" in record["record"] for record in records)
    assert records[2]["record"]["metrics"]["durationMs"] == records[-1]["record"]["metrics"]["initDurationMs"]
    report = records[-1]["record"]
    assert (report["requestId"], report["status"]) == (request_id, "success")
    assert set(report["metrics"]) == {
        "durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB", "initDurationMs",
    }  # fmt: skip


def test_json_log_at_its_default_level_tells_of_starts_and_reports(
    aws: ClientFactory, functions: Client, make: MakeFunction
) -> None:
    make(code=SPEAKING, LoggingConfig={"LogFormat": "JSON", "LogGroup": "usual"})
    functions.invoke(FunctionName="f")
    functions.invoke(FunctionName="f")
    records = [json.loads(line)["type"] for line in messages(aws, "usual", 7) if line.startswith("{")]
    assert records == [
        "platform.initStart", "platform.start", "platform.report", "platform.start", "platform.report",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("TRACE", ["debug", "info", "warning", "error", "critical"]),
        ("INFO", ["info", "warning", "error", "critical"]),
        ("ERROR", ["error", "critical"]),
        ("FATAL", ["critical"]),
    ],
)
def test_application_log_level_decides_what_of_the_functions_log_is_kept(
    aws: ClientFactory, functions: Client, make: MakeFunction, level: str, shown: list[str]
) -> None:
    make(code=LOGGING, LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "WARN", "ApplicationLogLevel": level})
    request_id = functions.invoke(FunctionName="f")["ResponseMetadata"]["RequestId"]
    records = [json.loads(line) for line in messages(aws, "/aws/lambda/f", len(shown))]
    assert [record["message"] for record in records] == shown
    assert {record["requestId"] for record in records} == {request_id}


def test_a_failed_init_is_told_for_the_phase_and_again_for_the_invocation(
    aws: ClientFactory, functions: Client, make: MakeFunction
) -> None:
    make(Handler="missing.handler")
    request_id = functions.invoke(FunctionName="f")["ResponseMetadata"]["RequestId"]
    lines = messages(aws, "/aws/lambda/f", 8)
    failed = [line for line in lines if line.startswith("INIT_REPORT")]
    for line, phase in zip(failed, ("init", "invoke"), strict=True):
        assert re.fullmatch(
            rf"INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: {phase}\tStatus: error\tError Type: "
            r"Runtime\.ImportModuleError\n",
            line,
        )
    assert lines[-4] == failed[1]
    assert lines[-3:-1] == [f"START RequestId: {request_id} Version: $LATEST\n", f"END RequestId: {request_id}\n"]
    assert lines[-1].endswith("\tStatus: error\tError Type: Runtime.ImportModuleError\n")


def test_failures_are_warnings_in_the_json_log(aws: ClientFactory, functions: Client, make: MakeFunction) -> None:
    make(code=FAILING, LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "WARN", "ApplicationLogLevel": "FATAL"})
    request_id = functions.invoke(FunctionName="f")["ResponseMetadata"]["RequestId"]
    records = [json.loads(line) for line in messages(aws, "/aws/lambda/f", 1)]
    (report,) = [record["record"] for record in records if record.get("type") == "platform.report"]
    assert (report["requestId"], report["status"], report["errorType"]) == (request_id, "error", "ValueError")


def test_active_tracing_leaves_the_segment_beside_the_report(
    aws: ClientFactory, functions: Client, make: MakeFunction
) -> None:
    make(code=TRACE, TracingConfig={"Mode": "Active"})
    answer = functions.invoke(FunctionName="f", LogType="Tail")
    given = dict(part.split("=", 1) for part in json.loads(answer["Payload"].read()).split(";"))
    assert re.fullmatch("1-[0-9a-f]{8}-[0-9a-f]{24}", given["Root"])
    assert given["Sampled"] == "1"
    xray = f"XRAY TraceId: {given['Root']}\tSegmentId: {given['Parent']}\tSampled: true\t\n"
    assert base64.b64decode(answer["LogResult"]).decode().endswith(f"\t\n{xray}")
    assert messages(aws, "/aws/lambda/f", 4)[-1].endswith(f"\t\n{xray}")


def test_active_tracing_stands_in_the_records_of_a_json_log(
    aws: ClientFactory, functions: Client, make: MakeFunction
) -> None:
    make(
        code=TRACE,
        TracingConfig={"Mode": "Active"},
        LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "DEBUG"},
    )
    trace = json.loads(functions.invoke(FunctionName="f")["Payload"].read())
    segment = re.search("Parent=([0-9a-f]{16})", trace)
    records = {record["type"]: record["record"] for record in map(json.loads, messages(aws, "/aws/lambda/f", 5))}
    for kind in ("platform.start", "platform.runtimeDone", "platform.report"):
        assert segment is not None
        assert records[kind]["tracing"] == {"spanId": segment[1], "type": "X-Amzn-Trace-Id", "value": trace}


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


def test_an_error_type_that_no_log_can_hold_costs_no_line(
    aws: ClientFactory, functions: Client, make: MakeFunction
) -> None:
    source = 'def handler(event, context):\n    raise type("Runtime.\\ud800", (Exception,), {})("no")\n'
    make(code=zip_of({"handler.py": source}))
    assert functions.invoke(FunctionName="f", LogType="Tail")["FunctionError"] == "Unhandled"
    assert messages(aws, "/aws/lambda/f", 4)[-1].startswith("REPORT RequestId: ")
