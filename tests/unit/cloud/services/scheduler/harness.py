"""The scheduler by itself: on a clock that a test moves, with a stand-in for all other services."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from lambent.base.clock import ManualClock
from lambent.base.identifiers import SeededIds
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import Principal, RequestContext, root_of
from lambent.cloud.framework.service import Parameters, Result
from lambent.cloud.services.scheduler.service import SchedulerService
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.sqlite_store import SqliteStore

SCOPE = Scope("123456789012", "eu-central-1")
ROLE = "arn:aws:iam::123456789012:role/fires"
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:work"
LETTERS = "arn:aws:sqs:eu-central-1:123456789012:letters"
_TRUST = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}


class Others:
    """Every other service: a role that may do anything, and queues that note what they are sent.

    `refusals` are raised by the work queue, one at each message, before it takes one.
    """

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.allowed: Mapping[str, object] = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        self.trust: Mapping[str, object] = _TRUST
        self.refusals: list[ServiceError] = []
        self.tried: list[float] = []
        self.work: list[Parameters] = []
        self.letters: list[Parameters] = []

    async def call(
        self, service: str, operation: str, parameters: Parameters, *, scope: Scope, principal: Principal
    ) -> Result:
        """Answer as IAM and SQS do."""
        if service == "iam":
            return self._iam(operation)
        assert (service, operation, scope) == ("sqs", "SendMessage", SCOPE)
        assert principal.arn == "arn:aws:sts::123456789012:assumed-role/fires/scheduler"
        if parameters["QueueUrl"].endswith("/letters"):
            self.letters.append(parameters)
            return {}
        self.tried.append(self._clock.now())
        if self.refusals:
            raise self.refusals.pop(0)
        self.work.append(parameters)
        return {}

    def _iam(self, operation: str) -> Result:
        answers: dict[str, Any] = {  # Any: as IAM answers
            "GetRole": {
                "Role": {"RoleId": "AROA", "AssumeRolePolicyDocument": json.dumps({"Statement": [self.trust]})}
            },
            "ListRolePolicies": {"PolicyNames": ["p"]},
            "GetRolePolicy": {"PolicyDocument": json.dumps({"Statement": [self.allowed]})},
            "ListAttachedRolePolicies": {"AttachedPolicies": []},
        }
        found: Result = answers[operation]
        return found


class Alone:
    """A running scheduler."""

    def __init__(self, service: SchedulerService, store: SqliteStore, clock: ManualClock, others: Others) -> None:
        self._service = service
        self.store = store
        self.clock = clock
        self.others = others

    async def ask(self, operation: str, **parameters: object) -> Mapping[str, Any]:  # Any: as AWS answers
        """Carry out an operation; raises ServiceError."""
        context = RequestContext(SCOPE, root_of(SCOPE.account), "request", self.clock.now())
        self._service.authorise(context, operation, parameters)
        return await self._service.operations()[operation](context, parameters)

    async def create(self, name: str, expression: str, **more: object) -> None:
        """Create a schedule that sends its moment to the work queue."""
        target = {"Arn": QUEUE, "RoleArn": ROLE, "Input": "<aws.scheduler.scheduled-time>"}
        wanted: dict[str, Any] = {  # Any: members of CreateSchedule
            "Name": name,
            "ScheduleExpression": expression,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            **more,
            "Target": {**target, **more.get("Target", {})},  # type: ignore[dict-item]  # a mapping wherever it is given
        }
        await self.ask("CreateSchedule", **wanted)

    async def advance_to(self, moment: str) -> None:
        """Move time on to a moment in UTC."""
        await self.clock.advance_to(at(moment))

    @property
    def sent(self) -> list[str]:
        """The messages of the work queue."""
        return [each["MessageBody"] for each in self.others.work]


@asynccontextmanager
async def alone(
    start: str, store: Callable[[ManualClock], SqliteStore], *, others: Others | None = None
) -> AsyncIterator[Alone]:
    """Run a scheduler by itself from a moment on."""
    clock = ManualClock(at(start))
    opened = store(clock)
    told = Others(clock) if others is None else others
    service = SchedulerService(opened, told, clock=clock, ids=SeededIds(1))
    await service.start()
    opened.start_delivery()
    try:
        yield Alone(service, opened, clock, told)
    finally:
        await service.stop()
        await opened.close()


def at(moment: str) -> float:
    """Return a moment in UTC as seconds since the epoch."""
    return datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
