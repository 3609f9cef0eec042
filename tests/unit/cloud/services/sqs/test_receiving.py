"""Receiving and moving where writing fails, or who asked goes: what was set aside is others' to receive."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from lambent.base.clock import ManualClock
from lambent.base.identifiers import SeededIds
from lambent.base.tasks import let_others_run
from lambent.cloud.framework.context import Principal, RequestContext
from lambent.cloud.services.sqs.service import SqsService
from lambent.cloud.store.errors import StoreFull
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.sqlite_store import memory_store, store_in
from tests.full_store import FullStore

Told = dict[str, Any]  # Any: answers of an operation
_SCOPE = Scope("000000000000", "eu-west-1")
_CALLER = Principal("root", _SCOPE.account, f"arn:aws:iam::{_SCOPE.account}:root", _SCOPE.account)


class Caller:
    """Calls operations of the service."""

    def __init__(self, sqs: SqsService, clock: ManualClock) -> None:
        self._sqs = sqs
        self._clock = clock

    async def __call__(self, operation: str, **parameters: object) -> Told:
        context = RequestContext(_SCOPE, _CALLER, "id", self._clock.now(), host="localhost")
        return dict(await self._sqs.operations()[operation](context, parameters))

    async def made(self, name: str, **attributes: str) -> str:
        return str((await self("CreateQueue", QueueName=name, Attributes=attributes))["QueueUrl"])

    async def bodies(self, url: str) -> list[str]:
        found = await self("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10)
        return [message["Body"] for message in found.get("Messages", ())]


@pytest.mark.parametrize("kind", ["standard", "fifo"])
def test_messages_set_aside_for_a_receive_that_fails_can_be_received_by_others(kind: str) -> None:
    is_fifo = kind == "fifo"
    fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if is_fifo else {}
    suffix = ".fifo" if is_fifo else ""

    async def run() -> None:
        clock = ManualClock()
        kept = memory_store(clock)
        store = FullStore(kept)
        sqs = SqsService(store, clock=clock, ids=SeededIds(1))
        await sqs.start()
        call = Caller(sqs, clock)
        await call.made(f"dead{suffix}", **fifo)
        target = f"arn:aws:sqs:{_SCOPE.region}:{_SCOPE.account}:dead{suffix}"
        policy = orjson.dumps({"deadLetterTargetArn": target, "maxReceiveCount": 1}).decode()
        url = await call.made(f"q{suffix}", RedrivePolicy=policy, **fifo)
        for body in ("poison", "fresh"):
            await call("SendMessage", QueueUrl=url, MessageBody=body, **({"MessageGroupId": body} if is_fifo else {}))
            if body == "poison":
                assert await call.bodies(url) == ["poison"]
        await clock.advance(30)
        store.is_full = True
        with pytest.raises(StoreFull):
            await call.bodies(url)
        store.is_full = False
        assert await call.bodies(url) == ["fresh"]
        assert await call.bodies(f"http://localhost/{_SCOPE.account}/dead{suffix}") == ["poison"]
        await sqs.stop()
        await kept.close()

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["standard", "fifo"])
async def test_messages_of_a_receiver_that_goes_before_it_has_them_can_be_received_at_once(
    kind: str, tmp_path: Path
) -> None:
    is_fifo = kind == "fifo"
    clock = ManualClock()
    store = store_in(tmp_path / "data", clock)
    sqs = SqsService(store, clock=clock, ids=SeededIds(1))
    await sqs.start()
    call = Caller(sqs, clock)
    fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if is_fifo else {}
    url = await call.made("q.fifo" if is_fifo else "q", **fifo)
    for body in ("a", "b"):
        await call("SendMessage", QueueUrl=url, MessageBody=body, **({"MessageGroupId": "g"} if is_fifo else {}))
    async with asyncio.TaskGroup() as tasks:
        receiving = tasks.create_task(call.bodies(url))
        await let_others_run()
        receiving.cancel()  # while the disk is written
    assert receiving.cancelled()
    found = await call(
        "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["ApproximateReceiveCount"]
    )
    told = [(each["Body"], each["Attributes"]["ApproximateReceiveCount"]) for each in found["Messages"]]
    assert told == [("a", "1"), ("b", "1")]
    await sqs.stop()
    await store.close()


async def test_a_move_task_that_finds_the_disk_full_has_failed_once_that_can_be_written() -> None:
    clock = ManualClock()
    kept = memory_store(clock)
    store = FullStore(kept)
    sqs = SqsService(store, clock=clock, ids=SeededIds(1))
    await sqs.start()
    call = Caller(sqs, clock)
    dead = await call.made("dead")
    arn = f"arn:aws:sqs:{_SCOPE.region}:{_SCOPE.account}:dead"
    await call.made("q", RedrivePolicy=orjson.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1}).decode())
    await call("SendMessage", QueueUrl=dead, MessageBody="letter")
    destination = f"arn:aws:sqs:{_SCOPE.region}:{_SCOPE.account}:q"
    await call("StartMessageMoveTask", SourceArn=arn, DestinationArn=destination)
    store.is_full = True
    for _ in range(20):
        await let_others_run()
    store.is_full = False
    await clock.advance(1)
    (task,) = (await call("ListMessageMoveTasks", SourceArn=arn))["Results"]
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "InternalFailure")
    assert await call.bodies(dead) == ["letter"]
    await sqs.stop()
    await kept.close()
