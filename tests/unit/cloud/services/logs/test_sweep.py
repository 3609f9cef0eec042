from __future__ import annotations

from collections.abc import Mapping

from lambent.base.clock import ManualClock
from lambent.base.identifiers import SeededIds
from lambent.cloud.framework.context import RequestContext, root_of
from lambent.cloud.framework.fallback import NoFallback
from lambent.cloud.framework.internal_client import RegistryClient
from lambent.cloud.framework.registry import Registry
from lambent.cloud.services.logs.service import LogsService
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.sqlite_store import memory_store

DAY_S = 86_400


async def test_the_sweep_removes_what_was_deleted_and_what_has_expired_and_nothing_else() -> None:
    clock = ManualClock()
    ids = SeededIds(1)
    store = memory_store(clock)
    service = LogsService(store, RegistryClient(Registry(), NoFallback(), clock=clock, ids=ids), clock=clock, ids=ids)
    await service.start()

    async def call(operation: str, **parameters: object) -> Mapping[str, object]:
        scope = Scope("000000000000", "us-east-1")
        context = RequestContext(scope, root_of(scope.account), "id", clock.now())
        return await service.operations()[operation](context, parameters)

    async def put(group: str, stream: str) -> None:
        event = {"timestamp": int(clock.now() * 1000), "message": "m"}
        await call("PutLogEvents", logGroupName=group, logStreamName=stream, logEvents=[event])

    def chunks() -> int:
        return len(store.read.all("SELECT 1 FROM logs_chunk"))

    for group in ("kept", "expiring", "gone"):
        await call("CreateLogGroup", logGroupName=group)
        for stream in ("s", "t"):
            await call("CreateLogStream", logGroupName=group, logStreamName=stream)
            await put(group, stream)
    await call("PutRetentionPolicy", logGroupName="expiring", retentionInDays=1)
    await call("DeleteLogGroup", logGroupName="gone")
    await call("DeleteLogStream", logGroupName="kept", logStreamName="t")
    assert chunks() == 6
    await service.sweep()
    assert chunks() == 3
    await clock.advance(DAY_S - 1)
    await put("expiring", "s")
    await clock.advance(2)
    await service.sweep()
    assert chunks() == 2
    assert store.read.all("SELECT 1 FROM logs_deleted_stream") == []
    await store.close()
