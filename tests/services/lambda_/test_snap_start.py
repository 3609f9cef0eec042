"""SnapStart: published versions start from a snapshot of their init, as far as a function can see."""

from __future__ import annotations

import json
from typing import Any

from lambent.testing.builders import zip_of
from lambent.testing.pytest_plugin import ClientFactory
from tests.services.lambda_.conftest import Client, MakeFunction, refusal
from tests.waiting import eventually

SNAP = {"SnapStart": {"ApplyOn": "PublishedVersions"}}
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
    time.sleep(event.get("for", 0))
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


def test_environments_of_a_version_go_on_where_its_init_ended(functions: Client, make: MakeFunction) -> None:
    make(code=HANDLER, Timeout=20, **SNAP)
    version = publish(functions)
    assert (version["State"], version["SnapStart"]) == (
        "Pending", {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"},
    )  # fmt: skip
    assert shown(functions, "1")["State"] == "Active"
    first = called(functions)
    print(first)
    assert (first["said"], first["type"], first["stream"]) == (["init", "before", "after"], "snap-start", None)
