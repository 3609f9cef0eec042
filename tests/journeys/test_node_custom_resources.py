"""Custom resources whose makers are functions of Node.js: they answer by the module beside them, or as the CDK's do."""

from __future__ import annotations

import http.server
import json
import threading

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform
from tests.requirements import require_tool

MODULE_MAKER = """
const response = require('cfn-response');
exports.handler = (event, context) => response.send(event, context, response.SUCCESS, { Said: 'by node' });
"""
# As the CDK's own custom resources answer: over TLS, at the host and path of the address, whatever else it says.
CDK_MAKER = """
const https = require('https');
exports.handler = async (event) => {
  const url = require('url').parse(event.ResponseURL);
  const elsewhere = https.request({ hostname: url.hostname, port: url.port, path: '/', method: 'PUT' });
  const refusal = await new Promise((resolve) => elsewhere.on('error', resolve).end());
  const Said = /EPROTO|SSL/.test(refusal.code) ? 'by node' : `TLS had to be refused: ${refusal}`;
  const body = JSON.stringify({ ...event, Status: 'SUCCESS', PhysicalResourceId: 'p', Data: { Said } });
  const headers = { 'content-type': '', 'content-length': Buffer.byteLength(body) };
  const options = { hostname: url.hostname, path: url.path, method: 'PUT', headers };
  await new Promise((resolve, reject) => {
    const request = https.request(options, (answer) => { answer.resume(); resolve(); });
    request.on('error', reject);
    request.end(body);
  });
};
"""


@pytest.mark.parametrize(
    ("release", "code"),
    [("20", MODULE_MAKER), ("24", MODULE_MAKER), ("20", CDK_MAKER)],
    ids=["module-20", "module-24", "cdk"],
)
def test_inline_code_makes_a_custom_resource(
    platform: LocalPlatform, release: str, code: str, request: pytest.FixtureRequest
) -> None:
    require_tool("node")
    name = str(request.node.callspec.id)
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
    stacks.create_stack(StackName=name, TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
    stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    (stack,) = stacks.describe_stacks(StackName=name)["Stacks"]
    assert stack["Outputs"][0]["OutputValue"] == "by node"


def test_what_a_topic_has_asked_for_is_answered_wherever_that_is(platform: LocalPlatform) -> None:
    require_tool("node")
    code = CDK_MAKER.replace(
        "async (event) => {", "async ({ Records: [{ Sns }] }) => {\n  const event = JSON.parse(Sns.Message);"
    )
    platform.create_function(
        "asked-by-a-topic", zip_of({"index.js": code}), Runtime="nodejs20.x", Handler="index.handler"
    )
    told: list[bytes] = []

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            told.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    functions = platform.client("lambda")
    for _ in range(2):  # the second time at another address
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_port}/_lambent/cloudformation/responses/token"
            message = json.dumps({"ResponseURL": url, "RequestType": "Create"})
            event = json.dumps({"Records": [{"Sns": {"Message": message}}]})
            answer = functions.invoke(FunctionName="asked-by-a-topic", Payload=event.encode())
            server.shutdown()
        assert "FunctionError" not in answer, answer["Payload"].read()
    assert [json.loads(each)["Data"] for each in told] == [{"Said": "by node"}] * 2
