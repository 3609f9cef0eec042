"""What differs among Lambda's versions of Node.js, by the runtime's name, whichever Node.js stands for it here."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from tests.requirements import require_tool
from tests.waiting import eventually

RUNTIMES = ("nodejs18.x", "nodejs20.x", "nodejs22.x", "nodejs24.x")
WITH_CALLBACKS = RUNTIMES[:3]
PROBE = """
const { Worker } = require('node:worker_threads');
const fs = require('node:fs');
exports.handler = async (event, context) => {
  const doubled = await new Promise((resolve, reject) => {
    const code = "require('node:worker_threads').parentPort.postMessage(2 * 21)";
    new Worker(code, { eval: true }).on('message', resolve).on('error', reject);
  });
  return {
    doubled,
    environment: process.env.AWS_EXECUTION_ENV,
    layers: process.env.NODE_PATH.split(':')[0].split('/').slice(-3),
    certificates: fs.readFileSync(`${process.env.LAMBDA_RUNTIME_DIR}/ca-cert.pem`, 'utf8').includes('CERTIFICATE'),
    hidden: Object.keys(process.env).filter((name) => /^_LAM/.test(name)),
    calledBack: 'callbackWaitsForEmptyEventLoop' in context,
    trace: context.xRayTraceId === process.env._X_AMZN_TRACE_ID,
    requestId: globalThis[Symbol.for('aws.lambda.runtime.requestId')] === context.awsRequestId,
  };
};
"""
NO_CALLBACKS = (
    "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to "
    "modify this function to use a supported handler signature to use Node.js 24 or later. For more information see "
    "https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html."
)
CALLBACK = "exports.handler = (event, context, callback) => callback(null, 'called back');"


@pytest.fixture(scope="module")
def platform() -> Iterator[LocalPlatform]:
    """A platform for this file, where there is a Node.js."""
    require_tool("node")
    with local_platform() as running:
        yield running


class Functions:
    """Makes functions of one platform, each with a name of its own, and invokes them."""

    def __init__(self, platform: LocalPlatform) -> None:
        self._platform = platform
        self._made = 0

    def run(
        self,
        runtime: str,
        files: dict[str, str] | str,
        **settings: object,
    ) -> tuple[Any, str]:  # Any: JSON
        """Return the answer of a new function and its log."""
        self._made += 1
        name = f"function-{self._made}"
        usual = {"Runtime": runtime, "Handler": "index.handler", "Timeout": 20, "MemorySize": 256}
        chosen: dict[str, Any] = {**usual, **settings}  # Any: parameters of CreateFunction
        code = zip_of({"index.js": files} if isinstance(files, str) else files, executable=frozenset({"wrap"}))
        self._platform.create_function(name, code, **chosen)
        answer = self._platform.client("lambda").invoke(FunctionName=name, LogType="Tail")
        body = answer["Payload"].read()
        try:
            body = json.loads(body)
        except ValueError:
            body = body.decode()
        return body, base64.b64decode(answer["LogResult"]).decode(errors="replace")

    def logged(self) -> list[str]:
        """Return what the function that ran last has logged so far."""
        logs = self._platform.client("logs")
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/function-{self._made}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [each["message"] for each in events]


@pytest.fixture(scope="module")
def functions(platform: LocalPlatform) -> Functions:
    """Functions of this file's platform."""
    return Functions(platform)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_version_is_told_the_same_by_its_own_name(functions: Functions, runtime: str) -> None:
    answer, _ = functions.run(runtime, PROBE)
    major = runtime.removeprefix("nodejs").removesuffix(".x")
    assert answer == {
        "doubled": 42,
        "environment": f"AWS_Lambda_{runtime}",
        "layers": ["nodejs", f"node{major}", "node_modules"],
        "certificates": True,
        "hidden": [],
        "calledBack": runtime in WITH_CALLBACKS,
        "trace": runtime not in WITH_CALLBACKS,
        "requestId": True,
    }


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(
    "files",
    [
        {"src/app.js": "exports.deep = { handler: async () => 'found' };"},
        {"src/app.cjs": "exports.deep = { handler: async () => 'found' };"},
        {"src/app.mjs": "const found = await 'found';\nexport const deep = { handler: async () => found };"},
        {"src/app.js": "export const deep = { handler: async () => 'found' };", "package.json": '{"type": "module"}'},
    ],
    ids=["js", "cjs", "mjs", "module"],
)
def test_a_handler_is_found_in_a_folder_and_an_object(
    functions: Functions, runtime: str, files: dict[str, str]
) -> None:
    assert functions.run(runtime, files, Handler="src/app.deep.handler")[0] == "found"


