"""What a fault on purpose is, and which a target can have: a function, or a source of events.

The words are those of AWS's Fault Injection Service, which has such actions for functions:
https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html#lambda-actions-reference
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from lambent.aws.arn import Arn
from lambent.cloud.framework.faults.kind import FaultKind


class Subject(StrEnum):
    """What kind of thing has a fault, in the words of the field."""

    FUNCTION = "function"
    QUEUE = "queue"
    FIFO_QUEUE = "FIFO queue"
    TOPIC = "topic"
    FIFO_TOPIC = "FIFO topic"
    BUCKET = "bucket"
    TABLE = "table"
    BUS = "event bus"
    RULE = "rule"
    SCHEDULE = "schedule"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one target, by its ARN: of so many per cent of what happens there, until a moment of the clock.

    `delay_s` is how long a latency lasts, how long an invocation has run when a crash ends it, and how far a reordering
    spreads what comes together; the other kinds do not look at it.
    """

    id: str
    kind: FaultKind
    target: str
    percentage: int
    begun_at: float
    ends_at: float
    delay_s: float = 0.0

    def __str__(self) -> str:
        return f"{self.kind} of {short_name(self.target)} ({self.percentage} %)"


def subject_of(arn: Arn) -> Subject | None:
    """Return what an ARN names, or None where that can have no faults.

    >>> subject_of(Arn.parse("arn:aws:sqs:us-east-1:000000000000:orders.fifo")).value
    'FIFO queue'
    """
    is_fifo = arn.resource.endswith(".fifo")
    match arn.service, arn.resource_type:
        case "lambda", "function":
            return Subject.FUNCTION
        case "sqs", "":
            return Subject.FIFO_QUEUE if is_fifo else Subject.QUEUE
        case "sns", "":
            return Subject.FIFO_TOPIC if is_fifo else Subject.TOPIC
        case "s3", "":
            return Subject.BUCKET
        case _:
            return _BY_RESOURCE_TYPE.get((arn.service, arn.resource_type))


_BY_RESOURCE_TYPE: Mapping[tuple[str, str], Subject] = {
    ("dynamodb", "table"): Subject.TABLE,
    ("events", "event-bus"): Subject.BUS,
    ("events", "rule"): Subject.RULE,
    ("scheduler", "schedule"): Subject.SCHEDULE,
}


def objection(kind: FaultKind, subject: Subject) -> str | None:
    """Return why a kind of target cannot have a kind of fault, None where it can.

    >>> objection(FaultKind.CRASH, Subject.QUEUE)
    'only functions crash: no process of its own stands behind a queue'
    >>> objection(FaultKind.DUPLICATE, Subject.QUEUE)
    """
    if kind is FaultKind.CRASH and subject is not Subject.FUNCTION:
        return f"only functions crash: no process of its own stands behind a {subject}"
    return _OBJECTIONS.get((kind, subject))


_ONCE = (
    "what is sent to a {} is there once, by its deduplication; a consumer gets a message again when it does not delete "
    "it in time, as after an error or a crash of the function that reads it"
)
_IN_ORDER = "AWS keeps the order of messages of one group, and so nothing that is built on a {} has to bear another"
_OBJECTIONS: Mapping[tuple[FaultKind, Subject], str] = {
    (FaultKind.DUPLICATE, Subject.FIFO_QUEUE): _ONCE.format(Subject.FIFO_QUEUE),
    (FaultKind.DUPLICATE, Subject.FIFO_TOPIC): _ONCE.format(Subject.FIFO_TOPIC),
    (FaultKind.REORDER, Subject.FIFO_QUEUE): _IN_ORDER.format(Subject.FIFO_QUEUE),
    (FaultKind.REORDER, Subject.FIFO_TOPIC): _IN_ORDER.format(Subject.FIFO_TOPIC),
    (FaultKind.REORDER, Subject.TABLE): (
        "AWS keeps the order of a table's stream for each item, and so nothing that reads it has to bear another"
    ),
    (FaultKind.REORDER, Subject.SCHEDULE): (
        "a schedule's occurrences are a minute or more apart: there is no order to be lost"
    ),
}


def short_name(target: str) -> str:
    """Return what people call the target of an ARN.

    >>> short_name("arn:aws:lambda:us-east-1:000000000000:function:resize:live")
    'lambda:resize:live'
    >>> short_name("arn:aws:events:us-east-1:000000000000:rule/orders/paid")
    'rule:orders/paid'
    """
    arn = Arn.parse(target)
    kind = "rule" if arn.service == "events" and arn.resource_type == "rule" else arn.service
    return f"{kind}:{arn.resource[len(arn.resource_type) :].lstrip(':/')}"
