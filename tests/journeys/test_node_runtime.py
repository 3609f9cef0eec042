"""Functions of Node.js: what a handler is given, what it may answer, and how its failures are told."""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from tests.requirements import require_tool
from tests.waiting import eventually

COMMON = """
let calls = 0;
exports.context = async (event, context) => ({
  event,
  calls: ++calls,
  name: context.functionName,
  version: context.functionVersion,
  arn: context.invokedFunctionArn,
  memory: context.memoryLimitInMB,
  remaining: context.getRemainingTimeInMillis(),
  client: context.clientContext,
  environment: process.env.AWS_EXECUTION_ENV,
  path: process.env.NODE_PATH,
  cwd: process.cwd(),
  endpoint: process.env.AWS_ENDPOINT_URL,
});
exports.logs = async () => {
  console.log('one %d', 1, { two: 2 });
  console.warn('several\\nlines');
  console.debug('hidden where the level is higher');
  process.stdout.write('plain\\n');
};
exports.callback = (event, context, callback) => setTimeout(() => callback(null, 'called back'), 10);
exports.waits = (event, context, callback) => {
  let late = 'not yet';
  setTimeout(() => { late = 'done'; }, 30);
  callback(null, { toString() { return late; }, toJSON() { return late; } });
};
exports.hurries = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = false;
  setInterval(() => {}, 1000);
  callback(null, 'at once');
};
exports.silent = (event, context, callback) => {};
exports.refuses = (event, context, callback) => callback(new RangeError('refused'));
exports.throws = (event, context, callback) => { throw new TypeError('thrown'); };
exports.rejects = async () => { throw new TypeError('rejected'); };
exports.text = async () => { throw 'only text'; };
exports.loses = (event, context, callback) => { Promise.reject(new Error('lost')); };
exports.leaves = async () => process.exit(3);
exports.hangs = () => new Promise(() => setInterval(() => {}, 1000));
exports.circular = async () => { const one = {}; one.one = one; return one; };
exports.large = async () => 'x'.repeat(6291557);
exports.streams = awslambda.streamifyResponse(async (event, stream, context) => {
  const http = awslambda.HttpResponseStream.from(stream, { statusCode: 201 });
  http.write('first ');
  setTimeout(() => http.end('second'), 10);
});
exports.unsettled = async () => { await new Promise(() => {}); };
exports.tooLate = awslambda.streamifyResponse(async (event, stream) => {
  stream.write('begun');
  try {
    if (event.http) awslambda.HttpResponseStream.from(stream, {});
    else stream.setContentType('text/html');
  } catch (error) { stream.write(` ${error.name}: ${error.message}`); }
  stream.end();
});
exports.object = awslambda.streamifyResponse(async (event, stream) => {
  stream.write({ an: ['object'] });
  stream.end();
});
exports.caused = async () => { throw Object.assign(new Error('outer'), { inner: new TypeError('within') }); };
exports.long = async () => { console.log('\u00e4'.repeat(700000)); };
exports.nested = { deep: { handler: async () => 'deep' } };
exports.nothing = 7;
"""
NEVER_SETTLED = (
    "The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise "
    "that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes"
)
MODULE = """
import { sum } from './lib/sum.mjs';
import { shared } from 'shared';
const ready = await Promise.resolve('awaited');
export const handler = async () => ({ sum: sum(1, 2), ready, shared });
"""
SHARED = {"nodejs/node_modules/shared/index.mjs": "export const shared = 'from the layer';\n"} | {
    "nodejs/node_modules/shared/package.json": json.dumps({"name": "shared", "exports": "./index.mjs"})
}


@pytest.fixture(scope="module")
def platform() -> Iterator[LocalPlatform]:
    """A platform for this file, where there is a Node.js."""
    require_tool("node")
    with local_platform() as running:
        yield running


def invoke(platform: LocalPlatform, name: str, **parameters: object) -> tuple[Any, str | None, str]:  # Any: JSON
    """Return a function's answer, the kind of its error, and its log."""
    answer = platform.client("lambda").invoke(FunctionName=name, LogType="Tail", **parameters)
    log = base64.b64decode(answer["LogResult"]).decode(errors="replace")
    body = answer["Payload"].read()
    try:
        return json.loads(body), answer.get("FunctionError"), log
    except ValueError:
        return body, answer.get("FunctionError"), log


