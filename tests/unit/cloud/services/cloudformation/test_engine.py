"""The engine on a store in memory, with a resource type whose handler is scripted."""

from __future__ import annotations

import pytest

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.cloudformation import repository
from lambent.cloud.services.cloudformation.model.stack import ChangeSet, Stack
from lambent.cloud.services.cloudformation.model.states import StackStatus
from lambent.cloud.store.unit_of_work import Transaction
from tests.unit.cloud.services.cloudformation.bench import ID, SCOPE, Bench, definition

_S = StackStatus


async def test_resources_are_made_in_the_order_of_their_needs(bench: Bench) -> None:
    stack = await bench.create(A={"P": {"Ref": "B"}}, B={"P": "1"})
    assert stack.status is _S.CREATE_COMPLETE
    assert [name for _, name, _ in bench.handler.log] == ["B", "A"]
    assert ("B", "CREATE_IN_PROGRESS", "Resource creation Initiated") in bench.reasons()


async def test_a_failed_creation_takes_down_what_was_made(bench: Bench) -> None:
    bench.handler.broken = {"create A"}
    stack = await bench.create(A={"P": {"Ref": "B"}}, B={"P": "1"})
    assert stack.status is _S.ROLLBACK_COMPLETE
    assert bench.handler.things == {}
    told = ("s", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [A]. Rollback requested by user.")
    assert told in bench.reasons()


async def test_a_failed_update_brings_back_what_was(bench: Bench) -> None:
    await bench.create(A={"P": "1"}, B={"P": {"Ref": "A"}})
    bench.handler.broken = {"create C"}
    stack = await bench.update(A={"P": "2"}, B={"P": {"Ref": "A"}}, C={"P": {"Ref": "A"}})
    assert stack.status is _S.UPDATE_ROLLBACK_COMPLETE
    assert sorted(name[0] for name in bench.handler.things) == ["A", "B"]
    assert {"P": "1"} in bench.handler.things.values()


async def test_a_replaced_resource_is_removed_in_the_clean_up(bench: Bench) -> None:
    await bench.create(A={"Name": "1"})
    stack = await bench.update(A={"Name": "2"})
    assert stack.status is _S.UPDATE_COMPLETE
    assert list(bench.handler.things.values()) == [{"Name": "2"}]


async def test_what_was_set_while_an_operation_was_prepared_stays(bench: Bench) -> None:
    seen = await bench.create(A={"P": "1"})
    amend = {"termination_protection": True, "policy": "{}"}
    await bench.store.write(lambda transaction: repository.amend_stack(transaction, ID, **amend))
    await bench.engine.begin(seen, _S.UPDATE_IN_PROGRESS, definition=definition({"A": {"P": "2"}}), client_token="t")
    stack = await bench.rested()
    assert (stack.termination_protection, stack.policy, stack.client_token) == (True, "{}", "t")
    assert list(bench.handler.things.values()) == [{"P": "2"}]


async def test_a_protection_that_is_set_while_a_deletion_is_prepared_holds(bench: Bench) -> None:
    seen = await bench.create(A={"P": "1"})
    await bench.store.write(lambda transaction: repository.amend_stack(transaction, ID, termination_protection=True))
    with pytest.raises(ServiceError, match="cannot be deleted while TerminationProtection is enabled"):
        await bench.engine.begin(seen, _S.DELETE_IN_PROGRESS)
    assert bench.stack.status is _S.CREATE_COMPLETE


async def test_an_operation_is_refused_where_another_came_and_went_since(bench: Bench) -> None:
    seen = await bench.create(A={"P": "1"})
    await bench.update(A={"P": "2"})
    await bench.update(A={"P": "3"})
    with pytest.raises(ServiceError, match="can not be updated"):
        await bench.engine.begin(seen, _S.UPDATE_IN_PROGRESS, definition=definition({"A": {"P": "4"}}))
    assert (await bench.rested()).status is _S.UPDATE_COMPLETE
    assert list(bench.handler.things.values()) == [{"P": "3"}]


async def test_change_sets_are_void_from_the_moment_that_a_stack_is_created_without_them(bench: Bench) -> None:
    seen = Stack(ID, "s", SCOPE, _S.REVIEW_IN_PROGRESS, bench.clock.now(), definition({}))
    made = ChangeSet("c", "c", ID, "CREATE", "CREATE_COMPLETE", "AVAILABLE", bench.clock.now(), definition({}))

    def review(transaction: Transaction) -> None:
        repository.save_stack(transaction, seen)
        repository.save_change_set(transaction, made)

    await bench.store.write(review)
    bench.handler.held = {"A"}
    await bench.engine.begin(seen, _S.CREATE_IN_PROGRESS, definition=definition({"A": {"P": "1"}}))
    assert [one.execution_status for one in repository.change_sets(bench.store.read, ID)] == ["OBSOLETE"]
    bench.handler.gate.set()
    assert (await bench.rested()).status is _S.CREATE_COMPLETE


async def test_another_engine_takes_up_a_creation_that_was_cut_off(bench: Bench) -> None:
    bench.handler.held = {"B"}
    await bench.begin(_S.CREATE_IN_PROGRESS, A={"P": "1"}, B={"P": {"Ref": "A"}})
    await bench.handler.at_work.wait()
    await bench.engine.stop()
    assert bench.stack.status is _S.CREATE_IN_PROGRESS
    bench.handler.held = set()
    await bench.restart()
    assert (await bench.rested()).status is _S.CREATE_COMPLETE
    assert bench.handler.log == [("create", "A", False), ("create", "B", False), ("create", "B", True)]


async def test_a_deletion_leaves_nothing_and_takes_users_first(bench: Bench) -> None:
    await bench.create(A={"P": "1"}, B={"P": {"Ref": "A"}})
    await bench.engine.begin(bench.stack, _S.DELETE_IN_PROGRESS)
    assert (await bench.rested()).status is _S.DELETE_COMPLETE
    assert bench.handler.things == {}
    assert [name for verb, name, _ in bench.handler.log if verb == "delete"] == ["B", "A"]


async def test_what_a_deletion_retains_is_retained_after_a_restart(bench: Bench) -> None:
    await bench.create(A={"P": "1"}, B={"P": "1"})
    bench.handler.held = {"A"}
    await bench.engine.begin(bench.stack, _S.DELETE_IN_PROGRESS, retained=["B"])
    await bench.handler.at_work.wait()
    await bench.engine.stop()
    bench.handler.held = set()
    await bench.restart()
    assert (await bench.rested()).status is _S.DELETE_COMPLETE
    assert [name[0] for name in bench.handler.things] == ["B"]
