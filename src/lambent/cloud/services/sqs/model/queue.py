"""A queue: its name, its attributes as they hold, and how it is addressed."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from lambent.cloud.store.scope import Scope

FIFO_SUFFIX = ".fifo"
LARGEST_MESSAGE = 1_048_576
MOST_IN_FLIGHT = 120_000
LONGEST_VISIBILITY_S = 43_200
DEDUPLICATION_MS = 5 * 60 * 1000

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
DEFAULTS: Mapping[str, str] = {
    "VisibilityTimeout": "30",
    "MaximumMessageSize": str(LARGEST_MESSAGE),
    "MessageRetentionPeriod": "345600",
    "DelaySeconds": "0",
    "ReceiveMessageWaitTimeSeconds": "0",
}
FIFO_DEFAULTS: Mapping[str, str] = {
    "FifoQueue": "true",
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}

_URL_PATH = re.compile(r"/(?:[^?#]*/)?(?P<account>[0-9]{12})/(?P<name>[A-Za-z0-9_-]{1,80}(?:\.fifo)?)/?")
_ARN = re.compile(
    r"arn:aws[a-z-]*:sqs:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):(?P<name>[A-Za-z0-9_-]{1,80}(?:\.fifo)?)"
)
_HOST = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """Which queue is meant."""

    scope: Scope
    name: str

    @property
    def arn(self) -> str:
        """The queue's ARN."""
        return f"arn:{self.scope.partition}:sqs:{self.scope.region}:{self.scope.account}:{self.name}"


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue as it is stored; `attributes` are those that were set, `settings` what follows from them.

    Its messages lie in `box`. The times are in milliseconds.
    """

    id: int
    address: Address
    box: int
    created_ms: int
    modified_ms: int
    purged_ms: int | None
    attributes: Mapping[str, str]
    tags: Mapping[str, str]
    settings: Settings

    @property
    def arn(self) -> str:
        """The queue's ARN."""
        return self.address.arn

    @property
    def is_fifo(self) -> bool:
        """Whether it keeps the order of what is sent to it."""
        return self.settings.is_fifo


@dataclass(frozen=True, slots=True)
class Redrive:
    """Where messages go that were received too often."""

    target_arn: str
    most_receives: int


@dataclass(frozen=True, slots=True)
class Settings:
    """A queue's attributes as values; made by `settings_of`."""

    is_fifo: bool
    visibility_s: int
    delay_s: int
    wait_s: int
    retention_ms: int
    largest_message: int
    deduplicates_by_content: bool
    deduplicates_by_group: bool
    redrive: Redrive | None
    policy: Mapping[str, object] | None = field(default=None)


def settings_of(attributes: Mapping[str, str]) -> Settings:
    """Return what a queue's attributes, each of which has been checked, mean."""
    known = {**DEFAULTS, **attributes}
    policy: Any = orjson.loads(attributes["Policy"]) if attributes.get("Policy") else None  # Any: JSON of any form
    return Settings(
        is_fifo=known.get("FifoQueue") == "true",
        visibility_s=int(known["VisibilityTimeout"]),
        delay_s=int(known["DelaySeconds"]),
        wait_s=int(known["ReceiveMessageWaitTimeSeconds"]),
        retention_ms=int(known["MessageRetentionPeriod"]) * 1000,
        largest_message=int(known["MaximumMessageSize"]),
        deduplicates_by_content=known.get("ContentBasedDeduplication") == "true",
        deduplicates_by_group=known.get("DeduplicationScope") == "messageGroup",
        redrive=_redrive(attributes.get("RedrivePolicy")),
        policy=policy,
    )


def _redrive(text: str | None) -> Redrive | None:
    if not text:
        return None
    policy: Any = orjson.loads(text)  # Any: JSON that has been checked
    return Redrive(str(policy["deadLetterTargetArn"]), int(policy["maxReceiveCount"]))


@functools.lru_cache(maxsize=4096)
def address_in_url(url: str, region: str) -> Address | None:
    """Return the queue that a URL, or its path alone, names; None where it names none. Its host does not matter.

    >>> address_in_url("https://sqs.eu-west-1.amazonaws.com/000000000000/jobs", "eu-west-1").name
    'jobs'
    """
    found = _URL_PATH.fullmatch(_HOST.sub("", url, count=1))
    return None if found is None else Address(Scope(found["account"], region), found["name"])


def address_in_arn(arn: str) -> Address | None:
    """Return the queue that an ARN names, or None where it is none of a queue's."""
    found = _ARN.fullmatch(arn)
    return None if found is None else Address(Scope(found["account"], found["region"]), found["name"])
