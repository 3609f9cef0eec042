"""Queues and topics, which dead-letter queues, destinations and SAM's events need.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_SQS.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.cloudformation.resources.calls import picked, tag_changes, tags_of
from lambent.cloud.services.cloudformation.resources.contract import Live, Properties, ResourceContext, ResourceHandler
from lambent.cloud.services.cloudformation.resources.described import Described, Given
from lambent.template.document import as_text

_QUEUE = (
    "ContentBasedDeduplication", "DeduplicationScope", "DelaySeconds", "FifoQueue", "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "MaximumMessageSize", "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds", "RedriveAllowPolicy", "RedrivePolicy", "SqsManagedSseEnabled", "VisibilityTimeout",
)  # fmt: skip


def _text(value: Any) -> str:  # Any: a scalar or a policy document
    return json.dumps(value) if isinstance(value, Mapping) else as_text(value)


# What an attribute is again once a template says nothing more of it.
_QUEUE_DEFAULTS = {
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "DelaySeconds": "0",
    "FifoThroughputLimit": "perQueue",
    "KmsDataKeyReusePeriodSeconds": "300",
    "KmsMasterKeyId": "",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "RedriveAllowPolicy": "",
    "RedrivePolicy": "",
    "SqsManagedSseEnabled": "true",
    "VisibilityTimeout": "30",
}


def _queue_attributes(properties: Properties) -> dict[str, str]:
    attributes = {name: _text(value) for name, value in picked(properties, *_QUEUE).items()}
    # A template may say that a queue is none of FIFO's; the operation takes no such answer.
    return {name: value for name, value in attributes.items() if (name, value) != ("FifoQueue", "false")}


async def _change_queue(context: ResourceContext, live: Live, before: Properties, after: Properties) -> None:
    attributes, known = _queue_attributes(after), _queue_attributes(before)
    attributes |= {name: _QUEUE_DEFAULTS[name] for name in known.keys() - attributes.keys() & _QUEUE_DEFAULTS.keys()}
    if attributes and attributes != known:
        await context.call("sqs", "SetQueueAttributes", QueueUrl=live.physical_id, Attributes=attributes)
    added, removed = tag_changes(tags_of(before), tags_of(after))
    if removed:
        await context.call("sqs", "UntagQueue", QueueUrl=live.physical_id, TagKeys=removed)
    if added:
        await context.call("sqs", "TagQueue", QueueUrl=live.physical_id, Tags=added)


class QueueHandler(Described):
    """A queue: its URL is its physical id."""

    __slots__ = ()

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Create the queue."""
        is_fifo = as_text(properties.get("FifoQueue", False)) == "true"
        name = str(properties.get("QueueName") or context.generated_name(75) + (".fifo" if is_fifo else ""))
        answer = await context.call(
            "sqs", "CreateQueue", QueueName=name, Attributes=_queue_attributes(properties), tags=tags_of(properties)
        )
        scope = context.scope
        arn = f"arn:{scope.partition}:sqs:{scope.region}:{scope.account}:{name}"
        return Live(str(answer["QueueUrl"]), {"Arn": arn, "QueueName": name, "QueueUrl": answer["QueueUrl"]})


_NO_QUEUE = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
QUEUE = QueueHandler(
    "sqs",
    "CreateQueue",
    "DeleteQueue",
    "QueueUrl",
    change=_change_queue,
    gone=_NO_QUEUE,
)


class QueuePolicyHandler:
    """One policy put on several queues."""

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Put the policy on each queue."""
        for queue in properties["Queues"]:
            attributes = {"Policy": _text(properties["PolicyDocument"])}
            await context.call("sqs", "SetQueueAttributes", QueueUrl=queue, Attributes=attributes)
        return Live(context.generated_name(128))

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Put it on those that are now wanted, and take it from the others."""
        await self.create(context, after)
        for queue in before["Queues"]:
            if queue not in after["Queues"]:
                await context.call("sqs", "SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": ""})
        return live

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Take it from each queue that is still there."""
        for queue in properties["Queues"]:
            try:
                await context.call("sqs", "SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": ""})
            except ServiceError as error:
                if error.code not in _NO_QUEUE:
                    raise

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return it as it was put."""
        return properties


