"""Receiving where writing fails in between: what was set aside for a receiver is others' to receive."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from lambent.base.clock import ManualClock
from lambent.base.identifiers import SeededIds
from lambent.cloud.framework.context import Principal, RequestContext
from lambent.cloud.services.sqs.service import SqsService
from lambent.cloud.store.errors import StoreFull
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.sqlite_store import memory_store
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
