"""What an executor yields as a deployment goes on."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ResourceStarted:
    """Work on a resource has begun."""

    logical_id: str
    type: str
    verb: str


@dataclass(frozen=True, slots=True)
class ResourceDone:
    """Work on a resource is done: `verb` is created, updated, deleted or skipped; `reason` is AWS's where it failed."""

    logical_id: str
    type: str
    verb: str
    took_s: float | None
    has_failed: bool = False
    reason: str = ""
    physical_id: str = ""


@dataclass(frozen=True, slots=True)
class TurnedBack:
    """Something failed, and CloudFormation rolls back; `cause` is the first failure, in its own words."""

    cause: ResourceDone | None


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The target does not answer; the deployment goes on there, and is followed again once it does."""

    reason: str


@dataclass(frozen=True, slots=True)
class StackDone:
    """The stack rests. `outputs` are by the names that the template gives them."""

    status: str
    is_success: bool
    took_s: float
    reason: str = ""
    cause: ResourceDone | None = None
    outputs: dict[str, str] = field(default_factory=dict)


Progress = ResourceStarted | ResourceDone | TurnedBack | ConnectionLost | StackDone
