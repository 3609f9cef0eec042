"""SnapStart: published versions start from a snapshot of their init, as far as a function can see."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.request import urlopen

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform
from lambent.testing.pytest_plugin import ClientFactory
from tests.services.lambda_.conftest import Client, MakeFunction, refusal
from tests.waiting import eventually

SNAP: Any = {"SnapStart": {"ApplyOn": "PublishedVersions"}}  # Any: CreateFunction's members
HANDLER = zip_of(
    {
        "handler.py": """
import os, pathlib, random, time, uuid
from snapshot_restore_py import register_after_restore, register_before_snapshot
SAID = ["init"]
BORN = uuid.uuid4().hex
KEYS = os.environ["AWS_ACCESS_KEY_ID"]
pathlib.Path("/tmp/made").write_text("in init")
OPEN = open("/tmp/made")
OPEN.read(3)
register_before_snapshot(lambda: SAID.append("before"))
register_after_restore(lambda: SAID.append("after"))
def handler(event, context):
    time.sleep(event.get("sleep", 0))
    if event.get("crash"):
        os._exit(3)
    pathlib.Path("/tmp", context.aws_request_id).write_text("")
    return {
        "said": SAID, "born": BORN, "random": random.random(), "unique": os.urandom(8).hex(), "rest": OPEN.read(),
        "tmp": len(os.listdir("/tmp")), "keys": [KEYS, os.environ["AWS_ACCESS_KEY_ID"]], "pid": os.getpid(),
        "type": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], "stream": os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME"),
    }
