from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.base.clock import ManualClock
from lambent.base.identifiers import SeededIds
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext, root_of, service_principal
from lambent.cloud.services.sqs.service import SqsService
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.sqlite_store import memory_store
from lambent.testing.platform import LocalPlatform, local_platform
from lambent.testing.pytest_plugin import ClientFactory

SCOPE = Scope("000000000000", "us-east-1")


@asynccontextmanager
async def running_service() -> AsyncIterator[SqsService]:
    """Run the service alone, so that a test can be another service."""
    clock = ManualClock()
    store = memory_store(clock)
    service = SqsService(store, clock=clock, ids=SeededIds(1))
    await service.start()
    try:
        yield service
    finally:
        await service.stop()
        await store.close()


def code_of(raised: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_queue_is_created_once_and_found_by_its_name(aws: ClientFactory, account: str) -> None:
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="jobs", Attributes={"DelaySeconds": "5"}, tags={"team": "a"})["QueueUrl"]
    assert sqs.create_queue(QueueName="jobs", Attributes={"DelaySeconds": "5"})["QueueUrl"] == url
    assert sqs.create_queue(QueueName="jobs")["QueueUrl"] == url
    assert sqs.get_queue_url(QueueName="jobs", QueueOwnerAWSAccountId=account)["QueueUrl"] == url
    with pytest.raises(ClientError) as raised:
        sqs.create_queue(QueueName="jobs", Attributes={"DelaySeconds": "6"})
    assert code_of(raised) == (
        "QueueAlreadyExists",
        "A queue already exists with the same name and a different value for attribute DelaySeconds",
    )
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert found["QueueArn"] == f"arn:aws:sqs:us-east-1:{account}:jobs"
    assert (found["VisibilityTimeout"], found["MaximumMessageSize"]) == ("30", "1048576")
    assert (found["SqsManagedSseEnabled"], found["MessageRetentionPeriod"]) == ("true", "345600")
    sqs.tag_queue(QueueUrl=url, Tags={"env": "dev"})
    sqs.untag_queue(QueueUrl=url, TagKeys=["team"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"env": "dev"}


@pytest.mark.parametrize(
    ("name", "attributes", "code", "message"),
    [
        ("a b", {}, "InvalidParameterValue", "Can only include alphanumeric characters, hyphens, or underscores"),
        ("q.fifo", {}, "InvalidParameterValue", "Can only include alphanumeric characters, hyphens, or underscores"),
        ("q", {"FifoQueue": "true"}, "InvalidParameterValue", "must end with .fifo suffix and be 1 to 80 in length."),
        ("q", {"Odd": "1"}, "InvalidAttributeName", "Unknown Attribute Odd."),
        ("q", {"FifoQueue": "false"}, "InvalidAttributeName", "Unknown Attribute FifoQueue."),
        ("q", {"VisibilityTimeout": "43201"}, "InvalidAttributeValue", "the parameter VisibilityTimeout."),
        ("q", {"RedrivePolicy": "[]"}, "InvalidAttributeValue", "Redrive policy is not a valid JSON map."),
        ("q", {"RedrivePolicy": "{}"}, "InvalidParameterValue", "mandatory attribute: maxReceiveCount."),
        ("q", {"DeduplicationScope": "queue"}, "InvalidAttributeName", "only when FifoQueue is set to true."),
        ("q", {"KmsMasterKeyId": "k", "SqsManagedSseEnabled": "true"}, "InvalidAttributeName", "at one time."),
    ],
)  # fmt: skip
def test_what_no_queue_can_be_is_refused(
    aws: ClientFactory, name: str, attributes: dict[str, str], code: str, message: str
) -> None:
    with pytest.raises(ClientError) as raised:
        aws("sqs").create_queue(QueueName=name, Attributes=attributes)
    assert code_of(raised)[0] == code
    assert message in code_of(raised)[1]


def test_setting_one_attribute_of_a_queue_leaves_the_others_as_they_are(aws: ClientFactory, account: str) -> None:
    sqs = aws("sqs")
    dead = f"arn:aws:sqs:us-east-1:{account}:dead"
    sqs.create_queue(QueueName="dead")
    queue = sqs.create_queue(QueueName="jobs")["QueueUrl"]

    def change(**attributes: str) -> None:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=attributes)

    def told() -> dict[str, str]:
        answer = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        return {name: answer[name] for name in ("Policy", "RedrivePolicy", "VisibilityTimeout") if name in answer}

    topics = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**topics, "Resource": "*"}]})
    change(Policy=policy)
    change(RedrivePolicy=json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 3}))
    change(VisibilityTimeout="60")
    assert told() == {
        "Policy": policy,
        "RedrivePolicy": f'{{"deadLetterTargetArn":"{dead}","maxReceiveCount":3}}',  # as text: so Terraform compares
        "VisibilityTimeout": "60",
    }
    change(Policy="", RedrivePolicy="")
    assert told() == {"VisibilityTimeout": "60"}


def test_queues_are_listed_by_prefix_and_in_pages(aws: ClientFactory) -> None:
    sqs = aws("sqs")
    assert "QueueUrls" not in sqs.list_queues()
    for name in ("a-1", "a-2", "a-3", "b"):
        sqs.create_queue(QueueName=name)
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix="a-", PaginationConfig={"PageSize": 2})
    assert [[url.rpartition("/")[2] for url in page["QueueUrls"]] for page in pages] == [["a-1", "a-2"], ["a-3"]]


