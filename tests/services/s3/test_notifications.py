"""Event notifications: to functions, queues and topics, with filters."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.builders import create_function, zip_of
from lambent.testing.pytest_plugin import ClientFactory
from tests.waiting import eventually

Client = Any  # Any: boto3 makes its clients at run time
Record = Mapping[str, Any]  # Any: a record of an event
FILTERS = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".json"}]}}
KEEPER = zip_of({"handler.py": "import json\ndef handler(event, context):\n    print('GOT', json.dumps(event))\n"})


@pytest.fixture
def s3(aws: ClientFactory) -> Client:
    return aws("s3")


@pytest.fixture
def bucket(s3: Client, account: str) -> str:
    s3.create_bucket(Bucket=f"telling-{account}")
    return f"telling-{account}"


class Queue:
    """A queue that the bucket may send to, and what it got."""

    def __init__(self, sqs: Client, account: str, name: str) -> None:
        self._sqs = sqs
        self.arn = f"arn:aws:sqs:us-east-1:{account}:{name}"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": ["s3.amazonaws.com", "sns.amazonaws.com", "events.amazonaws.com"]},
            "Action": "sqs:SendMessage",
            "Resource": self.arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._url = sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]
        self._got: list[Mapping[str, Any]] = []  # Any: messages of S3

    def messages(self, count: int) -> Sequence[Mapping[str, Any]]:  # Any: as above
        def look() -> bool:
            for message in self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages", []):
                self._got.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
            return len(self._got) >= count

        eventually(look)
        return self._got

    def records(self, count: int) -> list[Record]:
        """Return the records that came behind the test event."""
        return [record for message in self.messages(count + 1)[1:] for record in message["Records"]]


@pytest.fixture
def queue(aws: ClientFactory, account: str) -> Queue:
    return Queue(aws("sqs"), account, "told")


def tell(s3: Client, bucket: str, queue: Queue, *events: str, **more: object) -> None:
    rule = {"QueueArn": queue.arn, "Events": list(events), "Id": "rule", **more}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [rule]})


@pytest.fixture
def logged(aws: ClientFactory) -> Callable[[], Record]:
    def look() -> Record | None:
        try:
            events = aws("logs").filter_log_events(logGroupName="/aws/lambda/told", filterPattern="GOT")["events"]
        except ClientError:
            return None
        return next((json.loads(each["message"].partition("GOT ")[2]) for each in events), None)

    return lambda: eventually(look)


def test_a_put_reaches_a_function_that_lets_the_bucket_call_it(
    aws: ClientFactory, s3: Client, bucket: str, account: str, logged: Callable[[], Record]
) -> None:
    functions = aws("lambda")
    arn = create_function(functions, aws("iam"), "told", KEEPER)["FunctionArn"]
    rule = {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"], "Id": "rule"}
    configuration = {"LambdaFunctionConfigurations": [rule]}
    with pytest.raises(ClientError) as error:
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    told: Record = dict(error.value.response["Error"])
    assert told["Message"] == "Unable to validate the following destination configurations"
    assert told["ArgumentValue1"] == f"Not authorized to invoke function [{arn}]"
    functions.add_permission(
        FunctionName="told",
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{bucket}",
        SourceAccount=account,
    )
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    assert s3.get_bucket_notification_configuration(Bucket=bucket)["LambdaFunctionConfigurations"] == [rule]
    put = s3.put_object(Bucket=bucket, Key="a folder/b+ö.txt", Body=b"12345")
    (record,) = logged()["Records"]
    request_id = put["ResponseMetadata"]["HTTPHeaders"]["x-amz-request-id"]
    assert record["responseElements"]["x-amz-request-id"] == request_id
    assert record["s3"]["object"].pop("sequencer")
    assert record["s3"]["bucket"].pop("ownerIdentity")["principalId"]
    assert record["s3"] == {
        "s3SchemaVersion": "1.0",
        "configurationId": "rule",
        "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
        "object": {"key": "a+folder/b%2B%C3%B6.txt", "size": 5, "eTag": put["ETag"].strip('"')},
    }
    assert {name: record[name] for name in ("eventVersion", "eventSource", "awsRegion", "eventName")} == {
        "eventVersion": "2.6",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventName": "ObjectCreated:Put",
    }
    assert record["requestParameters"] == {"sourceIPAddress": "127.0.0.1"}


def test_a_queue_gets_the_test_event_and_then_what_happens_in_order_of_the_sequencer(
    s3: Client, bucket: str, queue: Queue
) -> None:
    tell(s3, bucket, queue, "s3:ObjectCreated:*", "s3:ObjectRemoved:*")
    test = queue.messages(1)[0]
    assert {name: test[name] for name in ("Service", "Event", "Bucket")} == {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Bucket": bucket,
    }
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})
    s3.delete_object(Bucket=bucket, Key="k")
    records = sorted(queue.records(3), key=lambda record: record["s3"]["object"]["sequencer"])
    assert [(record["eventName"], record["s3"]["object"]["key"]) for record in records] == [
        ("ObjectCreated:Put", "k"),
        ("ObjectCreated:Copy", "copy"),
        ("ObjectRemoved:Delete", "k"),
    ]
    assert records[2]["s3"]["object"].keys() == {"key", "sequencer"}


def test_deleting_in_a_bucket_with_versions_tells_of_the_marker(s3: Client, bucket: str, queue: Queue) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    tell(s3, bucket, queue, "s3:ObjectRemoved:*")
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    marker = s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_object(Bucket=bucket, Key="k", VersionId=put["VersionId"])
    records = sorted(queue.records(2), key=lambda record: record["s3"]["object"]["sequencer"])
    assert [(record["eventName"], record["s3"]["object"]["versionId"]) for record in records] == [
        ("ObjectRemoved:DeleteMarkerCreated", marker["VersionId"]),
        ("ObjectRemoved:Delete", put["VersionId"]),
    ]


def test_only_keys_with_the_prefix_and_the_suffix_are_told_of(s3: Client, bucket: str, queue: Queue) -> None:
    tell(s3, bucket, queue, "s3:ObjectCreated:*", Filter=FILTERS)
    for key in ("out/a.json", "in/a.txt", "in/a.json"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    assert [record["s3"]["object"]["key"] for record in queue.records(1)] == ["in/a.json"]


def test_a_topic_is_told_as_well(aws: ClientFactory, s3: Client, bucket: str, queue: Queue, account: str) -> None:
    sns, arn = aws("sns"), f"arn:aws:sns:us-east-1:{account}:told"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.create_topic(Name="told", Attributes={"Policy": policy})
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue.arn)
    rule = {"TopicArn": arn, "Events": ["s3:ObjectCreated:Put"]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"TopicConfigurations": [rule]})
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    messages = [json.loads(each["Message"]) for each in queue.messages(2)]
    assert messages[0]["Event"] == "s3:TestEvent"
    assert messages[1]["Records"][0]["s3"]["object"]["key"] == "k"


def test_destinations_that_are_not_there_are_all_named(s3: Client, bucket: str, account: str) -> None:
    arns = [f"arn:aws:sqs:us-east-1:{account}:missing-{number}" for number in (1, 2)]
    rules = [
        {"QueueArn": arn, "Events": [event], "Id": arn}
        for arn, event in zip(arns, ("s3:ObjectCreated:*", "s3:ObjectRemoved:*"), strict=True)
    ]
    configuration = {"QueueConfigurations": rules}
    with pytest.raises(ClientError) as error:
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    found: Record = dict(error.value.response["Error"])
    assert (found["Code"], found["Message"]) == (
        "InvalidArgument",
        "Unable to validate the following destination configurations",
    )
    assert [found["ArgumentName1"], found["ArgumentName2"]] == arns
    assert found["ArgumentValue2"] == "The destination queue does not exist"
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration=configuration, SkipDestinationValidation=True
    )
    assert s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"] == rules


def test_an_empty_configuration_ends_it(s3: Client, bucket: str, queue: Queue) -> None:
    tell(s3, bucket, queue, "s3:ObjectCreated:*")
    s3.put_object(Bucket=bucket, Key="told", Body=b"1")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    s3.put_object(Bucket=bucket, Key="not told", Body=b"1")
    tell(s3, bucket, queue, "s3:ObjectRemoved:*")
    s3.delete_object(Bucket=bucket, Key="told")
    eventually(lambda: len(queue.messages(4)) >= 4)
    told = [each["Records"][0]["eventName"] for each in queue.messages(4) if "Records" in each]
    assert told == ["ObjectCreated:Put", "ObjectRemoved:Delete"]


def test_event_bridge_is_told_without_a_rule_of_the_bucket(
    aws: ClientFactory, s3: Client, bucket: str, queue: Queue
) -> None:
    events = aws("events")
    pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": [bucket]}}}
    events.put_rule(Name="told", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="told", Targets=[{"Id": "1", "Arn": queue.arn}])
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    s3.put_object(Bucket=bucket, Key="a b", Body=b"1")
    (message,) = queue.messages(1)
    assert (message["source"], message["resources"]) == ("aws.s3", [f"arn:aws:s3:::{bucket}"])
    assert message["detail"]["object"]["key"] == "a b"
    assert message["detail"]["reason"] == "PutObject"
