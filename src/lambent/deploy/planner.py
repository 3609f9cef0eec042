"""A compiled system and a target → a plan: packages are uploaded and a change set is made; resources are left alone."""

from __future__ import annotations

import hashlib
import secrets  # noqa: TID251 - a name that no other deployment has
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from lambent.aws.clients import AwsCallError, Target, aws_errors
from lambent.compiler.result import CompiledSystem
from lambent.deploy.artifacts import Artifacts
from lambent.deploy.document import resources_of
from lambent.deploy.errors import DeployError
from lambent.deploy.filling import filled
from lambent.deploy.outside import looks_outside
from lambent.deploy.packaging.limits import check_together
from lambent.deploy.packaging.package import Neighbours, Package, Packager
from lambent.deploy.plan import Action, Change, CodeSize, Plan, PropertyChange, lost_with
from lambent.deploy.stacks import StackState, deployed_template, find_stack
from lambent.deploy.waiting import Wait, is_passing, wait
from lambent.template.document import as_text
from lambent.template.json_text import to_json

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
_BODY_BYTES = 51_200
_UNCHANGED = ("didn't contain changes", "No updates are to be performed")
_FIRST_LOOK_S, _LONGEST_LOOK_S, _REFUSED_PATIENCE_S = 0.02, 2.0, 60.0


@dataclass(frozen=True, slots=True)
class Source:
    """Where code is taken from, where what is built is kept, and who runs it in place of the declared runtime."""

    base: Path
    cache: Path
    neighbours: Neighbours | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A template as it is sent, with the packages that it names."""

    compiled: CompiledSystem
    body: str
    packages: Mapping[str, Package]
    nested: tuple[Prepared, ...] = ()

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know of the packages."""
        own = (notice for package in self.packages.values() for notice in package.notices)
        return tuple(dict.fromkeys((*own, *(notice for one in self.nested for notice in one.notices))))

    @property
    def looks_outside(self) -> bool:
        """Whether the same text may have another effect the next time, in it or in what it nests."""
        return looks_outside(self.compiled.template, self.body) or any(one.looks_outside for one in self.nested)

    @property
    def code(self) -> tuple[CodeSize, ...]:
        """How large the packages are."""
        found = (
            (one.logical_id, self.packages[f"{one.logical_id}.{one.property_name}"]) for one in self.compiled.archives
        )
        own = (CodeSize(logical_id, package.zipped, package.unzipped) for logical_id, package in found)
        return (*own, *(size for one in self.nested for size in one.code))


