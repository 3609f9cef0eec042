"""SQS as clients speak to it that know its first wire format alone: curl, and SDKs of before 2023."""

from __future__ import annotations

from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import urllib3

from lambent.testing.platform import LocalPlatform
from lambent.testing.pytest_plugin import ClientFactory

_NAMESPACE = "{http://queue.amazonaws.com/doc/2012-11-05/}"


def test_a_queue_is_used_by_its_url_in_the_query_format(
    aws: ClientFactory, platform: LocalPlatform, account: str
) -> None:
    url = aws("sqs").create_queue(QueueName="jobs")["QueueUrl"]
    sent = post(
        url, account, Action="SendMessage", MessageBody="a&b",
        **{"MessageAttribute.1.Name": "Hello", "MessageAttribute.1.Value.DataType": "String"},
        **{"MessageAttribute.1.Value.StringValue": "There"},
    )  # fmt: skip
    assert sent.status == 200
    assert f"{_NAMESPACE}SendMessageResponse" == ET.fromstring(sent.data).tag  # noqa: S314 - our own answer
    assert found(sent, "SendMessageResult", "MD5OfMessageAttributes") == ["a311262e065454b75da111d535b8dacd"]
    received = post(
        platform.endpoint_url, account, Action="ReceiveMessage", QueueUrl=url, AttributeName="All",
        **{"AttributeName.1": "SenderId", "MessageAttributeName.1": "All"},
    )  # fmt: skip
    assert found(received, "Message", "Body") == ["a&b"]
    assert found(received, "Message", "MessageAttribute", "Value", "StringValue") == ["There"]
    assert found(received, "Message", "Attribute", "Name") == ["SenderId"]
    (handle,) = found(received, "Message", "ReceiptHandle")
    deleted = post(
        url, account, Action="DeleteMessageBatch",
        **{"DeleteMessageBatchRequestEntry.1.Id": "one", "DeleteMessageBatchRequestEntry.1.ReceiptHandle": handle},
        **{"DeleteMessageBatchRequestEntry.2.Id": "two", "DeleteMessageBatchRequestEntry.2.ReceiptHandle": "odd"},
    )  # fmt: skip
    assert found(deleted, "DeleteMessageBatchResultEntry", "Id") == ["one"]
    assert found(deleted, "BatchResultErrorEntry", "Code") == ["ReceiptHandleIsInvalid"]
    attributes = post(url, account, Action="GetQueueAttributes", **{"AttributeName.1": "ApproximateNumberOfMessages"})
    assert found(attributes, "Attribute", "Value") == ["0"]


def test_errors_in_the_query_format_have_their_old_codes(platform: LocalPlatform, account: str) -> None:
    missing = post(f"{platform.endpoint_url}/{account}/none", account, Action="ReceiveMessage")
    assert missing.status == 400
    assert found(missing, "Error", "Code") == ["AWS.SimpleQueueService.NonExistentQueue"]
    lacking = post(platform.endpoint_url, account, Action="SendMessage", MessageBody="m")
    assert found(lacking, "Error", "Code") == ["MissingParameter"]


def test_errors_in_json_name_the_shape_and_the_old_code(platform: LocalPlatform, account: str) -> None:
    headers = {**signed(account), "x-amz-target": "AmazonSQS.GetQueueUrl", "content-type": "application/x-amz-json-1.0"}
    answer = urllib3.request("POST", platform.endpoint_url, headers=headers, json={"QueueName": "none"})
    assert answer.json()["__type"] == "QueueDoesNotExist"
    assert answer.headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"


def post(url: str, account: str, /, **form: str) -> urllib3.BaseHTTPResponse:
    headers = {**signed(account), "content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    return urllib3.request("POST", url, headers=headers, body=urlencode({"Version": "2012-11-05", **form}))


def signed(account: str) -> dict[str, str]:
    scope = f"{account}/20260101/us-east-1/sqs/aws4_request"
    return {"authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}


def found(answer: urllib3.BaseHTTPResponse, *path: str) -> list[str]:
    root = ET.fromstring(answer.data)  # noqa: S314 - our own answer
    return [node.text or "" for node in root.iterfind(".//" + "/".join(_NAMESPACE + part for part in path))]
