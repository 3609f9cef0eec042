"""Programs of a function's own on Managed Instances: as many polls and answers at once as the environment has slots.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from lambent.testing.pytest_plugin import ClientFactory
from tests.services.lambda_.conftest import Client, MakeProvider
from tests.services.lambda_.managed import Managed
from tests.waiting import eventually

pytestmark = pytest.mark.local_only("its capacity providers start EC2 instances, which cost money")

# Threads that each ask for an invocation and answer it, as Rust's tasks do.
BOOTSTRAP = """#!/usr/bin/env python3
import http.client, json, os, pathlib, resource, threading, time

most = int(os.environ["AWS_LAMBDA_MAX_CONCURRENCY"])
place = pathlib.Path(os.environ.get("TMPDIR", "/tmp"))
refused = []

def call(connection, method, path, body=None, headers={}):
    connection.request(method, f"/2018-06-01/runtime/{path}", body, headers)
    answer = connection.getresponse()
    return answer, answer.read()

def serve():
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        answer, event = call(connection, "GET", "invocation/next")
        if answer.status != 200:
            refused.append([answer.status, json.loads(event)])
            time.sleep(0.05)
            continue
        id = answer.getheader("Lambda-Runtime-Aws-Request-Id")
        event = json.loads(event)
        name = event["name"]
        print(json.dumps({"level": "INFO", "requestId": id, "message": f"serving {name}"}), flush=True)
        place.joinpath(name).touch()
        while not all(place.joinpath(wanted).exists() for wanted in event.get("wait", ())):
            time.sleep(0.005)
        if event.get("exit"):
            os._exit(event["exit"])
        headers, body = {}, {"pid": os.getpid(), "thread": threading.get_ident(), "id": id, "polls": refused,
                             "files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
                             "ours": [each for each in os.environ if each.startswith("_LAMBENT")]}
        if event.get("streams"):
            headers = {"Lambda-Runtime-Function-Response-Mode": "streaming", "Content-Type": "text/plain"}
        what = "error" if event.get("fails") else "response"
        if event.get("fails"):
            body = {"errorType": "Own.Kind", "errorMessage": "as asked"}
        answer, told = call(connection, "POST", f"invocation/{id}/{what}", json.dumps(body), headers)
        again, second = call(connection, "POST", f"invocation/{id}/{what}", json.dumps(body))
        print(json.dumps({"requestId": id, "taken": answer.status, "told": json.loads(told), "again": again.status,
                          "second": json.loads(second)}), flush=True)

# One more than there is room for.
for _ in range(most):
    threading.Thread(target=serve).start()
serve()
"""


@pytest.fixture
def managed(aws: ClientFactory, functions: Client, make_provider: MakeProvider, role: str) -> Managed:
    return Managed(aws, functions, make_provider, role)


def published(managed: Managed, most: int, *, timeout_s: int = 20) -> None:
    managed.publish("provided.al2023", {"bootstrap": BOOTSTRAP}, most=most, Timeout=timeout_s)


def test_it_polls_and_answers_as_often_at_once_as_there_are_slots(managed: Managed) -> None:
    published(managed, 4)
    names = ["a", "b", "c", "d"]
    answers = managed.at_once([{"name": name, "wait": names} for name in names])
    assert len({answer["pid"] for answer in answers}) == 1
    assert len({answer["thread"] for answer in answers}) == 4
    ids = {answer["id"] for answer in answers}
    assert {record["requestId"] for record in managed.records('"message": "serving', 4)} == ids
    assert {(answer["files"], *answer["ours"]) for answer in answers} == {(4096,)}
    (told, *_) = eventually(lambda: managed.call({"name": "e"})["polls"])
    assert told == [500, {"errorMessage": "Internal Server Error", "errorType": "InternalServerError"}]
    taken = managed.records('"taken": 202', 5)
    assert {record["requestId"] for record in taken} >= ids
    assert {(record["again"], record["second"]["errorType"]) for record in taken} == {(400, "InvalidRequestID")}


def test_each_failure_and_each_stream_is_its_own_request_s(managed: Managed) -> None:
    published(managed, 3)
    names = ["bad", "streamed", "good"]
    with ThreadPoolExecutor(3) as pool:
        bad = pool.submit(managed.call, {"name": "bad", "wait": names, "fails": True})
        good = pool.submit(managed.call, {"name": "good", "wait": names})
        payload = json.dumps({"name": "streamed", "wait": names, "streams": True})
        stream = managed.functions.invoke_with_response_stream(FunctionName="f", Payload=payload)["EventStream"]
        parts = [event["PayloadChunk"]["Payload"] for event in stream if "PayloadChunk" in event]
        assert bad.result() == {"errorType": "Own.Kind", "errorMessage": "as asked"}
        assert json.loads(b"".join(parts))["pid"] == good.result()["pid"]


def test_an_answer_after_the_timeout_is_told_so_and_frees_the_slot(managed: Managed) -> None:
    published(managed, 2, timeout_s=1)
    late = managed.call({"name": "late", "wait": ["go"]})
    assert late["errorMessage"].endswith("Task timed out after 1.00 seconds")
    pid = managed.call({"name": "go"})["pid"]
    (told,) = managed.records('"taken": 410', 1)
    assert told["told"] == {"errorMessage": "Invoke timeout", "errorType": "InvokeTimeout"}
    answers = managed.at_once([{"name": name, "wait": ["a", "b"]} for name in ("a", "b")])
    assert [answer.get("pid", answer) for answer in answers] == [pid, pid]


def test_the_end_of_the_program_fails_all_that_it_had(managed: Managed) -> None:
    published(managed, 2)
    answers = managed.at_once(
        [{"name": "a", "wait": ["a", "b", "never"]}, {"name": "b", "wait": ["a", "b"], "exit": 9}]
    )
    assert {answer["errorType"] for answer in answers} == {"Runtime.ExitError"}
    assert all(answer["errorMessage"].endswith("Runtime exited with error: exit status 9") for answer in answers)


def test_what_is_no_program_is_told_as_in_the_standard_model(managed: Managed) -> None:
    managed.publish("provided.al2023", {"other": "no bootstrap"}, most=2)
    if managed.state() == "Active":
        assert managed.call({})["errorType"] == "Runtime.InvalidEntrypoint"
