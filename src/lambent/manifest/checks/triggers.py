"""Rules about triggers: how many and which, and the bounds of schedules and event source mappings."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import available_timezones

from lambent.aws.schedule import Dialect
from lambent.base.diagnostics import Diagnostic
from lambent.manifest.checks.parties import declared_queue
from lambent.manifest.checks.resources import bounded, check_events, check_expression, check_retry
from lambent.manifest.checks.subject import Place, bounds, constraint
from lambent.manifest.event_sources import QueueTrigger, Schedule, StreamTrigger, Trigger
from lambent.manifest.node import Retry
from lambent.manifest.system import Function, System
from lambent.manifest.words import did_you_mean

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


def _trigger(system: System, function: Function, trigger: Trigger, place: Place) -> Iterator[Diagnostic]:
    if trigger.schedule is not None:
        yield from _schedule(trigger.schedule, place)
    if trigger.s3 is not None:
        yield from check_events(trigger.s3.events, place, "s3")
    if trigger.sqs is not None:
        yield from _queue_trigger(system, function, trigger.sqs, place)
    if trigger.stream is not None:
        yield from _stream_trigger(trigger.stream, place)
    if trigger.event is not None:
        yield from check_retry(trigger.event.retry, place, "event", "retry")


def _schedule(schedule: Schedule, place: Place) -> Iterator[Diagnostic]:
    yield from check_expression(schedule.expression, Dialect.SCHEDULER, place, "schedule")
    if schedule.timezone is not None and schedule.timezone not in available_timezones():
        message = f"Provided Timezone {schedule.timezone} is invalid."
        advice = did_you_mean(schedule.timezone, available_timezones(), otherwise="Write one such as Europe/Berlin.")
        yield place.found("schedule", message, advice, "schedule", "timezone")
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


def _stream_trigger(trigger: StreamTrigger, place: Place) -> Iterator[Diagnostic]:
    retry = trigger.retry or Retry()
    limits = (("batch_size", trigger.batch_size, "batchSize", 1, 10_000),
              ("window", trigger.window, "maximumBatchingWindowInSeconds", 0, 300),
              ("parallelization", trigger.parallelization, "parallelizationFactor", 1, 10),
              ("tumbling_window", trigger.tumbling_window, "tumblingWindowInSeconds", 0, 900))  # fmt: skip
    yield from bounded(limits, "mapping-limits", place, "stream")
    of_retry = (("attempts", retry.attempts, "maximumRetryAttempts", -1, 10_000),
                ("max_age", retry.max_age, "maximumRecordAgeInSeconds", 60, 604_800))  # fmt: skip
    yield from bounded(of_retry, "mapping-limits", place, "stream", "retry")