def made(platform: LocalPlatform, name: str, files: dict[str, str] | None = None, **parameters: object) -> str:
    settings: dict[str, Any] = {  # Any: as the API takes them
        "Runtime": "nodejs20.x",
        "Handler": f"index.{name}",
        "Timeout": 20,
        "MemorySize": 256,
        **parameters,
    }
    platform.create_function(name.replace(".", "-"), zip_of(files or {"index.js": COMMON}), **settings)
    return name.replace(".", "-")


def test_a_handler_is_told_what_aws_tells_it_and_keeps_its_state(platform: LocalPlatform) -> None:
    name = made(platform, "context")
    context = base64.b64encode(json.dumps({"custom": {"a": 1}}).encode()).decode()
    answer, error, _ = invoke(platform, name, Payload=b'{"k": "\xc3\xa4"}', ClientContext=context)
    assert error is None
    assert 10_000 < answer.pop("remaining") <= 20_000
    assert answer.pop("endpoint") == platform.endpoint_url
    path = answer.pop("path")
    assert path.endswith("nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task") or "/opt" not in path
    assert answer.pop("cwd")
    assert answer == {
        "event": {"k": "ä"},
        "calls": 1,
        "name": "context",
        "version": "$LATEST",
        "arn": "arn:aws:lambda:us-east-1:000000000000:function:context",
        "memory": "256",
        "client": {"custom": {"a": 1}},
        "environment": "AWS_Lambda_nodejs20.x",
    }
    assert invoke(platform, name)[0]["calls"] == 2


def logged(platform: LocalPlatform, name: str, **chosen: str) -> list[str]:
    """Return what a function has logged so far; its group is made when the first lines reach it, after the answer."""
    logs = platform.client("logs")
    try:
        events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}", **chosen)["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [each["message"] for each in events]


def test_the_console_writes_events_with_id_and_level(platform: LocalPlatform) -> None:
    _, _, log = invoke(platform, made(platform, "logs"))
    lines = log.split("\n")
    (first,) = [line for line in lines if "one 1" in line]
    assert first.split("\t")[2:] == ["INFO", "one 1 { two: 2 }"]
    assert len(first.split("\t")[1]) == 36
    assert any(line.endswith("\tWARN\tseveral") for line in lines)
    assert "plain" in lines
    messages = eventually(lambda: logged(platform, "logs", filterPattern="several"))
    assert messages[0].endswith("several\nlines\n")


def test_json_logs_carry_level_and_error(platform: LocalPlatform) -> None:
    source = "exports.j = async () => { console.info('hidden'); console.error('bad', new TypeError('t')); };"
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "WARN"}
    _, _, log = invoke(platform, made(platform, "j", {"index.js": source}, LoggingConfig=logging))
    (line,) = [json.loads(each) for each in log.splitlines() if '"level"' in each]
    assert (line["level"], line["errorType"], line["errorMessage"]) == ("ERROR", "TypeError", "t")
    assert line["stackTrace"][0] == "TypeError: t"


@pytest.mark.parametrize(
    ("handler", "answer"),
    [
        ("callback", "called back"),
        ("waits", "done"),
        ("hurries", "at once"),
        ("silent", None),
        ("nested.deep.handler", "deep"),
    ],
)
def test_a_handler_may_call_back_or_return(platform: LocalPlatform, handler: str, answer: object) -> None:
    name = made(platform, handler)
    assert invoke(platform, name)[:2] == (answer, None)
    assert invoke(platform, name)[:2] == (answer, None)


