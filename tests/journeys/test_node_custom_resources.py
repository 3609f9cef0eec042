"""Custom resources whose makers are functions of Node.js: they answer by the module beside them, or as the CDK's do."""

from __future__ import annotations

import json

import pytest

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