def test_version_24_finds_the_handler_in_what_a_module_exports_by_default(functions: Functions) -> None:
    files = {"index.mjs": "export default { handler: async () => 'default' };"}
    assert functions.run("nodejs24.x", files)[0] == "default"
    assert functions.run("nodejs22.x", files)[0]["errorMessage"] == "index.handler is undefined or not exported"


def test_version_24_refuses_handlers_that_call_back(functions: Functions) -> None:
    answer, _ = functions.run("nodejs24.x", CALLBACK)
    assert (answer["errorType"], answer["errorMessage"]) == ("Runtime.CallbackHandlerDeprecated", NO_CALLBACKS)
    assert eventually(lambda: [line for line in functions.logged() if "Error Type: Runtime.CallbackHandlerDep" in line])
    streamed = "exports.handler = awslambda.streamifyResponse(async (event, stream, context) => { stream.end('3'); });"
    assert functions.run("nodejs24.x", streamed)[0] == 3


@pytest.mark.parametrize("runtime", WITH_CALLBACKS)
def test_earlier_versions_take_them_and_warn(functions: Functions, runtime: str) -> None:
    assert functions.run(runtime, CALLBACK)[0] == "called back"
    warning = "WARN\tAWS Lambda plans to remove support for callback-based function handlers"
    assert eventually(lambda: [line for line in functions.logged() if warning in line])
    silent = {"Variables": {"AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING": "1"}}
    assert functions.run(runtime, CALLBACK, Environment=silent)[0] == "called back"
    eventually(lambda: [line for line in functions.logged() if line.startswith("REPORT")])
    assert not [line for line in functions.logged() if warning in line]


def test_only_what_a_handler_says_first_counts(functions: Functions) -> None:
    twice = "exports.handler = async (event, context, callback) => { callback(null, 'first'); return 'second'; };"
    assert functions.run("nodejs20.x", twice)[0] == "first"
    thrice = """exports.handler = (event, context, callback) => {
      setTimeout(() => { context.fail(new Error('late')); }, 20); context.succeed('at once'); callback('never');
    };"""
    assert functions.run("nodejs20.x", thrice)[0] == "at once"


def test_an_answer_that_is_no_json_is_named_by_version_24(functions: Functions) -> None:
    circular = "exports.handler = async () => { const one = {}; one.one = one; return one; };"
    for runtime, kind in (("nodejs22.x", "Error"), ("nodejs24.x", "Runtime.JSONStringifyError")):
        answer, _ = functions.run(runtime, circular)
        assert (answer["errorType"], answer["errorMessage"]) == (kind, "Unable to stringify response body")


def test_what_never_settles_ends_version_24_without_a_reason(functions: Functions) -> None:
    answer, _ = functions.run("nodejs24.x", "exports.handler = async () => { await new Promise(() => {}); };")
    assert answer["errorType"] == "Runtime.ExitError"
    assert answer["errorMessage"].endswith("Error: Runtime exited without providing a reason")


@pytest.mark.parametrize("runtime", ["nodejs20.x", "nodejs24.x"])
def test_failures_are_logged_as_objects_in_json(functions: Functions, runtime: str) -> None:
    source = "exports.handler = async () => { throw Object.assign(new TypeError('wrong'), { code: 7 }); };"
    _, log = functions.run(runtime, source, LoggingConfig={"LogFormat": "JSON"})
    (line,) = [each for each in map(json.loads, log.splitlines()) if each.get("level") == "ERROR"]
    assert line["message"].pop("stackTrace")[0] == "TypeError: wrong"
    assert line["message"] == {"errorType": "TypeError", "errorMessage": "wrong", "code": 7}
    assert line["requestId"]


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("setTimeout(() => { throw new RangeError('later'); }, 10);", "RangeError", "later"),
        ("Promise.reject('why');", "Runtime.UnhandledPromiseRejection", "why"),
    ],
)
def test_what_nobody_catches_fails_the_invocation(functions: Functions, source: str, kind: str, message: str) -> None:
    body = f"{{ {source} await new Promise((done) => setTimeout(done, 5000)); }}"
    answer, log = functions.run("nodejs22.x", f"exports.handler = async () => {body};")
    assert (answer["errorType"], answer["errorMessage"]) == (kind, message)
    title = "Uncaught Exception" if kind == "RangeError" else "Unhandled Promise Rejection"
    assert f'\tERROR\t{title} \t{{"errorType":"{kind}"' in log