"""
    }
)


def publish(functions: Client, name: str = "f") -> dict[str, Any]:  # Any: botocore's shape
    version: dict[str, Any] = functions.publish_version(FunctionName=name)  # Any: as above
    eventually(lambda: shown(functions, version["Version"])["State"] != "Pending")
    return version


def shown(functions: Client, qualifier: str) -> dict[str, Any]:  # Any: as above
    found: dict[str, Any] = functions.get_function_configuration(FunctionName="f", Qualifier=qualifier)  # Any
    return found


def called(functions: Client, name: str = "f:1", **event: object) -> Any:  # Any: what the handler returned
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(event))
    return json.loads(answer["Payload"].read())


Environments = Callable[[], list[dict[str, Any]]]  # Any: as the view shows them


@pytest.fixture
def environments(platform: LocalPlatform, account: str) -> Environments:
    def look() -> list[dict[str, Any]]:  # Any: as above
        with urlopen(f"{platform.endpoint_url}/_lambent/environments") as answer:  # noqa: S310 - our own platform
            found: list[dict[str, Any]] = json.loads(answer.read())["environments"]  # Any: as above
        return [each for each in found if f":{account}:" in each["function_arn"]]

    return look


def logged(aws: ClientFactory, pattern: str) -> list[str]:
    logs = aws("logs")
    try:
        found = logs.filter_log_events(logGroupName="/aws/lambda/f", filterPattern=pattern)
    except logs.exceptions.ResourceNotFoundException:
        return []  # nothing has been delivered yet
    return [each["message"] for each in found["events"]]


@pytest.mark.not_kept("its functions answer with what differs from run to run")
def test_environments_of_a_version_go_on_where_its_init_ended(functions: Client, make: MakeFunction) -> None:
    make(code=HANDLER, Timeout=20, **SNAP)
    version = publish(functions)
    assert version["State"] == "Pending"
    assert version["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}
    assert shown(functions, "1")["State"] == "Active"
    with ThreadPoolExecutor(2) as callers:
        one, other = callers.map(lambda _: called(functions, sleep=0.5), range(2))
    for each in (one, other):
        assert each["said"] == ["init", "before", "after"]
        assert (each["type"], each["stream"], each["pid"]) == ("snap-start", None, 2)
        assert (each["rest"], each["tmp"]) == ("init", 2), "files are as init left them, and nobody else's"
        assert each["keys"][0] != each["keys"][1], "credentials are the environment's own"
    # As in AWS, what init has made is the same everywhere, and Python's `random` goes on alike; the kernel's does not.
    assert (one["born"], one["random"]) == (other["born"], other["random"])
    assert one["unique"] != other["unique"]
    assert one["keys"][1] != other["keys"][1]
    assert called(functions)["rest"] == ""
    latest = called(functions, "f")
    assert (latest["said"], latest["type"]) == (["init"], "on-demand")


@pytest.mark.not_kept("its functions answer with what differs from run to run")
def test_a_crash_of_one_environment_leaves_the_others_and_the_snapshot(functions: Client, make: MakeFunction) -> None:
    make(code=HANDLER, Timeout=20, **SNAP)
    publish(functions)
    with ThreadPoolExecutor(2) as callers:
        slow = callers.submit(called, functions, sleep=1)
        crashed = called(functions, crash=True)
        assert crashed["errorType"] == "Runtime.ExitError"
        again = called(functions)
        assert again["born"] == slow.result()["born"]


@pytest.mark.local_only("the role of the functions may not write logs there")
def test_the_log_tells_of_init_at_publishing_and_of_restores(
    functions: Client, make: MakeFunction, aws: ClientFactory
) -> None:
    make(code=HANDLER, Timeout=20, **SNAP)
    publish(functions)
    answer = functions.invoke(FunctionName="f:1", LogType="Tail", Payload=b"{}")
    tail = base64.b64decode(answer["LogResult"]).decode()
    assert "Init Duration" not in tail
    found = re.search(
        r"Billed Duration: (\d+) ms.*\tRestore Duration: [\d.]+ ms\tBilled Restore Duration: (\d+) ms\t", tail
    )
    assert found is not None
    assert int(found[1]) >= int(found[2])
    eventually(lambda: logged(aws, "RESTORE_REPORT"))
    assert logged(aws, "RESTORE_START")[0].startswith("RESTORE_START Runtime Version: python:3.13")
    assert re.fullmatch(r"RESTORE_REPORT Restore Duration: [\d.]+ ms\n", logged(aws, "RESTORE_REPORT")[0])
    assert len(logged(aws, "INIT_START")) == 1
    assert re.fullmatch(r"INIT_REPORT Init Duration: [\d.]+ ms\n", logged(aws, "INIT_REPORT")[0])


@pytest.mark.local_only("the role of the functions may not write logs there")
def test_in_json_restores_are_platform_events(functions: Client, make: MakeFunction, aws: ClientFactory) -> None:
    make(code=HANDLER, LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "DEBUG"}, **SNAP)
    publish(functions)
    called(functions)
    eventually(lambda: logged(aws, '"platform.report"'))
    lines = [json.loads(each) for each in logged(aws, '"platform."')]
    events = {each["type"]: each["record"] for each in lines}
    assert [each["type"] for each in lines] == [
        "platform.initStart", "platform.initReport", "platform.restoreStart", "platform.restoreRuntimeDone",
        "platform.restoreReport", "platform.start", "platform.runtimeDone", "platform.report",
    ]  # fmt: skip
    assert events["platform.initStart"]["initializationType"] == "snap-start"
    assert events["platform.restoreStart"]["functionVersion"] == "1"
    assert events["platform.restoreRuntimeDone"] == {"status": "success"}
    assert events["platform.restoreReport"]["metrics"].keys() == {"durationMs"}
    assert "restoreDurationMs" in events["platform.report"]["metrics"]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("raise RuntimeError('no')", id="init raises"),
        pytest.param(
            "import snapshot_restore_py as s\ns.register_before_snapshot(lambda: 1 / 0)\nhandler = print", id="hook"
        ),
    ],
)
def test_a_version_whose_init_fails_is_failed(functions: Client, make: MakeFunction, source: str) -> None:
    make(code=zip_of({"handler.py": source}), **SNAP)
    publish(functions)
    failed = shown(functions, "1")
    assert (failed["State"], failed["StateReason"], failed["StateReasonCode"]) == (
        "Failed",
        "An error occurred during function initialization.",
        "FunctionError",
    )
    assert refusal(functions.invoke, FunctionName="f:1").code == "ResourceConflictException"


def test_a_version_cannot_be_invoked_while_its_snapshot_is_taken(functions: Client, make: MakeFunction) -> None:
    source = "import time\ntime.sleep(1)\ndef handler(event, context):\n    return 1\n"
    make(code=zip_of({"handler.py": source}), **SNAP)
    functions.publish_version(FunctionName="f")
    assert refusal(functions.invoke, FunctionName="f:1") == (
        409,
        "SnapStartNotReadyException",
        "Lambda is initializing your function. It will be ready to invoke once your function state becomes ACTIVE.",
    )
    eventually(lambda: shown(functions, "1")["State"] == "Active")
    assert called(functions) == 1


def test_a_hook_that_fails_after_a_restore_is_a_snap_start_exception(functions: Client, make: MakeFunction) -> None:
    source = "import snapshot_restore_py as s\ns.register_after_restore(lambda: 1 / 0)\nhandler = print\n"
    make(code=zip_of({"handler.py": source}), **SNAP)
    publish(functions)
    assert shown(functions, "1")["State"] == "Active"
    assert refusal(functions.invoke, FunctionName="f:1") == (
        400,
        "SnapStartException",
        "The afterRestore() runtime hook encountered an error. For more information, check the Amazon CloudWatch logs.",
    )


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param("threading.Thread(target=time.sleep, args=(60,), daemon=True).start()", "threads", id="thread"),
        pytest.param("subprocess.Popen(['sleep', '60'])", "processes", id="process"),
        pytest.param("SHARED = mmap.mmap(-1, 4096)", "shared memory", id="shared memory"),
        pytest.param("PIPE = os.pipe()", "left open", id="pipe"),
        pytest.param("signal.alarm(60)", "timer", id="timer"),
    ],
)
def test_what_cannot_be_forked_is_initialized_again_with_a_notice(
    functions: Client, make: MakeFunction, environments: Environments, source: str, reason: str
) -> None:
    head = "import mmap, os, signal, subprocess, threading, time, uuid\nBORN = uuid.uuid4().hex\n"
    make(code=zip_of({"handler.py": f"{head}{source}\ndef handler(event, context):\n    return BORN\n"}), **SNAP)
    publish(functions)
    assert shown(functions, "1")["State"] == "Active"
    assert len(called(functions)) == 32
    (shown_notices,) = [each["notices"] for each in environments()]
    assert any("init runs again" in notice and reason in notice for notice in shown_notices), shown_notices


def test_a_deleted_version_leaves_no_environment(
    functions: Client, make: MakeFunction, environments: Environments
) -> None:
    make(code=HANDLER, **SNAP)
    publish(functions)
    called(functions)
    functions.delete_function(FunctionName="f", Qualifier="1")
    eventually(lambda: environments() == [])


def test_what_snap_start_excludes_is_refused(functions: Client, make: MakeFunction, role: str) -> None:
    def refused(**parameters: object) -> str:
        wanted = {"Runtime": "python3.13", "Handler": "handler.handler", "Role": role, **SNAP, **parameters}
        refusal_of = refusal(functions.create_function, FunctionName="no", Code={"ZipFile": HANDLER}, **wanted)
        assert (refusal_of.status, refusal_of.code) == (400, "InvalidParameterValueException")
        return refusal_of.message

    assert refused(Runtime="nodejs22.x") == "nodejs22.x is not supported for SnapStart enabled functions."
    assert refused(Runtime="python3.11") == "python3.11 is not supported for SnapStart enabled functions."
    assert "512 MB is not supported for SnapStart" in refused(EphemeralStorage={"Size": 1024})
    make(code=HANDLER, **SNAP)
    publish(functions)
    put = {"FunctionName": "f", "Qualifier": "1", "ProvisionedConcurrentExecutions": 1}
    assert refusal(functions.put_provisioned_concurrency_config, **put).code == "InvalidParameterValueException"


def test_clients_made_in_init_speak_with_the_credentials_of_their_environment(
    functions: Client, make: MakeFunction
) -> None:
    source = """
