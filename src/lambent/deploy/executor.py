"""Carries a plan out and tells how it goes: the only part of deployment that changes a stack.

The state is the target's. An executor that loses its connection, or is started anew, follows what goes on there.
"""

from __future__ import annotations

import threading
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

_VERBS = {"CREATE": "created", "UPDATE": "updated", "DELETE": "deleted"}
_GOOD = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"})
_FIRST_LOOK_S, _LONGEST_LOOK_S, _LOST_PATIENCE_S = 0.02, 2.0, 600.0
_THROTTLED = frozenset({"Throttling", "ThrottlingException", "RequestLimitExceeded", "ServiceUnavailable"})
_CANCELLED = "Resource creation cancelled"


class Executor:
    """Works on the stacks of one target."""

    def __init__(self, target: Target) -> None:
        self._target = target

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
            if error.code in {"ChangeSetNotFound", "ChangeSetNotFoundException", "InvalidChangeSetStatus"}:
                raise DeployError(
                    f"Stack {plan.stack_name} has moved on since this plan was made.", "Plan again: lambent plan"
                ) from error
            raise
        yield from self._follow(state.id, cursor)

    def remove(self, name: str) -> Iterator[Progress]:
        """Remove a stack. Raises DeployError where there is none, or it is being changed."""
        state = self._required(name)
        if state.is_in_progress and not state.status.startswith("DELETE"):
            raise DeployError(f"Stack {name} is in {state.status} since {state.since}.", "Wait for its end.")
        cursor = self._newest_event(state.id)
        with aws_errors():
            self.client.delete_stack(StackName=state.id)
        yield from self._follow(state.id, cursor)

    def follow(self, name: str) -> Iterator[Progress]:
        """Tell how an operation that is under way goes on, until its end."""
        yield from self._follow(self._required(name).id, None)

    def _required(self, name: str) -> StackState:
        found = find_stack(self.client, name)
        if found is None:
            raise DeployError(f"There is no stack {name}.", "Deploy it with `lambent up`.")
        return found

    def _newest_event(self, stack_id: str) -> str | None:
        with aws_errors():
            events = self.client.describe_stack_events(StackName=stack_id)["StackEvents"]
        return events[0]["EventId"] if events else None

    def _follow(self, stack_id: str, cursor: str | None) -> Iterator[Progress]:
        telling = _Telling(stack_id)
        clock = threading.Event()
        pause, lost_s = _FIRST_LOOK_S, 0.0
        while True:
            try:
                # The state before the events: those that led to a state of rest are then among them.
                state = find_stack(self.client, stack_id)
                events = self._since(stack_id, cursor)
                lost_s = 0.0
            except (TargetUnreachableError, AwsCallError) as error:
                if isinstance(error, AwsCallError) and error.code not in _THROTTLED:
                    raise
                if lost_s == 0.0:
                    yield ConnectionLost(str(error))
                if lost_s > _LOST_PATIENCE_S:
                    raise DeployError(
                        f"The target does not answer: {error}",
                        "The deployment goes on there. Run the command again to follow it.",
                    ) from error
                lost_s += _LONGEST_LOOK_S
                clock.wait(_LONGEST_LOOK_S)
                continue
            for event in events:
                cursor = event["EventId"]
                yield from telling.of(event)
            if state is None or not state.is_in_progress:
                yield telling.end(state)
                return
            pause = _FIRST_LOOK_S if events else min(pause * 1.4, _LONGEST_LOOK_S)
            clock.wait(pause)

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


class _Telling:
    """Events of a stack → progress: pairs beginnings with ends, and remembers the first failure."""

    def __init__(self, stack_id: str) -> None:
        self._stack_id = stack_id
        self._began: dict[str, datetime] = {}
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._cause: ResourceDone | None = None
        self._reason = ""

    def of(self, event: dict[str, Any]) -> Iterator[Progress]:  # Any: a StackEvent
        status, at = str(event["ResourceStatus"]), event["Timestamp"]
        self._first = self._first or at
        self._last = at
        if event.get("PhysicalResourceId") == self._stack_id:
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

    def end(self, state: StackState | None) -> StackDone:
        took = 0.0 if self._first is None or self._last is None else (self._last - self._first).total_seconds()
        if state is None:
            return StackDone("DELETE_COMPLETE", is_success=True, took_s=took)
        return StackDone(
            status=state.status,
            is_success=state.status in _GOOD,
            took_s=took,
            reason=state.reason or self._reason,
            cause=self._cause,
            outputs=state.outputs,
        )
