"""Rules about triggers: how many and which, and the bounds of schedules and event source mappings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import available_timezones

from lambent.aws.schedule import Dialect
from lambent.base.diagnostics import Diagnostic
from lambent.manifest.checks.parties import declared_queue
from lambent.manifest.checks.patterns import check_event_pattern, check_filter_policy, check_filters
from lambent.manifest.checks.resources import (
    bounded,
    check_events,
    check_expression,
    check_made_name,
    check_one_input,
    check_retry,
)
from lambent.manifest.checks.subject import Place, bounds, constraint
from lambent.manifest.event_sources import QueueTrigger, Schedule, StreamTrigger, Trigger
from lambent.manifest.expression import Expression
from lambent.manifest.node import Retry
from lambent.manifest.parties import UnknownPartyError, find
from lambent.manifest.system import Function, System
from lambent.manifest.words import did_you_mean

# The triggers of which a function has one on each source, with the field that says which, and its section.
_SOURCES = (("sqs", "queue", "queues"), ("sns", "topic", "topics"), ("stream", "source", "tables"))
_STARTS = {"latest", "trim_horizon"}
_KINDS = ("schedule", "s3", "sqs", "sns", "event", "stream")


def check_triggers(system: System, function: Function, place: Place) -> Iterator[Diagnostic]:
    """Yield what is wrong with the triggers of a function, and with its permissions beside a role of its own."""
    needs_role = any(trigger.sqs or trigger.stream for trigger in function.triggers) or function.permissions
    if function.role is not None and needs_role:
        message = "this function has a role of its own, which its triggers and permissions do not change"
        advice = "Take `role` out to have one made with what is needed, or allow it in that role."
        yield place.found("permissions-of-a-role", message, advice, "role")
    for index, trigger in enumerate(function.triggers):
        where = ("triggers", index)
        given = [kind for kind in _KINDS if getattr(trigger, kind) is not None]
        if len(given) != 1:
            message = f"a trigger is one of {', '.join(_KINDS)}; this one has {' and '.join(given) or 'none'}"
            yield place.found("trigger", message, "Write each trigger as an item of its own.", *where)
        yield from _trigger(system, function, trigger, Place(place.sources, (*place.path, *where)))
    yield from _repeated(system, function, place)
    for kind in ("schedule", "event"):
        count = sum(getattr(trigger, kind) is not None for trigger in function.triggers)
        if count:
            made = f"{system.stack}-{place.path[-1]}" + (f"-{count}" if count > 1 else "")
            yield from check_made_name(place, made, 64)


def _repeated(system: System, function: Function, place: Place) -> Iterator[Diagnostic]:
    """Yield the triggers on a queue, topic or stream that has triggered the function already."""
    seen: set[str] = set()
    for index, trigger in enumerate(function.triggers):
        for kind, field, section in _SOURCES:
            if (given := getattr(trigger, kind)) is None:
                continue
            source = f"{kind} {_known_as(system, getattr(given, field), section)}"
            if source in seen:
                message = f"this function has a trigger on {getattr(given, field)} already"
                advice = "A function is invoked by a queue, topic or stream once: put both into one trigger."
                yield place.found("trigger", message, advice, "triggers", index)
            seen.add(source)


def _known_as(system: System, source: Expression, section: str) -> str:
    try:
        found = find(system, source, (section,))
    except UnknownPartyError:
        return str(source)
    return str(source) if found is None else found[1]


def _trigger(system: System, function: Function, trigger: Trigger, place: Place) -> Iterator[Diagnostic]:
    if trigger.schedule is not None:
        yield from _schedule(trigger.schedule, place)
    if trigger.s3 is not None:
        yield from check_events(trigger.s3.events, place, "s3")
    if trigger.sqs is not None:
        yield from _queue_trigger(system, function, trigger.sqs, place)
    if trigger.stream is not None:
        yield from _stream_trigger(system, trigger.stream, place)
    if trigger.event is not None:
        yield from check_event_pattern(trigger.event.pattern, place, "event", "pattern")
        yield from check_one_input(trigger.event, place, "event")
        yield from check_retry(trigger.event.retry, place, "event", "retry")
    if trigger.sns is not None:
        topic = system.topics.get(_known_as(system, trigger.sns.topic, "topics"))
        if topic is not None and topic.fifo:
            message = "Invalid parameter: Protocol Reason: FIFO topics do not support the protocol: lambda"
            advice = "Let the topic tell a queue, and give that an `sqs` trigger."
            yield place.found("subscription", message, advice, "sns", key=True)
        nested = trigger.sns.filter_by == "body"
        yield from check_filter_policy(trigger.sns.filter, place, "sns", "filter", nested=nested)


def _schedule(schedule: Schedule, place: Place) -> Iterator[Diagnostic]:
    yield from check_expression(schedule.expression, Dialect.SCHEDULER, place, "schedule")
    if schedule.timezone is not None and schedule.timezone not in available_timezones():
        message = f"Provided Timezone {schedule.timezone} is invalid."
        advice = did_you_mean(schedule.timezone, available_timezones(), otherwise="Write one such as Europe/Berlin.")
        yield place.found("schedule", message, advice, "schedule", "timezone")
    for field in ("start", "end"):
        if (moment := getattr(schedule, field)) is not None and not _is_moment(moment):
            advice = "Write it as 2027-01-01T00:00:00Z."
            yield place.found("schedule", f"{moment!r} is no moment", advice, "schedule", field)
    yield from check_retry(schedule.retry, place, "schedule", "retry")
    if schedule.window is not None:
        problem = bounds(schedule.window // 60, "flexibleTimeWindow.maximumWindowInMinutes", 1, 1440)
        if problem or schedule.window % 60:
            problem = problem or constraint(schedule.window, "flexibleTimeWindow", "Member must be whole minutes")
            yield place.found("schedule", problem, "Write it in minutes, as 15m.", "schedule", "window")


def _queue_trigger(system: System, function: Function, trigger: QueueTrigger, place: Place) -> Iterator[Diagnostic]:
    limits = (("batch_size", trigger.batch_size, "batchSize", 1, 10_000),
              ("window", trigger.window, "maximumBatchingWindowInSeconds", 0, 300),
              ("max_concurrency", trigger.max_concurrency, "scalingConfig.maximumConcurrency", 2, 1000))  # fmt: skip
    yield from bounded(limits, "mapping-limits", place, "sqs")
    yield from check_filters(trigger.filter, place, "sqs", "filter")
    queue = declared_queue(system, trigger.queue)
    if (trigger.batch_size or 0) > 10 and not trigger.window and not (queue is not None and queue.fifo):
        message = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        yield place.found("mapping-window", message, "Add `window: 1s`.", "sqs", "batch_size")
    if queue is None:
        return
    if queue.fifo and ((trigger.batch_size or 0) > 10 or trigger.window):
        message = "Batching window is not supported for FIFO queues, nor are batches of more than 10."
        yield place.found("mapping-window", message, "Take `window` out; 10 is the most.", "sqs", key=True)
    timeout = 3 if function.timeout is None else function.timeout
    if queue.visibility is not None and queue.visibility < timeout:
        message = (
            f"Queue visibility timeout: {queue.visibility} seconds is less than Function timeout: {timeout} seconds"
        )
        advice = f"Leave `visibility` out to have {6 * timeout} s, which AWS advises, or write {timeout} s at least."
        yield place.found("queue-visibility", message, advice, "sqs", key=True)


def _stream_trigger(system: System, trigger: StreamTrigger, place: Place) -> Iterator[Diagnostic]:
    retry = trigger.retry or Retry()
    limits = (("batch_size", trigger.batch_size, "batchSize", 1, 10_000),
              ("window", trigger.window, "maximumBatchingWindowInSeconds", 0, 300),
              ("parallelization", trigger.parallelization, "parallelizationFactor", 1, 10),
              ("tumbling_window", trigger.tumbling_window, "tumblingWindowInSeconds", 0, 900))  # fmt: skip
    yield from bounded(limits, "mapping-limits", place, "stream")
    yield from check_filters(trigger.filter, place, "stream", "filter")
    yield from _start(system, trigger, place)
    of_retry = (("attempts", retry.attempts, "maximumRetryAttempts", -1, 10_000),
                ("max_age", retry.max_age, "maximumRecordAgeInSeconds", 60, 604_800))  # fmt: skip
    yield from bounded(of_retry, "mapping-limits", place, "stream", "retry")


def _start(system: System, trigger: StreamTrigger, place: Place) -> Iterator[Diagnostic]:
    if trigger.start.lower() in _STARTS:
        return
    if not _is_moment(trigger.start):
        message = f"{trigger.start!r} is neither latest, trim_horizon nor a moment"
        advice = did_you_mean(trigger.start, _STARTS, otherwise="Write a moment as 2027-01-01T00:00:00Z.")
        yield place.found("mapping-start", message, advice, "stream", "start")
    elif _known_as(system, trigger.source, "tables") in system.tables or ":dynamodb:" in str(trigger.source):
        message = "Unsupported starting position for arn type: AT_TIMESTAMP"
        yield place.found("mapping-start", message, "Write latest or trim_horizon.", "stream", "start")


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return "T" in text
