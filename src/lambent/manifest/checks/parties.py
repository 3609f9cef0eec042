"""Whether the resources that triggers, permissions and targets speak of are there."""

from __future__ import annotations

from collections.abc import Iterator

from lambent.base.diagnostics import Diagnostic
from lambent.manifest.checks.subject import Place
from lambent.manifest.event_sources import Queue, Trigger
from lambent.manifest.expression import Expression
from lambent.manifest.parties import UnknownPartyError, find
from lambent.manifest.sources import Path, Sources
from lambent.manifest.system import System

GRANTED = {
    "read": ("buckets", "tables"),
    "write": ("buckets", "tables"),
    "delete": ("buckets", "tables"),
    "send": ("queues", "topics", "buses"),
    "receive": ("queues",),
    "invoke": ("functions",),
    "encrypt": ("keys",),
    "decrypt": ("keys",),
}
"""The verbs of `permissions`, and the sections whose resources each is for."""
RULE_TARGETS = ("functions", "queues", "topics", "buses")
NO_BUCKET = "this is no bucket of this manifest, and only its own stack can have it tell functions"
"""What is said of an `s3` trigger whose bucket is elsewhere."""
NO_BUCKET_ADVICE = "Declare it under `buckets`; one elsewhere can tell a topic, of which there are `sns` triggers."
"""What to do about it."""

TARGETS = {
    "dead_letter": ("queues", "topics"),
    "on_success": ("queues", "topics", "functions", "buses"),
    "on_failure": ("queues", "topics", "functions", "buses", "buckets"),
}
"""Where a function's asynchronous invocations may end, and the sections whose resources those can be."""

Spoken = tuple[Path, Expression, tuple[str, ...]]
"""Where a resource is spoken of, how, and in which sections it may stand."""


def check_parties(system: System, sources: Sources) -> Iterator[Diagnostic]:
    """Yield what is spoken of and is not in the manifest."""
    for path, expression, sections in _spoken_of(system):
        try:
            found = find(system, expression, sections)
        except UnknownPartyError as error:
            yield Place(sources, path).found("unknown-resource", error.message, error.advice)
            continue
        if found is None and path[-2:] == ("s3", "bucket"):
            yield Place(sources, path).found("unknown-resource", f"{expression}: {NO_BUCKET}", NO_BUCKET_ADVICE)


def declared_queue(system: System, queue: Expression) -> Queue | None:
    """Return the queue of the manifest that is meant; None for one elsewhere."""
    try:
        found = find(system, queue, ("queues",))
    except UnknownPartyError:
        return None
    return None if found is None else system.queues[found[1]]


def is_bucket(system: System, expression: Expression, key: str) -> bool:
    """Whether a bucket of the manifest is meant."""
    try:
        return find(system, expression, ("buckets",)) == ("buckets", key)
    except UnknownPartyError:
        return False


def _spoken_of(system: System) -> Iterator[Spoken]:
    yield from _of_functions(system)
    for key, bucket in system.buckets.items():
        for number, told in enumerate(bucket.notify):
            yield ("buckets", key, "notify", number, "to"), told.to, ("queues", "topics")
    for key, queue in system.queues.items():
        if isinstance(queue.dead_letter, Expression):
            yield ("queues", key, "dead_letter"), queue.dead_letter, ("queues",)
    yield from _of_topics(system)
    for key, rule in system.rules.items():
        for number, target in enumerate(rule.targets):
            yield ("rules", key, "targets", number, "to"), target.to, RULE_TARGETS
            yield from _letters(target.dead_letter, "rules", key, "targets", number)
    for key, bus in system.buses.items():
        yield from _letters(bus.dead_letter, "buses", key)


def _of_functions(system: System) -> Iterator[Spoken]:
    for key, function in system.functions.items():
        at: Path = ("functions", key)
        for number, grant in enumerate(function.permissions):
            for verb, sections in GRANTED.items():
                for place, wanted in enumerate(getattr(grant, verb)):
                    yield (*at, "permissions", number, verb, place), wanted, sections
        for number, trigger in enumerate(function.triggers):
            yield from _of_trigger(trigger, (*at, "triggers", number))
        for name, sections in TARGETS.items():
            target = getattr(function, name)
            if isinstance(target, Expression) and ":" not in (target.literal or ":"):
                yield (*at, name), target, sections


def _of_trigger(trigger: Trigger, at: Path) -> Iterator[Spoken]:
    if trigger.s3 is not None:
        yield (*at, "s3", "bucket"), trigger.s3.bucket, ("buckets",)
    if trigger.sqs is not None:
        yield (*at, "sqs", "queue"), trigger.sqs.queue, ("queues",)
    if trigger.sns is not None:
        yield (*at, "sns", "topic"), trigger.sns.topic, ("topics",)
        yield from _letters(trigger.sns.dead_letter, *at, "sns")
    if trigger.stream is not None:
        yield (*at, "stream", "source"), trigger.stream.source, ("tables",)
        if trigger.stream.on_failure is not None:
            yield (*at, "stream", "on_failure"), trigger.stream.on_failure, ("queues", "topics", "buckets")
    if trigger.schedule is not None:
        yield from _letters(trigger.schedule.dead_letter, *at, "schedule")
    if trigger.event is not None:
        yield from _letters(trigger.event.dead_letter, *at, "event")


def _of_topics(system: System) -> Iterator[Spoken]:
    for key, topic in system.topics.items():
        for number, subscription in enumerate(topic.subscriptions):
            at: Path = ("topics", key, "subscriptions", number)
            if subscription.queue is not None:
                yield (*at, "queue"), subscription.queue, ("queues",)
            yield from _letters(subscription.dead_letter, *at)


def _letters(queue: Expression | None, *at: str | int) -> Iterator[Spoken]:
    if queue is not None:
        yield (*at, "dead_letter"), queue, ("queues",)
