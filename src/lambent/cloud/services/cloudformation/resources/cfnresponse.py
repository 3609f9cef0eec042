"""The `cfn-response` module that CloudFormation puts beside inline code which asks for it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-lambda-function-code-cfnresponsemodule.html
"""

from __future__ import annotations

from typing import Final

_PYTHON: Final = '''\
"""Tells CloudFormation how a custom resource fared."""

import json
import urllib.request

SUCCESS = "SUCCESS"
FAILED = "FAILED"


def send(event, context, responseStatus, responseData, physicalResourceId=None, noEcho=False, reason=None):
    """PUT the result to the address that came with the event."""
    body = json.dumps({
        "Status": responseStatus,
        "Reason": reason or f"See the details in CloudWatch Log Stream: {context.log_stream_name}",
        "PhysicalResourceId": physicalResourceId or context.log_stream_name,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "NoEcho": noEcho,
        "Data": responseData,
    }).encode()
    request = urllib.request.Request(event["ResponseURL"], data=body, method="PUT", headers={"Content-Type": ""})
    try:
        with urllib.request.urlopen(request) as answer:
            print("Status code:", answer.status)
    except Exception as error:
        print("send(..) failed executing http.request(..):", error)
'''
_NODE: Final = """\
exports.SUCCESS = "SUCCESS";
exports.FAILED = "FAILED";
exports.send = (event, context, responseStatus, responseData, physicalResourceId, noEcho) =>
  new Promise((resolve) => {
    // Since Node.js 24 a handler is done when its promise is.
    const finish = () => resolve(context.done?.());
    const body = JSON.stringify({
      Status: responseStatus,
      Reason: `See the details in CloudWatch Log Stream: ${context.logStreamName}`,
      PhysicalResourceId: physicalResourceId || context.logStreamName,
      StackId: event.StackId,
      RequestId: event.RequestId,
      LogicalResourceId: event.LogicalResourceId,
      NoEcho: noEcho || false,
      Data: responseData,
    });
    const url = new URL(event.ResponseURL);
    const client = require(url.protocol === "https:" ? "https" : "http");
    const headers = { "content-type": "", "content-length": Buffer.byteLength(body) };
    const request = client.request(url, { method: "PUT", headers }, finish);
    request.on("error", finish);
    request.end(body);
  });
"""
_MODULES: Final = {
    # Python code gets it for exactly this statement.
    "index.py": ("import cfnresponse", "cfnresponse.py", _PYTHON),
    "index.js": ("cfn-response", "cfn-response.js", _NODE),
}


def beside(name: str, inline: str) -> tuple[str, str] | None:
    """Return the name and text of the module that is put beside inline code, where the code asks for it."""
    asking, module, text = _MODULES[name]
    return (module, text) if asking in inline else None
