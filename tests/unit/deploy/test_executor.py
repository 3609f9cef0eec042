"""Carrying plans out, by what AWS answers: late, throttled, lost on the way, rolled back, deleted meanwhile."""

from __future__ import annotations

import pytest

from lambent.aws.clients import AwsCallError
from lambent.deploy.errors import DeployError
from lambent.deploy.executor import Executor
from lambent.deploy.plan import Plan
from lambent.deploy.progress import ConnectionLost, Progress, ResourceDone, ResourceStarted, StackDone, TurnedBack
from tests.unit.deploy.recorded import (
    CHANGE_SET_ID,
    Answer,
    Recorded,
    events,
    no_stack,
    own,
    resource,
    stacks,
)

PLAN = Plan("shop", CHANGE_SET_ID, is_new=True)
EXECUTED = Answer("ExecuteChangeSet")
BEGUN = own(2, "CREATE_IN_PROGRESS", "User Initiated")
REVIEWED = own(1, "REVIEW_IN_PROGRESS", "User Initiated")


def executor(target: Recorded, waits: list[float] | None = None) -> Executor:
    """Return an executor that does not wait, and writes down for how long it would."""
    return Executor(target, wait=([] if waits is None else waits).append)


def carried_out(*answers: Answer, plan: Plan = PLAN) -> list[Progress]:
    """Carry a plan out on a target that gives these answers, every one of which must be asked for."""
    target = Recorded.with_answers(*answers)
    told = list(executor(target).execute(plan))
    assert target.answers == []
    return told


def end_of(told: list[Progress]) -> StackDone:
    """Return the end of what was told."""
    assert isinstance(told[-1], StackDone)
    return told[-1]


def test_a_creation_is_told_to_its_end_with_times_and_outputs() -> None:
    done = resource(4, "Queue", "CREATE_COMPLETE", PhysicalResourceId="shop-queue")
    told = carried_out(
        stacks("REVIEW_IN_PROGRESS"),
        events(REVIEWED),
        EXECUTED,
        stacks("CREATE_IN_PROGRESS"),
        events(REVIEWED, BEGUN, resource(3, "Queue", "CREATE_IN_PROGRESS")),
        stacks("CREATE_COMPLETE", Outputs=[{"OutputKey": "Url", "OutputValue": "https://sqs"}]),
        events(REVIEWED, BEGUN, resource(3, "Queue", "CREATE_IN_PROGRESS"), done, own(5, "CREATE_COMPLETE")),
    )
    assert told == [
        ResourceStarted("Queue", "AWS::SQS::Queue", "create"),
        ResourceDone("Queue", "AWS::SQS::Queue", "created", 1.0, physical_id="shop-queue"),
        StackDone("CREATE_COMPLETE", is_success=True, took_s=3.0, outputs={"Url": "https://sqs"}),
    ]


def test_a_stack_that_still_shows_its_old_state_of_rest_has_not_ended() -> None:
    old = own(1, "CREATE_COMPLETE")
    told = carried_out(
        stacks("CREATE_COMPLETE"),
        events(old),
        EXECUTED,
        stacks("CREATE_COMPLETE"),
        events(old),
        stacks("CREATE_COMPLETE"),
        events(old, own(2, "UPDATE_IN_PROGRESS", "User Initiated")),
        stacks("UPDATE_COMPLETE"),
        events(old, own(2, "UPDATE_IN_PROGRESS", "User Initiated"), own(3, "UPDATE_COMPLETE")),
        plan=Plan("shop", CHANGE_SET_ID, is_new=False),
    )
    assert end_of(told) == StackDone("UPDATE_COMPLETE", is_success=True, took_s=1.0)


def test_an_operation_that_never_shows_is_no_success() -> None:
    old = own(1, "UPDATE_COMPLETE")
    target = Recorded.with_answers(
        stacks("UPDATE_COMPLETE"),
        events(old),
        EXECUTED,
        *(answer for _ in range(40) for answer in (stacks("UPDATE_COMPLETE"), events(old))),
    )
    with pytest.raises(DeployError, match="stack shop did not begin: it is still in UPDATE_COMPLETE"):
        list(executor(target).execute(PLAN))


def test_a_target_that_tells_no_event_of_a_stack_is_believed_after_a_while() -> None:
    waits: list[float] = []
    target = Recorded.with_answers(
        stacks("CREATE_COMPLETE"),
        events(),
        EXECUTED,
        *(answer for _ in range(40) for answer in (stacks("UPDATE_COMPLETE"), events())),
    )
    assert end_of(list(executor(target, waits).execute(PLAN))).is_success
    assert 20 < sum(waits) < 30