def test_experimental_features_are_off_until_the_function_switches_them_on(functions: Functions) -> None:
    files = {"index.js": "exports.handler = require('./other.mjs').handler;"}
    files["other.mjs"] = "export const handler = async () => 'required';"
    assert "require() of ES Module" in functions.run("nodejs20.x", files)[0]["errorMessage"]
    chosen = {"Variables": {"NODE_OPTIONS": "--experimental-require-module"}}
    assert functions.run("nodejs20.x", files, Environment=chosen)[0] == "required"
    unmarked = "export const handler = async () => 'detected';"
    assert functions.run("nodejs22.x", unmarked)[0]["errorType"] == "Runtime.UserCodeSyntaxError"
    both = {"Variables": {"NODE_OPTIONS": "--experimental-detect-module --experimental-require-module"}}
    assert functions.run("nodejs22.x", unmarked, Environment=both)[0] == "detected"


def test_node_options_and_the_wrapper_are_the_functions_own(functions: Functions) -> None:
    mapped = {
        "version": 3,
        "sources": ["index.ts"],
        "names": [],
        "mappings": "AAAA;AACA",
        "sourcesContent": ["\n\n"],
    }
    encoded = base64.b64encode(json.dumps(mapped).encode()).decode()
    source = "exports.handler = async () => {\n  throw new Error('mapped'); };\n//# sourceMappingURL="
    source += f"data:application/json;base64,{encoded}\n"
    chosen = {"Variables": {"NODE_OPTIONS": "--enable-source-maps"}}
    answer, _ = functions.run("nodejs20.x", source, Environment=chosen)
    assert any("index.ts:2:" in line for line in answer["trace"])
    files = {
        "index.js": "exports.handler = async () => [process.env.WRAPPED, process.execArgv.includes('--no-warnings')];"
    }
    files["wrap"] = '#!/bin/sh\nprogram=$1\nshift\nexport WRAPPED=yes\nexec "$program" --no-warnings "$@"\n'
    chosen = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap"}}
    answer, log = functions.run("nodejs20.x", files, Environment=chosen)
    assert answer == ["yes", True] or "fork/exec /var/task/wrap: no such file" in log  # in process isolation


STREAMED = "exports.handler = awslambda.streamifyResponse({});"


@pytest.mark.parametrize("runtime", ["nodejs22.x", "nodejs24.x"])
def test_streams_are_held_to_their_rules(functions: Functions, runtime: str) -> None:
    plain = STREAMED.format("(event, stream) => { stream.end('1'); }")
    assert functions.run(runtime, plain)[0]["errorMessage"] == "Streaming does not support non-async handlers."
    returns = STREAMED.format("async (event, stream) => { stream.end('2'); return 3; }")
    answer, log = functions.run(runtime, returns)
    assert answer == 2
    assert "Streaming handlers ignore return values." in log
    unended = STREAMED.format("async (event, stream) => { stream.write('4'); }")
    assert functions.run(runtime, unended, Timeout=1)[0]["errorType"] == "Sandbox.Timedout"
    large = STREAMED.format("async (event, stream) => { stream.end(String(stream.writableHighWaterMark)); }")
    assert functions.run(runtime, large.replace("});", "}, { highWaterMark: 99 });"))[0] == 99
    other = (
        "exports.handler = async () => 1; exports.handler[Symbol.for('aws.lambda.runtime.handler.streaming')] = 'x';"
    )
    assert functions.run(runtime, other)[0]["errorType"] == "Runtime.MalformedStreamingHandler"


def test_the_global_object_is_left_alone_where_the_function_asks_for_it(functions: Functions) -> None:
    chosen = {"Variables": {"AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA": "true"}}
    source = "exports.handler = async () => typeof awslambda;"
    assert functions.run("nodejs22.x", source, Environment=chosen)[0] == "undefined"
    assert functions.run("nodejs22.x", source)[0] == "object"
