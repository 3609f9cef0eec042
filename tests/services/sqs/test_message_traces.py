"""Messages keep the trace of the request that sent them, as SQS does."""

from __future__ import annotations

from typing import Any

import pytest

from lambent.testing.pytest_plugin import ClientFactory

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=3:fe460cdd:0"
OTHER = "Root=1-5759e988-000000000000000000000000"


def received(queues: Any, url: str) -> dict[str, str | None]:  # Any: a boto3 client
    found = queues.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["AWSTraceHeader"]
    ).get("Messages", [])
    return {message["Body"]: message.get("Attributes", {}).get("AWSTraceHeader") for message in found}


def test_a_message_has_the_trace_that_it_was_sent_in(aws: ClientFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    queues = aws("sqs")
    url = queues.create_queue(QueueName="traced")["QueueUrl"]
    queues.send_message(QueueUrl=url, MessageBody="from outside")
    # What Lambda's runtimes set, and botocore looks for.
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)
    own = {"AWSTraceHeader": {"DataType": "String", "StringValue": OTHER}}
    queues.send_message(QueueUrl=url, MessageBody="one")
    queues.send_message(QueueUrl=url, MessageBody="with its own", MessageSystemAttributes=own)
    assert received(queues, url) == {
        "from outside": None,
        "one": TRACE,
        "with its own": OTHER,
    }
