"""AWS::SNS::*: topics, subscriptions, and policies of topics.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_SNS.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lambent.cloud.services.cloudformation.resources.calls import (
    gone_is_fine,
    made,
    matching,
    picked,
    stack_tags,
    tag_changes,
    tag_list,
    tags_of,
)
from lambent.cloud.services.cloudformation.resources.contract import Live, Properties, ResourceContext, ResourceHandler
from lambent.template.document import as_text

_GONE = ("NotFound", "ResourceNotFound")
_ATTRIBUTES = (
    "ArchivePolicy", "ContentBasedDeduplication", "DisplayName", "FifoThroughputScope", "FifoTopic", "KmsMasterKeyId",
    "MaximumMessageSize", "SignatureVersion", "TracingConfig",
)  # fmt: skip
# As templates and as the API name the protocols whose deliveries are logged.
_LOGGED = {"http/s": "HTTP", "sqs": "SQS", "lambda": "Lambda", "firehose": "Firehose", "application": "Application"}
_FEEDBACK = ("SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate", "FailureFeedbackRoleArn")
_SUBSCRIPTION_ATTRIBUTES = (
    "DeliveryPolicy", "FilterPolicyScope", "FilterPolicy", "RawMessageDelivery", "RedrivePolicy", "ReplayPolicy",
    "SubscriptionRoleArn",
)  # fmt: skip
_JSON = frozenset({"ArchivePolicy", "DeliveryPolicy", "FilterPolicy", "RedrivePolicy", "ReplayPolicy"})


def _text(value: Any) -> str:  # Any: a scalar or a policy document
    return json.dumps(value) if isinstance(value, Mapping) else as_text(value)


def _topic_attributes(properties: Properties) -> dict[str, str]:
    found = {name: _text(value) for name, value in picked(properties, *_ATTRIBUTES).items()}
    for one in properties.get("DeliveryStatusLogging", ()):
        protocol = _LOGGED.get(str(one["Protocol"]), str(one["Protocol"]))
        found |= {f"{protocol}{name}": _text(one[name]) for name in _FEEDBACK if name in one}
    return found


def _endpoints(properties: Properties) -> list[tuple[str, str]]:
    return [(str(one["Protocol"]), str(one["Endpoint"])) for one in properties.get("Subscription", ())]


class TopicHandler:
    """A topic with its attributes, tags, data protection policy, and the subscriptions that stand in it."""

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Create the topic, and subscribe."""
        is_fifo = _text(properties.get("FifoTopic", False)) == "true"
        suffix = ".fifo" if is_fifo else ""
        name = str(properties.get("TopicName") or context.generated_name(256 - len(suffix)) + suffix)
        given: dict[str, object] = {}
        if "DataProtectionPolicy" in properties:
            given["DataProtectionPolicy"] = _text(properties["DataProtectionPolicy"])
        answer = await context.call(
            "sns",
            "CreateTopic",
            Name=name,
            Attributes=_topic_attributes(properties),
            Tags=tag_list({**stack_tags(context), **tags_of(properties)}),
            **given,
        )
        arn = str(answer["TopicArn"])
        async with made(arn):
            await self._subscribe(context, arn, _endpoints(properties))
        return Live(arn, {"TopicArn": arn, "TopicName": name})

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Change what differs."""
        arn = live.physical_id
        had, wanted = _topic_attributes(before), _topic_attributes(after)
        for name in sorted(had.keys() | wanted.keys()):
            if had.get(name) != wanted.get(name):
                await context.call(
                    "sns",
                    "SetTopicAttributes",
                    TopicArn=arn,
                    AttributeName=name,
                    AttributeValue=wanted.get(name, _UNSET.get(name, "")),
                )
        if before.get("DataProtectionPolicy") != after.get("DataProtectionPolicy"):
            policy = _text(after.get("DataProtectionPolicy", {}))
            await context.call("sns", "PutDataProtectionPolicy", ResourceArn=arn, DataProtectionPolicy=policy)
        added, removed = tag_changes(tags_of(before), tags_of(after))
        if removed:
            await context.call("sns", "UntagResource", ResourceArn=arn, TagKeys=removed)
        if added:
            await context.call("sns", "TagResource", ResourceArn=arn, Tags=tag_list(added))
        await self._change_subscriptions(context, arn, before, after)
        return live

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Delete the topic with its subscriptions."""
        await context.call("sns", "DeleteTopic", TopicArn=live.physical_id)

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return the topic as it is."""
        return await _read(context, properties, "GetTopicAttributes", TopicArn=live.physical_id)

    async def _subscribe(self, context: ResourceContext, arn: str, endpoints: Sequence[tuple[str, str]]) -> None:
        for protocol, endpoint in endpoints:
            await context.call("sns", "Subscribe", TopicArn=arn, Protocol=protocol, Endpoint=endpoint)

    async def _change_subscriptions(
        self, context: ResourceContext, arn: str, before: Properties, after: Properties
    ) -> None:
        had, wanted = _endpoints(before), _endpoints(after)
        await self._subscribe(context, arn, [one for one in wanted if one not in had])
        ended = {one for one in had if one not in wanted}
        token: dict[str, str] = {}
        while ended:
            answer = await context.call("sns", "ListSubscriptionsByTopic", TopicArn=arn, **token)
            for one in answer["Subscriptions"]:
                # One that waits to be confirmed has no ARN to end it by; it ends by itself.
                is_ended = (one["Protocol"], one["Endpoint"]) in ended
                if is_ended and one["SubscriptionArn"].startswith("arn:"):
                    await context.call("sns", "Unsubscribe", SubscriptionArn=one["SubscriptionArn"])
            if "NextToken" not in answer:
                return
            token = {"NextToken": str(answer["NextToken"])}


# What an attribute is set to that its template no longer has, where empty text is no value of it.
_UNSET = {
    "ContentBasedDeduplication": "false",
    "FifoThroughputScope": "Topic",
    "SignatureVersion": "1",
    "TracingConfig": "PassThrough",
}


def _subscription_attributes(properties: Properties) -> dict[str, str]:
    return {name: _text(value) for name, value in picked(properties, *_SUBSCRIPTION_ATTRIBUTES).items()}


class SubscriptionHandler:
    """A subscription: its ARN is its physical id."""

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Subscribe."""
        answer = await context.call(
            "sns",
            "Subscribe",
            **picked(properties, "TopicArn", "Protocol", "Endpoint"),
            Attributes=_subscription_attributes(properties),
            ReturnSubscriptionArn=True,
        )
        arn = str(answer["SubscriptionArn"])
        return Live(arn, {"Arn": arn})

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Change the attributes that differ: the scope of a filter policy before the policy, which depends on it."""
        had, wanted = _subscription_attributes(before), _subscription_attributes(after)
        if had.get("FilterPolicyScope") != wanted.get("FilterPolicyScope") and "FilterPolicy" in had:
            await self._set(context, live, "FilterPolicy", "")
            del had["FilterPolicy"]
        unset = {"FilterPolicyScope": "MessageAttributes", "RawMessageDelivery": "false"}
        for name in _SUBSCRIPTION_ATTRIBUTES:
            if had.get(name) != wanted.get(name):
                await self._set(context, live, name, wanted.get(name, unset.get(name, "")))
        return live

    async def _set(self, context: ResourceContext, live: Live, name: str, value: str) -> None:
        await context.call(
            "sns",
            "SetSubscriptionAttributes",
            SubscriptionArn=live.physical_id,
            AttributeName=name,
            AttributeValue=value,
        )

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """End the subscription; with its topic it is gone already."""
        async with gone_is_fine(*_GONE):
            await context.call("sns", "Unsubscribe", SubscriptionArn=live.physical_id)

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return the subscription as it is."""
        return await _read(context, properties, "GetSubscriptionAttributes", SubscriptionArn=live.physical_id)


