"""Who polls: one poller for each mapping that is enabled and whose source can be read here.

Mappings are taken up after the platform's start, some at a time, so that ten thousand of them keep nobody waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Protocol

from lambent.base.clock import SystemClock
from lambent.base.tasks import TaskOwner
from lambent.cloud.services.lambda_ import mapping_repository
from lambent.cloud.services.lambda_.dependencies import Dependencies
from lambent.cloud.services.lambda_.event_sources.counts import Counts
from lambent.cloud.services.lambda_.event_sources.delivery import Delivery
from lambent.cloud.services.lambda_.event_sources.parts import Parts
from lambent.cloud.services.lambda_.event_sources.sqs import QueuePoller
from lambent.cloud.services.lambda_.event_sources.streams import StreamPoller
from lambent.cloud.services.lambda_.event_sources.workers import Workers
from lambent.cloud.services.lambda_.model.event_source import STREAMS, SourceKind
from lambent.cloud.services.lambda_.model.event_source_mapping import EventSourceMapping
from lambent.cloud.store.unit_of_work import Transaction

_TAKEN_UP_AT_ONCE: Final = 10
_BETWEEN_S: Final = 0.01
# Who stops waits so long for functions that are at work; what they were given is theirs again after the next start.
_GRACE_S: Final = 3.0


class _Poller(Protocol):
    workers: Workers

    def start(self) -> None: ...

    async def opened(self) -> None: ...


class Pollers:
    """Begins and ends the polling of mappings."""

    def __init__(self, dependencies: Dependencies, delivery: Delivery) -> None:
        self._dependencies = dependencies
        self._delivery = delivery
        self._tasks = TaskOwner("lambda event sources", clock=dependencies.clock)
        self._work = TaskOwner("lambda event source mappings' upkeep", clock=dependencies.clock)
        self._pollers: dict[str, _Poller] = {}
        self._counts: dict[str, Counts] = {}
        self._results: dict[str, str] = {}
        self._has_stopped = False

    def resume(self) -> None:
        """Take up the enabled mappings, in the background."""
        self._work.start(self._take_up(), name="start")

    async def stop(self) -> None:
        """End all polling; functions that are at work have a moment to finish, and what they handled is deleted."""
        self._has_stopped = True
        await self._work.aclose()
        for poller in self._pollers.values():
            poller.workers.end()
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_S):
                for poller in self._pollers.values():
                    await poller.workers.finished()
        await self._tasks.aclose()

    async def begin(self, mapping: EventSourceMapping) -> None:
        """Poll a mapping's source from now on; return once it is, or was found not to be readable."""
        poller = self._make(mapping)
        if poller is None or self._has_stopped:
            return
        before = self._pollers.get(mapping.uuid)
        self._pollers[mapping.uuid] = poller
        if before is not None and mapping.kind in STREAMS:
            before.workers.end()
            await before.workers.finished()  # two at a time would get a shard out of order
        poller.start()
        await poller.opened()

    def end(self, uuid: str) -> None:
        """Poll no more for a mapping; what was received is handled in the background."""
        poller = self._pollers.get(uuid)
        if poller is not None:
            poller.workers.end()

    def forget(self, uuid: str) -> None:
        """Forget a mapping that is gone."""
        for known in (self._pollers, self._counts, self._results):
            known.pop(uuid, None)

    def view(self) -> Mapping[str, object]:
        """Return what was done for each mapping since the platform started, by the names of AWS's metrics."""
        return {uuid: counts.shape() for uuid, counts in self._counts.items()}

    def _make(self, mapping: EventSourceMapping) -> _Poller | None:
        if mapping.kind is not SourceKind.SQS and mapping.kind not in STREAMS:
            return None
        counts = self._counts.setdefault(mapping.uuid, Counts())
        on = self._dependencies
        parts = Parts(on.client, on.clock, on.ids, on.store, self._tasks, self._delivery, counts, self._tell)
        return QueuePoller(mapping, parts) if mapping.kind is SourceKind.SQS else StreamPoller(mapping, parts)

    async def _take_up(self) -> None:
        store, after = self._dependencies.store, ("", "", "")
        while found := mapping_repository.enabled_behind(store.read, after, _TAKEN_UP_AT_ONCE):
            for mapping in found:
                if mapping.uuid not in self._pollers:
                    poller = self._make(mapping)
                    if poller is not None:
                        self._pollers[mapping.uuid] = poller
                        poller.start()
            last = found[-1]
            after = (last.scope.account, last.scope.region, last.uuid)
            await SystemClock().sleep_until(SystemClock().now() + _BETWEEN_S)

    def _tell(self, mapping: EventSourceMapping, result: str) -> None:
        """Note what the processing of a mapping last came to, where that has changed."""
        if self._results.get(mapping.uuid) == result or self._has_stopped:
            return
        self._results[mapping.uuid] = result

        def work(transaction: Transaction) -> None:
            mapping_repository.put_result(transaction, mapping, result)

        self._work.start(self._dependencies.store.write(work), name=mapping.arn)
