"""What crosses a runtime's channel, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from lambent.dataplane.types import ProcessExit


@dataclass(frozen=True, slots=True)
class InvocationHeaders:
    """What `next` tells the runtime beside the event.

    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-next
    `deadline_ms` is real time in epoch milliseconds; `client_context` and `cognito_identity` are JSON texts.
    """

    request_id: str
    deadline_ms: int
    invoked_function_arn: str
    trace_id: str | None = None
    client_context: str | None = None
    cognito_identity: str | None = None


@dataclass(frozen=True, slots=True)
class Parked:
    """Init is over: the runtime waits in its first `next`."""


@dataclass(frozen=True, slots=True)
class Response:
    """The handler's answer as the runtime encoded it."""

    payload: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An error the runtime reported, or that the platform reports in its stead; `payload` is its JSON."""

    payload: bytes
    error_type: str


class CloseReason(Enum):
    """Why a channel came to its end."""

    ENDED = "the runtime's end was closed"
    MALFORMED = "the runtime sent what is no message"


@dataclass(frozen=True, slots=True)
class Closed:
    """The channel ended before an answer: the process is ending, or (malformed) must be ended; its exit tells why."""

    reason: CloseReason


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Init is over, and the runtime is a template for others, unless there is an obstacle to that."""

    obstacle: str | None


@dataclass(frozen=True, slots=True)
class WorkerEnded:
    """The one worker that served the invocation has ended; the environment goes on with the others."""

    exit: ProcessExit


InitAnswer = Parked | Snapshot | ErrorAnswer | Closed
RuntimeAnswer = Response | ErrorAnswer | WorkerEnded | Closed