import boto3, os
STS = boto3.client("sts")
IN_INIT = STS.get_caller_identity()["Arn"]
def handler(event, context):
    known = STS._request_signer._credentials.access_key
    return [IN_INIT, STS.get_caller_identity()["Arn"], known == os.environ["AWS_ACCESS_KEY_ID"]]
"""
    make(code=zip_of({"handler.py": source}), Timeout=20, **SNAP)
    publish(functions)
    in_init, now, is_own = called(functions)
    assert in_init == now
    assert is_own


def test_event_loops_of_init_go_on_in_each_environment(
    functions: Client, make: MakeFunction, environments: Environments
) -> None:
    source = """
import select, os, time
POLL = select.epoll()
READ, FILE = None, open("/tmp/f", "w+")
def handler(event, context):
    time.sleep(0.3)
    FILE.write(context.aws_request_id)
    FILE.flush()
    read, write = os.pipe()
    POLL.register(read, select.EPOLLIN)
    os.write(write, b"x")
    return [len(POLL.poll(1)), os.path.getsize("/tmp/f")]
"""
    make(code=zip_of({"handler.py": source}), **SNAP)
    publish(functions)
    with ThreadPoolExecutor(2) as callers:
        assert list(callers.map(lambda _: called(functions), range(2))) == [[1, 36], [1, 36]]
    assert {each["started_by"] for each in environments()} == {"snapshot"}


_REGISTERED = """
import http.client, os, threading
def call(method, path, headers, body=None):
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    api.request(method, "/2020-01-01/extension/" + path, body, headers)
    return api.getresponse()
REGISTERED = call("POST", "register", {"Lambda-Extension-Name": "inside"}, '{"events": []}')
ME = {"Lambda-Extension-Identifier": REGISTERED.getheader("Lambda-Extension-Identifier")}
threading.Thread(target=call, args=("GET", "event/next", ME), daemon=True).start()
def handler(event, context):
    return REGISTERED.status
"""
_AGENT = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension"
id=$(curl -sS -D - -o /dev/null -H "Lambda-Extension-Name: agent" -d '{"events": []}' "$api/register" \\
  | grep -i lambda-extension-identifier | tr -d '[:space:]' | cut -d: -f2)
curl -sS -H "Lambda-Extension-Identifier: $id" "$api/event/next"
"""


@pytest.mark.parametrize(
    ("source", "agent"),
    [
        pytest.param(_REGISTERED, None, id="internal"),
        pytest.param("def handler(event, context):\n    return 200\n", _AGENT, id="external"),
    ],
)
def test_with_extensions_init_runs_again(
    functions: Client, make: MakeFunction, environments: Environments, source: str, agent: str | None
) -> None:
    layers = []
    if agent is not None:
        content = {"ZipFile": zip_of({"extensions/agent": agent}, executable=frozenset({"extensions/agent"}))}
        layers.append(functions.publish_layer_version(LayerName="l", Content=content)["LayerVersionArn"])
    make(code=zip_of({"handler.py": source}), Layers=layers, Timeout=20, **SNAP)
    publish(functions)
    assert shown(functions, "1")["State"] == "Active"
    assert called(functions) == 200
    (found,) = environments()
    assert any("extensions" in notice for notice in found["notices"]), found
