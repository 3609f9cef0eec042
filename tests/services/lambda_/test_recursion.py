"""Loops of functions: found by the trace that goes along with each request, and ended."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.platform import local_platform
from tests.services.lambda_.conftest import Client, MakeFunction
from tests.waiting import eventually

TRACE = zip_of(
    {
        "handler.py": "import os\n"
        "def handler(event, context):\n"
        "    return os.environ['_X_AMZN_TRACE_ID']\n"
    }
)  # fmt: skip
# Asks for itself as often as the event says: each SDK sends the trace along.
AGAIN = zip_of(
    {
        "handler.py": "import json, os\n"
        "import boto3\n"
        "functions = boto3.client('lambda')\n"
        "def handler(event, context):\n"
        "    print('ran with', event['left'], 'left')\n"
        "    if event['left']:\n"
        "        payload = json.dumps({'left': event['left'] - 1})\n"
        "        functions.invoke(FunctionName='again', InvocationType='Event', Payload=payload)\n"
    }
)
QUIET = zip_of({"handler.py": "def handler(event, context):\n    print('ran')\n"})
TEXT = (
    "Lambda has detected your function being invoked in a recursive loop with other AWS resources and stopped your "
    "function's invocation."
)


class Chain:
    """A chain of requests: each goes on with the trace that the function before was given."""

    def __init__(self, functions: Client) -> None:
        self._functions = functions
        self.trace: str | None = None
        functions.meta.events.register("before-call.lambda.Invoke", self._add_trace)

    def _add_trace(self, params: dict[str, Any], **_: object) -> None:  # Any: botocore's request
        if self.trace is not None:
            params["headers"]["X-Amzn-Trace-Id"] = self.trace

    def go_on(self, name: str = "f", **parameters: object) -> None:
        self.trace = json.load(self._functions.invoke(FunctionName=name, **parameters)["Payload"])


@pytest.mark.local_only("the role of the functions may invoke none there")
def test_functions_are_told_the_lineage_of_their_trace(functions: Client, make: MakeFunction) -> None:
    make(code=TRACE)
    make("g", code=TRACE)
    chain = Chain(functions)
    chain.go_on()
    root, parent, sampled, lineage = str(chain.trace).split(";")
    assert root.startswith("Root=1-")
    assert (len(parent), sampled) == (len("Parent=") + 16, "Sampled=0")
    own = lineage.removeprefix("Lineage=1:").removesuffix(":0")
    assert len(own) == 8
    chain.go_on()
    assert chain.trace == f"{root};{parent};{sampled};Lineage=2:{own}:0"
    chain.go_on("g")
    assert str(chain.trace).startswith(f"{root};{parent};{sampled};Lineage=2:{own}:0|1:")


@pytest.mark.local_only("the role of the functions may invoke none there")
def test_a_waiting_caller_is_told_of_the_loop_after_sixteen_rounds(functions: Client, make: MakeFunction) -> None:
    make(code=TRACE)
    make("g", code=TRACE)
    chain = Chain(functions)
    for _ in range(16):
        chain.go_on()
        chain.go_on("g")
    with pytest.raises(functions.exceptions.RecursiveInvocationException) as caught:
        chain.go_on()
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert (response["Error"]["Message"], response["Type"]) == (TEXT, "User")
    with pytest.raises(functions.exceptions.RecursiveInvocationException):
        chain.go_on("g")
    functions.put_function_recursion_config(FunctionName="f", RecursiveLoop="Allow")
    chain.go_on()
    chain.trace = None  # what begins anew is no loop
    chain.go_on("g")


def test_a_function_that_queues_itself_is_stopped_and_its_event_kept() -> None:
    with local_platform() as own:
        queues, functions, logs = own.client("sqs"), own.client("lambda"), own.client("logs")
        url = queues.create_queue(QueueName="stopped")["QueueUrl"]
        arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        own.create_function("again", AGAIN, DeadLetterConfig={"TargetArn": arn}, Timeout=30)

        def runs() -> int:
            try:
                found = logs.filter_log_events(logGroupName="/aws/lambda/again", filterPattern="ran")["events"]
            except logs.exceptions.ResourceNotFoundException:
                return 0
            return len(found)

        def kept() -> list[dict[str, Any]]:  # Any: botocore's messages
            asked = queues.receive_message(
                QueueUrl=url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["AWSTraceHeader"]
            )
            return list(asked.get("Messages", []))

        functions.invoke(FunctionName="again", InvocationType="Event", Payload=b'{"left": 20}')
        (message,) = eventually(kept)
        assert json.loads(message["Body"]) == {"left": 4}
        assert message["MessageAttributes"]["ErrorMessage"]["StringValue"] == TEXT
        assert "Lineage=16:" in message["Attributes"]["AWSTraceHeader"]
        eventually(lambda: runs() == 16)
        dropped = own.on_loop(_dropped)
        assert dropped == {"arn:aws:lambda:us-east-1:000000000000:function:again": 1}
        functions.put_function_recursion_config(FunctionName="again", RecursiveLoop="Allow")
        functions.invoke(FunctionName="again", InvocationType="Event", Payload=b'{"left": 20}')
        eventually(lambda: runs() == 16 + 21)


async def _dropped(platform: Any) -> object:  # Any: the platform inside
    return platform.registry.service("lambda").views()["recursive-invocations-dropped"]()


def test_functions_that_are_each_others_destinations_are_stopped() -> None:
    with local_platform() as own:
        functions, logs = own.client("lambda"), own.client("logs")
        arns = {}
        for name in ("ping", "pong"):
            own.create_function(name, QUIET)
            arns[name] = functions.get_function_configuration(FunctionName=name)["FunctionArn"]
        for name, other in (("ping", "pong"), ("pong", "ping")):
            functions.put_function_event_invoke_config(
                FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": arns[other]}}
            )
        functions.invoke(FunctionName="ping", InvocationType="Event")

        def runs() -> Counter[str]:
            found: Counter[str] = Counter()
            for name in arns:
                try:
                    events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern="ran")["events"]
                except logs.exceptions.ResourceNotFoundException:
                    continue
                found[name] = len(events)
            return found

        eventually(lambda: runs() == {"ping": 16, "pong": 16})
