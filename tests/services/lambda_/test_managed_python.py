"""Python on Managed Instances: what each worker process is given, and what extensions hear of it.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-python-runtime.html
"""

from __future__ import annotations

import json

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.pytest_plugin import ClientFactory
from tests.services.lambda_.conftest import Client, MakeProvider
from tests.services.lambda_.managed import Managed
from tests.waiting import eventually

pytestmark = pytest.mark.local_only("its capacity providers start EC2 instances, which cost money")

HANDLER = """
import logging, os, pathlib, resource, sys, time

place = pathlib.Path(os.environ.get("TMPDIR", "/tmp"))
logging.getLogger().setLevel("INFO")

def handler(event, context):
    name = event["name"]
    logging.info("logged by %s", name)
    place.joinpath(name).touch()
    while not all(place.joinpath(wanted).exists() for wanted in event.get("wait", ())):
        time.sleep(0.005)
    return {
        "pid": os.getpid(),
        "files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        "logs": os.environ["_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET"],
        "format": os.environ["AWS_LAMBDA_LOG_FORMAT"],
        "own": context.aws_request_id,
    }
"""
# Tells what it subscribed to, and prints each event that it is sent.
EXTENSION = """#!/usr/bin/env python3
import http.client, http.server, json, os, threading

def call(method, path, body=None, **headers):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    named = {"Lambda-Extension-" + name: value for name, value in headers.items()}
    connection.request(method, path, body and json.dumps(body), named)
    answer = connection.getresponse()
    return answer.status, answer.getheader("Lambda-Extension-Identifier"), answer.read().decode()

def say(what, told):
    print(json.dumps({"said": what, "told": told}), flush=True)

class Events(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        for event in json.loads(self.rfile.read(int(self.headers["Content-Length"]))):
            say("heard", event)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass

register = "/2020-01-01/extension/register"
status, _, told = call("POST", register, {"events": ["INVOKE", "SHUTDOWN"]}, Name="watcher")
say("refused", [status, json.loads(told)])
_, me, _ = call("POST", register, {"events": ["SHUTDOWN"]}, Name="watcher")
server = http.server.HTTPServer(("127.0.0.1", 0), Events)
threading.Thread(target=server.serve_forever, daemon=True).start()
for version in ("2022-12-13", "2025-01-29"):
    wanted = {"schemaVersion": version, "types": ["platform"], "buffering": {"timeoutMs": 25},
              "destination": {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{server.server_port}"}}
    status, _, told = call("PUT", "/2022-07-01/telemetry", wanted, Identifier=me)
    say("subscribed", [version, status])
call("GET", "/2020-01-01/extension/event/next", Identifier=me)
"""


@pytest.fixture
def managed(aws: ClientFactory, functions: Client, make_provider: MakeProvider, role: str) -> Managed:
    return Managed(aws, functions, make_provider, role)


def test_each_worker_has_its_own_trace_and_more_files_than_in_the_standard_model(managed: Managed) -> None:
    managed.publish("python3.13", {"handler.py": HANDLER}, most=2)
    answers = managed.at_once([{"name": name, "wait": ["a", "b"]} for name in ("a", "b")])
    assert len({answer["pid"] for answer in answers}) == 2
    assert len({answer["trace"] for answer in answers}) == 2
    assert all(answer["trace"].startswith("Root=1-") for answer in answers)
    assert {(answer["files"], answer["format"]) for answer in answers} == {(4096, "JSON")}
    assert all(answer["logs"] for answer in answers)
    logged = managed.records("logged by", 2)
    assert {record["requestId"] for record in logged} == {answer["own"] for answer in answers}


def test_an_extension_hears_of_requests_by_telemetry_alone(managed: Managed) -> None:
    layer = managed.functions.publish_layer_version(
        LayerName="watcher",
        Content={"ZipFile": zip_of({"extensions/watcher": EXTENSION}, executable=frozenset({"extensions/watcher"}))},
    )
    managed.publish("python3.13", {"handler.py": HANDLER}, most=2, Layers=[layer["LayerVersionArn"]])
    managed.at_once([{"name": name, "wait": ["a", "b"]} for name in ("a", "b")])

    def said(what: str) -> list[object]:
        lines = [json.loads(line) for line in managed.lines() if f'"said": "{what}"' in line]
        return [line["told"] for line in lines]

    def reports() -> list[dict[str, object]]:
        heard = [each for each in said("heard") if isinstance(each, dict)]
        return [each["record"] for each in heard if each["type"] == "platform.report"]

    eventually(lambda: len(reports()) == 2)
    assert said("refused") == [
        [403, {"errorMessage": "INVOKE: ErrorInvalidEventType", "errorType": "Extension.InvalidEventType"}]
    ]
    assert said("subscribed") == [["2022-12-13", 400], ["2025-01-29", 200]]
    kinds = {each["type"] for each in said("heard") if isinstance(each, dict)}
    assert "platform.start" in kinds
    assert "platform.initReport" in kinds
    assert "platform.runtimeDone" not in kinds
    for report in reports():
        spans = report["spans"]
        assert isinstance(spans, list)
        assert (report["status"], [each["name"] for each in spans]) == (
            "success",
            ["responseLatency", "responseDuration"],
        )
        assert isinstance(report["metrics"], dict)
        assert set(report["metrics"]) == {"durationMs"}
    for record in managed.records("platform.report", 2):
        if record.get("type") == "platform.report":
            assert [each["name"] for each in record["record"]["spans"]] == ["responseLatency", "responseDuration"]