def test_a_dead_letter_queue_says_who_may_use_it(aws: ClientFactory) -> None:
    sqs = aws("sqs")
    dead = sqs.create_queue(QueueName="dead", Attributes={"RedriveAllowPolicy": '{"redrivePermission":"denyAll"}'})
    arn = arn_of(sqs, dead["QueueUrl"])
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    with pytest.raises(ClientError, match="RedrivePolicy is invalid"):
        sqs.create_queue(QueueName="jobs", Attributes={"RedrivePolicy": policy})
    sqs.set_queue_attributes(QueueUrl=dead["QueueUrl"], Attributes={"RedriveAllowPolicy": ""})
    jobs = sqs.create_queue(QueueName="jobs", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead["QueueUrl"])["queueUrls"] == [jobs]
    missing = json.dumps({"deadLetterTargetArn": f"{arn}-not", "maxReceiveCount": 1})
    with pytest.raises(ClientError, match=r"Dead letter target does not exist\."):
        sqs.set_queue_attributes(QueueUrl=jobs, Attributes={"RedrivePolicy": missing})


def test_permissions_are_statements_of_the_policy(aws: ClientFactory) -> None:
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    shared = {"QueueUrl": url, "AWSAccountIds": ["111111111111"], "Actions": ["ReceiveMessage"]}
    sqs.add_permission(Label="one", **shared)
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
    assert json.loads(found["Policy"]) == {
        "Version": "2008-10-17",
        "Id": f"{arn_of(sqs, url)}/SQSDefaultPolicy",
        "Statement": [
            {
                "Sid": "one",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
                "Action": "SQS:ReceiveMessage",
                "Resource": arn_of(sqs, url),
            }
        ],
    }
    with pytest.raises(ClientError, match=r"Value one for parameter Label is invalid. Reason: Already exists\."):
        sqs.add_permission(Label="one", **shared)
    sqs.remove_permission(QueueUrl=url, Label="one")
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])


def test_other_accounts_use_a_queue_as_far_as_its_policy_lets_them(platform: LocalPlatform, aws: ClientFactory) -> None:
    sqs, other = aws("sqs"), platform.client("sqs", account="111111111111")
    url = sqs.create_queue(QueueName="shared")["QueueUrl"]
    with pytest.raises(ClientError) as raised:
        other.send_message(QueueUrl=url, MessageBody="m")
    assert code_of(raised) == (
        "AccessDenied",
        (
            "User: arn:aws:iam::111111111111:root is not authorized to perform: sqs:sendmessage on resource: "
            f"{arn_of(sqs, url)} because no resource-based policy allows the sqs:sendmessage action"
        ),
    )
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    sqs.add_permission(QueueUrl=url, Label="send", AWSAccountIds=["111111111111"], Actions=["SendMessage"])
    other.send_message(QueueUrl=url, MessageBody="m")
    with pytest.raises(ClientError, match="AccessDenied"):
        other.delete_queue(QueueUrl=url)


@pytest.fixture(scope="module")
def timeless() -> Iterator[LocalPlatform]:
    """A platform whose time the tests of this file move."""
    with local_platform(virtual_time=True) as platform:
        platform.clock.freeze()
        yield platform


def test_a_queue_is_purged_and_its_name_given_out_again_a_minute_later(timeless: LocalPlatform) -> None:
    sqs = timeless.client("sqs")
    url = sqs.create_queue(QueueName="purged")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="m")
    sqs.purge_queue(QueueUrl=url)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    with pytest.raises(ClientError) as raised:
        sqs.purge_queue(QueueUrl=url)
    assert code_of(raised) == (
        "AWS.SimpleQueueService.PurgeQueueInProgress",
        "Only one PurgeQueue operation on purged is allowed every 60 seconds.",
    )
    sqs.delete_queue(QueueUrl=url)
    with pytest.raises(ClientError, match=r"The specified queue does not exist\."):
        sqs.send_message(QueueUrl=url, MessageBody="m")
    with pytest.raises(ClientError) as raised:
        sqs.create_queue(QueueName="purged")
    assert code_of(raised)[0] == "AWS.SimpleQueueService.QueueDeletedRecently"
    timeless.clock.advance(60)
    sqs.create_queue(QueueName="purged")


def arn_of(sqs: Any, url: str) -> str:  # Any: a boto3 client
    return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])


@pytest.mark.parametrize(
    ("source", "is_let_in"),
    [("arn:aws:sns:us-east-1:000000000000:mine", True), ("arn:aws:sns:us-east-1:000000000000:other", False)],
)
def test_a_service_sends_on_behalf_of_what_the_policy_names(source: str, *, is_let_in: bool) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "*",
        "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:sns:us-east-1:000000000000:mine"}},
    }

    async def send() -> str:
        async with running_service() as sqs:
            owner = RequestContext(SCOPE, root_of(SCOPE.account), "id", 0.0)
            policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            await sqs.operations()["CreateQueue"](owner, {"QueueName": "q", "Attributes": {"Policy": policy}})
            caller = service_principal("sns.amazonaws.com", SCOPE, source)
            context = RequestContext(SCOPE, caller, "id", 0.0)
            message = {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/000000000000/q", "MessageBody": "m"}
            sqs.authorise(context, "SendMessage", message)
            return str((await sqs.operations()["SendMessage"](context, message))["MessageId"])

    if is_let_in:
        assert asyncio.run(send())
    else:
        with pytest.raises(ServiceError, match="because no resource-based policy allows the sqs:sendmessage action"):
            asyncio.run(send())
