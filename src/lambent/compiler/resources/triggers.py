"""What invokes a function: schedules, rules, subscriptions, event source mappings, and what they are allowed."""

from __future__ import annotations

import json
from collections.abc import Iterator

from lambent.compiler.errors import CompileError
from lambent.compiler.intrinsics import Value, concatenate, ref, resource_att, resource_ref
from lambent.compiler.names import logical_id, pascal, physical_name
from lambent.compiler.resources.grants import STREAM_FAILURES, stream_arn
from lambent.compiler.resources.parties import party
from lambent.compiler.resources.policies import allow, policy_document
from lambent.compiler.resources.scope import Emitted, Scope, resource, said
from lambent.manifest.checks.parties import NO_BUCKET, NO_BUCKET_ADVICE
from lambent.manifest.event_sources import (
    EventTrigger,
    Json,
    QueueTrigger,
    Schedule,
    StreamTrigger,
    Target,
    TopicTrigger,
)
from lambent.manifest.expression import Expression
from lambent.manifest.node import Retry
from lambent.manifest.system import Function

# What a schedule without an input sends: as a rule's scheduled event, with what Scheduler knows of the moment.
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
_MOMENT = {
    "version": "0",
    "id": "<aws.scheduler.execution-id>",
    "detail-type": "Scheduled Event",
    "source": "aws.scheduler",
    "time": "<aws.scheduler.scheduled-time>",
    "resources": ["<aws.scheduler.schedule-arn>"],
    "detail": {},
}


def triggers(scope: Scope, key: str, function: Function) -> Iterator[Emitted]:
    """Yield what invokes function `key`."""
    if function.dead_letter is True:
        yield logical_id(key, "FunctionDeadLetters"), dead_letter_queue(scope, key)
    yield from _schedules(scope, key, function)
    yield from _buckets(scope, key, function)
    counts: dict[str, int] = {}
    for trigger in function.triggers:
        if trigger.sqs is not None:
            yield from _queue(scope, key, function, trigger.sqs)
        elif trigger.sns is not None:
            yield from _topic(scope, key, trigger.sns)
        elif trigger.event is not None:
            counts["event"] = counts.get("event", 0) + 1
            yield from _event(scope, key, trigger.event, _numbered(counts["event"]))
        elif trigger.stream is not None:
            yield from _stream(scope, key, function, trigger.stream)


def dead_letter_queue(scope: Scope, key: str, *, fifo: bool = False) -> Value:
    """Return the queue that `dead_letter: true` stands for: encrypted, and its messages kept for 14 days."""
    properties = {
        "QueueName": physical_name(scope.system.stack, f"{key}-dead-letters") + (".fifo" if fifo else ""),
        "FifoQueue": fifo or None,
        "MessageRetentionPeriod": 1_209_600,
        "SqsManagedSseEnabled": True,
    }
    return resource("AWS::SQS::Queue", properties)


def retry_policy(retry: Retry | None) -> Value:
    """Return a retry policy of EventBridge's."""
    if retry is None:
        return None
    return said({"MaximumRetryAttempts": retry.attempts, "MaximumEventAgeInSeconds": retry.max_age})


def dead_letter_config(scope: Scope, queue: Expression | None) -> Value:
    """Return the dead-letter queue of a rule's target or a schedule."""
    return None if queue is None else {"Arn": party(scope, queue, "queues").arn}


def transformed(scope: Scope, target: EventTrigger | Target) -> dict[str, Value]:
    """Return what a rule's target gets in place of the event."""
    transformer = target.transformer
    return {
        "Input": None if target.input is None else as_json(scope, target.input),
        "InputPath": target.input_path,
        "InputTransformer": None
        if transformer is None
        else said(
            {
                "InputPathsMap": transformer.paths or None,
                "InputTemplate": scope.references.document(transformer.template),
            }
        ),
    }


def as_json(scope: Scope, value: Json) -> Value:
    """Return what a handler is to be given, or a filter, as JSON text with its references resolved."""
    return scope.references.document(json.dumps(value, separators=(",", ":")))


def bus_name(scope: Scope, bus: Expression | None) -> Value:
    """Return how a rule names its bus; None for the default one."""
    if bus is None:
        return None
    text = bus.literal
    if text is not None and text not in scope.system.buses and "." not in text:
        return text  # a bus that is there already
    found = party(scope, bus, "buses")
    return resource_ref(found.key, "Bus") if found.section else found.arn


def _numbered(number: int) -> str:
    return "" if number == 1 else str(number)


