"""Node.js on Managed Instances: threads, each with several requests at once.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-nodejs-runtime.html
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from lambent.testing.pytest_plugin import ClientFactory
from tests.requirements import require_tool
from tests.services.lambda_.conftest import Client, MakeProvider
from tests.services.lambda_.managed import Managed
from tests.waiting import eventually

pytestmark = pytest.mark.local_only("its capacity providers start EC2 instances, which cost money")

HANDLER = """
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { threadId } from "node:worker_threads";

const place = process.env.TMPDIR ?? "/tmp";
let calls = 0;
console.log("loading");

export async function handler(event, context) {
  calls += 1;
  const { name, wait = [] } = event;
  console.log("serving %s", name, { threadId });
  writeFileSync(`${place}/${name}`, context.awsRequestId);
  while (!wait.every((each) => existsSync(`${place}/${each}`))) await sleep(5);
  console.log("over with %s", name);
  if (event.exit !== undefined) process.exit(event.exit);
  if (event.throws) setImmediate(() => { throw new RangeError("nobody catches it"); });
  if (event.rejects) Promise.reject(new RangeError("nobody awaits it"));
  if (event.throws || event.rejects) await sleep(60_000);
  if (event.fails) throw new TypeError("on purpose");
  const store = globalThis.awslambda.InvokeStore;
  return {
    thread: threadId,
    process: process.pid,
    calls,
    stream: context.logStreamName,
    isOwn: store.getRequestId() === context.awsRequestId && store.getXRayTraceId() === context.xRayTraceId,
    seen: readdirSync(place).filter((each) => wait.includes(each)),
    trace: process.env._X_AMZN_TRACE_ID,
    most: process.env.AWS_LAMBDA_MAX_CONCURRENCY,
    type: process.env.AWS_LAMBDA_INITIALIZATION_TYPE,
    ours: Object.keys(process.env).filter((each) => each.startsWith("_LAMBENT")),
  };
}
"""
ONE_THREAD = {"AWS_LAMBDA_NODEJS_WORKER_COUNT": "1"}
TWO_THREADS = {"AWS_LAMBDA_NODEJS_WORKER_COUNT": "2"}


@pytest.fixture
def managed(aws: ClientFactory, functions: Client, make_provider: MakeProvider, role: str) -> Managed:
    require_tool("node")
    return Managed(aws, functions, make_provider, role)


def waiting_for_each_other(*names: str) -> list[dict[str, object]]:
    return [{"name": name, "wait": names} for name in names]


def warm_up(managed: Managed, threads: int) -> None:
    """Return once so many threads serve: the first to come up would take all requests."""
    eventually(lambda: len({managed.call({"name": "warm"})["thread"] for _ in range(threads)}) == threads)


def test_one_thread_serves_several_requests_at_once_and_each_knows_its_own(managed: Managed) -> None:
    managed.publish("nodejs22.x", {"handler.mjs": HANDLER}, most=5, variables=ONE_THREAD)
    answers = managed.at_once(waiting_for_each_other("a", "b", "c", "d", "e"))
    assert len({(answer["process"], answer["thread"], answer["stream"]) for answer in answers}) == 1
    assert sorted(answer["calls"] for answer in answers) == [5, 5, 5, 5, 5]  # module state is the thread's
    assert all(answer["isOwn"] for answer in answers)
    assert all(len(answer["seen"]) == 5 for answer in answers)
    told = {(answer["most"], answer["type"], answer.get("trace"), *answer["ours"]) for answer in answers}
    assert told == {("5", "lambda-managed-instances", None)}
    records = managed.records('"over with', 5)
    ids = {record["record"]["requestId"] for record in managed.records("platform.start", 5)}
    assert {record["requestId"] for record in records} == ids
    assert {tuple(record) for record in records} == {("timestamp", "level", "requestId", "message")}
    (loading,) = managed.records('"loading"', 1)
    assert loading["requestId"] == "-"  # outside of any request, as in AWS's runtime


def test_requests_go_round_the_threads_and_init_runs_in_each(managed: Managed) -> None:
    managed.publish("nodejs22.x", {"handler.mjs": HANDLER}, most=4, variables=TWO_THREADS)
    warm_up(managed, 2)
    assert len(managed.records('"loading"', 2)) == 2
    answers = managed.at_once(waiting_for_each_other("a", "b", "c", "d"))
    assert len({answer["process"] for answer in answers}) == 1
    assert len({answer["thread"] for answer in answers}) == 2
    assert len({(answer["thread"], answer["calls"]) for answer in answers}) == 2  # module state is the thread's


def test_without_a_word_there_are_eight_threads_for_each_vcpu(managed: Managed) -> None:
    managed.publish("nodejs22.x", {"handler.mjs": HANDLER}, most=8)
    warm_up(managed, 8)
    assert len(managed.records('"loading"', 8)) == 8
    threads = {managed.call({"name": f"n{number}"})["thread"] for number in range(8)}
    assert len(threads) == 8  # whoever has waited longest is next


def test_an_error_fails_its_own_request_and_is_logged_as_its(managed: Managed) -> None:
    managed.publish("nodejs22.x", {"handler.mjs": HANDLER}, most=2, variables=ONE_THREAD)
    (failed, served) = managed.at_once(
        [{"name": "bad", "wait": ["bad", "good"], "fails": True}, {"name": "good", "wait": ["bad", "good"]}]
    )
    assert (failed["errorType"], failed["errorMessage"]) == ("TypeError", "on purpose")
    assert served["isOwn"]
    (record,) = [each for each in managed.records('"level":"ERROR"', 1) if each["level"] == "ERROR"]
    assert record["message"]["errorType"] == "TypeError"
    (own,) = managed.records('"serving bad', 1)
    assert record["requestId"] == own["requestId"]


@pytest.mark.parametrize(
    "mishap", [{"throws": True}, {"rejects": True}, {"exit": 3}], ids=lambda each: next(iter(each))
)
def test_a_thread_that_ends_fails_the_requests_it_has_and_no_others(
    managed: Managed, mishap: dict[str, object]
) -> None:
    managed.publish("nodejs22.x", {"handler.mjs": HANDLER}, most=4, variables=TWO_THREADS)
    warm_up(managed, 2)
    names = ["bad", "b", "c", "d"]
    with ThreadPoolExecutor(4) as pool:
        bad = pool.submit(managed.call, {"name": "bad", "wait": names, **mishap})
        others = [pool.submit(managed.call, {"name": name, "wait": [*names, "go"]}) for name in names[1:]]
        assert bad.result()["errorType"] == "Runtime.ExitError"
        go = managed.call({"name": "go"})  # by the thread that is left
        answers = [each.result() for each in others]
    beside = {
        name: f"threadId: {go['thread']} " in managed.records(f"serving {name} ", 1)[0]["message"] for name in names
    }
    told = {
        name: answer.get("thread", answer.get("errorType")) for name, answer in zip(names[1:], answers, strict=True)
    }
    assert not beside["bad"]
    assert told == {name: go["thread"] if beside[name] else "Runtime.ExitError" for name in names[1:]}
    assert go["thread"] in told.values()  # each thread has one of the first two
    if "exit" not in mishap:
        (record,) = managed.records("RangeError", 1)
        assert (record["level"], record["message"]["errorType"]) == ("ERROR", "RangeError")
    again = managed.at_once(waiting_for_each_other("v", "w", "x", "y"))  # every slot is left, with one thread
    assert {answer["thread"] for answer in again} == {go["thread"]}
    assert {answer["stream"] for answer in again} == {go["stream"]}


def test_an_environment_whose_threads_have_all_ended_is_replaced(managed: Managed) -> None:
    managed.publish("nodejs22.x", {"handler.mjs": HANDLER}, most=2, variables=ONE_THREAD)
    stream = managed.call({"name": "a"})["stream"]
    assert managed.call({"name": "b", "exit": 1})["errorType"] == "Runtime.ExitError"

    eventually(lambda: managed.call({"name": "c"}).get("stream", stream) != stream)


def test_a_request_that_times_out_keeps_its_slot_while_its_code_runs(managed: Managed) -> None:
    managed.publish("nodejs22.x", {"handler.mjs": HANDLER}, most=2, variables=ONE_THREAD, Timeout=1)
    late = managed.call({"name": "late", "wait": ["go"]})
    assert late["errorType"] == "Sandbox.Timedout"
    assert late["errorMessage"].endswith("Task timed out after 1.00 seconds")
    go = managed.call({"name": "go"})
    assert [record["message"] for record in managed.records("over with late", 1)] == ["over with late"]
    answers = managed.at_once(waiting_for_each_other("a", "b"))  # the slot has come back
    assert {(answer["stream"], answer["thread"]) for answer in answers} == {(go["stream"], go["thread"])}


def test_a_request_that_no_thread_has_taken_by_its_timeout_leaves_nothing_behind(managed: Managed) -> None:
    blocking = """
