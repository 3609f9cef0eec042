"""Rules about buckets, queues, topics, tables and event rules, each by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lambent.aws.schedule import Dialect, InvalidScheduleError, parse_schedule
from lambent.base.diagnostics import Diagnostic
from lambent.manifest.checks.parties import declared_queue, is_bucket
from lambent.manifest.checks.patterns import check_event_pattern, check_filter_policy
from lambent.manifest.checks.subject import Place, bounds, constraint, literal
from lambent.manifest.event_sources import (
    Bucket,
    EventTrigger,
    Notification,
    ObjectTrigger,
    Queue,
    Rule,
    Table,
    Target,
    Topic,
)
from lambent.manifest.expression import Expression
from lambent.manifest.node import Retry
from lambent.manifest.sources import Path, Sources
from lambent.manifest.system import System

_EVENT = re.compile(
    r"s3:(TestEvent|ReducedRedundancyLostObject|ObjectCreated:(\*|Put|Post|Copy|CompleteMultipartUpload)"
    r"|ObjectRemoved:(\*|Delete|DeleteMarkerCreated)|ObjectRestore:(\*|Post|Completed|Delete)"
    r"|Replication:\S+|ObjectTagging:(\*|Put|Delete)|ObjectAcl:Put|LifecycleTransition|IntelligentTiering"
    r"|LifecycleExpiration:(\*|Delete|DeleteMarkerCreated))\Z"
)
_BUCKET_NAME = re.compile(r"(?!xn--|sthree-)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
# What the name of a bucket may have before `-<account>-<region>`: 63 less 12, the longest region's 14, two hyphens.
_LONGEST_BUCKET_PREFIX = 35
_QUEUE_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}(\.fifo)?\Z")


def check_resources(system: System, sources: Sources, unjudged: frozenset[Path]) -> Iterator[Diagnostic]:
    """Yield what is wrong with what functions work with."""
    for section in ("buckets", "queues", "topics", "tables", "rules"):
        for key, one in getattr(system, section).items():
            if (section, key) not in unjudged:
                yield from _checked(system, key, one, Place(sources, (section, key)))
    if not unjudged:
        yield from _overlaps(system, sources)


def _checked(system: System, key: str, one: object, place: Place) -> Iterator[Diagnostic]:
    match one:
        case Bucket():
            yield from _bucket(system, key, one, place)
        case Queue():
            yield from _queue(system, key, one, place)
        case Topic():
            yield from _topic(system, one, place)
        case Table():
            yield from _table(one, place)
        case Rule():
            yield from _rule(system, key, one, place)


def check_retry(retry: Retry | None, place: Place, *inside: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with how often a target of EventBridge's is tried.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_RetryPolicy.html
    """
    if retry is None:
        return
    limits = (("attempts", retry.attempts, "maximumRetryAttempts", 0, 185),
              ("max_age", retry.max_age, "maximumEventAgeInSeconds", 60, 86_400))  # fmt: skip
    yield from bounded(limits, "delivery-retry", place, *inside)


def check_made_name(place: Place, name: str | None, most: int) -> Iterator[Diagnostic]:
    """Yield that a name, given or made of the stack's and the key, is longer than AWS takes it."""
    if name is not None and len(name) > most:
        message = constraint(name, "name", f"Member must have length less than or equal to {most}")
        yield place.found("name-length", message, "Shorten the stack's name or the key; or give it a `name`.", key=True)


def check_one_input(target: EventTrigger | Target, place: Place, *inside: str | int) -> Iterator[Diagnostic]:
    """Yield that more than one way is given to say what a target gets in place of the event."""
    given = [field for field in ("input", "input_path", "transformer") if getattr(target, field) is not None]
    if len(given) > 1:
        message = "Only one of Input, InputPath, or InputTransformer must be provided for a target."
        yield place.found("rule", message, f"Keep one of {', '.join(given)}.", *inside, given[1])


def check_expression(
    expression: Expression, dialect: Dialect, place: Place, *inside: str | int
) -> Iterator[Diagnostic]:
    """Yield that a schedule's expression is none of its dialect's."""
    text = expression.literal
    if text is None:
        return
    try:
        parse_schedule(text, dialect)
    except InvalidScheduleError as error:
        advice = "Write rate(5 minutes) or cron(0 8 ? * MON-FRI *): minute, hour, day, month, day of the week, year."
        yield place.found("schedule-expression", str(error), advice, *inside)


def bounded(
    limits: Sequence[tuple[str, int | None, str, int, int]], rule: str, place: Place, *inside: str | int
) -> Iterator[Diagnostic]:
    """Yield the numbers that are out of their bounds: field, value, AWS's name, the least, the most."""
    for field, value, member, least, most in limits:
        if value is not None and (message := bounds(value, member, least, most)):
            yield place.found(rule, message, f"It is {least:,} to {most:,}.", *inside, field)


