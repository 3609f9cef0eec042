"""An engine on a store in memory, with a resource type whose handler is scripted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from lambent.base.clock import Clock, SystemClock
from lambent.base.identifiers import SeededIds
from lambent.cloud.framework.context import Principal
from lambent.cloud.framework.service import Parameters, Result
from lambent.cloud.services import cloudformation
from lambent.cloud.services.cloudformation import repository
from lambent.cloud.services.cloudformation.engine.engine import StackEngine
from lambent.cloud.services.cloudformation.engine.steps import Tools
from lambent.cloud.services.cloudformation.model.stack import Definition, ResourceStatus, Stack, StackResource
from lambent.cloud.services.cloudformation.model.states import StackStatus
from lambent.cloud.services.cloudformation.resources.contract import (
    Live,
    Properties,
    ResourceContext,
    ResourceFailedError,
    ResourceType,
)
from lambent.cloud.services.cloudformation.resources.table import ResourceTypes
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.sqlite_store import SqliteStore, memory_store

SCOPE = Scope("000000000000", "us-east-1")
ID = "arn:aws:cloudformation:us-east-1:000000000000:stack/s/1"
SCRIPTS = [Path(cloudformation.__file__).with_name(name) for name in ("schema.sql", "schema_2.sql", "schema_3.sql")]
_S = StackStatus
Fields = dict[str, Any]  # Any: fields of a stack, resources of a template, or their properties, by name


class Nobody:
    """A client of services that takes no calls."""

    async def call(
        self, service: str, operation: str, parameters: Parameters, *, scope: Scope, principal: Principal
    ) -> Result:
        """Fail, as a mistake would."""
        raise AssertionError(f"{service}:{operation} was called")


class Scripted:
    """Makes things that are physical ids alone.

    Steps that are `broken` (`create A`) fail; `update A late` fails once, when its work is done. Resources that are
    `held` wait for the gate; those that are `renamed` answer each change with another thing than they had. `cut_at` is
    a point, counted from 1, at which a step comes no further: before what it does on odd ones, after it on even ones.
    """

    def __init__(self) -> None:
        self.things: dict[str, Properties] = {}
        self.log: list[tuple[str, str, bool]] = []
        self.changes: list[tuple[str, Properties, Properties]] = []
        self.broken: set[str] = set()
        self.held: set[str] = set()
        self.renamed: set[str] = set()
        self.gate = asyncio.Event()
        self.at_work = asyncio.Event()
        self.cut_at: int | None = None
        self.points = 0

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Make a thing named after the resource and its token."""
        await self._enter("create", context)
        name = f"{context.logical_id}-{context.token}"
        self.things[name] = properties
        await self._point()
        return Live(name, {"Arn": f"arn:{context.logical_id}"})

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Change what differs between the two, as a handler does that calls only what it must."""
        self.changes.append((context.logical_id, before, after))
        await self._enter("update", context)
        changed = {name: after.get(name) for name in {*before, *after} if before.get(name) != after.get(name)}
        now = {**self.things[live.physical_id], **changed}
        self.things[live.physical_id] = {name: value for name, value in now.items() if value is not None}
        if (late := f"update {context.logical_id} late") in self.broken:
            self.broken = self.broken - {late}
            raise ResourceFailedError(f"no {context.logical_id}")
        if context.logical_id in self.renamed:
            live = replace(live, physical_id=f"{context.logical_id}-{len(self.log)}")
            self.things[live.physical_id] = now
        await self._point()
        return live

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Forget the thing."""
        await self._enter("delete", context)
        self.things.pop(live.physical_id, None)
        await self._point()

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return the thing."""
        return self.things.get(live.physical_id)

    async def _enter(self, verb: str, context: ResourceContext) -> None:
        self.log.append((verb, context.logical_id, context.is_repeated))
        await self._point()
        if context.logical_id in self.held:
            self.at_work.set()
            await self.gate.wait()
        if f"{verb} {context.logical_id}" in self.broken:
            raise ResourceFailedError(f"no {context.logical_id}")

    async def _point(self) -> None:
        self.points += 1
        if self.points == self.cut_at:
            self.at_work.set()
            await asyncio.Event().wait()


class Bench:
    """One stack and the engine that works on it."""

    def __init__(self, store: SqliteStore, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.handler = Scripted()
        self._ids = SeededIds(1)
        self.engine = self._another()

    def _another(self) -> StackEngine:
        kind = ResourceType(
            "T::T::T", self.handler, frozenset({"P", "Q", "Name"}), frozenset(), frozenset({"Name"}), frozenset({"Arn"})
        )
        return StackEngine(self.store, Tools(ResourceTypes([kind]), Nobody(), self.clock, self._ids))

    @property
    def stack(self) -> Stack:
        """The stack as it is kept."""
        found = repository.stack_by_id(self.store.read, ID)
        assert found is not None
        return found

    @property
    def rows(self) -> dict[str, StackResource]:
        """Its resources that are there."""
        gone = {ResourceStatus.DELETE_COMPLETE, ResourceStatus.DELETE_SKIPPED}
        found = repository.resources(self.store.read, ID)
        return {name: row for name, row in found.items() if row.status not in gone}

    async def begin(self, to: StackStatus, /, *, stack: Fields | None = None, **resources: object) -> None:
        """Begin an operation; `stack` are fields of the stack, the rest are resources."""
        changes = dict(stack or {})
        retained = changes.pop("retained", ())
        skipped = changes.pop("skipped", ())
        if to is _S.CREATE_IN_PROGRESS:
            new = Stack(ID, "s", SCOPE, to, self.clock.now(), definition(resources))
            await self.engine.begin(new, to, **changes)
            return
        if resources:
            changes["definition"] = definition(resources)
        await self.engine.begin(self.stack, to, retained=retained, skipped=skipped, **changes)

    async def create(self, *, stack: Fields | None = None, **resources: object) -> Stack:
        """Create the stack and return it when it rests."""
        await self.begin(_S.CREATE_IN_PROGRESS, stack=stack, **resources)
        return await self.rested()

    async def update(self, *, stack: Fields | None = None, **resources: object) -> Stack:
        """Update it and return it when it rests."""
        await self.begin(_S.UPDATE_IN_PROGRESS, stack=stack, **resources)
        return await self.rested()

    async def go(self, to: StackStatus, **stack: object) -> Stack:
        """Carry another operation out and return the stack when it rests."""
        await self.begin(to, stack=stack)
        return await self.rested()

    async def restart(self) -> None:
        """End the engine as a crash would, and start another on the same store."""
        await self.engine.stop()
        self.engine = self._another()
        await self.engine.start()

    async def rested(self) -> Stack:
        """Return the stack once nothing is under way."""
        async with asyncio.timeout(10):
            while self.stack.status.is_in_progress:
                await self.turn()
        return self.stack

    async def turn(self) -> None:
        """Let others do something."""
        await asyncio.get_running_loop().run_in_executor(None, _nothing)

    async def until_told(self, name: str, reason: str) -> None:
        """Wait until an event of a resource tells a reason."""
        async with asyncio.timeout(10):
            while not any((who, why) == (name, reason) for who, _, why in self.reasons()):
                await self.turn()

    def reasons(self) -> list[tuple[str, str, str]]:
        """Return all events, the oldest first: who, what, why."""
        found = repository.events(self.store.read, ID, before=None, limit=1000)
        return [(one.logical_id, str(one.status), one.reason) for _, one in reversed(found)]

    def made(self) -> dict[str, Properties]:
        """Return what there is, by logical id; two of one name are a mistake."""
        names = [name.partition("-")[0] for name in self.handler.things]
        assert len(names) == len(set(names)), f"made twice: {sorted(self.handler.things)}"
        return dict(sorted(zip(names, self.handler.things.values(), strict=True)))


_nothing: Callable[[], None] = lambda: None  # noqa: E731 - one turn of the loop, and of a thread


def definition(resources: Fields) -> Definition:
    """Return the definition of a stack with these resources: properties, or wholes that have `Properties`."""
    found = {
        name: {"Type": "T::T::T", **(given if "Properties" in given else {"Properties": given})}
        for name, given in resources.items()
    }
    text = json.dumps({"Resources": found})
    return Definition(text, text)


async def new_bench(clock: Clock | None = None) -> Bench:
    """Return a bench on a store of its own."""
    store = memory_store(clock or SystemClock())
    await store.migrate("cloudformation", [script.read_text(encoding="utf-8") for script in SCRIPTS])
    return Bench(store, clock or SystemClock())