@pytest.mark.parametrize(
    ("handler", "kind", "message"),
    [
        ("refuses", "RangeError", "refused"),
        ("throws", "TypeError", "thrown"),
        ("rejects", "TypeError", "rejected"),
        ("text", "string", "only text"),
        ("circular", "Error", "Unable to stringify response body"),
        (
            "unsettled",
            "Runtime.NodeJsExit",
            NEVER_SETTLED,
        ),
        ("loses", "Runtime.UnhandledPromiseRejection", "Error: lost"),
        ("missing", "Runtime.HandlerNotFound", "index.missing is undefined or not exported"),
        ("nothing", "Runtime.HandlerNotFound", "index.nothing is not a function"),
    ],
)
def test_a_failure_is_told_with_its_type_message_and_trace(
    platform: LocalPlatform, handler: str, kind: str, message: str
) -> None:
    answer, error, log = invoke(platform, made(platform, handler))
    assert error == "Unhandled"
    assert (answer["errorType"], answer["errorMessage"]) == (kind, message)
    assert isinstance(answer["trace"], list)
    # What is thrown and no error is logged as one.
    assert f'"errorType":"{"Error" if kind == "string" else kind}"' in log


def test_a_process_that_ends_or_hangs_is_answered_by_the_platform(platform: LocalPlatform) -> None:
    answer, _, _ = invoke(platform, made(platform, "leaves"))
    assert answer["errorType"] == "Runtime.ExitError"
    assert answer["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
    answer, _, _ = invoke(platform, made(platform, "hangs", Timeout=1))
    assert answer["errorMessage"].endswith("Task timed out after 1.00 seconds")
    answer, _, _ = invoke(platform, made(platform, "large"))
    assert answer["errorType"] == "Function.ResponseSizeTooLarge"


@pytest.mark.parametrize(
    ("name", "files", "kind"),
    [
        ("syntax", {"index.js": "exports.handler = ("}, "Runtime.UserCodeSyntaxError"),
        ("absent", {"index.js": "require('nowhere')"}, "Runtime.ImportModuleError"),
        ("module", {"index.mjs": "import 'nowhere'"}, "Error"),  # as AWS's runtime passes ERR_MODULE_NOT_FOUND on
        ("file", {"other.js": ""}, "Runtime.ImportModuleError"),
        ("raises", {"index.js": "throw new RangeError('at init')"}, "RangeError"),
    ],
)
def test_an_init_that_fails_says_why(platform: LocalPlatform, name: str, files: dict[str, str], kind: str) -> None:
    answer, error, _ = invoke(platform, made(platform, name, files, Handler="index.handler"))
    assert (error, answer["errorType"]) == ("Unhandled", kind)


@pytest.mark.parametrize("runtime", ["nodejs20.x", "nodejs24.x"])
def test_es_modules_await_at_the_top_and_find_layers(platform: LocalPlatform, runtime: str) -> None:
    layer = platform.client("lambda").publish_layer_version(LayerName="shared", Content={"ZipFile": zip_of(SHARED)})
    files = {"index.mjs": MODULE, "lib/sum.mjs": "export const sum = (a, b) => a + b;\n"}
    chosen = {"Runtime": runtime, "Handler": "index.handler", "Layers": [layer["LayerVersionArn"]]}
    name = made(platform, f"esm-{runtime[:-2]}", files, **chosen)
    assert invoke(platform, name)[0] == {"sum": 3, "ready": "awaited", "shared": "from the layer"}


def test_a_package_json_makes_js_files_modules(platform: LocalPlatform) -> None:
    files = {
        "package.json": '{"type": "module"}',
        "src/app.js": "export const handler = async () => import.meta.url;\n",
    }
    answer, _, _ = invoke(platform, made(platform, "typed", files, Handler="src/app.handler"))
    assert answer.endswith("/src/app.js")


def test_a_streamed_answer_arrives_whole(platform: LocalPlatform) -> None:
    answer, error, _ = invoke(platform, made(platform, "streams"))
    assert (answer, error) == (b'{"statusCode":201}' + bytes(8) + b"first second", None)


def test_a_stream_takes_objects_and_no_late_content_type(platform: LocalPlatform) -> None:
    assert invoke(platform, made(platform, "object"))[0] == {"an": ["object"]}
    name = made(platform, "tooLate")
    said = b"begun Runtime.InvalidStreamingOperation: Cannot set content-type, too late."
    assert invoke(platform, name)[0] == said
    assert invoke(platform, name, Payload=b'{"http": true}')[0] == said


def test_an_error_within_an_error_is_logged_whole(platform: LocalPlatform) -> None:
    _, _, log = invoke(platform, made(platform, "caused"))
    assert '"inner":{"errorType":"TypeError","errorMessage":"within"' in log


def test_a_record_of_more_than_a_megabyte_is_logged_in_parts(platform: LocalPlatform) -> None:
    name = made(platform, "long")
    invoke(platform, name)

    def kept() -> list[str]:
        messages = [each for each in logged(platform, name) if "\u00e4" in each]
        return messages if sum(each.count("\u00e4") for each in messages) == 700_000 else []

    messages = eventually(kept)
    assert not any("\ufffd" in each for each in messages)


STREAMING = """
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
  if (event.early) throw new RangeError('before anything');
  const body = event.http || event.requestContext
    ? awslambda.HttpResponseStream.from(stream, {
        statusCode: 201, headers: { 'x-own': 'yes', 'content-type': 'text/plain' },
      })
    : stream;
  body.write('first ');
  await wait(300);
  if (event.late || event.queryStringParameters?.late) throw new RangeError('in the middle');
  for (let n = 0; n < (event.megabytes ?? 0); n += 1) {
    if (!body.write(Buffer.alloc(1048576, 'x'))) await new Promise((done) => body.once('drain', done));
  }
  body.end('last');
});
"""


def test_an_answer_is_passed_on_while_it_is_written(platform: LocalPlatform) -> None:
    name = made(platform, "flow", {"index.js": STREAMING}, Handler="index.handler")
    functions = platform.client("lambda")

    def streamed(**event: object) -> tuple[list[tuple[float, bytes]], dict[str, str]]:
        answer = functions.invoke_with_response_stream(
            FunctionName=name, Payload=json.dumps(event).encode(), LogType="Tail"
        )
        assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
        chunks, complete = [], {}
        for each in answer["EventStream"]:
            if "PayloadChunk" in each:
                chunks.append((time.monotonic(), each["PayloadChunk"]["Payload"]))
            else:
                complete = each["InvokeComplete"]
        return chunks, complete

    chunks, complete = streamed()
    assert [data for _, data in chunks] == [b"first ", b"last"]
    assert chunks[1][0] - chunks[0][0] > 0.2
    assert "ErrorCode" not in complete
    assert base64.b64decode(complete["LogResult"]).startswith(b"START RequestId:")
    chunks, complete = streamed(megabytes=12)
    assert sum(len(data) for _, data in chunks) == 12 * 1_048_576 + len(b"first last")
    chunks, complete = streamed(late=True)
    assert [data for _, data in chunks] == [b"first "]
    assert complete["ErrorCode"] == "Unhandled"
    assert json.loads(complete["ErrorDetails"])["errorMessage"] == "in the middle"
    chunks, complete = streamed(early=True)
    assert chunks == []
    assert json.loads(complete["ErrorDetails"])["errorMessage"] == "before anything"


def test_a_reader_who_goes_away_holds_nobody_up(platform: LocalPlatform) -> None:
    name = made(platform, "left", {"index.js": STREAMING}, Handler="index.handler", Timeout=10)
    functions = platform.client("lambda")
    for _ in range(2):
        answer = functions.invoke_with_response_stream(FunctionName=name, Payload=b'{"megabytes": 20}')
        next(iter(answer["EventStream"]))
        answer["EventStream"].close()
        begun = time.monotonic()
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
        answer = eventually(lambda: unless_throttled(functions, name))
        assert time.monotonic() - begun < 8
        assert answer["Payload"].read() == b"first last"


def unless_throttled(functions: Any, name: str) -> dict[str, Any] | None:  # Any: a client, and botocore's shapes
    try:
        answer: dict[str, Any] = functions.invoke(FunctionName=name)  # Any: as above
    except functions.exceptions.TooManyRequestsException:
        return None
    return answer


def test_a_function_that_does_not_stream_answers_in_one_piece(platform: LocalPlatform) -> None:
    name = made(platform, "whole", {"index.js": "exports.handler = async (event) => event;"}, Handler="index.handler")
    answer = platform.client("lambda").invoke_with_response_stream(FunctionName=name, Payload=b'{"n": 1}')
    events = list(answer["EventStream"])
    assert events == [{"PayloadChunk": {"Payload": b'{"n":1}'}}, {"InvokeComplete": {}}]


def test_a_url_streams_with_the_head_that_the_function_says(platform: LocalPlatform) -> None:
    name = made(platform, "web", {"index.js": STREAMING}, Handler="index.handler")
    functions = platform.client("lambda")
    url = functions.create_function_url_config(FunctionName=name, AuthType="NONE", InvokeMode="RESPONSE_STREAM")
    allow = {"FunctionName": name, "Principal": "*"}
    functions.add_permission(**allow, StatementId="url", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE")
    functions.add_permission(**allow, StatementId="invoke", Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True)
    connection = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=20)
    try:
        connection.request("GET", "/", headers={"Host": urlsplit(url["FunctionUrl"]).netloc})
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("x-own"), answer.getheader("content-type")) == (
            201,
            "yes",
            "text/plain",
        )
        assert answer.read(6) == b"first "
        begun = time.monotonic()
        assert answer.read() == b"last"
        assert time.monotonic() - begun > 0.1
        connection.request("GET", "/?late=yes", headers={"Host": urlsplit(url["FunctionUrl"]).netloc})
        answer = connection.getresponse()
        with pytest.raises(http.client.IncompleteRead) as caught:  # a whole answer would have an end
            answer.read()
        assert (answer.status, caught.value.partial) == (201, b"first ")
    finally:
        connection.close()


