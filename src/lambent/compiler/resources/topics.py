"""SNS topics, their subscriptions, and who may publish to them."""

from __future__ import annotations

from collections.abc import Iterator

from lambent.compiler.intrinsics import Value, resource_ref
from lambent.compiler.names import logical_id, physical_name
from lambent.compiler.resources.parties import party
from lambent.compiler.resources.scope import Emitted, Scope, resource
from lambent.compiler.resources.senders import policy_of_senders, senders_to
from lambent.compiler.resources.triggers import filtered, redrive
from lambent.manifest.event_sources import Subscription, Topic


def topics(scope: Scope) -> Iterator[Emitted]:
    """Yield the topics of the manifest's `topics`."""
    for key, topic in scope.system.topics.items():
        properties = {
            "TopicName": _name(scope, key, topic),
            "FifoTopic": topic.fifo or None,
            "ContentBasedDeduplication": topic.deduplicate or None,
            "DisplayName": topic.display_name,
            "KmsMasterKeyId": scope.value(topic.key),
            "Tags": scope.tags(topic.tags),
        }
        yield logical_id(key, "Topic"), resource("AWS::SNS::Topic", properties)
        for number, subscription in enumerate(topic.subscriptions, 1):
            name = logical_id(key, f"TopicSubscription{number}")
            yield name, _subscription(scope, key, subscription)
        found = senders_to(scope, "topics", key)
        if found:
            policy = policy_of_senders(found, "sns:Publish", resource_ref(key, "Topic"))
            policy_properties = {"Topics": [resource_ref(key, "Topic")], "PolicyDocument": policy}
            yield logical_id(key, "TopicPolicy"), resource("AWS::SNS::TopicPolicy", policy_properties)


def _name(scope: Scope, key: str, topic: Topic) -> Value:
    if topic.name is not None:
        return scope.references.value(topic.name)
    return physical_name(scope.system.stack, key) + (".fifo" if topic.fifo else "")


def _subscription(scope: Scope, key: str, subscription: Subscription) -> Value:
    protocol, endpoint = _endpoint(scope, subscription)
    properties = {
        "TopicArn": resource_ref(key, "Topic"),
        "Protocol": protocol,
        "Endpoint": endpoint,
        "RawMessageDelivery": subscription.raw or None,
        **filtered(scope, subscription.filter, subscription.filter_by),
        "RedrivePolicy": redrive(scope, subscription.dead_letter),
    }
    return resource("AWS::SNS::Subscription", properties)


def _endpoint(scope: Scope, subscription: Subscription) -> tuple[str, Value]:
    if subscription.queue is not None:
        return "sqs", party(scope, subscription.queue, "queues").arn
    if subscription.email is not None:
        return "email", scope.references.value(subscription.email)
    address = scope.value(subscription.url)
    return ("http" if str(subscription.url).startswith("http:") else "https"), address