exports.handler = async ({ blocks_ms }) => {
  for (const end = Date.now() + (blocks_ms ?? 0); Date.now() < end; ) {}
  return "done";
};
"""
    managed.publish("nodejs22.x", {"handler.js": blocking}, most=3, variables=ONE_THREAD, Timeout=1)
    answers = managed.at_once([{"blocks_ms": 1500}, {"blocks_ms": 1500}, {"blocks_ms": 1500}])
    assert [answer["errorType"] for answer in answers] == ["Sandbox.Timedout"] * 3
    # The thread had polled for one request more than it runs: those two come to an end, the third never begins.
    assert managed.call({}) == "done"


@pytest.mark.parametrize("runtime", ["nodejs22.x", "nodejs24.x"])
def test_handlers_that_call_back_are_refused(managed: Managed, runtime: str) -> None:
    source = "exports.handler = (event, context, callback) => callback(null, 'called back');"
    managed.publish(runtime, {"handler.js": source}, most=2, variables=ONE_THREAD)
    if managed.state() == "Active":
        assert managed.call({})["errorType"] == "Runtime.CallbackHandlerDeprecated"
    record = managed.records("CallbackHandlerDeprecated", 1)[0]
    told = json.dumps(record)
    if runtime == "nodejs22.x":
        assert "does not support callback-based function handlers when using Node.js 22 with Managed Instances" in told
    else:
        assert "has removed support for callback-based function handlers starting with Node.js 24" in told


def test_handlers_of_common_js_and_ones_that_stream_are_served_alike(managed: Managed) -> None:
    source = """