def _qualified(key: str, function: Function) -> Value:
    return resource_ref(key, "Function" if function.alias is None else "FunctionAlias")


def permission(scope: Scope, key: str, service: str, source: Value, **more: Value) -> Value:
    """Return the permission of a service to invoke function `key` on behalf of one resource."""
    properties = {
        "FunctionName": _qualified(key, scope.functions[key]),
        "Action": "lambda:InvokeFunction",
        "Principal": f"{service}.amazonaws.com",
        "SourceArn": source,
        **more,
    }
    return resource("AWS::Lambda::Permission", properties)


def _schedules(scope: Scope, key: str, function: Function) -> Iterator[Emitted]:
    wanted = [trigger.schedule for trigger in function.triggers if trigger.schedule is not None]
    if not wanted:
        return
    letters = [party(scope, each.dead_letter, "queues").arn for each in wanted if each.dead_letter is not None]
    invoked = scope.references.target_arn(key)
    statements = [allow(("lambda:InvokeFunction",), invoked)]
    statements += [allow(("sqs:SendMessage",), *letters)] if letters else []
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "scheduler.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}},
    }
    role = {
        "AssumeRolePolicyDocument": policy_document([trust]),
        "Policies": [{"PolicyName": "invoke", "PolicyDocument": policy_document(statements)}],
    }
    yield logical_id(key, "ScheduleRole"), resource("AWS::IAM::Role", role)
    for number, schedule in enumerate(wanted, 1):
        properties = _schedule(scope, key, schedule, _numbered(number))
        yield logical_id(key, f"Schedule{_numbered(number)}"), resource("AWS::Scheduler::Schedule", properties)


def _schedule(scope: Scope, key: str, schedule: Schedule, number: str) -> dict[str, Value]:
    window: Value = {"Mode": "OFF"}
    if schedule.window is not None:
        window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": max(1, schedule.window // 60)}
    name = physical_name(scope.system.stack, key) + (f"-{number}" if number else "")
    return {
        "Name": name,
        "Description": schedule.description,
        "ScheduleExpression": scope.value(schedule.expression),
        "ScheduleExpressionTimezone": schedule.timezone,
        "StartDate": schedule.start,
        "EndDate": schedule.end,
        "FlexibleTimeWindow": window,
        "State": "ENABLED" if schedule.enabled else "DISABLED",
        "Target": said(
            {
                "Arn": scope.references.target_arn(key),
                "RoleArn": resource_att(key, "ScheduleRole", "Arn"),
                "Input": as_json(scope, _MOMENT if schedule.input is None else schedule.input),
                "RetryPolicy": retry_policy(schedule.retry),
                "DeadLetterConfig": dead_letter_config(scope, schedule.dead_letter),
            }
        ),
    }


def _buckets(scope: Scope, key: str, function: Function) -> Iterator[Emitted]:
    """Yield the permission of each bucket that triggers the function; the bucket itself says which events."""
    wanted = [party(scope, trigger.s3.bucket, "buckets") for trigger in function.triggers if trigger.s3 is not None]
    if not all(one.section for one in wanted):
        raise CompileError(NO_BUCKET, advice=NO_BUCKET_ADVICE)
    for bucket in dict.fromkeys(one.key for one in wanted):
        # Buckets have no account in their ARN: without it, whoever gets the name next could invoke the function.
        properties = permission(
            scope, key, "s3", scope.references.bucket_arn(bucket), SourceAccount=ref("AWS::AccountId")
        )
        yield bucket_permission(key, bucket), properties


def bucket_permission(key: str, bucket: str) -> str:
    """Return the logical id of a bucket's permission to invoke function `key`."""
    return logical_id(key, f"{pascal(bucket)}BucketPermission")


def _queue(scope: Scope, key: str, function: Function, trigger: QueueTrigger) -> Iterator[Emitted]:
    queue = party(scope, trigger.queue, "queues")
    properties = {
        "FunctionName": _qualified(key, function),
        "EventSourceArn": queue.arn,
        "BatchSize": trigger.batch_size,
        "MaximumBatchingWindowInSeconds": trigger.window,
        "ScalingConfig": None if trigger.max_concurrency is None else {"MaximumConcurrency": trigger.max_concurrency},
        **_of_a_mapping(scope, trigger),
    }
    name = logical_id(key, f"{_known_as(queue.key, trigger.queue)}QueueMapping")
    yield name, resource("AWS::Lambda::EventSourceMapping", properties)


