"""A stack, its resources and events, as they are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from lambent.cloud.services.cloudformation.model.states import StackStatus
from lambent.cloud.store.scope import Scope

HOST: Final = "cloudformation.amazonaws.com"  # as which CloudFormation acts on other services
Values = Mapping[str, Any]  # Any: JSON-shaped values of a template


class ResourceStatus(StrEnum):
    """What is being done with a resource, or how it ended."""

    CREATE_IN_PROGRESS = "CREATE_IN_PROGRESS"
    CREATE_COMPLETE = "CREATE_COMPLETE"
    CREATE_FAILED = "CREATE_FAILED"
    UPDATE_IN_PROGRESS = "UPDATE_IN_PROGRESS"
    UPDATE_COMPLETE = "UPDATE_COMPLETE"
    UPDATE_FAILED = "UPDATE_FAILED"
    DELETE_IN_PROGRESS = "DELETE_IN_PROGRESS"
    DELETE_COMPLETE = "DELETE_COMPLETE"
    DELETE_FAILED = "DELETE_FAILED"
    DELETE_SKIPPED = "DELETE_SKIPPED"

    @property
    def is_in_progress(self) -> bool:
        """Whether it is being worked on."""
        return self.value.endswith("IN_PROGRESS")

    @property
    def is_gone(self) -> bool:
        """Whether the stack has it no longer: it was deleted, or left alone by a deletion."""
        return self in {ResourceStatus.DELETE_COMPLETE, ResourceStatus.DELETE_SKIPPED}


@dataclass(frozen=True, slots=True)
class StackParameter:
    """A parameter of a stack: the value given, and what it came to where that is another (SSM parameters)."""

    key: str
    value: str
    resolved: str | None = None
    no_echo: bool = False

    @property
    def effective(self) -> str:
        """The value that Ref returns."""
        return self.value if self.resolved is None else self.resolved


@dataclass(frozen=True, slots=True)
class StackOutput:
    """An output of a stack, evaluated."""

    key: str
    value: str
    description: str = ""
    export_name: str | None = None


@dataclass(frozen=True, slots=True)
class Definition:
    """What a stack is to be: its template as given and as processed, its parameters and what else was asked for.

    `processed` is JSON text of the template after its transforms. `failure` says why there is none: a transform failed,
    or made what cannot be; an operation that finds it goes no further. `stored` are the versions of the SSM parameters
    that its properties ask for, by key.
    """

    body: str
    processed: str
    parameters: tuple[StackParameter, ...] = ()
    capabilities: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    role_arn: str | None = None
    notification_arns: tuple[str, ...] = ()
    description: str = ""
    failure: str = ""
    stored: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as it is now: `definition` is the one last asked for, `deployed` the one that a rollback goes back to."""

    id: str
    name: str
    scope: Scope
    status: StackStatus
    created: float
    definition: Definition
    deployed: Definition | None = None
    status_reason: str = ""
    updated: float | None = None
    deleted: float | None = None
    outputs: tuple[StackOutput, ...] = ()
    termination_protection: bool = False
    disable_rollback: bool = False
    on_failure: str = "ROLLBACK"
    timeout_minutes: int | None = None
    parent_id: str | None = None
    root_id: str | None = None
    change_set_id: str | None = None
    policy: str | None = None
    drift_status: str = "NOT_CHECKED"
    drift_checked: float | None = None
    spared: tuple[str, ...] = ()  # what this operation leaves alone: a deletion retains it, a rollback skips it
    client_token: str | None = None
    operation_id: str = ""
    begun: float | None = None  # when the operation under way, or the last one, began
    is_cancelled: bool = False
    is_held: bool = False  # a nested stack's clean-up waits for the update of the stack around it
    retain_except_on_create: bool = False
    deletion_mode: str | None = None
    policy_override: str | None = None  # the stack policy of this one update
    outputs_before: tuple[StackOutput, ...] | None = None  # of a stack that is held: what a rollback tells again
    deployment: Values = field(default_factory=dict)  # the DeploymentConfig of the operation under way, or the last one


@dataclass(frozen=True, slots=True)
class StackResource:
    """A resource of a stack.

    `properties` are those it has, evaluated; `attempted` those that a change under way, or one that failed, was to give
    it. `token` marks this physical resource in names and for idempotency; `needs` are the logical ids of the resources
    that it refers to. `masked` says how properties with secrets are told (see `model/masking.py`).
    """

    logical_id: str
    type: str
    status: ResourceStatus
    since: float
    token: str
    physical_id: str = ""
    properties: Values = field(default_factory=dict)
    attributes: Values = field(default_factory=dict)
    status_reason: str = ""
    needs: tuple[str, ...] = ()
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"
    metadata: Any = None  # Any: whatever the template says
    drift_status: str = "NOT_CHECKED"
    drift_checked: float | None = None
    attempted: Values | None = None
    operation_id: str = ""  # of the operation that touched it last
    left_by: str | None = None  # of what is left over: the policy that says what becomes of it
    masked: Values = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StackEvent:
    """One thing that happened to a stack or to one of its resources; for the stack itself both ids are its own."""

    id: str
    at: float
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str = ""
    properties: str | None = None
    client_token: str | None = None
    operation_id: str = ""
    detailed_status: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A change set: what it would make of the stack, and how."""

    id: str
    name: str
    stack_id: str
    kind: str
    status: str
    execution_status: str
    created: float
    definition: Definition
    changes: Sequence[Values] = ()
    status_reason: str = ""
    description: str = ""
    on_stack_failure: str | None = None
    disable_rollback: bool | None = None
    client_token: str | None = None
    include_nested: bool = False
    import_existing: bool = False
    resources_to_import: Sequence[Values] = ()
    deployment: Values = field(default_factory=dict)