const { setTimeout: sleep } = require("node:timers/promises");
const { existsSync, writeFileSync } = require("node:fs");
const place = process.env.TMPDIR ?? "/tmp";
exports.handler = awslambda.streamifyResponse(async ({ name, wait }, stream, context) => {
  stream.setContentType("text/plain");
  writeFileSync(`${place}/${name}`, "");
  stream.write(`${name} begins; `);
  while (!wait.every((each) => existsSync(`${place}/${each}`))) await sleep(5);
  stream.write(awslambda.InvokeStore.getRequestId() === context.awsRequestId ? "its own" : "another's");
  stream.end();
});
"""
    managed.publish("nodejs22.x", {"handler.js": source}, most=2, variables=ONE_THREAD)

    def streamed(name: str) -> bytes:
        payload = json.dumps({"name": name, "wait": ["a", "b"]})
        answer = managed.functions.invoke_with_response_stream(FunctionName="f", Payload=payload)
        return b"".join(event["PayloadChunk"]["Payload"] for event in answer["EventStream"] if "PayloadChunk" in event)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(streamed, ["a", "b"])) == [b"a begins; its own", b"b begins; its own"]


def test_a_slow_reader_of_one_stream_holds_up_no_other_request_of_its_thread(managed: Managed) -> None:
    source = """
exports.handler = awslambda.streamifyResponse(async ({ size }, stream) => {
  const done = new Promise((resolve) => stream.on("finish", resolve));
  stream.end(Buffer.alloc(size, "x"));
  await done;
});
"""
    managed.publish("nodejs22.x", {"handler.js": source}, most=3, variables=ONE_THREAD)
    slow = managed.functions.invoke_with_response_stream(FunctionName="f", Payload=json.dumps({"size": 20_000_000}))
    chunks = iter(slow["EventStream"])
    held = len(next(chunks)["PayloadChunk"]["Payload"])
    quick = managed.functions.invoke_with_response_stream(FunctionName="f", Payload=json.dumps({"size": 5}))
    assert [event["PayloadChunk"]["Payload"] for event in quick["EventStream"] if "PayloadChunk" in event] == [b"xxxxx"]
    held += sum(len(event["PayloadChunk"]["Payload"]) for event in chunks if "PayloadChunk" in event)
    assert held == 20_000_000


def test_the_function_may_see_to_what_nobody_catches_itself(managed: Managed) -> None:
    source = """
process.on("uncaughtException", (error) => console.log("seen to %s", error.message));
exports.handler = async () => {
  setTimeout(() => { throw new Error("a stray"); }, 0);
  await new Promise((resolve) => setTimeout(resolve, 30));
  return "unharmed";
};
"""
    managed.publish("nodejs22.x", {"handler.js": source}, most=2, variables=ONE_THREAD)
    assert managed.call({}) == "unharmed"
    managed.records("seen to a stray", 1)
    assert not [line for line in managed.lines() if '"level":"ERROR"' in line]
