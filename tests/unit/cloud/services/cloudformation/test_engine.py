"""The engine on a store in memory, with a resource type whose handler is scripted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lambent.base.clock import SystemClock
from lambent.base.identifiers import SeededIds
from lambent.cloud.framework.context import Principal
from lambent.cloud.framework.service import Parameters, Result
from lambent.cloud.services import cloudformation
from lambent.cloud.services.cloudformation import repository
from lambent.cloud.services.cloudformation.engine.engine import StackEngine
from lambent.cloud.services.cloudformation.engine.steps import Tools
from lambent.cloud.services.cloudformation.model.stack import Definition, Stack
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

_S = StackStatus
_SCOPE = Scope("000000000000", "us-east-1")
_ID = "arn:aws:cloudformation:us-east-1:000000000000:stack/s/1"
_SCHEMA = Path(cloudformation.__file__).with_name("schema.sql")


class _Nobody:
    async def call(
        self, service: str, operation: str, parameters: Parameters, *, scope: Scope, principal: Principal
    ) -> Result:
        raise AssertionError(f"{service}:{operation} was called")


class _Scripted:
    """Makes things that are physical ids alone; `broken` logical ids fail, `held` ones wait for the gate."""

    def __init__(self) -> None:
        self.things: dict[str, Properties] = {}
        self.log: list[tuple[str, str, bool]] = []
        self.broken: set[str] = set()
        self.held: set[str] = set()
        self.gate = asyncio.Event()
        self.at_work = asyncio.Event()

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        await self._enter("create", context)
        name = f"{context.logical_id}-{context.token}"
        self.things[name] = properties
        return Live(name, {"Arn": f"arn:{context.logical_id}"})

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        await self._enter("update", context)
        self.things[live.physical_id] = after
        return live

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        await self._enter("delete", context)
        self.things.pop(live.physical_id, None)

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        return self.things.get(live.physical_id)

    async def _enter(self, verb: str, context: ResourceContext) -> None:
        self.log.append((verb, context.logical_id, context.is_repeated))
        if context.logical_id in self.held:
            self.at_work.set()
            await self.gate.wait()
        if f"{verb} {context.logical_id}" in self.broken:
            raise ResourceFailedError(f"no {context.logical_id}")


class _Bench:
    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.handler = _Scripted()
        self._ids = SeededIds(1)
        self.engine = self.another()

    def another(self) -> StackEngine:
        kind = ResourceType(
            "T::T::T", self.handler, frozenset({"P", "Name"}), frozenset(), frozenset({"Name"}), frozenset({"Arn"})
        )
        return StackEngine(self.store, Tools(ResourceTypes([kind]), _Nobody(), SystemClock(), self._ids))

    @property
    def stack(self) -> Stack:
        found = repository.stack_by_id(self.store.read, _ID)
        assert found is not None
        return found

    async def create(self, **properties: object) -> Stack:
        await self.engine.begin(
            Stack(_ID, "s", _SCOPE, _S.CREATE_IN_PROGRESS, 0.0, _definition(properties)), _S.CREATE_IN_PROGRESS
        )
        return await self.rested()

    async def update(self, **properties: object) -> Stack:
        await self.engine.begin(replace(self.stack, definition=_definition(properties)), _S.UPDATE_IN_PROGRESS)
        return await self.rested()

    async def rested(self) -> Stack:
        async with asyncio.timeout(10):
            while self.stack.status.is_in_progress:
                await asyncio.get_running_loop().run_in_executor(None, _nothing)
        return self.stack

    def reasons(self) -> list[tuple[str, str, str]]:
        found = repository.events(self.store.read, _ID, before=None, limit=100)
        return [(one.logical_id, str(one.status), one.reason) for _, one in reversed(found)]


_nothing: Callable[[], None] = lambda: None  # noqa: E731 - one turn of the loop, and of a thread


def _definition(properties: dict[str, object]) -> Definition:
    resources = {name: {"Type": "T::T::T", "Properties": given} for name, given in properties.items()}
    text = json.dumps({"Resources": resources})
    return Definition(text, text)


@pytest.fixture
async def bench() -> AsyncIterator[_Bench]:
    store = memory_store(SystemClock())
    await store.migrate("cloudformation", [_SCHEMA.read_text(encoding="utf-8")])
    made = _Bench(store)
    yield made
    await made.engine.stop()
    await store.close()


async def test_resources_are_made_in_the_order_of_their_needs(bench: _Bench) -> None:
    stack = await bench.create(A={"P": {"Ref": "B"}}, B={"P": "1"})
    assert stack.status is _S.CREATE_COMPLETE
    assert [name for _, name, _ in bench.handler.log] == ["B", "A"]
    assert ("B", "CREATE_IN_PROGRESS", "Resource creation Initiated") in bench.reasons()


async def test_a_failed_creation_takes_down_what_was_made(bench: _Bench) -> None:
    bench.handler.broken = {"create A"}
    stack = await bench.create(A={"P": {"Ref": "B"}}, B={"P": "1"})
    assert stack.status is _S.ROLLBACK_COMPLETE
    assert bench.handler.things == {}
    told = ("s", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [A]. Rollback requested by user.")
    assert told in bench.reasons()


async def test_a_failed_update_brings_back_what_was(bench: _Bench) -> None:
    await bench.create(A={"P": "1"}, B={"P": {"Ref": "A"}})
    bench.handler.broken = {"create C"}
    stack = await bench.update(A={"P": "2"}, B={"P": {"Ref": "A"}}, C={"P": {"Ref": "A"}})
    assert stack.status is _S.UPDATE_ROLLBACK_COMPLETE
    assert sorted(name[0] for name in bench.handler.things) == ["A", "B"]
    assert {"P": "1"} in bench.handler.things.values()


async def test_a_replaced_resource_is_removed_in_the_clean_up(bench: _Bench) -> None:
    await bench.create(A={"Name": "1"})
    stack = await bench.update(A={"Name": "2"})
    assert stack.status is _S.UPDATE_COMPLETE
    assert list(bench.handler.things.values()) == [{"Name": "2"}]


async def test_another_engine_takes_up_a_creation_that_was_cut_off(bench: _Bench) -> None:
    bench.handler.held = {"B"}
    await bench.engine.begin(
        Stack(_ID, "s", _SCOPE, _S.CREATE_IN_PROGRESS, 0.0, _definition({"A": {"P": "1"}, "B": {"P": {"Ref": "A"}}})),
        _S.CREATE_IN_PROGRESS,
    )
    await bench.handler.at_work.wait()
    await bench.engine.stop()
    assert bench.stack.status is _S.CREATE_IN_PROGRESS
    bench.handler.held = set()
    bench.engine = bench.another()
    await bench.engine.start()
    assert (await bench.rested()).status is _S.CREATE_COMPLETE
    assert bench.handler.log == [("create", "A", False), ("create", "B", False), ("create", "B", True)]


async def test_a_deletion_leaves_nothing_and_takes_users_first(bench: _Bench) -> None:
    await bench.create(A={"P": "1"}, B={"P": {"Ref": "A"}})
    await bench.engine.begin(bench.stack, _S.DELETE_IN_PROGRESS)
    assert (await bench.rested()).status is _S.DELETE_COMPLETE
    assert bench.handler.things == {}
    assert [name for verb, name, _ in bench.handler.log if verb == "delete"] == ["B", "A"]


async def test_what_a_deletion_retains_is_retained_after_a_restart(bench: _Bench) -> None:
    await bench.create(A={"P": "1"}, B={"P": "1"})
    bench.handler.held = {"A"}
    await bench.engine.begin(bench.stack, _S.DELETE_IN_PROGRESS, retained=["B"])
    await bench.handler.at_work.wait()
    await bench.engine.stop()
    bench.handler.held = set()
    bench.engine = bench.another()
    await bench.engine.start()
    assert (await bench.rested()).status is _S.DELETE_COMPLETE
    assert [name[0] for name in bench.handler.things] == ["B"]
