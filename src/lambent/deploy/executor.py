"""Carries a plan out and tells how it goes: the only part of deployment that changes a stack.

The state is the target's. An executor that loses its connection, or is started anew, follows what goes on there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from typing import Any

from lambent.aws.clients import AwsCallError, Target, TargetUnreachableError, aws_errors
from lambent.deploy.errors import DeployError
from lambent.deploy.plan import Plan
from lambent.deploy.progress import (
    ConnectionLost,
    Progress,
    ResourceDone,
    ResourceStarted,
    StackDone,
    TurnedBack,
)
from lambent.deploy.stacks import StackState, find_stack
from lambent.deploy.waiting import Wait, is_passing, wait

_VERBS = {"CREATE": "created", "UPDATE": "updated", "DELETE": "deleted"}
_UP = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
_DOWN = frozenset({"DELETE_COMPLETE"})
_FIRST_LOOK_S, _LONGEST_LOOK_S, _LOST_PATIENCE_S = 0.02, 2.0, 600.0
# What is asked for shows a moment later: a stack that still rests, of which no event tells, may not have begun.
_BEGIN_PATIENCE_S = 20.0
_CANCELLED = "Resource creation cancelled"
# Why an operation that was not asked to ends so, where the target itself gives no reason.
_UNASKED = {"DELETE_COMPLETE": "it was deleted meanwhile", "REVIEW_IN_PROGRESS": "its change set was not carried out"}


class Executor:
    """Works on the stacks of one target."""

    def __init__(self, target: Target, *, wait: Wait = wait) -> None:
        self._target = target
        self._wait = wait

    @cached_property
    def client(self) -> Any:  # Any: a boto3 client
        """CloudFormation at the target."""
        return self._target.client("cloudformation")

    def execute(self, plan: Plan) -> Iterator[Progress]:
        """Carry out a plan, and nothing else. Raises DeployError where the stack has moved on since it was made."""
        if plan.change_set_id is None:
            return
        state = self._required(plan.stack_name)
        cursor = self._newest_event(state.id)
        try:
            with aws_errors():
                self.client.execute_change_set(ChangeSetName=plan.change_set_id, StackName=state.id)
        except AwsCallError as error:
            if error.code not in {"ChangeSetNotFound", "ChangeSetNotFoundException", "InvalidChangeSetStatus"}:
                raise
            if not self._is_carrying_out(plan, state):
                raise DeployError(
                    f"Stack {plan.stack_name} has moved on since this plan was made.", "Plan again: lambent plan"
                ) from error
            cursor = None
        yield from self._follow(state.id, cursor, _UP, before=state)

    def remove(self, name: str) -> Iterator[Progress]:
        """Remove a stack. Raises DeployError where there is none, or it is being changed."""
        state = self._required(name)
        if state.is_in_progress and not state.status.startswith("DELETE"):
            raise DeployError(f"Stack {name} is in {state.status} since {state.since}.", "Wait for its end.")
        cursor = self._newest_event(state.id)
        with aws_errors():
            self.client.delete_stack(StackName=state.id)
        yield from self._follow(state.id, cursor, _DOWN, before=state)

    def follow(self, name: str) -> Iterator[Progress]:
        """Tell how a creation or an update that is under way goes on, until its end."""
        yield from self._follow(self._required(name).id, None, _UP)

    def _is_carrying_out(self, plan: Plan, known: StackState) -> bool:
        """Return whether this very plan is under way: it was begun twice, or its beginning was told twice."""
        state = find_stack(self.client, known.id)
        return state is not None and state.is_in_progress and state.change_set_id == plan.change_set_id

    def _required(self, name: str) -> StackState:
        found = find_stack(self.client, name)
        if found is None:
            raise DeployError(f"There is no stack {name}.", "Deploy it with `lambent up`.")
        return found

    def _newest_event(self, stack_id: str) -> str | None:
        with aws_errors():
            events = self.client.describe_stack_events(StackName=stack_id)["StackEvents"]
        return events[0]["EventId"] if events else None

    def _follow(
        self, stack_id: str, cursor: str | None, wanted: frozenset[str], *, before: StackState | None = None
    ) -> Iterator[Progress]:
        telling = _Telling(stack_id)
        pause, lost_s, idle_s = _FIRST_LOOK_S, 0.0, 0.0
        while True:
            try:
                # The state before the events: those that led to a state of rest are then among them.
                state = find_stack(self.client, stack_id)
                events = [] if state is None else self._since(stack_id, cursor)
            except (TargetUnreachableError, AwsCallError) as error:
                if lost_s == 0.0 and is_passing(error):
                    yield ConnectionLost(str(error))
                lost_s = self._lost(error, lost_s)
                continue
            lost_s = 0.0
            for event in events:
                cursor = event["EventId"]
                yield from telling.of(event)
            if telling.has_ended(state) or (idle_s > _BEGIN_PATIENCE_S and not _is_under_way(state)):
                _require_begun(telling, before, state)
                yield telling.end(state, wanted)
                return
            pause = _FIRST_LOOK_S if events else min(pause * 1.4, _LONGEST_LOOK_S)
            idle_s = 0.0 if events else idle_s + pause
            self._wait(pause)

    def _lost(self, error: TargetUnreachableError | AwsCallError, lost_s: float) -> float:
        """Wait for the target to answer again and return for how long it has not; raises what will not pass."""
        if not is_passing(error):
            raise error
        if lost_s > _LOST_PATIENCE_S:
            raise DeployError(
                f"The target does not answer: {error}",
                "The deployment goes on there. Run the command again to follow it.",
            ) from error
        self._wait(_LONGEST_LOOK_S)
        return lost_s + _LONGEST_LOOK_S

    def _since(self, stack_id: str, cursor: str | None) -> list[dict[str, Any]]:  # Any: a StackEvent
        """Return the events after one, the oldest first; all of the last operation where there is none to begin at."""
        found: list[dict[str, Any]] = []  # Any: as above
        request: dict[str, str] = {"StackName": stack_id}
        while True:
            with aws_errors():
                page = self.client.describe_stack_events(**request)
            for event in page["StackEvents"]:
                if event["EventId"] == cursor:
                    return found[::-1]
                found.append(event)
                is_start = event.get("PhysicalResourceId") == stack_id and "User Initiated" in event.get(
                    "ResourceStatusReason", ""
                )
                if cursor is None and is_start:
                    return found[::-1]
            if "NextToken" not in page:
                return found[::-1]
            request["NextToken"] = page["NextToken"]


def _is_under_way(state: StackState | None) -> bool:
    return state is not None and state.is_in_progress


def _require_begun(telling: _Telling, before: StackState | None, state: StackState | None) -> None:
    """Raise DeployError where nothing shows that what was asked for has begun: the stack is as it was before."""
    if before is None or state is None or telling.has_heard:
        return
    if (state.status, state.since) == (before.status, before.since):
        raise DeployError(
            f"What was asked of stack {state.name} did not begin: it is still in {state.status}, and no event tells "
            "of anything else.",
            "See what CloudFormation says of it, and run the command again.",
        )


class _Telling:
    """Events of a stack → progress: pairs beginnings with ends, and remembers the first failure."""

    def __init__(self, stack_id: str) -> None:
        self._stack_id = stack_id
        self._began: dict[str, datetime] = {}
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._cause: ResourceDone | None = None
        self._reason = ""
        self._status = ""

    @property
    def has_heard(self) -> bool:
        """Whether any event was told."""
        return self._first is not None

    def of(self, event: dict[str, Any]) -> Iterator[Progress]:  # Any: a StackEvent
        status, at = str(event["ResourceStatus"]), event["Timestamp"]
        self._first = self._first or at
        self._last = at
        if event.get("PhysicalResourceId") == self._stack_id:
            self._status = status
            if "ROLLBACK_IN_PROGRESS" in status:
                self._reason = event.get("ResourceStatusReason", "")
                yield TurnedBack(self._cause)
            return
        logical_id, kind = event["LogicalResourceId"], event["ResourceType"]
        verb, _, how = status.partition("_")
        if how == "IN_PROGRESS":
            if logical_id not in self._began:
                self._began[logical_id] = at
                yield ResourceStarted(logical_id, kind, verb.lower())
            return
        began = self._began.pop(logical_id, None)
        done = ResourceDone(
            logical_id=logical_id,
            type=kind,
            verb="skipped" if how == "SKIPPED" else _VERBS.get(verb, verb.lower()),
            took_s=None if began is None else (at - began).total_seconds(),
            has_failed=how == "FAILED",
            reason=event.get("ResourceStatusReason", ""),
            physical_id=event.get("PhysicalResourceId", ""),
        )
        if done.has_failed and self._cause is None and done.reason != _CANCELLED:
            self._cause = done
        yield done

    def has_ended(self, state: StackState | None) -> bool:
        """Return whether the stack rests, and its events say that it came to this rest."""
        return state is None or (not state.is_in_progress and state.status == self._status)

    def end(self, state: StackState | None, wanted: frozenset[str]) -> StackDone:
        took = 0.0 if self._first is None or self._last is None else (self._last - self._first).total_seconds()
        status = "DELETE_COMPLETE" if state is None else state.status
        return StackDone(
            status=status,
            is_success=status in wanted,
            took_s=took,
            reason=("" if state is None else state.reason) or self._reason or _UNASKED.get(status, ""),
            cause=self._cause,
            outputs={} if state is None else state.outputs,
        )
