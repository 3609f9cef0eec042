"""Faults as they are kept: begun, ended at their moment or before it, and taken up again after a restart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.base.tasks import TaskOwner
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.due_rows import DueRows
from lambent.cloud.framework.fault_injection import repository
from lambent.cloud.framework.fault_injection.sources import STRUCK, sources_of
from lambent.cloud.framework.faults.fault import Fault, short_name
from lambent.cloud.framework.faults.kind import FaultKind
from lambent.cloud.framework.faults.strikes import Strikes
from lambent.cloud.framework.registry import Registry
from lambent.cloud.framework.service import Operation, Parameters, Result
from lambent.cloud.store.errors import StoreError
from lambent.cloud.store.unit_of_work import Store

_log = logging.getLogger(__name__)
COMPONENT: Final = "faults"
"""Under which the store knows the table."""
_SCRIPTS = (Path(__file__).with_name("schema.sql"),)


@dataclass(frozen=True, slots=True)
class WantedFault:
    """A fault that is asked for; `target` is the ARN of something that is there and can have it."""

    kind: FaultKind
    target: str
    percentage: int
    lasts_s: float
    delay_s: float


class FaultInjector:
    """The faults of a platform. A start where there never was one does nothing; the table comes with the first."""

    def __init__(self, store: Store, registry: Registry, strikes: Strikes, *, clock: Clock, ids: IdSource) -> None:
        self.strikes = strikes
        self._store = store
        self._registry = registry
        self._clock = clock
        self._ids = ids
        self._tasks = TaskOwner("faults", clock=clock)
        self._ends = DueRows("ends of faults", clock, next_due=self._next_end, carry_out=self._end_what_is_over)
        self._making_ready = asyncio.Lock()
        self._is_ready = False
        self._uncounted: set[str] = set()
        self._is_counting = False
        strikes.tell(self._note)

    async def start(self, *, is_known: bool) -> None:
        """Take up the faults of an earlier run, if the store has a table of them; called once services are there."""
        if not is_known:
            return
        await self._make_ready()
        for fault, count in repository.faults(self._store.read):
            self._take_up(fault, count)
            _log.info("fault %s goes on: %s", fault.id, fault)

    async def stop(self) -> None:
        """Strike no more; what has not ended goes on after the next start."""
        if self._is_ready:
            await self._ends.stop()
        await self._write_counts()
        await self._tasks.aclose()

    async def begin(self, wanted: WantedFault) -> Fault:
        """Return a fault once it is durable and strikes. Raises StoreError."""
        now = self._clock.now()
        fault = Fault(
            id=f"f-{self._ids.base32(8).lower()}",
            kind=wanted.kind,
            target=wanted.target,
            percentage=wanted.percentage,
            begun_at=now,
            ends_at=now + wanted.lasts_s,
            delay_s=wanted.delay_s,
        )
        await self._make_ready()
        await self._store.write(partial(repository.add, fault=fault))
        self._take_up(fault, 0)
        _log.info("fault %s begins: %s, for %.0f s", fault.id, fault, wanted.lasts_s)
        return fault

    async def clear(self, chosen: Callable[[Fault], bool]) -> list[tuple[Fault, int]]:
        """End the faults that are chosen; return them as they were, once it is durable that they have ended."""
        ended = [(fault, count) for fault, count in self.strikes.all() if chosen(fault)]
        if ended:
            await self._end(ended, "is cleared")
        return ended

    def view(self) -> Mapping[str, object]:
        """Return the faults there are, as JSON-able values."""
        return {"faults": [self.shown(fault, count) for fault, count in self.strikes.all()]}

    def shown(self, fault: Fault, count: int = 0) -> Mapping[str, object]:
        """Return a fault as JSON-able values; times are seconds since the epoch, by the platform's clock."""
        return {
            "id": fault.id,
            "kind": fault.kind.value,
            "target": fault.target,
            "name": short_name(fault.target),
            "percentage": fault.percentage,
            "delay_s": fault.delay_s,
            "begun_at": fault.begun_at,
            "ends_at": fault.ends_at,
            "left_s": round(max(0.0, fault.ends_at - self._clock.now()), 3),
            "strikes": count,
        }

    async def _make_ready(self) -> None:
        async with self._making_ready:
            if not self._is_ready:
                await self._store.migrate(COMPONENT, [script.read_text(encoding="utf-8") for script in _SCRIPTS])
                self._is_ready = True
                self._ends.start()

    def _take_up(self, fault: Fault, count: int) -> None:
        self.strikes.put(fault, count)
        self._interpose(fault)
        self._ends.look_again()

    def _interpose(self, fault: Fault) -> None:
        """Have the operations of the target's service ask for faults, from its first on and until none has any."""
        name = fault.target.split(":")[2]
        service = self._registry.service(name)
        if service is None or name not in STRUCK:
            return
        has_faults = any(each.target.split(":")[2] == name for each, _ in self.strikes.all())
        service.interpose(partial(self._struck, name) if has_faults else None)

    def _struck(self, service: str, name: str, operation: Operation) -> Operation:
        """Return an operation whose callers the faults of its sources strike."""
        if name not in STRUCK[service]:
            return operation

        async def answer(context: RequestContext, parameters: Parameters) -> Result:
            await self.strikes.befall(service, *sources_of(service, context, parameters))
            return await operation(context, parameters)

        return answer

    def _next_end(self) -> float | None:
        return min((fault.ends_at for fault, _ in self.strikes.all()), default=None)

    async def _end_what_is_over(self) -> None:
        now = self._clock.now()
        await self._end([each for each in self.strikes.all() if each[0].ends_at <= now], "ends")

    async def _end(self, ended: Sequence[tuple[Fault, int]], how: str) -> None:
        for fault, _ in ended:
            self.strikes.remove(fault)
            self._interpose(fault)
        self._ends.look_again()
        ids = [fault.id for fault, _ in ended]
        await self._store.write(partial(repository.remove, ids=ids))
        for fault, count in ended:
            _log.info("fault %s %s: %s; it has struck %d times", fault.id, how, fault, count)

    def _note(self, fault: Fault) -> None:
        """Have it written that a fault has struck, with others that do meanwhile."""
        self._uncounted.add(fault.id)
        if not self._is_counting:
            self._is_counting = True
            self._tasks.start(self._write_counts(), name="strikes")

    async def _write_counts(self) -> None:
        try:
            while self._uncounted:
                ids, self._uncounted = self._uncounted, set()
                counts = [(fault.id, count) for fault, count in self.strikes.all() if fault.id in ids]
                try:
                    await self._store.write(partial(repository.note_strikes, counts=counts))
                except StoreError:
                    _log.exception("how often faults have struck could not be written")
                    return
        finally:
            self._is_counting = False