@pytest.mark.parametrize(
    "refusal",
    [
        Answer("DescribeStacks", error=("Throttling", "Rate exceeded"), status=400),
        Answer("DescribeStacks", error=("InternalFailure", "An internal error occurred."), status=500),
        Answer("DescribeStacks", error=("ServiceUnavailable", "Try later."), status=503),
        Answer("DescribeStacks", is_lost=True),
    ],
    ids=["throttled", "failed", "unavailable", "lost"],
)
def test_what_passes_is_waited_for_and_told_once(refusal: Answer) -> None:
    told = carried_out(
        stacks("REVIEW_IN_PROGRESS"),
        events(REVIEWED),
        EXECUTED,
        refusal,
        refusal,
        stacks("CREATE_IN_PROGRESS"),
        events(REVIEWED, BEGUN),
        refusal,
        stacks("CREATE_COMPLETE"),
        events(REVIEWED, BEGUN, own(3, "CREATE_COMPLETE")),
    )
    assert [type(one) for one in told] == [ConnectionLost, ConnectionLost, StackDone]
    assert end_of(told).is_success


def test_a_target_that_stays_silent_is_given_up_in_the_end() -> None:
    waits: list[float] = []
    silence = [Answer("DescribeStacks", is_lost=True)] * 400
    target = Recorded.with_answers(stacks("REVIEW_IN_PROGRESS"), events(REVIEWED), EXECUTED, *silence)
    with pytest.raises(DeployError, match="The target does not answer") as given_up:
        list(executor(target, waits).execute(PLAN))
    assert given_up.value.advice == "The deployment goes on there. Run the command again to follow it."
    assert 600 <= sum(waits) < 610


def test_what_does_not_pass_ends_the_following() -> None:
    refusal = Answer("DescribeStacks", error=("ExpiredToken", "The security token is expired"), status=403)
    target = Recorded.with_answers(stacks("REVIEW_IN_PROGRESS"), events(REVIEWED), EXECUTED, refusal)
    with pytest.raises(AwsCallError, match="token is expired"):
        list(executor(target).execute(PLAN))


def test_a_call_that_is_throttled_once_is_tried_again_before_anything_is_told() -> None:
    target = Recorded.with_answers(
        stacks("REVIEW_IN_PROGRESS"),
        events(REVIEWED),
        EXECUTED,
        Answer("DescribeStacks", error=("Throttling", "Rate exceeded"), status=400),
        stacks("CREATE_COMPLETE"),
        events(REVIEWED, BEGUN, own(3, "CREATE_COMPLETE")),
        attempts=2,
    )
    assert [type(one) for one in executor(target).execute(PLAN)] == [StackDone]


def test_a_failure_is_told_with_its_first_cause_and_the_way_back() -> None:
    failed = resource(4, "Queue", "CREATE_FAILED", "Resource handler returned message: no")
    cancelled = resource(5, "Other", "CREATE_FAILED", "Resource creation cancelled")
    begun = [resource(3, name, "CREATE_IN_PROGRESS") for name in ("Queue", "Other")]
    back = own(6, "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Queue].")
    told = carried_out(
        stacks("REVIEW_IN_PROGRESS"),
        events(REVIEWED),
        EXECUTED,
        stacks("ROLLBACK_COMPLETE"),
        events(REVIEWED, BEGUN, *begun, cancelled, failed, back, own(7, "ROLLBACK_COMPLETE")),
    )
    cause = next(one for one in told if isinstance(one, ResourceDone) and one.logical_id == "Queue")
    assert TurnedBack(cause) in told
    assert end_of(told) == StackDone(
        "ROLLBACK_COMPLETE",
        is_success=False,
        took_s=5.0,
        reason="The following resource(s) failed to create: [Queue].",
        cause=cause,
    )


def test_a_stack_that_is_deleted_while_it_is_made_is_no_success() -> None:
    told = carried_out(
        stacks("REVIEW_IN_PROGRESS"),
        events(REVIEWED),
        EXECUTED,
        stacks("CREATE_IN_PROGRESS"),
        events(REVIEWED, BEGUN),
        stacks("DELETE_COMPLETE"),
        events(REVIEWED, BEGUN, own(3, "DELETE_IN_PROGRESS", "User Initiated"), own(4, "DELETE_COMPLETE")),
    )
    assert (end_of(told).is_success, end_of(told).reason) == (False, "it was deleted meanwhile")


def test_a_stack_that_is_not_there_any_more_is_no_success_of_a_deployment() -> None:
    told = carried_out(stacks("REVIEW_IN_PROGRESS"), events(REVIEWED), EXECUTED, no_stack())
    assert end_of(told) == StackDone("DELETE_COMPLETE", is_success=False, took_s=0, reason="it was deleted meanwhile")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ChangeSetNotFound", f"ChangeSet [{CHANGE_SET_ID}] does not exist"),
        (
            "InvalidChangeSetStatus",
            f"ChangeSet [{CHANGE_SET_ID}] cannot be executed in its current execution status of [OBSOLETE]",
        ),
    ],
)
def test_a_plan_that_the_stack_has_outlived_is_refused(code: str, message: str) -> None:
    target = Recorded.with_answers(
        stacks("UPDATE_COMPLETE"),
        events(own(1, "UPDATE_COMPLETE")),
        Answer("ExecuteChangeSet", error=(code, message), status=400),
        stacks("UPDATE_IN_PROGRESS", ChangeSetId="arn:aws:cloudformation:eu-west-1:123456789012:changeSet/other/1"),
    )
    with pytest.raises(DeployError, match="Stack shop has moved on since this plan was made") as refused:
        list(executor(target).execute(PLAN))
    assert refused.value.advice == "Plan again: lambent plan"