def check_events(events: Sequence[str], place: Place, *inside: str | int) -> Iterator[Diagnostic]:
    """Yield the events of a bucket that S3 does not have."""
    for index, event in enumerate(events):
        if event not in {"created", "removed", "restored"} and not _EVENT.match(event):
            message = "The event is not supported for notifications"
            advice = "Write created, removed, restored, or an event as S3 names it: s3:ObjectCreated:Put."
            yield place.found("object-events", f"{event!r}: {message}", advice, *inside, "events", index)


def _overlaps(system: System, sources: Sources) -> Iterator[Diagnostic]:
    """Yield the notifications of a bucket of which two would tell of the same event of the same object."""
    for bucket in system.buckets:
        seen: list[ObjectTrigger | Notification] = []
        for path, told in _told_of(system, bucket):
            if any(_overlap(told, other) for other in seen):
                message = "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type."
                advice = "Give each a prefix or suffix that no other has, or let a topic tell both."
                yield Place(sources, path).found("ambiguous-notifications", message, advice)
            seen.append(told)


def _told_of(system: System, bucket: str) -> Iterator[tuple[Path, ObjectTrigger | Notification]]:
    for key, function in system.functions.items():
        for number, trigger in enumerate(function.triggers):
            if trigger.s3 is not None and is_bucket(system, trigger.s3.bucket, bucket):
                yield ("functions", key, "triggers", number), trigger.s3
    for number, told in enumerate(system.buckets[bucket].notify):
        yield ("buckets", bucket, "notify", number), told


def _overlap(one: ObjectTrigger | Notification, other: ObjectTrigger | Notification) -> bool:
    def nested(first: str | None, second: str | None, *, end: bool) -> bool:
        a, b = first or "", second or ""
        return (a.endswith(b) or b.endswith(a)) if end else (a.startswith(b) or b.startswith(a))

    def kinds(told: ObjectTrigger | Notification) -> set[str]:
        return {{"created": "s3:ObjectCreated", "removed": "s3:ObjectRemoved", "restored": "s3:ObjectRestore"}.get(
            event, event.removesuffix(":*")) for event in told.events}  # fmt: skip

    same_event = any(a.startswith(b) or b.startswith(a) for a in kinds(one) for b in kinds(other))
    return same_event and nested(one.prefix, other.prefix, end=False) and nested(one.suffix, other.suffix, end=True)


def _bucket(system: System, key: str, bucket: Bucket, place: Place) -> Iterator[Diagnostic]:
    name = literal(bucket.name)
    made = f"{system.stack}-{key}".lower().replace("_", "-")
    if bucket.name is None and (len(made) > _LONGEST_BUCKET_PREFIX or not _BUCKET_NAME.match(f"{made}-0")):
        message = f"The specified bucket is not valid: {made}-<account>-<region>"
        advice = f"Stack and key may have {_LONGEST_BUCKET_PREFIX - 1} characters together; or give it a `name`."
        yield place.found("bucket-name", message, advice, key=True)
    elif name is not None and not _BUCKET_NAME.match(name):
        advice = "3 to 63 characters: small letters, digits, hyphens and dots."
        yield place.found("bucket-name", f"The specified bucket is not valid: {name}", advice, "name")
    for index, told in enumerate(bucket.notify):
        yield from check_events(told.events, place, "notify", index)
        if _is_fifo(system, told.to):
            message = "Unable to validate the following destination configurations: FIFO queues are not supported"
            yield place.found("fifo", message, "Let it tell a standard queue.", "notify", index, "to")


def _queue(system: System, key: str, queue: Queue, place: Place) -> Iterator[Diagnostic]:
    yield from _fifo_name(queue, place)
    if queue.name is None or queue.dead_letter is True:
        made = f"{system.stack}-{key}" + ("-dead-letters" if queue.dead_letter is True else "")
        yield from check_made_name(place, made + (".fifo" if queue.fifo else ""), 80)
    limits = (("visibility", queue.visibility, "VisibilityTimeout", 0, 43_200),
              ("retention", queue.retention, "MessageRetentionPeriod", 60, 1_209_600),
              ("delay", queue.delay, "DelaySeconds", 0, 900),
              ("wait", queue.wait, "ReceiveMessageWaitTimeSeconds", 0, 20),
              ("max_size", queue.max_size, "MaximumMessageSize", 1024, 1_048_576),
              ("max_receives", queue.max_receives, "maxReceiveCount", 1, 1000))  # fmt: skip
    yield from bounded(limits, "queue-limits", place)
    letters = declared_queue(system, queue.dead_letter) if isinstance(queue.dead_letter, Expression) else None
    if letters is not None and letters.fifo != queue.fifo:
        kind = "FIFO" if queue.fifo else "standard"
        message = f"The dead-letter queue of a {kind} queue has to be a {kind} queue, too."
        yield place.found("queue-dead-letters", message, "Write `dead_letter: true` to have one.", "dead_letter")