def test_a_streamed_answer_without_a_body_releases_its_function(platform: LocalPlatform) -> None:
    source = (
        "exports.handler = awslambda.streamifyResponse(async (event, stream) => {\n"
        "  const statusCode = event.rawPath === '/none' ? 204 : 200;\n"
        "  const body = awslambda.HttpResponseStream.from(stream, { statusCode });\n"
        "  for (let n = 0; n < 4 && event.rawPath; n += 1) {\n"
        "    if (!body.write(Buffer.alloc(1048576))) await new Promise((done) => body.once('drain', done));\n"
        "  }\n"
        "  body.end();\n"
        "});\n"
    )
    name = made(platform, "bodiless", {"index.js": source}, Handler="index.handler", Timeout=60)
    functions = platform.client("lambda")
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    url = functions.create_function_url_config(FunctionName=name, AuthType="NONE", InvokeMode="RESPONSE_STREAM")
    allow = {"FunctionName": name, "Principal": "*"}
    functions.add_permission(**allow, StatementId="url", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE")
    functions.add_permission(**allow, StatementId="invoke", Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True)
    for method, path, status in (("HEAD", "/", 200), ("GET", "/none", 204)):
        connection = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=20)
        try:
            connection.request(method, path, headers={"Host": urlsplit(url["FunctionUrl"]).netloc})
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (status, b"")
        finally:
            connection.close()
        assert eventually(lambda: unless_throttled(functions, name))


