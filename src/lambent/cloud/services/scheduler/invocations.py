"""Occurrences carried out: a target called as the schedule's role, again after a pause, and dead letters.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import orjson

from lambent.aws.arn import Arn, queue_url
from lambent.base.clock import Clock
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import Principal, service_principal
from lambent.cloud.framework.deliveries import Deliveries, Delivery, Retry, Settled
from lambent.cloud.framework.execution_role import ExecutionRole, execution_role
from lambent.cloud.framework.faults.strikes import NEVER, Strikes
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.service import Parameters, Result
from lambent.cloud.services.scheduler import repository
from lambent.cloud.services.scheduler.model import KeptSchedule, retries_of
from lambent.cloud.services.scheduler.targets import Occurrence, Request, request_of
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Store, Transaction

HOST: Final = "scheduler.amazonaws.com"
_log = logging.getLogger(__name__)
# So the 185 attempts that are the default take the day that is the default.
_LONGEST_PAUSE_S = 480.0
_DEAD_LETTER_ATTEMPTS = 10
_MOST_BODY_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class _Exhausted:
    """Why an occurrence is tried no more: the last error, and which limit was reached, if it was one."""

    error: ServiceError
    condition: str | None


class Invocations:
    """Carries occurrences out, each durably owed until it has succeeded or been given up."""

    def __init__(self, store: Store, client: InternalClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._queue = Deliveries("scheduler", store, clock, self._attempt)
        self._strikes = NEVER

    def expose_to(self, strikes: Strikes) -> None:
        """Let faults on purpose of schedules strike the calls of their targets."""
        self._strikes = strikes
        self._queue.expose_to(strikes, _sources_of)

    async def start(self) -> None:
        """Take up what an earlier run left."""
        await self._queue.start()

    async def stop(self) -> None:
        """Begin no more; what is owed is kept."""
        await self._queue.stop()

    def add(self, transaction: Transaction, one: KeptSchedule, told: Mapping[str, object], due_at: float) -> None:
        """Owe an occurrence of a schedule, in the unit of work that moves the schedule on."""
        scope = one.key.scope
        payload = {
            "arn": one.key.arn,
            "group": one.key.group_arn,
            "account": scope.account,
            "region": scope.region,
            "target": one.definition["Target"],
            **told,
        }
        self._queue.add(transaction, orjson.dumps(payload), due_at=due_at)

    async def role(self, scope: Scope, group_arn: str, role_arn: str) -> ExecutionRole | None:
        """Return the role with this ARN if Scheduler may assume it for a schedule group."""
        scheduler = service_principal(HOST, scope, group_arn)
        ask = partial(self._ask_iam, scope, scheduler)
        found = await execution_role(ask, role_arn, "scheduler")
        return found if found is not None and found.trusts(scheduler) else None

    async def _ask_iam(self, scope: Scope, principal: Principal, operation: str, parameters: Parameters) -> Result:
        return await self._client.call("iam", operation, parameters, scope=scope, principal=principal)

    async def _attempt(self, delivery: Delivery) -> Settled | Retry:
        told: Mapping[str, Any] = orjson.loads(delivery.payload)  # Any: JSON of our own writing
        if "letter" in told:
            return await self._send_letter(told, delivery)
        occurrence = Occurrence(
            schedule_arn=told["arn"],
            scope=Scope(told["account"], told["region"]),
            scheduled=told["scheduled"],
            execution_id=told["execution"],
            event_id=told["event"],
            target=told["target"],
        )
        try:
            if self._strikes.active:
                await self._strikes.befall("scheduler", occurrence.schedule_arn)
            await self._invoke(occurrence, told["group"], delivery.attempts + 1)
        except ServiceError as error:
            outcome = self._after(error, delivery.attempts, occurrence, told["begins"])
            if isinstance(outcome, Retry):
                return outcome
            return Settled(partial(self._give_up, told, occurrence, outcome, delivery.attempts))
        return Settled(partial(_complete, told) if told["completes"] else None)

    async def _invoke(self, occurrence: Occurrence, group_arn: str, attempt: int) -> None:
        try:
            request = request_of(occurrence, attempt)
        except ValueError as error:  # its keywords replaced, the input need not fit any longer
            raise ServiceError("ValidationException", str(error)) from error
        answer = await self._call(occurrence.scope, group_arn, occurrence.target["RoleArn"], request)
        if answer.get("FailedEntryCount"):
            failed = answer["Entries"][0]
            raise ServiceError(failed["ErrorCode"], failed["ErrorMessage"])

    async def _call(self, scope: Scope, group_arn: str, role_arn: str, request: Request) -> Result:
        role = await self.role(scope, group_arn, role_arn)
        if role is None:
            raise ServiceError("AccessDeniedException", f"The role {role_arn} cannot be assumed.", status=403)
        allowed = (
            role.may_somewhere(request.action)
            if request.resource is None
            else role.may(request.action, request.resource)
        )
        if not allowed:
            on = "" if request.resource is None else f" on resource: {request.resource}"
            raise ServiceError(
                "AccessDeniedException",
                f"User: {role.principal.arn} is not authorized to perform: {request.action}{on} because no "
                f"identity-based policy allows the {request.action} action",
                status=403,
            )
        return await self._client.call(
            request.service, request.operation, request.parameters, scope=request.scope, principal=role.principal
        )

    def _after(self, error: ServiceError, failed: int, occurrence: Occurrence, begun_at: float) -> Retry | _Exhausted:
        """Return when an occurrence that failed again is tried once more, or why it is not."""
        retries = retries_of(occurrence.target)
        if failed >= retries["MaximumRetryAttempts"]:
            return _Exhausted(error, "MaximumRetryAttempts")
        if error.is_senders_fault and not error.is_throttle:
            return _Exhausted(error, None)  # nothing would change: no such target, or not allowed
        again = self._clock.now() + min(2.0**failed, _LONGEST_PAUSE_S)
        if again > begun_at + retries["MaximumEventAgeInSeconds"]:
            return _Exhausted(error, "MaximumEventAgeInSeconds")
        return Retry(again)

    def _give_up(
        self,
        told: Mapping[str, Any],  # Any: JSON of our own writing
        occurrence: Occurrence,
        why: _Exhausted,
        retries: int,
        transaction: Transaction,
    ) -> None:
        _log.warning("%s did not reach its target: %s", occurrence.schedule_arn, why.error)
        queue = occurrence.target.get("DeadLetterConfig", {}).get("Arn")
        if queue is not None:
            letter = {"queue": queue, **_letter(occurrence, why, retries)}
            payload = {**told, "letter": letter}
            self._queue.add(transaction, orjson.dumps(payload))
        if told["completes"]:
            _complete(told, transaction)

    async def _send_letter(self, told: Mapping[str, Any], delivery: Delivery) -> Settled | Retry:  # Any: as above
        letter = told["letter"]
        queue = Arn.parse(letter["queue"])
        scope = Scope(told["account"], told["region"])
        attributes = {
            name: {"DataType": "String", "StringValue": value} for name, value in letter["attributes"].items()
        }
        message = {"QueueUrl": queue_url(queue), "MessageBody": letter["body"], "MessageAttributes": attributes}
        request = Request(
            "sqs", "SendMessage", message, Scope(queue.account, queue.region), "sqs:SendMessage", str(queue)
        )
        try:
            await self._call(scope, told["group"], told["target"]["RoleArn"], request)
        except ServiceError as error:
            if not error.is_senders_fault and delivery.attempts < _DEAD_LETTER_ATTEMPTS:
                return Retry(self._clock.now() + min(2.0**delivery.attempts, _LONGEST_PAUSE_S))
            _log.error("the dead-letter queue of %s did not take an occurrence: %s", told["arn"], error)
        return Settled()


def _sources_of(payload: bytes) -> Sequence[str]:
    """Return the schedule that an occurrence is one of; of a dead letter nothing."""
    told: Mapping[str, Any] = orjson.loads(payload)  # Any: JSON of our own writing
    return () if "letter" in told else (told["arn"],)


def _letter(occurrence: Occurrence, why: _Exhausted, retries: int) -> dict[str, object]:
    try:
        body = request_of(occurrence, retries + 1).body()
    except ValueError:
        body = occurrence.input(retries + 1)
    cut = body.encode()[:_MOST_BODY_BYTES].decode("utf-8", "ignore")
    attributes = {
        "ERROR_CODE": why.error.code,
        "ERROR_MESSAGE": why.error.message or why.error.code,
        "EXECUTION_ID": occurrence.execution_id,
        "IS_PAYLOAD_TRUNCATED": str(len(cut) < len(body)).lower(),
        "RETRY_ATTEMPTS": str(retries),
        "SCHEDULED_TIME": occurrence.scheduled_time,
        "SCHEDULE_ARN": occurrence.schedule_arn,
        "TARGET_ARN": occurrence.target["Arn"],
    }
    if why.condition is not None:
        attributes["EXHAUSTED_RETRY_CONDITION"] = why.condition
    return {"body": cut, "attributes": attributes}


def _complete(told: Mapping[str, Any], transaction: Transaction) -> None:  # Any: JSON of our own writing
    repository.delete_unchanged(transaction, told["schedule"], told["revision"])
