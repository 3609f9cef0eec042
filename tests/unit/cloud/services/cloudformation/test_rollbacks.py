"""How operations of stacks fail, turn back and are taken up again by their user."""

from __future__ import annotations

import asyncio

import pytest

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.cloudformation import repository
from lambent.cloud.services.cloudformation.model.stack import ResourceStatus
from lambent.cloud.services.cloudformation.model.states import StackStatus
from tests.unit.cloud.services.cloudformation.bench import ID, Bench, Fields

_S = StackStatus
_R = ResourceStatus
PRESERVE: Fields = {"disable_rollback": True}


async def test_a_failure_cancels_its_siblings_and_both_are_told_in_order(bench: Bench) -> None:
    bench.handler.broken, bench.handler.held = {"create B"}, {"A"}
    await bench.begin(_S.CREATE_IN_PROGRESS, A={"P": "1"}, B={"P": "1"}, C={"P": {"Ref": "A"}})
    await bench.handler.at_work.wait()
    await bench.until_told("B", "no B")
    bench.handler.gate.set()
    assert (await bench.rested()).status is _S.ROLLBACK_COMPLETE
    assert bench.reasons()[3:7] == [
        ("B", "CREATE_FAILED", "no B"),
        ("A", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("A", "CREATE_FAILED", "Resource creation cancelled"),
        (
            "s",
            "ROLLBACK_IN_PROGRESS",
            "The following resource(s) failed to create: [B, A]. Rollback requested by user.",
        ),
    ]
    assert bench.made() == {}
    assert all(name != "C" for name, _, _ in bench.reasons())


async def test_an_update_in_place_that_is_cancelled_is_undone(bench: Bench) -> None:
    await bench.create(A={"P": "1"}, B={"P": "1"})
    bench.handler.broken, bench.handler.held = {"create C"}, {"A"}
    await bench.begin(_S.UPDATE_IN_PROGRESS, A={"P": "2"}, B={"P": "1"}, C={"P": "1"})
    await bench.handler.at_work.wait()
    await bench.until_told("C", "no C")
    bench.handler.gate.set()
    assert (await bench.rested()).status is _S.UPDATE_ROLLBACK_COMPLETE
    told = bench.reasons()
    assert ("A", "UPDATE_FAILED", "Resource update cancelled") in told
    reason = "The following resource(s) failed to create: [C]. The following resource(s) failed to update: [A]. "
    assert ("s", "UPDATE_ROLLBACK_IN_PROGRESS", reason) in told
    assert bench.made() == {"A": {"P": "1"}, "B": {"P": "1"}}


async def test_a_change_that_failed_half_way_is_undone_from_where_it_came(bench: Bench) -> None:
    await bench.create(A={"P": "1"})
    bench.handler.broken = {"update A late"}
    assert (await bench.update(A={"P": "2"})).status is _S.UPDATE_ROLLBACK_COMPLETE
    assert bench.handler.changes == [("A", {"P": "1"}, {"P": "2"}), ("A", {"P": "2"}, {"P": "1"})]
    assert bench.made() == {"A": {"P": "1"}}


@pytest.mark.parametrize(
    ("how", "ends", "reason", "left"),
    [
        ({}, _S.ROLLBACK_COMPLETE, "[B]. Rollback requested by user.", []),
        ({"on_failure": "DELETE"}, _S.DELETE_COMPLETE, "[B]. . Delete requested by user.", []),
        ({"on_failure": "DO_NOTHING"}, _S.CREATE_FAILED, "[B]. ", ["A", "C"]),
        (PRESERVE, _S.CREATE_FAILED, "[B]. ", ["A", "C"]),
    ],
)
async def test_a_creation_that_fails_ends_as_it_was_asked_to(
    bench: Bench, how: Fields, ends: StackStatus, reason: str, left: list[str]
) -> None:
    bench.handler.broken = {"create B"}
    found = await bench.create(stack=how, B={"P": "1"}, A={"P": "1"}, C={"P": {"Ref": "A"}}, D={"P": {"Ref": "B"}})
    assert found.status is ends
    assert list(bench.made()) == left
    told = [why for name, _, why in bench.reasons() if name == "s" and why.startswith("The following")]
    assert told == [f"The following resource(s) failed to create: {reason}"]


async def test_what_was_preserved_is_kept_when_the_creation_is_tried_again(bench: Bench) -> None:
    bench.handler.broken = {"create B"}
    await bench.create(stack=PRESERVE, A={"P": "1"}, B={"P": "1"})
    kept = set(bench.handler.things)
    bench.handler.broken = set()
    assert (await bench.update(stack=PRESERVE, A={"P": "1"}, B={"P": "1"})).status is _S.UPDATE_COMPLETE
    assert kept < set(bench.handler.things)
    assert list(bench.made()) == ["A", "B"]


async def test_a_stack_that_was_never_stable_is_rolled_back_to_nothing(bench: Bench) -> None:
    bench.handler.broken = {"create B"}
    await bench.create(stack=PRESERVE, A={"P": "1"}, B={"P": "1"})
    found = await bench.update(stack={"disable_rollback": False}, A={"P": "2"}, B={"P": "1"})
    assert found.status is _S.ROLLBACK_COMPLETE
    assert bench.made() == {}


async def test_an_update_that_preserves_undoes_the_failed_alone_and_goes_on_elsewhere(bench: Bench) -> None:
    await bench.create(A={"P": "1"}, B={"P": "1"}, D={"Name": "1"})
    bench.handler.broken = {"update A late", "create D"}
    found = await bench.update(stack=PRESERVE, A={"P": "2"}, B={"P": "2"}, C={"P": "1"}, D={"Name": "2"})
    assert found.status is _S.UPDATE_FAILED
    assert found.status_reason == "The following resource(s) failed to update: [A, D]. "
    assert bench.rows["D"].physical_id in bench.handler.things  # listed as it was: its replacement failed
    assert bench.made()["B"] == {"P": "2"}
    assert bench.made()["C"] == {"P": "1"}


@pytest.mark.parametrize("ends", ["tried again", "rolled back", "deleted"])
async def test_what_follows_an_update_that_preserves(bench: Bench, ends: str) -> None:
    first: Fields = {"A": {"P": "1"}, "B": {"Name": "1"}}
    second: Fields = {"A": {"P": "2"}, "B": {"Name": "2"}, "C": {"P": "1"}}
    await bench.create(**first)
    bench.handler.broken = {"create C"}
    assert (await bench.update(stack=PRESERVE, **second)).status is _S.UPDATE_FAILED
    if ends == "tried again":
        bench.handler.broken = set()
        assert (await bench.update(stack=PRESERVE, **second)).status is _S.UPDATE_COMPLETE
        assert bench.made() == {"A": {"P": "2"}, "B": {"Name": "2"}, "C": {"P": "1"}}
    elif ends == "rolled back":
        assert (await bench.go(_S.UPDATE_ROLLBACK_IN_PROGRESS)).status is _S.UPDATE_ROLLBACK_COMPLETE
        assert bench.made() == first
    else:
        assert (await bench.go(_S.DELETE_IN_PROGRESS)).status is _S.DELETE_COMPLETE
        assert bench.made() == {}


async def test_a_second_attempt_that_fails_goes_back_to_before_the_first(bench: Bench) -> None:
    await bench.create(A={"P": "1"}, B={"Name": "1"})
    bench.handler.broken = {"create C"}
    await bench.update(stack=PRESERVE, A={"P": "2"}, B={"Name": "2"}, C={"P": "1"})
    again = await bench.update(stack={"disable_rollback": False}, A={"P": "3"}, B={"Name": "3"}, C={"P": "1"})
    assert again.status is _S.UPDATE_ROLLBACK_COMPLETE
    assert bench.made() == {"A": {"P": "1"}, "B": {"Name": "1"}}


async def test_a_rollback_that_fails_is_continued_without_what_it_cannot_roll_back(bench: Bench) -> None:
    await bench.create(A={"P": "1"}, B={"P": "1"})
    bench.handler.held = {"C"}
    await bench.begin(_S.UPDATE_IN_PROGRESS, A={"P": "2"}, B={"P": "2"}, C={"P": {"Fn::Sub": "${A}${B}"}})
    await bench.handler.at_work.wait()
    bench.handler.broken = {"create C", "update A"}
    bench.handler.gate.set()
    found = await bench.rested()
    assert (found.status, found.status_reason) == (
        _S.UPDATE_ROLLBACK_FAILED,
        "The following resource(s) failed to update: [A]. ",
    )
    changes = len(bench.handler.changes)
    found = await bench.go(_S.UPDATE_ROLLBACK_IN_PROGRESS, skipped=["A"])
    assert found.status is _S.UPDATE_ROLLBACK_COMPLETE
    assert bench.rows["A"].status is _R.UPDATE_COMPLETE
    assert len(bench.handler.changes) == changes  # B was rolled back before, and A is left as it is
    assert bench.made() == {"A": {"P": "2"}, "B": {"P": "1"}}


async def test_a_clean_up_that_fails_three_times_is_told_and_ignored(bench: Bench) -> None:
    await bench.create(A={"Name": "1"}, B={"P": "1"})
    bench.handler.broken = {"delete A"}
    found = await bench.update(A={"Name": "2"})
    assert (found.status, found.status_reason) == (
        _S.UPDATE_COMPLETE,
        "Update successful. One or more resources could not be deleted.",
    )
    told = [status for name, status, _ in bench.reasons() if name == "A"]
    assert told.count("DELETE_FAILED") == 3
    bench.handler.broken = set()
    assert (await bench.go(_S.DELETE_IN_PROGRESS)).status is _S.DELETE_COMPLETE
    assert [things["Name"] for things in bench.handler.things.values()] == ["1"]  # the stack has forgotten it


async def test_generations_that_need_one_another_are_all_cleaned_up(bench: Bench) -> None:
    await bench.create(A={"Name": "1"}, B={"Name": "1", "P": {"Ref": "A"}})
    bench.handler.broken = {"create C"}
    turned: Fields = {"A": {"Name": "2", "P": {"Ref": "B"}}, "B": {"Name": "2"}, "C": {"P": {"Ref": "A"}}}
    assert (await bench.update(stack=PRESERVE, **turned)).status is _S.UPDATE_FAILED
    assert len(bench.handler.things) == 4
    found = await bench.update(A={"Name": "3"}, B={"Name": "3", "P": {"Ref": "A"}})
    assert found.status is _S.UPDATE_COMPLETE
    assert {name: found["Name"] for name, found in bench.made().items()} == {"A": "3", "B": "3"}


@pytest.mark.parametrize(("policy", "left"), [("Delete", []), ("Retain", ["A"]), ("RetainExceptOnCreate", [])])
async def test_deletion_policies_at_the_rollback_of_a_creation(bench: Bench, policy: str, left: list[str]) -> None:
    bench.handler.broken = {"create B"}
    await bench.create(A={"Properties": {"P": "1"}, "DeletionPolicy": policy}, B={"P": {"Ref": "A"}})
    assert list(bench.made()) == left


@pytest.mark.parametrize(("policy", "left"), [("Delete", []), ("Retain", ["A"]), ("RetainExceptOnCreate", ["A"])])
async def test_deletion_policies_of_a_stack_that_was_stable(bench: Bench, policy: str, left: list[str]) -> None:
    await bench.create(A={"Properties": {"P": "1"}, "DeletionPolicy": policy})
    assert (await bench.go(_S.DELETE_IN_PROGRESS)).status is _S.DELETE_COMPLETE
    assert list(bench.made()) == left
    assert bench.reasons()[-2][1] == ("DELETE_SKIPPED" if left else "DELETE_COMPLETE")


async def test_even_what_is_retained_goes_when_a_rollback_is_to_retain_nothing_new(bench: Bench) -> None:
    await bench.create(B={"P": "1"})
    bench.handler.broken = {"create C"}
    new: Fields = {
        "A": {"Properties": {"P": "1"}, "DeletionPolicy": "Retain"},
        "B": {"P": "1"},
        "C": {"P": {"Ref": "A"}},
    }
    await bench.update(**new)
    assert list(bench.made()) == ["A", "B"]
    bench.handler.things = {name: one for name, one in bench.handler.things.items() if name.startswith("B")}
    await bench.update(stack={"retain_except_on_create": True}, **new)
    assert list(bench.made()) == ["B"]


async def test_what_is_replaced_stays_where_its_policy_says_so(bench: Bench) -> None:
    kept = {"Properties": {"Name": "1"}, "UpdateReplacePolicy": "Retain"}
    await bench.create(A=kept)
    await bench.update(A={**kept, "Properties": {"Name": "2"}})
    assert sorted(str(thing["Name"]) for thing in bench.handler.things.values()) == ["1", "2"]
    bench.handler.broken = {"create B"}
    await bench.update(A={**kept, "Properties": {"Name": "3"}}, B={"P": {"Ref": "A"}})
    assert sorted(str(thing["Name"]) for thing in bench.handler.things.values()) == [
        "1",
        "2",
    ]  # the third is no old one


@pytest.mark.parametrize("preserve", [False, True])
async def test_what_comes_back_keeps_its_policy(bench: Bench, *, preserve: bool) -> None:
    kept: Fields = {"Properties": {"Name": "1"}, "DeletionPolicy": "Retain"}
    await bench.create(A=kept)
    bench.handler.broken = {"create A"} if preserve else {"create B"}
    after = {**kept, "Properties": {"Name": "2"}}
    await bench.update(stack={"disable_rollback": preserve}, A=after, B={"P": {"Ref": "A"}})
    await bench.go(_S.DELETE_IN_PROGRESS)
    assert [str(thing["Name"]) for thing in bench.handler.things.values()] == ["1"]


async def test_a_deletion_goes_on_past_a_failure_and_is_completed_by_retaining_it(bench: Bench) -> None:
    await bench.create(A={"P": "1"}, B={"P": {"Ref": "A"}}, C={"P": "1"})
    bench.handler.broken = {"delete B"}
    found = await bench.go(_S.DELETE_IN_PROGRESS)
    assert (found.status, found.status_reason) == (
        _S.DELETE_FAILED,
        "The following resource(s) failed to delete: [B]. ",
    )
    assert list(bench.made()) == ["A", "B"]
    assert (await bench.go(_S.DELETE_IN_PROGRESS, retained=["B"])).status is _S.DELETE_COMPLETE
    assert list(bench.made()) == ["B"]
    assert ("B", "DELETE_SKIPPED", "") in bench.reasons()


async def test_a_forced_deletion_leaves_what_cannot_be_deleted(bench: Bench) -> None:
    await bench.create(A={"P": "1"}, B={"P": {"Ref": "A"}})
    bench.handler.broken = {"delete B"}
    await bench.go(_S.DELETE_IN_PROGRESS)
    found = await bench.go(_S.DELETE_IN_PROGRESS, deletion_mode="FORCE_DELETE_STACK")
    assert found.status is _S.DELETE_COMPLETE
    assert list(bench.made()) == ["B"]


async def test_what_a_cancelled_change_was_answered_with_is_not_forgotten(bench: Bench) -> None:
    await bench.create(A={"P": "1"})
    bench.handler.held, bench.handler.renamed = {"A"}, {"A"}
    await bench.begin(_S.UPDATE_IN_PROGRESS, A={"P": "2"})
    await bench.handler.at_work.wait()
    await bench.engine.cancel_update(bench.stack.id)
    bench.handler.gate.set()
    assert (await bench.rested()).status is _S.UPDATE_ROLLBACK_COMPLETE
    assert bench.made() == {"A": {"P": "1"}}
    assert [row.physical_id for row in bench.rows.values()] == list(bench.handler.things)


async def test_a_creation_that_is_deleted_meanwhile_leaves_nothing(bench: Bench) -> None:
    bench.handler.held = {"A"}
    await bench.begin(_S.CREATE_IN_PROGRESS, A={"P": "1"}, B={"P": {"Ref": "A"}})
    await bench.handler.at_work.wait()
    bench.handler.gate.set()
    assert (await bench.go(_S.DELETE_IN_PROGRESS)).status is _S.DELETE_COMPLETE
    assert bench.made() == {}
    assert ("A", "CREATE_FAILED", "Resource creation cancelled") in bench.reasons()


async def test_a_creation_that_stopped_for_a_deletion_that_is_refused_is_not_left_under_way(bench: Bench) -> None:
    bench.handler.held = {"A"}
    await bench.begin(_S.CREATE_IN_PROGRESS, A={"P": "1"})
    await bench.handler.at_work.wait()

    async def protect() -> None:
        await bench.store.write(
            lambda transaction: repository.amend_stack(transaction, ID, termination_protection=True)
        )
        bench.handler.gate.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(protect())
        with pytest.raises(ServiceError, match="cannot be deleted while TerminationProtection is enabled"):
            await bench.engine.begin(bench.stack, _S.DELETE_IN_PROGRESS)
    assert (await bench.rested()).status is _S.ROLLBACK_COMPLETE
    assert bench.made() == {}


async def test_an_operation_that_is_refused_does_not_stop_the_one_under_way(bench: Bench) -> None:
    await bench.create(A={"P": "1"})
    bench.handler.held = {"A"}
    await bench.begin(_S.UPDATE_IN_PROGRESS, A={"P": "2"})
    await bench.handler.at_work.wait()
    with pytest.raises(ServiceError, match="is in UPDATE_IN_PROGRESS state and can not be updated"):
        await bench.begin(_S.UPDATE_IN_PROGRESS, A={"P": "3"})
    bench.handler.gate.set()
    assert (await bench.rested()).status is _S.UPDATE_COMPLETE


async def test_a_handler_s_mistake_fails_the_resource_and_not_the_engine(bench: Bench) -> None:
    await bench.create(A={"P": "1"})
    bench.handler.things.clear()  # the handler will look for what is not there
    found = await bench.update(A={"P": "2"})
    assert found.status is _S.UPDATE_ROLLBACK_FAILED
    assert ("A", "UPDATE_FAILED", "Internal Failure") in bench.reasons()