def test_a_release_that_is_not_here_is_run_by_the_nearest(platform: LocalPlatform) -> None:
    for release in ("18", "22", "24"):
        source = "exports.handler = async () => process.versions.node;"
        name = made(
            platform, f"n{release}", {"index.js": source}, Runtime=f"nodejs{release}.x", Handler="index.handler"
        )
        assert int(invoke(platform, name)[0].split(".")[0]) >= 18


@pytest.mark.parametrize("release", ["20", "24"])
def test_inline_code_makes_a_custom_resource(platform: LocalPlatform, release: str) -> None:
    code = (
        "const response = require('cfn-response');\n"
        "exports.handler = (event, context) => response.send(event, context, response.SUCCESS, { Said: 'by node' });\n"
    )
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    resources = {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}},
        },
        "Maker": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": f"nodejs{release}.x",
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": code},
            },
        },
        "Thing": {"Type": "Custom::Thing", "Properties": {"ServiceToken": {"Fn::GetAtt": ["Maker", "Arn"]}}},
    }
    outputs = {"Said": {"Value": {"Fn::GetAtt": ["Thing", "Said"]}}}
    stacks = platform.client("cloudformation")
    body = json.dumps({"Resources": resources, "Outputs": outputs})
    stacks.create_stack(StackName=f"inline{release}", TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
    stacks.get_waiter("stack_create_complete").wait(
        StackName=f"inline{release}", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    (stack,) = stacks.describe_stacks(StackName=f"inline{release}")["Stacks"]
    assert stack["Outputs"][0]["OutputValue"] == "by node"