def test_a_plan_that_is_under_way_already_is_followed() -> None:
    message = f"ChangeSet [{CHANGE_SET_ID}] cannot be executed in its current execution status of [EXECUTE_IN_PROGRESS]"
    told = carried_out(
        stacks("REVIEW_IN_PROGRESS"),
        events(REVIEWED),
        Answer("ExecuteChangeSet", error=("InvalidChangeSetStatus", message), status=400),
        stacks("CREATE_IN_PROGRESS", ChangeSetId=CHANGE_SET_ID),
        stacks("CREATE_IN_PROGRESS", ChangeSetId=CHANGE_SET_ID),
        events(REVIEWED, BEGUN, resource(3, "Queue", "CREATE_IN_PROGRESS")),
        stacks("CREATE_COMPLETE"),
        events(REVIEWED, BEGUN, resource(4, "Queue", "CREATE_COMPLETE"), own(5, "CREATE_COMPLETE")),
    )
    assert end_of(told).is_success


def test_an_operation_is_followed_from_its_own_beginning_over_pages_of_events() -> None:
    before = [own(1, "CREATE_IN_PROGRESS", "User Initiated"), own(2, "CREATE_COMPLETE")]
    target = Recorded.with_answers(
        stacks("UPDATE_IN_PROGRESS"),
        stacks("UPDATE_COMPLETE"),
        events(resource(5, "Queue", "UPDATE_COMPLETE"), own(6, "UPDATE_COMPLETE"), more="page-2"),
        events(*before, own(3, "UPDATE_IN_PROGRESS", "User Initiated"), resource(4, "Queue", "UPDATE_IN_PROGRESS")),
    )
    told = list(executor(target).follow("shop"))
    assert [type(one) for one in told] == [ResourceStarted, ResourceDone, StackDone]
    assert end_of(told) == StackDone("UPDATE_COMPLETE", is_success=True, took_s=3.0)
    assert target.asked[-1]["NextToken"] == "page-2"


def test_a_removal_ends_when_the_stack_is_gone() -> None:
    target = Recorded.with_answers(
        stacks("CREATE_COMPLETE"),
        events(own(1, "CREATE_COMPLETE")),
        Answer("DeleteStack"),
        stacks("CREATE_COMPLETE"),
        events(own(1, "CREATE_COMPLETE")),
        stacks("DELETE_COMPLETE"),
        events(own(1, "CREATE_COMPLETE"), own(2, "DELETE_IN_PROGRESS", "User Initiated"), own(3, "DELETE_COMPLETE")),
    )
    assert end_of(list(executor(target).remove("shop"))).is_success
    assert target.answers == []


def test_a_removal_that_fails_tells_what_stays() -> None:
    stays = resource(
        3, "Bucket", "DELETE_FAILED", "The bucket you tried to delete is not empty", ResourceType="AWS::S3::Bucket"
    )
    target = Recorded.with_answers(
        stacks("CREATE_COMPLETE"),
        events(own(1, "CREATE_COMPLETE")),
        Answer("DeleteStack"),
        stacks("DELETE_FAILED", StackStatusReason="The following resource(s) failed to delete: [Bucket]. "),
        events(
            own(1, "CREATE_COMPLETE"), own(2, "DELETE_IN_PROGRESS", "User Initiated"), stays, own(4, "DELETE_FAILED")
        ),
    )
    end = end_of(list(executor(target).remove("shop")))
    assert (end.is_success, end.status) == (False, "DELETE_FAILED")
    assert end.cause is not None
    assert end.cause.reason == "The bucket you tried to delete is not empty"


def test_a_stack_that_is_being_changed_is_not_removed() -> None:
    target = Recorded.with_answers(stacks("UPDATE_IN_PROGRESS"))
    with pytest.raises(DeployError, match="Stack shop is in UPDATE_IN_PROGRESS since 2026-03-01"):
        list(executor(target).remove("shop"))


def test_what_is_not_there_is_neither_removed_nor_followed() -> None:
    for act in (executor(Recorded.with_answers(no_stack())).remove, executor(Recorded.with_answers(no_stack())).follow):
        with pytest.raises(DeployError, match="There is no stack shop"):
            list(act("shop"))