class QueueInlinePolicyHandler:
    """The policy of one queue; its physical id is the queue's URL."""

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Put the policy on the queue."""
        queue = str(properties["Queue"])
        await self._put(context, queue, _text(properties["PolicyDocument"]))
        return Live(queue)

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Put the policy in the place of the other."""
        return await self.create(context, after)

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Take it from the queue, unless that is gone."""
        try:
            await self._put(context, live.physical_id, "")
        except ServiceError as error:
            if error.code not in _NO_QUEUE:
                raise

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return it as it is put; None where there is none."""
        asked = {"QueueUrl": live.physical_id, "AttributeNames": ["Policy"]}
        try:
            answer = await context.call("sqs", "GetQueueAttributes", **asked)
        except ServiceError as error:
            if error.code not in _NO_QUEUE:
                raise
            return None
        policy = answer.get("Attributes", {}).get("Policy")
        return None if policy is None else {"Queue": live.physical_id, "PolicyDocument": json.loads(policy)}

    async def _put(self, context: ResourceContext, queue: str, policy: str) -> None:
        await context.call("sqs", "SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": policy})


_TOPIC = ("DisplayName", "KmsMasterKeyId", "FifoTopic", "ContentBasedDeduplication", "SignatureVersion")


async def _subscribe(context: ResourceContext, topic: str, properties: Properties) -> None:
    for one in properties.get("Subscription", ()):
        await context.call("sns", "Subscribe", TopicArn=topic, Protocol=one["Protocol"], Endpoint=one["Endpoint"])


async def _change_topic(context: ResourceContext, live: Live, before: Properties, after: Properties) -> None:
    for name in _TOPIC:
        if before.get(name) != after.get(name):
            value = _text(after.get(name, ""))
            await context.call(
                "sns", "SetTopicAttributes", TopicArn=live.physical_id, AttributeName=name, AttributeValue=value
            )


TOPIC = Described(
    "sns",
    "CreateTopic",
    "DeleteTopic",
    "TopicArn",
    name_property="TopicName",
    named_in_api="Name",
    longest=256,
    identity=lambda answer: str(answer["TopicArn"]),
    shape=lambda context, properties, name: {
        "Attributes": {key: _text(value) for key, value in picked(properties, *_TOPIC).items()}
    },
    after_create=_subscribe,
    change=_change_topic,
    attributes=lambda context, answer, arn: {"TopicArn": arn, "TopicName": arn.rpartition(":")[2]},
    gone=("NotFound",),
)


def _subscription(context: ResourceContext, properties: Properties, name: str) -> Given:
    attributes = {
        key: _text(value)
        for key, value in picked(
            properties, "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy", "DeliveryPolicy"
        ).items()
    }
    return {
        **picked(properties, "TopicArn", "Protocol", "Endpoint"),
        "Attributes": attributes,
        "ReturnSubscriptionArn": True,
    }


SUBSCRIPTION = Described(
    "sns",
    "Subscribe",
    "Unsubscribe",
    "SubscriptionArn",
    identity=lambda answer: str(answer["SubscriptionArn"]),
    shape=_subscription,
    attributes=lambda context, answer, arn: {"Arn": arn},
    gone=("NotFound",),
)

HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::SNS::Subscription": SUBSCRIPTION,
    "AWS::SNS::Topic": TOPIC,
    "AWS::SQS::Queue": QUEUE,
    "AWS::SQS::QueueInlinePolicy": QueueInlinePolicyHandler(),
    "AWS::SQS::QueuePolicy": QueuePolicyHandler(),
}
