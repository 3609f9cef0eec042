"""Which AWS services send to the queues and topics of a manifest, and on behalf of what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lambent.compiler.intrinsics import Value, resource_att, resource_ref
from lambent.compiler.names import logical_id
from lambent.compiler.resources.grants import encrypting_key
from lambent.compiler.resources.parties import Party, party
from lambent.compiler.resources.policies import policy_document
from lambent.compiler.resources.scope import Scope
from lambent.manifest.expression import Expression


@dataclass(frozen=True, slots=True)
class Sender:
    """A service that sends to a queue or topic: its host name's first part, and the ARN it sends for."""

    service: str
    source: Value
    target: Party


def senders(scope: Scope) -> Iterator[Sender]:
    """Yield everybody who sends, once for each queue or topic."""
    yield from _of_buckets(scope)
    yield from _of_topics(scope)
    yield from _of_rules(scope)
    for key, bus in scope.system.buses.items():
        yield from _letters(scope, "events", resource_att(key, "Bus", "Arn"), bus.dead_letter)


def senders_to(scope: Scope, section: str, key: str) -> list[Sender]:
    """Return who sends to one resource of the manifest, each once."""
    found = {
        str((sender.service, sender.source)): sender
        for sender in senders(scope)
        if (sender.target.section, sender.target.key) == (section, key)
    }
    return list(found.values())


def keys_of_senders(scope: Scope) -> dict[str, list[str]]:
    """Return the services that have to be let use each key of the manifest, since they send to what it encrypts."""
    found: dict[str, list[str]] = {}
    for sender in senders(scope):
        key = encrypting_key(scope, sender.target)
        named = None if key is None else party(scope, key, "keys")
        if named is not None and named.section:
            services = found.setdefault(named.key, [])
            if sender.service not in services:
                services.append(sender.service)
    return found


def policy_of_senders(found: list[Sender], action: str, target: Value) -> Value:
    """Return the resource policy that lets these senders send, each on behalf of its source alone."""
    return policy_document(
        [
            {
                "Effect": "Allow",
                "Principal": {"Service": f"{sender.service}.amazonaws.com"},
                "Action": action,
                "Resource": target,
                "Condition": {"ArnEquals": {"aws:SourceArn": sender.source}},
            }
            for sender in found
        ]
    )


def _of_buckets(scope: Scope) -> Iterator[Sender]:
    for key, bucket in scope.system.buckets.items():
        for told in bucket.notify:
            yield Sender("s3", scope.references.bucket_arn(key), party(scope, told.to, "queues", "topics"))


def _of_topics(scope: Scope) -> Iterator[Sender]:
    for key, topic in scope.system.topics.items():
        for subscription in topic.subscriptions:
            yield from _letters(scope, "sns", resource_ref(key, "Topic"), subscription.queue)
            yield from _letters(scope, "sns", resource_ref(key, "Topic"), subscription.dead_letter)
    for function in scope.functions.values():
        for trigger in function.triggers:
            if trigger.sns is not None:
                topic_arn = party(scope, trigger.sns.topic, "topics").arn
                yield from _letters(scope, "sns", topic_arn, trigger.sns.dead_letter)


def _of_rules(scope: Scope) -> Iterator[Sender]:
    for key, rule in scope.system.rules.items():
        for target in rule.targets:
            sent_to = party(scope, target.to, "functions", "queues", "topics", "buses")
            if sent_to.service in {"sqs", "sns"}:
                yield Sender("events", resource_att(key, "Rule", "Arn"), sent_to)
            yield from _letters(scope, "events", resource_att(key, "Rule", "Arn"), target.dead_letter)
    for key, function in scope.functions.items():
        events = [trigger.event for trigger in function.triggers if trigger.event is not None]
        for number, event in enumerate(events, 1):
            rule_id = logical_id(key, f"EventRule{number if number > 1 else ''}")
            yield from _letters(scope, "events", {"Fn::GetAtt": [rule_id, "Arn"]}, event.dead_letter)


def _letters(scope: Scope, service: str, source: Value, queue: Expression | None) -> Iterator[Sender]:
    if queue is not None:
        yield Sender(service, source, party(scope, queue, "queues"))
