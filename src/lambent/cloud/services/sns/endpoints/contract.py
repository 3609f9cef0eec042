"""What delivering to an endpoint may come to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.sns.model.message import Message
from lambent.cloud.services.sns.model.subscription import Subscription
from lambent.cloud.store.unit_of_work import Transaction

Effect = Callable[[Transaction], None] | None
"""What is to be written along with the delivery's end, if anything."""

_TOO_MANY_IN_FLIGHT: Final = "OverLimit"


class UndeliverableError(Exception):
    """The endpoint is not there or does not let us in: trying again would change nothing."""


class UnavailableError(Exception):
    """The endpoint cannot take it just now."""


class Endpoint(Protocol):
    """Delivers to the endpoints of a protocol."""

    async def deliver(self, message: Message, subscription: Subscription) -> Effect:
        """Hand a message to a subscription's endpoint; raises UndeliverableError or UnavailableError."""


def failure_of(error: ServiceError) -> UndeliverableError | UnavailableError:
    """Return what a service's refusal means: those of the sender's fault are final, unless we were too fast.

    https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
    """
    if error.is_senders_fault and not error.is_throttle and error.code != _TOO_MANY_IN_FLIGHT:
        return UndeliverableError(str(error))
    return UnavailableError(str(error))