class Planner:
    """Makes plans for one target; `make_bucket` makes the artifact bucket where there is none, or that is an error."""

    def __init__(
        self, target: Target, *, make_bucket: Callable[[Target], object] | None = None, wait: Wait = wait
    ) -> None:
        self._target = target
        self._pause = wait
        self._make_bucket = make_bucket
        self._known: StackState | None = None
        self.artifacts = Artifacts(target)

    @cached_property
    def client(self) -> Any:  # Any: a boto3 client
        """CloudFormation at the target."""
        return self._target.client("cloudformation")

    def prepare(self, compiled: CompiledSystem, source: Source) -> Prepared:
        """Package the code and put its places into the template; nothing is sent yet. Raises DeployError."""
        packager = Packager(source.base, source.cache, source.neighbours)
        made = packager.packages(compiled.archives)
        packages = {
            f"{one.logical_id}.{one.property_name}": two for one, two in zip(compiled.archives, made, strict=True)
        }
        check_together(compiled, packages)
        bucket = self.artifacts.bucket if packages else ""
        template = filled(compiled, packages, bucket)
        nested = []
        resources = dict(resources_of(template)) if compiled.nested else {}
        for one in compiled.nested:
            inner = self.prepare(one.system, replace(source, base=source.base / one.folder))
            nested.append(inner)
            place = self.artifacts.template_address(inner.body)
            resources[one.logical_id]["Properties"][one.property_name] = place
        return Prepared(compiled, to_json(template), packages, tuple(nested))

    def plan(self, prepared: Prepared) -> Plan:
        """Return what would be done. Raises DeployError where the stack is being changed by somebody."""
        compiled = prepared.compiled
        state = self._known if self._known is not None else find_stack(self.client, compiled.stack_name)
        if state is not None and state.is_in_progress:
            raise DeployError(
                f"Stack {state.name} is in {state.status} since {state.since}.",
                "Wait for its end: somebody else, or an earlier command of yours, is at work on it.",
            )
        if state is not None and state.is_stuck:
            raise DeployError(
                f"Stack {state.name} is in {state.status}: {state.reason or 'no reason given'}",
                "Some of its resources are still there. Remove them, and then the stack: lambent down",
            )
        if state is not None and state.is_half_rolled_back:
            raise DeployError(
                f"Stack {state.name} is in {state.status}: {state.reason or 'no reason given'}",
                "Mend what stood in its way, then finish it: aws cloudformation continue-update-rollback "
                f"--stack-name {state.name} (--resources-to-skip leaves out what cannot be mended). Or remove the "
                "stack: lambent down",
            )
        is_new = state is None or state.is_only_reviewed or state.is_remains
        if state is not None and not is_new and self._rests_as(state, prepared):
            return self._nothing(prepared)
        self._send(prepared)
        notices = prepared.notices
        if state is not None and state.is_remains:
            self._remove_remains(state)
            notices = (*notices, f"The remains of an earlier creation of {state.name} that failed were removed.")
        return self._change_set(prepared, is_new=is_new, notices=notices)

    def is_deployed(self, prepared: Prepared) -> bool:
        """Return whether the stack rests and was given just what is prepared."""
        state = find_stack(self.client, prepared.compiled.stack_name)
        return state is not None and self._rests_as(state, prepared)

    def is_under_way(self, prepared: Prepared) -> bool:
        """Return whether the stack is being brought to just what is prepared, by a command that was cut off."""
        state = find_stack(self.client, prepared.compiled.stack_name)
        self._known = state
        return state is not None and state.is_going_forward and self._was_given(state, prepared)

    def forget(self, plan: Plan) -> None:
        """Remove the change set of a plan that nobody will carry out, and a stack that is no more than that."""
        with aws_errors():
            self.client.delete_change_set(ChangeSetName=plan.change_set_id)
        if plan.is_new:
            self._forget_stack(plan.stack_name)

    def _forget_stack(self, name: str) -> None:
        """Remove a stack that was made for a change set alone; one that has others, of plans that were saved, stays."""
        state = find_stack(self.client, name)
        if state is None or not state.is_only_reviewed:
            return
        with aws_errors():
            others = self.client.list_change_sets(StackName=state.id)["Summaries"]
            if not any(one["StackId"] == state.id for one in others):
                self.client.delete_stack(StackName=state.id)

    def _rests_as(self, state: StackState, prepared: Prepared) -> bool:
        """Return whether the stack rests as what is prepared, for certain: by its text, where that says all."""
        return state.is_settled and not prepared.looks_outside and self._was_given(state, prepared)

    def _was_given(self, state: StackState, prepared: Prepared) -> bool:
        """Return whether the stack was given this very template, with these parameters and tags."""
        return (
            state.tags == dict(prepared.compiled.tags)
            and _has_same_parameters(state, prepared.compiled)
            and deployed_template(self.client, state.name) == prepared.body
        )

    def _send(self, prepared: Prepared) -> None:
        if not prepared.packages and not prepared.nested and len(prepared.body.encode()) <= _BODY_BYTES:
            return
        if not self.artifacts.exists():
            if self._make_bucket is None:
                raise self.artifacts.missing()
            self._make_bucket(self._target)
        self._upload(prepared)

    def _upload(self, prepared: Prepared) -> None:
        self.artifacts.upload(prepared.packages.values())
        for one in prepared.nested:
            self._upload(one)
            self.artifacts.put_template(one.body)

    def _remove_remains(self, state: StackState) -> None:
        with aws_errors():
            self.client.delete_stack(StackName=state.id)
        found: StackState | None = state

        def look() -> bool:
            nonlocal found
            found = find_stack(self.client, state.id)
            return found is None or found.status in {"DELETE_COMPLETE", "DELETE_FAILED"}

        self._wait(look)
        if found is not None and found.status == "DELETE_FAILED":
            raise DeployError(f"The remains of stack {state.name} cannot be removed: {found.reason}")

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
            **self._body(prepared),
        }
        with aws_errors():
            made = self.client.create_change_set(**request)["Id"]
        found = self._settled(made)
        if found["Status"] == "FAILED":
            return self._failed(made, str(found.get("StatusReason", "")), prepared, is_new=is_new)
        changes = [*found.get("Changes", ())]
        while "NextToken" in found:
            with aws_errors():
                found = self.client.describe_change_set(
                    ChangeSetName=made, NextToken=found["NextToken"], IncludePropertyValues=True
                )
            changes += found.get("Changes", ())
        told = tuple(_change(one["ResourceChange"]) for one in changes)
        return Plan(compiled.stack_name, made, is_new, told, notices, dict(compiled.output_names), prepared.code)

    def _body(self, prepared: Prepared) -> dict[str, str]:
        if len(prepared.body.encode()) <= _BODY_BYTES:
            return {"TemplateBody": prepared.body}
        return {"TemplateURL": self.artifacts.put_template(prepared.body)}

    def _settled(self, change_set_id: str) -> dict[str, Any]:  # Any: what DescribeChangeSet answers
        found: dict[str, Any] = {}  # Any: JSON-shaped values

        def look() -> bool:
            nonlocal found
            with aws_errors():
                found = self.client.describe_change_set(ChangeSetName=change_set_id, IncludePropertyValues=True)
            return not str(found["Status"]).endswith(("_IN_PROGRESS", "_PENDING"))

        self._wait(look)
        return found

    def _failed(self, change_set_id: str, reason: str, prepared: Prepared, *, is_new: bool) -> Plan:
        nothing = self._nothing(prepared)
        self.forget(replace(nothing, change_set_id=change_set_id, is_new=is_new))
        if any(words in reason for words in _UNCHANGED):
            return nothing
        raise DeployError(f"CloudFormation refuses the template: {reason}", "Nothing was changed.")

    def _nothing(self, prepared: Prepared) -> Plan:
        compiled = prepared.compiled
        return Plan(
            compiled.stack_name,
            None,
            is_new=False,
            notices=prepared.notices,
            output_names=dict(compiled.output_names),
        )

    def _wait(self, look: Callable[[], bool]) -> None:
        """Look until it is there, also where AWS asks for fewer calls meanwhile; raises what does not pass in time."""
        pause, refused_s = _FIRST_LOOK_S, 0.0
        while True:
            try:
                if look():
                    return
                refused_s = 0.0
            except AwsCallError as error:
                if not is_passing(error) or refused_s > _REFUSED_PATIENCE_S:
                    raise
                pause = _LONGEST_LOOK_S
                refused_s += pause
            self._pause(pause)
            pause = min(pause * 1.5, _LONGEST_LOOK_S)


def _has_same_parameters(state: StackState, compiled: CompiledSystem) -> bool:
    """Return whether each parameter has the value that is given, or, where none is, its default."""
    declared = compiled.template.get("Parameters") or {}
    usual = {name: as_text(one["Default"]) for name, one in declared.items() if "Default" in one}
    wanted = {**usual, **compiled.parameters}
    told = state.parameters
    return all(told.get(name) == value for name, value in compiled.parameters.items()) and all(
        wanted.get(name) == value for name, value in told.items()
    )


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
