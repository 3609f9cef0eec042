"""Faults on purpose: which strike, by whose chance, until when; and that they are kept."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lambent.base.clock import ManualClock
from lambent.base.identifiers import SeededIds
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext, root_of
from lambent.cloud.framework.fault_injection.injector import COMPONENT, FaultInjector, WantedFault
from lambent.cloud.framework.fault_injection.sources import STRUCK, sources_of
from lambent.cloud.framework.faults.fault import Fault, Subject, objection
from lambent.cloud.framework.faults.kind import FaultKind
from lambent.cloud.framework.faults.strikes import NEVER, Strikes
from lambent.cloud.framework.registry import Registry
from lambent.cloud.framework.service import Parameters, Result, Service, operation
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.sqlite_store import store_in

JOBS, OTHERS = "arn:aws:sqs:us-east-1:000000000000:jobs", "arn:aws:sqs:us-east-1:000000000000:others"
SCOPE = Scope("000000000000", "us-east-1")


def fault(kind: FaultKind, target: str = JOBS, percentage: int = 100, *, lasts_s: float = 60.0) -> Fault:
    return Fault(f"{kind}-{target}", kind, target, percentage, 1000.0, 1000.0 + lasts_s)


def context(path: str = "/") -> RequestContext:
    return RequestContext(SCOPE, root_of(SCOPE.account), "id", 1000.0, path=path)


def test_a_share_of_what_happens_is_struck_by_the_chance_that_is_given() -> None:
    strikes = Strikes(ManualClock(1000.0), SeededIds(1))
    strikes.put(fault(FaultKind.THROTTLE, percentage=30))
    same = SeededIds(1)
    expected = [same.fraction() * 100 < 30 for _ in range(200)]
    assert [strikes.strike(FaultKind.THROTTLE, JOBS) is not None for _ in range(200)] == expected
    assert strikes.all()[0][1] == sum(expected) == 62


def test_chance_is_not_asked_where_it_has_no_say() -> None:
    ids = SeededIds(1)
    strikes = Strikes(ManualClock(1000.0), ids)
    strikes.put(fault(FaultKind.THROTTLE))
    assert strikes.strike(FaultKind.THROTTLE, OTHERS) is None
    assert strikes.strike(FaultKind.ERROR, JOBS) is None
    assert strikes.strike(FaultKind.THROTTLE, OTHERS, JOBS) is not None
    assert ids.fraction() == SeededIds(1).fraction()


async def test_a_fault_strikes_until_its_moment_by_the_platform_s_clock() -> None:
    clock = ManualClock(1000.0)
    strikes = Strikes(clock, SeededIds(1))
    strikes.put(fault(FaultKind.ERROR))
    assert strikes.strike(FaultKind.ERROR, JOBS) is not None
    await clock.advance(60.0)
    assert strikes.strike(FaultKind.ERROR, JOBS) is None
    assert (strikes.active, NEVER.active) == (True, False)
    strikes.remove(fault(FaultKind.ERROR))
    assert strikes.active is False


def test_only_what_has_a_process_of_its_own_can_crash() -> None:
    assert [each for each in Subject if objection(FaultKind.CRASH, each) is None] == [Subject.FUNCTION]


@pytest.mark.parametrize(
    ("service", "parameters", "sources"),
    [
        ("sqs", {"QueueUrl": "http://127.0.0.1:4566/000000000000/jobs"}, (JOBS,)),
        ("sqs", {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/000000000000/jobs/"}, (JOBS,)),
        ("sqs", {}, (JOBS,)),
        ("sns", {"TopicArn": "arn:t"}, ("arn:t",)),
        ("sns", {"TargetArn": "arn:t"}, ("arn:t",)),
        ("sns", {"PhoneNumber": "+1"}, ("",)),
        ("s3", {"Bucket": "b", "Key": "k"}, ("arn:aws:s3:::b",)),
        ("dynamodb", {"TableName": "t"}, ("arn:aws:dynamodb:us-east-1:000000000000:table/t",)),
        ("dynamodb", {"TableName": "arn:aws:dynamodb:x:y:table/t"}, ("arn:aws:dynamodb:x:y:table/t",)),
        ("dynamodb", {"RequestItems": {"arn:a": {}, "arn:b": {}}}, ("arn:a", "arn:b")),
        (
            "dynamodb",
            {"TransactItems": [{"Put": {"TableName": "arn:a"}}, {"Delete": {"TableName": "arn:b"}}]},
            ("arn:a", "arn:b"),
        ),
        (
            "events",
            {"Entries": [{}, {"EventBusName": "default"}, {"EventBusName": "arn:b"}]},
            ("arn:aws:events:us-east-1:000000000000:event-bus/default", "arn:b"),
        ),
    ],
)
def test_a_request_says_which_sources_it_is_about(
    service: str, parameters: Parameters, sources: tuple[str, ...]
) -> None:
    assert sources_of(service, context("/000000000000/jobs"), parameters) == sources


def test_every_operation_that_can_be_struck_is_one_of_aws() -> None:
    from lambent.aws.service_models import service_model

    for service, operations in STRUCK.items():
        assert operations <= set(service_model(service).operation_names)


class Queues(Service):
    """What stands for SQS."""

    name = "sqs"

    @operation("SendMessage")
    async def send(self, context: RequestContext, parameters: Parameters) -> Result:
        """Send nothing."""
        return {}


@asynccontextmanager
async def injecting(folder: Path, clock: ManualClock) -> AsyncIterator[tuple[FaultInjector, Queues]]:
    store = store_in(folder, clock)
    queues = Queues()
    strikes, ids = Strikes(clock, SeededIds(1)), SeededIds(1)
    injector = FaultInjector(store, Registry([queues], strikes), strikes, clock=clock, ids=ids)
    await injector.start(is_known=store.has_tables_of(COMPONENT))
    try:
        yield injector, queues
    finally:
        await injector.stop()
        await store.close()


async def send(queues: Queues) -> str:
    try:
        await queues.operations()["SendMessage"](context("/000000000000/jobs"), {})
    except ServiceError as error:
        return error.code
    return "sent"


async def test_faults_and_how_often_they_struck_survive_a_restart_and_end_at_their_moment(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    clock = ManualClock(1000.0)
    async with injecting(tmp_path, clock) as (injector, queues):
        begun = await injector.begin(WantedFault(FaultKind.THROTTLE, JOBS, 100, 60.0, 0.0))
        assert [await send(queues), await send(queues)] == ["RequestThrottled"] * 2
        await clock.advance(1.0)
        assert clock.next_deadline() == 1060.0
    async with injecting(tmp_path, clock) as (injector, queues):
        assert injector.strikes.all() == [(begun, 2)]
        assert await send(queues) == "RequestThrottled"
        await clock.advance(59.0)
        assert (injector.strikes.active, await send(queues)) == (False, "sent")
        assert queues.operations()["SendMessage"].__name__ == "send"
    async with injecting(tmp_path, clock) as (injector, _):
        assert injector.strikes.all() == []
    assert [record.message.removeprefix(f"fault {begun.id} ") for record in caplog.records] == [
        "begins: throttle of sqs:jobs (100 %), for 60 s",
        "goes on: throttle of sqs:jobs (100 %)",
        "ends: throttle of sqs:jobs (100 %); it has struck 3 times",
    ]


async def test_a_fault_that_was_over_before_the_restart_strikes_nobody(tmp_path: Path) -> None:
    async with injecting(tmp_path, ManualClock(1000.0)) as (injector, _):
        await injector.begin(WantedFault(FaultKind.ERROR, JOBS, 100, 60.0, 0.0))
    clock = ManualClock(2000.0)
    async with injecting(tmp_path, clock) as (injector, queues):
        assert await send(queues) == "sent"
        await clock.advance(1.0)
        assert injector.view() == {"faults": []}


async def test_nothing_waits_for_the_end_of_a_fault_that_was_cleared(tmp_path: Path) -> None:
    clock = ManualClock(1000.0)
    async with injecting(tmp_path, clock) as (injector, queues):
        first = await injector.begin(WantedFault(FaultKind.ERROR, JOBS, 100, 60.0, 0.0))
        second = await injector.begin(WantedFault(FaultKind.ERROR, JOBS, 100, 90.0, 0.0))
        assert await injector.clear(lambda fault: fault.id == first.id) == [(first, 0)]
        assert await send(queues) == "InternalFailure"
        await clock.advance(1.0)
        assert clock.next_deadline() == 1090.0
        assert await injector.clear(lambda _: True) == [(second, 1)]
        await clock.advance(1.0)
        assert (clock.next_deadline(), await send(queues)) == (None, "sent")