def _stream(scope: Scope, key: str, function: Function, trigger: StreamTrigger) -> Iterator[Emitted]:
    source, _ = stream_arn(scope, trigger.source)
    table = party(scope, trigger.source, "tables")
    start = trigger.start.upper()
    is_moment = start not in {"LATEST", "TRIM_HORIZON"}
    retry = trigger.retry or Retry()
    on_failure = trigger.on_failure
    properties = {
        "FunctionName": _qualified(key, function),
        "EventSourceArn": source,
        "StartingPosition": "AT_TIMESTAMP" if is_moment else start,
        "StartingPositionTimestamp": trigger.start if is_moment else None,
        "BatchSize": trigger.batch_size,
        "MaximumBatchingWindowInSeconds": trigger.window,
        "ParallelizationFactor": trigger.parallelization,
        "MaximumRetryAttempts": retry.attempts,
        "MaximumRecordAgeInSeconds": retry.max_age,
        "BisectBatchOnFunctionError": trigger.bisect or None,
        "TumblingWindowInSeconds": trigger.tumbling_window,
        "DestinationConfig": None
        if on_failure is None
        else {"OnFailure": {"Destination": party(scope, on_failure, *STREAM_FAILURES).arn}},
        **_of_a_mapping(scope, trigger),
    }
    name = logical_id(key, f"{_known_as(table.key, trigger.source)}StreamMapping")
    yield name, resource("AWS::Lambda::EventSourceMapping", properties)


def _of_a_mapping(scope: Scope, trigger: QueueTrigger | StreamTrigger) -> dict[str, Value]:
    return {
        "FilterCriteria": {"Filters": [{"Pattern": as_json(scope, pattern)} for pattern in trigger.filter]}
        if trigger.filter
        else None,
        "FunctionResponseTypes": ["ReportBatchItemFailures"] if trigger.partial_failures else None,
        "Enabled": None if trigger.enabled else False,
    }


def _known_as(key: str, source: Expression) -> str:
    """Return what a source is called in logical ids: its key, or the end of its ARN."""
    return pascal(key) if key else pascal(str(source).rpartition(":")[2].partition("/stream/")[0].rpartition("/")[2])


def _topic(scope: Scope, key: str, trigger: TopicTrigger) -> Iterator[Emitted]:
    topic = party(scope, trigger.topic, "topics")
    known = _known_as(topic.key, trigger.topic)
    properties = {
        "TopicArn": topic.arn,
        "Protocol": "lambda",
        "Endpoint": scope.references.target_arn(key),
        **filtered(scope, trigger.filter, trigger.filter_by),
        "RedrivePolicy": redrive(scope, trigger.dead_letter),
    }
    allowed = logical_id(key, f"{known}TopicPermission")
    yield allowed, permission(scope, key, "sns", topic.arn)
    yield logical_id(key, f"{known}Subscription"), resource("AWS::SNS::Subscription", properties, DependsOn=allowed)


def filtered(scope: Scope, policy: Value, by: str) -> dict[str, Value]:
    """Return a subscription's filter policy."""
    return {
        "FilterPolicy": scope.references.document(policy),
        "FilterPolicyScope": None if policy is None else {"attributes": "MessageAttributes", "body": "MessageBody"}[by],
    }


def redrive(scope: Scope, queue: Expression | None) -> Value:
    """Return the dead-letter queue of a subscription."""
    return None if queue is None else {"deadLetterTargetArn": party(scope, queue, "queues").arn}


def _event(scope: Scope, key: str, trigger: EventTrigger, number: str) -> Iterator[Emitted]:
    rule = logical_id(key, f"EventRule{number}")
    target = {
        "Id": "function",
        "Arn": scope.references.target_arn(key),
        **transformed(scope, trigger),
        "RetryPolicy": retry_policy(trigger.retry),
        "DeadLetterConfig": dead_letter_config(scope, trigger.dead_letter),
    }
    properties = {
        "Name": concatenate(physical_name(scope.system.stack, key), f"-{number}" if number else ""),
        "EventBusName": bus_name(scope, trigger.bus),
        "EventPattern": scope.references.document(trigger.pattern),
        "State": "ENABLED" if trigger.enabled else "DISABLED",
        "Targets": [said(target)],
    }
    yield rule, resource("AWS::Events::Rule", properties)
    allowed = permission(scope, key, "events", {"Fn::GetAtt": [rule, "Arn"]})
    yield logical_id(key, f"EventRule{number}Permission"), allowed