async def _read(context: ResourceContext, properties: Properties, operation: str, **arn: str) -> Properties | None:
    """Return the properties with what the attributes say now; None where what had them is gone."""
    async with gone_is_fine(*_GONE) as found:
        found.append(await context.call("sns", operation, **arn))
    if not found:
        return None
    told = _as_templates_have_them(found[0]["Attributes"], properties)
    return {**properties, **matching(told, properties)}


def _as_templates_have_them(attributes: Mapping[str, str], properties: Properties) -> dict[str, Any]:  # Any: by name
    """Return attributes as a template writes them: policies as documents, the others of the template's own kind."""
    told: dict[str, Any] = {}  # Any: as above
    for name, value in attributes.items():
        if name in _JSON:
            told[name] = json.loads(value)
        elif name in properties and _text(properties[name]) == value:
            told[name] = properties[name]
        else:
            told[name] = value
    return told


class TopicPolicyHandler:
    """One policy put on several topics."""

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Put the policy on each topic."""
        await self._put(context, properties["Topics"], _text(properties["PolicyDocument"]))
        name = context.generated_name(128)
        return Live(name, {"Id": name})

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Put it on those that are now wanted, and give the others their default back."""
        await self._put(context, after["Topics"], _text(after["PolicyDocument"]))
        await self._put(context, [topic for topic in before["Topics"] if topic not in after["Topics"]], "")
        return live

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Give each topic its default policy back."""
        await self._put(context, properties["Topics"], "")

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return it as it was put."""
        return properties

    async def _put(self, context: ResourceContext, topics: Sequence[str], policy: str) -> None:
        for topic in topics:
            async with gone_is_fine(*(() if policy else _GONE)):
                await context.call(
                    "sns", "SetTopicAttributes", TopicArn=topic, AttributeName="Policy", AttributeValue=policy
                )


class InlinePolicyHandler:
    """The policy of one topic, whose ARN is its physical id."""

    def __init__(self) -> None:
        self._policies = TopicPolicyHandler()

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Put the policy on the topic."""
        await self._policies.create(context, _as_several(properties))
        return Live(str(properties["TopicArn"]))

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Put the policy that is now wanted."""
        await self._policies.create(context, _as_several(after))
        return live

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Give the topic its default policy back."""
        await self._policies.delete(context, live, _as_several(properties))

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return it as it was put."""
        return properties


def _as_several(properties: Properties) -> Properties:
    return {"PolicyDocument": properties["PolicyDocument"], "Topics": [properties["TopicArn"]]}


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::SNS::Subscription": SubscriptionHandler(),
    "AWS::SNS::Topic": TopicHandler(),
    "AWS::SNS::TopicInlinePolicy": InlinePolicyHandler(),
    "AWS::SNS::TopicPolicy": TopicPolicyHandler(),
}
