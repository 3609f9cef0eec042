"""Mistakes of the platform's own: no stack and no detection stays under way because of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import TypeVar

import pytest

from lambent.base.identifiers import SeededIds
from lambent.cloud.services.cloudformation import repository
from lambent.cloud.services.cloudformation.drift import Drift
from lambent.cloud.services.cloudformation.engine.steps import Tools
from lambent.cloud.services.cloudformation.model.stack import Definition, ResourceStatus, Stack
from lambent.cloud.services.cloudformation.model.states import StackStatus
from lambent.cloud.services.cloudformation.resources.contract import Live, Properties, ResourceContext, ResourceType
from lambent.cloud.services.cloudformation.resources.table import ResourceTypes
from lambent.cloud.store.unit_of_work import Transaction
from tests.unit.cloud.services.cloudformation.bench import SCOPE, Bench, Nobody, Scripted, definition

_S = StackStatus
T = TypeVar("T")
OWNER = Stack("stack/owner/1", "owner", SCOPE, _S.CREATE_COMPLETE, 0, Definition("", ""))
UNKNOWN = "{{resolve:ssm:/nobody/answers}}"  # the bench's client takes no calls


async def test_a_mistake_in_one_step_fails_its_resource_and_lets_the_others_end(bench: Bench) -> None:
    bench.handler.held = {"B"}
    await bench.begin(_S.CREATE_IN_PROGRESS, A={"P": UNKNOWN}, B={"P": "1"})
    await bench.until_told("A", "Internal Failure")
    bench.handler.gate.set()
    assert (await bench.rested()).status is _S.ROLLBACK_COMPLETE
    assert ("A", "CREATE_FAILED", "Internal Failure") in bench.reasons()
    assert bench.made() == {}


async def test_a_mistake_before_the_first_step_turns_a_creation_back(bench: Bench) -> None:
    await bench.begin(_S.CREATE_IN_PROGRESS, stack={"definition": Definition("", "no template")}, A={"P": "1"})
    assert (await bench.rested()).status is _S.ROLLBACK_COMPLETE
    assert ("s", "ROLLBACK_IN_PROGRESS", "Internal Failure. Rollback requested by user.") in bench.reasons()


async def test_a_mistake_before_the_first_step_turns_an_update_back(bench: Bench) -> None:
    await bench.create(A={"P": "1"})
    found = await bench.update(stack={"definition": Definition("", "no template")})
    assert found.status is _S.UPDATE_ROLLBACK_COMPLETE
    assert bench.made() == {"A": {"P": "1"}}


async def without_leftovers(bench: Bench) -> None:
    await bench.store.write(lambda transaction: transaction.execute("DROP TABLE cloudformation_leftover"))


async def test_a_mistake_on_the_way_back_ends_in_a_failure(bench: Bench) -> None:
    await bench.create(A={"P": "1"})
    await without_leftovers(bench)
    found = await bench.go(_S.DELETE_IN_PROGRESS)
    assert (found.status, found.status_reason) == (_S.DELETE_FAILED, "Internal Failure")


async def test_a_mistake_in_a_clean_up_ends_an_update_that_arrived(bench: Bench) -> None:
    await bench.create(A={"P": "1"})
    bench.handler.held = {"A"}
    await bench.begin(_S.UPDATE_IN_PROGRESS, A={"P": "2"})
    await bench.handler.at_work.wait()
    await without_leftovers(bench)
    bench.handler.gate.set()
    found = await bench.rested()
    assert (found.status, found.deployed) == (_S.UPDATE_COMPLETE, found.definition)
    assert found.status_reason == "Update successful. One or more resources could not be deleted."


async def test_an_export_that_another_stack_takes_first_turns_a_stack_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, was_quicker = bench.store.write, list[Stack]()

    async def writes(work: Callable[[Transaction], T]) -> T:
        row = bench.rows.get("A")
        if row is not None and row.status is ResourceStatus.CREATE_COMPLETE and not was_quicker:
            was_quicker.append(OWNER)
            await write(lambda transaction: repository.set_exports(transaction, OWNER, {"shared": "1"}))
        return await write(work)

    monkeypatch.setattr(bench.store, "write", writes)
    body = json.loads(definition({"A": {"P": "1"}}).body)
    text = json.dumps({**body, "Outputs": {"O": {"Value": "2", "Export": {"Name": "shared"}}}})
    await bench.begin(_S.CREATE_IN_PROGRESS, stack={"definition": Definition(text, text)}, A={"P": "1"})
    assert (await bench.rested()).status is _S.ROLLBACK_COMPLETE
    reason = "Export with name shared is already exported by stack owner. Rollback requested by user."
    assert ("s", "ROLLBACK_IN_PROGRESS", reason) in bench.reasons()
    assert repository.exports(bench.store.read, SCOPE) == {"shared": (OWNER.id, "1")}


async def test_an_import_that_is_gone_by_the_time_a_stack_arrives_turns_it_back(bench: Bench) -> None:
    await bench.store.write(lambda transaction: repository.set_exports(transaction, OWNER, {"shared": "1"}))
    bench.handler.held = {"A"}
    await bench.begin(_S.CREATE_IN_PROGRESS, A={"P": {"Fn::ImportValue": "shared"}})
    await bench.handler.at_work.wait()
    await bench.store.write(lambda transaction: repository.set_exports(transaction, OWNER, {}))
    bench.handler.gate.set()
    assert (await bench.rested()).status is _S.ROLLBACK_COMPLETE
    reason = "No export named shared found. Rollback requested by user."
    assert ("s", "ROLLBACK_IN_PROGRESS", reason) in bench.reasons()


class _Unreadable(Scripted):
    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Look for what an answer has not."""
        return {"P": properties["Missing"]}


async def test_a_mistake_while_drift_is_detected_ends_the_detection(bench: Bench) -> None:
    stack = await bench.create(A={"P": "1"})
    kind = ResourceType("T::T::T", _Unreadable(), frozenset({"P"}), frozenset(), frozenset(), frozenset())
    tools = Tools(ResourceTypes([kind]), Nobody(), bench.clock, SeededIds(2))
    drift = Drift(bench.store, tools, bench.clock, SeededIds(3))
    detection = await drift.detect(stack, None)
    async with asyncio.timeout(10):
        while (found := drift.status(detection))["DetectionStatus"] == "DETECTION_IN_PROGRESS":
            await bench.turn()
    assert found["DetectionStatusReason"] == "Failed to detect drift on resource [A]"
    await drift.stop()
