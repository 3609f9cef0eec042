"""Every Python that Lambda names runs a function that uses the SDK without knowing where it is."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from tests.requirements import missing, require_python
from tests.waiting import eventually

HANDLER = """
import os, subprocess, sys
import boto3

def handler(event, context):
    caller = boto3.client("sts").get_caller_identity()
    child = [sys.executable, "-c", "import boto3, os; print(os.getcwd(), end='')"]
    where = subprocess.run(child, capture_output=True, text=True, check=True).stdout
    return {
        "python": "%d.%d" % sys.version_info[:2],
        "caller": caller["Arn"],
        "places": [where, os.environ["PWD"], os.environ["LAMBDA_TASK_ROOT"]],
        "own": os.path.isdir(os.path.join(os.environ["PYTHONPATH"], "boto3")),
    }
"""

PROBE = """
import logging, os, sys
import layered

log = logging.getLogger()

def handler(event, context):
    if event == "error":
        raise ValueError("wrong")
    if event == "exit":
        sys.exit(3)
    if event == "set":
        return {1}
    if event == "log":
        log.debug("hidden")
        log.info("info")
        log.warning("shown %s", 1, extra={"k": 1})
        return None
    return {
        "path": sys.path[:3],
        "root": os.environ["LAMBDA_TASK_ROOT"],
        "layer": layered.WHERE,
        "environment": os.environ["AWS_EXECUTION_ENV"],
        "level": logging.getLevelName(log.level),
        "site": [place for place in sys.path[3:] if "site-packages" in place],
    }
"""


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.11", "3.12", "3.13"])
def test_a_function_reaches_the_platform_as_its_role(platform: LocalPlatform, version: str) -> None:
    require_python(version)
    if version == "3.9" and not (Path(sys.prefix) / "share" / "lambent" / "python3.9").is_dir():
        missing("boto3 for Python 3.9, which `make demo` and `make test` install")
    name = f"python{version.replace('.', '-')}"
    platform.create_function(name, zip_of({"handler.py": HANDLER}), Runtime=f"python{version}", Timeout=30)
    answer = json.loads(platform.client("lambda").invoke(FunctionName=name)["Payload"].read())
    assert answer["python"] == version
    assert answer["caller"].endswith(f"/{name}")
    assert len(set(answer["places"])) == 1
    assert answer["own"]


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14"])
def test_every_version_is_told_and_says_the_same(platform: LocalPlatform, version: str) -> None:
    if version != "3.14":  # which its neighbour may stand for
        require_python(version)
    functions = platform.client("lambda")
    name = f"probe{version.replace('.', '-')}"
    layer = zip_of({f"python/lib/python{version}/site-packages/layered.py": "WHERE = 'the layer'"})
    arn = functions.publish_layer_version(LayerName=name, Content={"ZipFile": layer})["LayerVersionArn"]
    settings: dict[str, Any] = {"Layers": [arn], "LoggingConfig": {"LogFormat": "JSON"}}  # Any: as the API takes them
    platform.create_function(name, zip_of({"handler.py": PROBE}), Runtime=f"python{version}", Timeout=30, **settings)

    def ask(event: str) -> tuple[Any, list[Any]]:  # Any: JSON
        answer = functions.invoke(FunctionName=name, Payload=json.dumps(event).encode(), LogType="Tail")
        lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
        return json.loads(answer["Payload"].read()), [json.loads(line) for line in lines if line.startswith("{")]

    told, _ = ask("told")
    places = [place.removeprefix(told["root"]) for place in told.pop("path")]
    assert places[0] == ""
    assert [place.partition("/python")[2] for place in places[1:3]] == [f"/lib/python{version}/site-packages", ""]
    assert told.pop("root")
    assert told == {"layer": "the layer", "environment": f"AWS_Lambda_python{version}", "level": "INFO", "site": []}
    error, logged = ask("error")
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "wrong")
    assert error["stackTrace"][0].startswith('  File "')
    (line,) = [each for each in logged if each.get("level") == "ERROR"]
    assert (line["errorType"], line["errorMessage"], line["requestId"]) == ("ValueError", "wrong", error["requestId"])
    assert ask("set")[0]["errorType"] == "Runtime.MarshalError"
    assert ask("exit")[0]["errorMessage"].endswith("Runtime exited with error: exit status 3")
    _, logged = ask("log")
    own = [each for each in logged if "logger" in each]
    assert [(each["level"], each["message"], each.get("k")) for each in own] == [
        ("INFO", "info", None),
        ("WARNING", "shown 1", 1),
    ]


def test_a_record_of_a_megabyte_is_logged_with_those_around_it(platform: LocalPlatform) -> None:
    source = "import logging\ndef handler(event, context):\n    for text in ('before', 'x' * 1048576, 'after'):\n"
    platform.create_function("large", zip_of({"handler.py": source + "        logging.error(text)\n"}), Timeout=30)
    platform.client("lambda").invoke(FunctionName="large")
    logs = platform.client("logs")

    def logged() -> list[str]:
        try:
            pages = list(logs.get_paginator("filter_log_events").paginate(logGroupName="/aws/lambda/large"))
        except logs.exceptions.ResourceNotFoundException:
            return []
        events = [event for page in pages for event in page["events"]]
        own = [each["message"] for each in events if not each["message"].startswith(("START", "END", "INIT"))]
        return own if any(message.startswith("REPORT") for message in own) else []

    messages = eventually(logged)
    assert "".join(messages).count("x") >= 1_048_576
    assert [text for text in ("before", "after") if any(text in message for message in messages)] == ["before", "after"]


def test_a_runtime_that_is_not_here_is_run_by_the_nearest_and_says_so(platform: LocalPlatform) -> None:
    platform.create_function("newest", zip_of({"handler.py": HANDLER}), Runtime="python3.14", Timeout=30)
    answer = json.loads(platform.client("lambda").invoke(FunctionName="newest")["Payload"].read())
    assert answer["python"] in {"3.12", "3.13", "3.14"}


def test_the_end_of_one_platform_leaves_another_of_the_same_process_alone(platform: LocalPlatform) -> None:
    with local_platform() as other:
        other.create_function("there", zip_of({"handler.py": "def handler(e, c): return 1\n"}))
        assert other.client("lambda").invoke(FunctionName="there")["Payload"].read() == b"1"
    platform.create_function("here", zip_of({"handler.py": "def handler(e, c): return 2\n"}))
    assert platform.client("lambda").invoke(FunctionName="here")["Payload"].read() == b"2"
