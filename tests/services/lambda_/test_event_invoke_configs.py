"""How asynchronous invocations are treated: the configuration, and what it does to events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from tests.services.lambda_.conftest import Client, MakeFunction, refusal
from tests.services.queue_policies import FROM_SERVICES
from tests.waiting import eventually

HANDLER = zip_of(
    {
        "handler.py": "def handler(event, context):\n"
        "    if event.get('fail'):\n"
        "        raise RuntimeError('as asked')\n"
        "    return {'seen': event}\n"
    }
)


def shown(answer: dict[str, Any]) -> dict[str, Any]:  # Any: botocore's shape
    assert answer.pop("LastModified").year >= 2025
    answer.pop("ResponseMetadata", None)
    return answer


def test_a_configuration_is_put_changed_listed_and_taken_away(functions: Client, make: MakeFunction) -> None:
    arn = make(Publish=True)
    functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    nowhere: dict[str, dict[str, str]] = {"OnFailure": {}, "OnSuccess": {}}
    put = functions.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=0)
    assert shown(put) == {
        "FunctionArn": f"{arn}:$LATEST", "MaximumRetryAttempts": 0, "DestinationConfig": nowhere,
    }  # fmt: skip
    functions.put_function_event_invoke_config(FunctionName="f", MaximumEventAgeInSeconds=60)
    assert "MaximumRetryAttempts" not in functions.get_function_event_invoke_config(FunctionName="f")
    changed = functions.update_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=1)
    assert (changed["MaximumRetryAttempts"], changed["MaximumEventAgeInSeconds"]) == (1, 60)
    functions.put_function_event_invoke_config(FunctionName="f:live", DestinationConfig={})
    functions.put_function_event_invoke_config(FunctionName="f", Qualifier="1", MaximumRetryAttempts=2)

    def listed(**page: object) -> list[str]:
        found = functions.list_function_event_invoke_configs(FunctionName="f", **page)["FunctionEventInvokeConfigs"]
        return [each["FunctionArn"].rpartition(":")[2] for each in found]

    assert listed() == ["$LATEST", "1", "live"]
    assert listed(MaxItems=1) == ["$LATEST"]
    functions.delete_alias(FunctionName="f", Name="live")
    functions.delete_function_event_invoke_config(FunctionName="f", Qualifier="1")
    assert listed() == ["$LATEST"]
    gone = refusal(functions.get_function_event_invoke_config, FunctionName="f", Qualifier="1")
    assert gone == (404, "ResourceNotFoundException", f"The function {arn}:1 doesn't have an EventInvokeConfig")


def test_configurations_are_refused_in_awss_words(
    functions: Client, make: MakeFunction, account: str, region: str
) -> None:
    arn = make()
    put = functions.put_function_event_invoke_config

    def refused(**parameters: object) -> str:
        return refusal(put, **{"FunctionName": "f", **parameters}).message

    def to(**destinations: str) -> dict[str, object]:
        return {"DestinationConfig": {name: {"Destination": target} for name, target in destinations.items()}}

    assert refused() == "You must specify at least one of error handling or destination setting."
    assert refused(FunctionName="none", MaximumRetryAttempts=1) == "The function doesn't exist."
    assert refused(Qualifier="none", MaximumRetryAttempts=1) == "The function doesn't exist."
    absent = f"arn:aws:lambda:{region}:{account}:function:none"
    assert refused(**to(OnSuccess=absent)) == f"The destination ARN {absent} is invalid."
    assert refused(**to(OnSuccess=arn)) == "You can't specify the function as a destination for itself."
    role = f"arn:aws:iam::{account}:role/r"
    assert refused(**to(OnSuccess=role)) == (
        f"The provided destination config DestinationConfig(onSuccess=OnSuccess(destination={role}), onFailure=null) "
        "is invalid."
    )
    fifo = f"arn:aws:sqs:{region}:{account}:q.fifo"
    assert refused(**to(OnFailure=fifo)) == (
        f"The provided destination config DestinationConfig(onSuccess=null, onFailure=OnFailure(destination={fifo})) "
        "is invalid."
    )
    assert "onSuccess=OnSuccess(destination=arn:aws:s3:::b)" in refused(**to(OnSuccess="arn:aws:s3:::b"))
    assert "Member must have value less than or equal to 2" in refused(MaximumRetryAttempts=3)
    update = refusal(functions.update_function_event_invoke_config, FunctionName="f", MaximumRetryAttempts=1)
    assert update.message == f"The function {arn}:$LATEST doesn't have an EventInvokeConfig"


@pytest.fixture(scope="module")
def virtual() -> Iterator[LocalPlatform]:
    with local_platform(virtual_time=True) as running:
        yield running


class Queue:
    """An SQS queue that records arrive in."""

    def __init__(self, platform: LocalPlatform, name: str) -> None:
        self._client = platform.client("sqs")
        self.url = self._client.create_queue(QueueName=name, Attributes=FROM_SERVICES)["QueueUrl"]
        asked = self._client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        self.arn = asked["Attributes"]["QueueArn"]

    def receive(self) -> dict[str, Any]:  # Any: JSON
        def look() -> list[dict[str, Any]]:  # Any: as above
            messages: list[dict[str, Any]] = self._client.receive_message(QueueUrl=self.url).get("Messages", [])  # Any
            return messages

        (message,) = eventually(look)
        self._client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        body: dict[str, Any] = json.loads(message["Body"])  # Any: JSON
        return body

    def is_empty(self) -> bool:
        return "Messages" not in self._client.receive_message(QueueUrl=self.url)


def invoke(platform: LocalPlatform, name: str, event: object) -> str:
    answer = platform.client("lambda").invoke(
        FunctionName=name, InvocationType="Event", Payload=json.dumps(event).encode()
    )
    return str(answer["ResponseMetadata"]["RequestId"])


def configure(platform: LocalPlatform, name: str, **parameters: object) -> None:
    platform.client("lambda").put_function_event_invoke_config(FunctionName=name, **parameters)


def test_the_record_of_a_success_reaches_its_queue(virtual: LocalPlatform) -> None:
    virtual.create_function("good", HANDLER)
    queue = Queue(virtual, "successes")
    configure(virtual, "good", DestinationConfig={"OnSuccess": {"Destination": queue.arn}})
    request_id = invoke(virtual, "good", {"n": 1})
    body = queue.receive()
    assert body.pop("timestamp").endswith("Z")
    assert body == {
        "version": "1.0",
        "requestContext": {
            "requestId": request_id,
            "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:good:$LATEST",
            "condition": "Success",
            "approximateInvokeCount": 1,
        },
        "requestPayload": {"n": 1},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": {"seen": {"n": 1}},
    }


def test_retries_end_where_the_configuration_says_and_the_record_tells_the_error(virtual: LocalPlatform) -> None:
    virtual.create_function("bad", HANDLER)
    failures, letters = Queue(virtual, "failures"), Queue(virtual, "letters")
    virtual.client("lambda").update_function_configuration(
        FunctionName="bad", DeadLetterConfig={"TargetArn": letters.arn}
    )
    virtual.client("lambda").get_waiter("function_updated_v2").wait(FunctionName="bad")
    configure(virtual, "bad", MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": failures.arn}})
    invoke(virtual, "bad", {"fail": True})
    body = failures.receive()
    assert body["requestContext"]["condition"] == "RetriesExhausted"
    assert body["requestContext"]["approximateInvokeCount"] == 1
    assert body["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert body["responsePayload"]["errorMessage"] == "as asked"
    assert letters.receive() == {"fail": True}


def test_an_event_that_would_be_too_old_at_its_next_attempt_is_given_up_at_once(virtual: LocalPlatform) -> None:
    virtual.create_function("old", HANDLER)
    queue = Queue(virtual, "too-old")
    destinations = {"OnFailure": {"Destination": queue.arn}}
    configure(virtual, "old", MaximumEventAgeInSeconds=60, DestinationConfig=destinations)
    invoke(virtual, "old", {"fail": True})
    context = queue.receive()["requestContext"]
    assert (context["condition"], context["approximateInvokeCount"]) == ("EventAgeExceeded", 1)


def test_without_any_concurrency_the_record_comes_at_once_and_tells_of_no_response(virtual: LocalPlatform) -> None:
    virtual.create_function("zero", HANDLER)
    queue = Queue(virtual, "zero")
    configure(virtual, "zero", DestinationConfig={"OnFailure": {"Destination": queue.arn}})
    virtual.client("lambda").put_function_concurrency(FunctionName="zero", ReservedConcurrentExecutions=0)
    invoke(virtual, "zero", {})
    body = queue.receive()
    assert (body["requestContext"]["condition"], body["requestContext"]["approximateInvokeCount"]) == (
        "ZeroReservedConcurrency",
        0,
    )
    assert body.keys() == {"version", "timestamp", "requestContext", "requestPayload"}


def test_an_alias_is_treated_as_its_own_configuration_says(virtual: LocalPlatform) -> None:
    functions = virtual.client("lambda")
    virtual.create_function("aliased", HANDLER, Publish=True)
    functions.create_alias(FunctionName="aliased", Name="live", FunctionVersion="1")
    queue = Queue(virtual, "aliased")
    configure(virtual, "aliased:live", DestinationConfig={"OnSuccess": {"Destination": queue.arn}})
    invoke(virtual, "aliased", {"by": "name"})
    invoke(virtual, "aliased:live", {"by": "alias"})
    body = queue.receive()
    assert body["requestPayload"] == {"by": "alias"}
    assert body["requestContext"]["functionArn"].endswith(":aliased:live")
    assert body["responseContext"]["executedVersion"] == "1"
    assert queue.is_empty()


def test_records_reach_functions_topics_buses_and_buckets(virtual: LocalPlatform) -> None:
    functions = virtual.client("lambda")
    end = Queue(virtual, "end")
    virtual.create_function("next", HANDLER)
    configure(virtual, "next", DestinationConfig={"OnSuccess": {"Destination": end.arn}})
    topics, events, buckets = virtual.client("sns"), virtual.client("events"), virtual.client("s3")
    topic = topics.create_topic(Name="records")["TopicArn"]
    topics.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=end.arn, Attributes={"RawMessageDelivery": "true"})
    bus = events.create_event_bus(Name="records")["EventBusArn"]
    events.put_rule(Name="all", EventBusName="records", EventPattern=json.dumps({"source": ["lambda"]}))
    events.put_targets(Rule="all", EventBusName="records", Targets=[{"Id": "q", "Arn": end.arn}])
    buckets.create_bucket(Bucket="records")
    virtual.create_function("first", HANDLER)
    arn = functions.get_function_configuration(FunctionName="next")["FunctionArn"]

    configure(virtual, "first", DestinationConfig={"OnSuccess": {"Destination": arn}})
    request_id = invoke(virtual, "first", {"to": "function"})
    assert end.receive()["requestPayload"]["requestContext"]["requestId"] == request_id

    configure(virtual, "first", DestinationConfig={"OnSuccess": {"Destination": topic}})
    request_id = invoke(virtual, "first", {"to": "topic"})
    assert end.receive()["requestContext"]["requestId"] == request_id

    configure(virtual, "first", DestinationConfig={"OnSuccess": {"Destination": bus}})
    request_id = invoke(virtual, "first", {"to": "bus"})
    event = end.receive()
    assert event["detail-type"] == "Lambda Function Invocation Result - Success"
    assert event["resources"] == [bus, "arn:aws:lambda:us-east-1:000000000000:function:first:$LATEST"]
    assert event["detail"]["requestContext"]["requestId"] == request_id

    failures = {"OnFailure": {"Destination": "arn:aws:s3:::records"}}
    configure(virtual, "first", MaximumRetryAttempts=0, DestinationConfig=failures)
    request_id = invoke(virtual, "first", {"fail": True})
    (kept,) = eventually(lambda: buckets.list_objects_v2(Bucket="records").get("Contents"))
    assert kept["Key"].startswith("aws/lambda/async/first/")
    assert kept["Key"].endswith(request_id)
    assert json.load(buckets.get_object(Bucket="records", Key=kept["Key"])["Body"])["requestPayload"] == {"fail": True}


def test_a_destination_that_is_gone_holds_up_no_other(virtual: LocalPlatform) -> None:
    virtual.create_function("lost", HANDLER)
    gone, there = Queue(virtual, "gone"), Queue(virtual, "there")
    configure(virtual, "lost", DestinationConfig={"OnSuccess": {"Destination": gone.arn}})
    virtual.client("sqs").delete_queue(QueueUrl=gone.url)
    invoke(virtual, "lost", {"n": 1})
    configure(virtual, "lost", DestinationConfig={"OnSuccess": {"Destination": there.arn}})
    invoke(virtual, "lost", {"n": 2})
    numbers = {there.receive()["requestPayload"]["n"]}
    if numbers == {1}:  # the first was answered only after the change
        numbers = {there.receive()["requestPayload"]["n"]}
    assert numbers == {2}
