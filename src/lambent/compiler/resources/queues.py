"""SQS queues, their dead-letter queues, and who may send to them."""

from __future__ import annotations

from collections.abc import Iterator

from lambent.compiler.intrinsics import Value, resource_att, resource_ref
from lambent.compiler.names import logical_id, physical_name
from lambent.compiler.resources.functions import DEFAULT_TIMEOUT_S
from lambent.compiler.resources.parties import party
from lambent.compiler.resources.scope import Emitted, Scope, resource
from lambent.compiler.resources.senders import policy_of_senders, senders_to
from lambent.compiler.resources.triggers import dead_letter_queue
from lambent.manifest.event_sources import Queue
from lambent.manifest.expression import Expression

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-eventsource
_TIMEOUTS_HIDDEN = 6


def queues(scope: Scope) -> Iterator[Emitted]:
    """Yield the queues of the manifest's `queues`."""
    for key, queue in scope.system.queues.items():
        if queue.dead_letter is True:
            yield logical_id(key, "QueueDeadLetters"), dead_letter_queue(scope, key, fifo=queue.fifo)
        properties = {
            "QueueName": queue_name(scope, key, queue),
            "FifoQueue": queue.fifo or None,
            "ContentBasedDeduplication": queue.deduplicate or None,
            "VisibilityTimeout": _visibility(scope, key, queue),
            "MessageRetentionPeriod": queue.retention,
            "DelaySeconds": queue.delay,
            "ReceiveMessageWaitTimeSeconds": queue.wait,
            "MaximumMessageSize": queue.max_size,
            "RedrivePolicy": _redrive(scope, key, queue),
            "KmsMasterKeyId": scope.value(queue.key),
            "SqsManagedSseEnabled": True if queue.key is None else None,
            "Tags": scope.tags(queue.tags),
        }
        yield logical_id(key, "Queue"), resource("AWS::SQS::Queue", properties)
        found = senders_to(scope, "queues", key)
        if found:
            policy = policy_of_senders(found, "sqs:SendMessage", resource_att(key, "Queue", "Arn"))
            policy_properties = {"Queues": [resource_ref(key, "Queue")], "PolicyDocument": policy}
            yield logical_id(key, "QueuePolicy"), resource("AWS::SQS::QueuePolicy", policy_properties)


def queue_name(scope: Scope, key: str, queue: Queue) -> Value:
    """Return a queue's name."""
    if queue.name is not None:
        return scope.references.value(queue.name)
    return physical_name(scope.system.stack, key) + (".fifo" if queue.fifo else "")


def _visibility(scope: Scope, key: str, queue: Queue) -> int | None:
    """Return how long messages are hidden: for as long as AWS advises for the functions that the queue triggers."""
    if queue.visibility is not None:
        return queue.visibility
    timeouts = [
        (function.timeout or DEFAULT_TIMEOUT_S) * _TIMEOUTS_HIDDEN + (trigger.sqs.window or 0)
        for function in scope.functions.values()
        for trigger in function.triggers
        if trigger.sqs is not None and party(scope, trigger.sqs.queue, "queues").key == key
    ]
    return min(max(timeouts), 43_200) if timeouts else None


def _redrive(scope: Scope, key: str, queue: Queue) -> Value:
    match queue.dead_letter:
        case True:
            target = resource_att(key, "QueueDeadLetters", "Arn")
        case Expression() as given:
            target = party(scope, given, "queues").arn
        case _:
            return None
    return {"deadLetterTargetArn": target, "maxReceiveCount": queue.max_receives}
