"""A compiled system and a target → a plan: packages are uploaded and a change set is made; resources are left alone."""

from __future__ import annotations

import hashlib
import secrets  # noqa: TID251 - a name that no other deployment has
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lambent.aws.clients import Target, aws_errors
from lambent.compiler.result import CompiledSystem
from lambent.deploy.artifacts import Artifacts
from lambent.deploy.errors import DeployError
from lambent.deploy.filling import filled
from lambent.deploy.packaging.package import Package, Packager
from lambent.deploy.plan import Action, Change, Plan, PropertyChange, lost_with
from lambent.deploy.stacks import StackState, deployed_template, find_stack
from lambent.template.json_text import to_json

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
_BODY_BYTES = 51_200
_UNCHANGED = ("didn't contain changes", "No updates are to be performed")
_FIRST_LOOK_S, _LONGEST_LOOK_S = 0.02, 2.0


@dataclass(frozen=True, slots=True)
class Source:
    """Where code is taken from, and where what is built is kept."""

    base: Path
    cache: Path


@dataclass(frozen=True, slots=True)
class Prepared:
    """A template as it is sent, with the packages that it names."""

    compiled: CompiledSystem
    body: str
    packages: Mapping[str, Package]

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know of the packages."""
        return tuple(dict.fromkeys(notice for package in self.packages.values() for notice in package.notices))


class Planner:
    """Makes plans for one target; `make_bucket` makes the artifact bucket where there is none, or that is an error."""

    def __init__(self, target: Target, *, make_bucket: Callable[[Target], object] | None = None) -> None:
        self._target = target
        self._make_bucket = make_bucket
        self._known: StackState | None = None
        self.artifacts = Artifacts(target)

    @cached_property
    def client(self) -> Any:  # Any: a boto3 client
        """CloudFormation at the target."""
        return self._target.client("cloudformation")

    def prepare(self, compiled: CompiledSystem, source: Source) -> Prepared:
        """Package the code and put its places into the template; nothing is sent yet. Raises DeployError."""
        packager = Packager(source.base, source.cache)
        packages = {f"{one.logical_id}.{one.property_name}": packager.package(one) for one in compiled.archives}
        bucket = self.artifacts.bucket if packages else ""
        return Prepared(compiled, to_json(filled(compiled, packages, bucket)), packages)

    def plan(self, prepared: Prepared) -> Plan:
        """Return what would be done. Raises DeployError where the stack is being changed by somebody."""
        compiled = prepared.compiled
        state = self._known if self._known is not None else find_stack(self.client, compiled.stack_name)
        if state is not None and state.is_in_progress:
            raise DeployError(
                f"Stack {state.name} is in {state.status} since {state.since}.",
                "Wait for its end: somebody else, or an earlier command of yours, is at work on it.",
            )
        is_new = state is None or state.is_only_reviewed or state.must_go_first
        if state is not None and not is_new and self._says_the_same(state, prepared):
            return Plan(
                compiled.stack_name, None, is_new=False, notices=prepared.notices, output_names=compiled.output_names
            )
        self._send(prepared)
        notices = prepared.notices
        if state is not None and state.must_go_first:
            self._remove_remains(state)
            notices = (*notices, f"The remains of an earlier creation of {state.name} that failed were removed.")
        return self._change_set(prepared, is_new=is_new, notices=notices)

    def is_deployed(self, prepared: Prepared) -> bool:
        """Return whether the stack rests and was given just what is prepared."""
        state = find_stack(self.client, prepared.compiled.stack_name)
        return state is not None and self._says_the_same(state, prepared)

    def is_under_way(self, prepared: Prepared) -> bool:
        """Return whether the stack is being brought to just what is prepared, by a command that was cut off."""
        state = find_stack(self.client, prepared.compiled.stack_name)
        self._known = state
        return state is not None and state.is_in_progress and self._has_same_template(state, prepared)

    def forget(self, plan: Plan) -> None:
        """Remove the change set of a plan that nobody will carry out, and a stack that is no more than that."""
        with aws_errors():
            self.client.delete_change_set(ChangeSetName=plan.change_set_id)
            if plan.is_new:
                self.client.delete_stack(StackName=plan.stack_name)

    def _says_the_same(self, state: StackState, prepared: Prepared) -> bool:
        """Return whether the stack was given this very template, with these parameters and tags."""
        wanted = dict(prepared.compiled.parameters)
        return (
            state.status.endswith("_COMPLETE")
            and state.tags == dict(prepared.compiled.tags)
            and all(state.parameters.get(name) == value for name, value in wanted.items())
            and self._has_same_template(state, prepared)
        )

    def _has_same_template(self, state: StackState, prepared: Prepared) -> bool:
        return deployed_template(self.client, state.name) == prepared.body

    def _send(self, prepared: Prepared) -> None:
        if not prepared.packages and len(prepared.body.encode()) <= _BODY_BYTES:
            return
        if not self.artifacts.exists():
            if self._make_bucket is None:
                raise self.artifacts.missing()
            self._make_bucket(self._target)
        self.artifacts.upload(prepared.packages.values())

    def _remove_remains(self, state: StackState) -> None:
        with aws_errors():
            self.client.delete_stack(StackName=state.id)
        self._wait(lambda: (found := find_stack(self.client, state.id)) is None or found.status == "DELETE_COMPLETE")

    def _change_set(self, prepared: Prepared, *, is_new: bool, notices: tuple[str, ...]) -> Plan:
        compiled = prepared.compiled
        digest = hashlib.sha256(prepared.body.encode()).hexdigest()
        # New each time: CloudFormation keeps no two of one name.
        name = f"lambent-{digest[:12]}-{secrets.token_hex(4)}"
        request: dict[str, Any] = {  # Any: parameters of the API
            "StackName": compiled.stack_name,
            "ChangeSetName": name,
            "ChangeSetType": "CREATE" if is_new else "UPDATE",
            "Capabilities": list(compiled.capabilities),
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value} for key, value in compiled.parameters.items()
            ],
            "Tags": [{"Key": key, "Value": value} for key, value in compiled.tags.items()],
            **self._body(prepared, digest),
        }
        with aws_errors():
            made = self.client.create_change_set(**request)["Id"]
        found = self._settled(made)
        if found["Status"] == "FAILED":
            return self._failed(made, str(found.get("StatusReason", "")), compiled, notices)
        changes = [*found.get("Changes", ())]
        while "NextToken" in found:
            with aws_errors():
                found = self.client.describe_change_set(ChangeSetName=made, NextToken=found["NextToken"])
            changes += found.get("Changes", ())
        told = tuple(_change(one["ResourceChange"]) for one in changes)
        return Plan(compiled.stack_name, made, is_new, told, notices, dict(compiled.output_names))

    def _body(self, prepared: Prepared, digest: str) -> dict[str, str]:
        if len(prepared.body.encode()) <= _BODY_BYTES:
            return {"TemplateBody": prepared.body}
        return {"TemplateURL": self.artifacts.put_template(f"templates/{digest}.json", prepared.body)}

    def _settled(self, change_set_id: str) -> dict[str, Any]:  # Any: what DescribeChangeSet answers
        found: dict[str, Any] = {}  # Any: JSON-shaped values

        def look() -> bool:
            nonlocal found
            with aws_errors():
                found = self.client.describe_change_set(ChangeSetName=change_set_id, IncludePropertyValues=True)
            return not str(found["Status"]).endswith(("_IN_PROGRESS", "_PENDING"))

        self._wait(look)
        return found

    def _failed(self, change_set_id: str, reason: str, compiled: CompiledSystem, notices: tuple[str, ...]) -> Plan:
        with aws_errors():
            self.client.delete_change_set(ChangeSetName=change_set_id)
        if any(words in reason for words in _UNCHANGED):
            return Plan(
                compiled.stack_name, None, is_new=False, notices=notices, output_names=dict(compiled.output_names)
            )
        raise DeployError(f"CloudFormation refuses the template: {reason}", "Nothing was changed.")

    def _wait(self, look: Callable[[], bool]) -> None:
        pause = _FIRST_LOOK_S
        while not look():
            threading.Event().wait(pause)
            pause = min(pause * 1.5, _LONGEST_LOOK_S)


def _change(told: Mapping[str, Any]) -> Change:  # Any: a ResourceChange
    action = {"Add": Action.ADD, "Import": Action.ADD, "Remove": Action.REMOVE}.get(told["Action"], Action.CHANGE)
    replacement = told.get("Replacement", "False")
    if action is Action.CHANGE and replacement == "True":
        action = Action.REPLACE
    properties = {}
    for one in told.get("Details", ()):
        target = one["Target"]
        name = target.get("Name") or target.get("Attribute", "")
        properties[name] = PropertyChange(name, target.get("BeforeValue"), target.get("AfterValue"))
    goes = action in {Action.REPLACE, Action.REMOVE} or replacement == "Conditional"
    retained = "Retain" in told.get("PolicyAction", "")
    return Change(
        action=action,
        logical_id=told["LogicalResourceId"],
        type=told["ResourceType"],
        physical_id=told.get("PhysicalResourceId", ""),
        properties=tuple(properties.values()),
        is_conditional=replacement == "Conditional",
        is_retained=retained,
        lost=lost_with(told["ResourceType"]) if goes and not retained else "",
    )