def _is_fifo(system: System, target: Expression) -> bool:
    """Whether a FIFO queue of the manifest is meant."""
    queue = declared_queue(system, target)
    return queue is not None and queue.fifo


def _fifo_name(one: Queue | Topic, place: Place) -> Iterator[Diagnostic]:
    name = literal(one.name)
    if one.deduplicate and not one.fifo:
        message = "Only FIFO queues and topics deduplicate by content."
        yield place.found("fifo", message, "Add `fifo: true`.", "deduplicate")
    if name is None:
        return
    if name.endswith(".fifo") != one.fifo:
        message = "The name of a FIFO queue or topic, and of no other, ends in .fifo."
        yield place.found("fifo", message, "Leave the name out, or let `fifo` and the name agree.", "name")
    elif not _QUEUE_NAME.match(name):
        message = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        yield place.found("queue-name", message, "Choose another name.", "name")


def _topic(system: System, topic: Topic, place: Place) -> Iterator[Diagnostic]:
    yield from _fifo_name(topic, place)
    for index, subscription in enumerate(topic.subscriptions):
        given = [kind for kind in ("email", "queue", "url") if getattr(subscription, kind) is not None]
        if len(given) != 1:
            message = f"a subscription is of one of email, queue, url; this one has {' and '.join(given) or 'none'}"
            yield place.found("subscription", message, "Functions have `sns` triggers.", "subscriptions", index)
        elif topic.fifo and given != ["queue"]:
            message = f"Invalid parameter: Protocol Reason: FIFO topics do not support the protocol: {given[0]}"
            yield place.found("subscription", message, "FIFO topics tell queues.", "subscriptions", index)
        if subscription.queue is not None and not topic.fifo and _is_fifo(system, subscription.queue):
            message = "Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"
            yield place.found("fifo", message, "Both are FIFO, or neither.", "subscriptions", index, "queue")
        where, nested = ("subscriptions", index, "filter"), subscription.filter_by == "body"
        yield from check_filter_policy(subscription.filter, place, *where, nested=nested)


def _table(table: Table, place: Place) -> Iterator[Diagnostic]:
    keyed = [("key", table.key), ("sort", table.sort)]
    kinds: dict[str, str] = {}
    for field, attribute in keyed + [
        (f"indexes.{name}", each) for name, index in table.indexes.items() for each in (index.key, index.sort)
    ]:
        if attribute is None:
            continue
        where = tuple(field.split("."))
        if isinstance(attribute, dict) and len(attribute) != 1:
            message = "a key is one attribute, with its type: `{count: number}`"
            yield place.found("table-key", message, "The sort key has `sort`.", *where)
            continue
        name, kind = (attribute, "string") if isinstance(attribute, str) else next(iter(attribute.items()))
        if kinds.setdefault(name, kind) != kind:
            message = f"`{name}` is {kinds[name]} in one key and {kind} in another"
            yield place.found("table-key", message, "An attribute has one type in all keys of a table.", *where)


def _rule(system: System, key: str, rule: Rule, place: Place) -> Iterator[Diagnostic]:
    if (rule.pattern is None) == (rule.schedule is None):
        message = "Parameter(s) EventPattern or ScheduleExpression must be specified."
        yield place.found("rule", message, "Write one of `pattern` and `schedule`.", key=True)
    yield from check_event_pattern(rule.pattern, place, "pattern")
    if rule.schedule is not None:
        yield from check_expression(rule.schedule, Dialect.RULE, place, "schedule")
    if rule.schedule is not None and rule.bus is not None:
        message = "ScheduleExpression is supported only on the default event bus."
        yield place.found("rule", message, "Take `bus` out.", "bus")
    if not 1 <= len(rule.targets) <= 5:
        message = "The requested resource exceeds the maximum number allowed."
        yield place.found("rule", message, "A rule has 1 to 5 targets.", "targets")
    yield from check_made_name(place, f"{system.stack}-{key}" if rule.name is None else literal(rule.name), 64)
    for index, target in enumerate(rule.targets):
        yield from check_one_input(target, place, "targets", index)
        yield from check_retry(target.retry, place, "targets", index, "retry")
        if target.group is None and _is_fifo(system, target.to):
            message = f"Parameter(s) SqsParameters must be specified for target: target-{index + 1}."
            yield place.found("rule", message, "Add `group`, the message group of a FIFO queue.", "targets", index)
