"""Events on their way to targets: each sent as its target takes it, tried again as its policy says, or a dead letter.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import Principal, service_principal
from lambent.cloud.framework.deliveries import Deliveries, Delivery, Retry, Settled
from lambent.cloud.framework.faults.strikes import NEVER, Strikes
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.services.events.inputs import InvalidInputError, Occasion, input_of
from lambent.cloud.services.events.model import DEFAULT_BUS, HOST, Target
from lambent.cloud.services.events.retries import (
    LONGEST_AGE_S,
    MOST_RETRIES,
    Exhausted,
    RetryPolicy,
    code_of,
    next_step,
)
from lambent.cloud.services.events.sending import Parcel, Sending, send_dead_letter
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Store, Transaction

_log = logging.getLogger(__name__)
Told = Mapping[str, Any]  # Any: JSON of our own writing


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Why an event did not reach its target."""

    code: str
    message: str
    retries: int
    condition: Exhausted | None = None


class TargetDeliveries:
    """The durable deliveries of events to targets, and of dead letters to their queues."""

    def __init__(self, store: Store, client: InternalClient, *, clock: Clock, ids: IdSource) -> None:
        self._client = client
        self._clock = clock
        self._ids = ids
        self._sending: Sending | None = None
        self.queue = Deliveries("events", store, clock, self._attempt)
        self._strikes = NEVER

    def expose_to(self, strikes: Strikes) -> None:
        """Let faults on purpose of rules, and of their buses, strike what is sent to targets."""
        self._strikes = strikes
        self.queue.expose_to(strikes, _sources_of)

    def send_with(self, sending: Sending) -> None:
        """Have events sent so; called once, before the deliveries start."""
        self._sending = sending

    async def _attempt(self, delivery: Delivery) -> Settled | Retry:
        told: Told = orjson.loads(delivery.payload)
        if "letter" in told:
            return await self._send_letter(delivery, told)
        if self._sending is None:
            raise RuntimeError("deliveries started before it was known how they are sent")
        target, scope = told["route"]["target"], Scope(**told["route"]["scope"])
        occasion = Occasion(told["event"], told["route"]["rule"], delivery.accepted_at)
        try:
            content = input_of(target, occasion)
            principal = replace(_principal(scope, occasion.rule, target), trace=told["trace"])
            if self._strikes.active:
                await self._strikes.befall("events", occasion.rule)
            await self._sending.send(Parcel(scope, target, occasion, content, principal))
        except InvalidInputError as error:
            return self._ended(delivery, told, DeadLetter("INVALID_JSON", str(error), 0))
        except ServiceError as failure:
            return self._after(delivery, told, failure)
        return Settled()

    def _after(self, delivery: Delivery, told: Told, failure: ServiceError) -> Settled | Retry:
        code = code_of(failure)
        if code is not None:
            return self._ended(delivery, told, DeadLetter(code, failure.message, delivery.attempts))
        step = next_step(
            _policy(told["route"]["target"]),
            delivery.attempts,
            delivery.accepted_at,
            self._clock.now(),
            self._ids.fraction(),
        )
        if isinstance(step, Exhausted):
            return self._ended(delivery, told, DeadLetter(failure.code, failure.message, delivery.attempts, step))
        return Retry(step)

    def _ended(self, delivery: Delivery, told: Told, letter: DeadLetter) -> Settled:
        route = told["route"]
        queue = route["target"].get("DeadLetterConfig", {}).get("Arn")
        if queue is None:
            _log.warning(
                "event %s of %s did not reach %s: %s: %s",
                told["event"]["id"], route["rule"], route["target"]["Arn"], letter.code, letter.message,
            )  # fmt: skip
            return Settled()
        return Settled(self._letter_to(queue, told, letter))

    def _letter_to(self, queue: str, told: Told, letter: DeadLetter) -> Callable[[Transaction], None]:
        route = told["route"]
        attributes = {
            "RULE_ARN": route["rule"],
            "TARGET_ARN": route["target"]["Arn"],
            "ERROR_CODE": letter.code,
            "ERROR_MESSAGE": letter.message,
            "RETRY_ATTEMPTS": str(letter.retries),
        }
        if letter.condition is not None:
            attributes["EXHAUSTED_RETRY_CONDITION"] = letter.condition.value
        payload = orjson.dumps({"letter": attributes, "queue": queue, "event": told["event"], "scope": route["scope"]})
        return lambda transaction: self.queue.add(transaction, payload)

    async def _send_letter(self, delivery: Delivery, told: Told) -> Settled | Retry:
        scope, event = Scope(**told["scope"]), told["event"]
        principal = service_principal(HOST, scope, told["letter"]["RULE_ARN"])
        try:
            await send_dead_letter(self._client, told["queue"], event, told["letter"], principal)
        except ServiceError as failure:
            if code_of(failure) is None:
                now, chance = self._clock.now(), self._ids.fraction()
                step = next_step(RetryPolicy(), delivery.attempts, delivery.accepted_at, now, chance)
                if not isinstance(step, Exhausted):
                    return Retry(step)
            _log.error("the dead letter of event %s did not reach %s: %s", event["id"], told["queue"], failure)
        return Settled()


def _sources_of(payload: bytes) -> Sequence[str]:
    """Return the rule, and its bus, that an event comes from; of a dead letter nothing."""
    told: Told = orjson.loads(payload)
    if "letter" in told:
        return ()
    rule: str = told["route"]["rule"]
    where, _, name = rule.partition(":rule/")
    return rule, f"{where}:event-bus/{name.rpartition('/')[0] or DEFAULT_BUS}"


def _policy(target: Target) -> RetryPolicy:
    given = target.get("RetryPolicy", {})
    return RetryPolicy(
        given.get("MaximumRetryAttempts", MOST_RETRIES), given.get("MaximumEventAgeInSeconds", LONGEST_AGE_S)
    )


def _principal(scope: Scope, rule: str, target: Target) -> Principal:
    """Return as whom a target is asked: its role if it has one, else the service on behalf of the rule."""
    role: str | None = target.get("RoleArn")
    if role is None:
        return service_principal(HOST, scope, rule)
    _, partition, _, _, account, resource = role.split(":", 5)
    session = f"arn:{partition}:sts::{account}:assumed-role/{resource.rpartition('/')[2]}/events"
    return Principal(
        kind="assumed-role", account=account, arn=session, user_id=f"{account}:events", source_arn=rule, via=HOST
    )
