"""Event buses, rules, archives and replays: what they are, and how they are named."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lambent.cloud.services.events.errors import invalid_parameter
from lambent.cloud.store.scope import Scope

HOST = "events.amazonaws.com"
DEFAULT_BUS = "default"
Target = Mapping[str, Any]  # Any: a target as PutTargets takes it, which the service model has checked
_ARN = re.compile(r"arn:(?P<partition>aws[\w-]*):events:(?P<region>[\w-]+):(?P<account>\d{12}):(?P<resource>.+)")


@dataclass(frozen=True, slots=True)
class Bus:
    """An event bus. Its policy's statements are kept as AWS shows them; keys and logs are only kept."""

    name: str
    created_at: float
    changed_at: float
    description: str | None = None
    kms_key: str | None = None
    dead_letters: Mapping[str, str] | None = None
    log: Mapping[str, str] | None = None
    statements: Sequence[Mapping[str, Any]] = ()  # Any: statements of a policy
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a bus: which events, or when, and where to."""

    bus: str
    name: str
    created_by: str
    created_at: float
    pattern: str | None = None
    schedule: str | None = None
    state: str = "ENABLED"
    description: str | None = None
    role: str | None = None
    targets: Sequence[Target] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_enabled(self) -> bool:
        """Whether events are matched, and the schedule followed."""
        return self.state != "DISABLED"


@dataclass(frozen=True, slots=True)
class Archive:
    """Events of a bus that are kept, all or those of a pattern; for ever where `retention_days` is 0."""

    name: str
    bus: str
    created_at: float
    pattern: str | None = None
    description: str | None = None
    retention_days: int = 0
    kms_key: str | None = None


class ReplayState(StrEnum):
    """How far a replay is."""

    STARTING = "STARTING"
    RUNNING = "RUNNING"
    CANCELLING = "CANCELLING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


_MOVES: Mapping[ReplayState, frozenset[ReplayState]] = {
    ReplayState.STARTING: frozenset({ReplayState.RUNNING, ReplayState.CANCELLING, ReplayState.FAILED}),
    ReplayState.RUNNING: frozenset({ReplayState.COMPLETED, ReplayState.CANCELLING, ReplayState.FAILED}),
    ReplayState.CANCELLING: frozenset({ReplayState.CANCELLED}),
    ReplayState.COMPLETED: frozenset(),
    ReplayState.CANCELLED: frozenset(),
    ReplayState.FAILED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Replay:
    """Events of an archive, from `starts_at` to before `ends_at`, given once more to their bus, or some of its rules.

    `passed` is the number of the last archived event that was, and `last_at` when that event was archived.
    """

    name: str
    archive: str
    archive_id: int
    bus: str
    starts_at: float
    ends_at: float
    started_at: float
    rules: Sequence[str] = ()
    description: str | None = None
    state: ReplayState = ReplayState.STARTING
    reason: str | None = None
    ended_at: float | None = None
    last_at: float | None = None
    passed: int = 0

    def may_become(self, state: ReplayState) -> bool:
        """Whether the replay may go over to a state."""
        return state in _MOVES[ReplayState(self.state)]


@dataclass(frozen=True, slots=True)
class Named:
    """What an ARN of EventBridge's names: whose it is, its kind (`event-bus`), and its name."""

    scope: Scope
    kind: str
    name: str


def arn_of(scope: Scope, kind: str, name: str) -> str:
    """Return the ARN of a bus (`event-bus`), an archive, a replay, a connection or an API destination."""
    return f"arn:{scope.partition}:events:{scope.region}:{scope.account}:{kind}/{name}"


def rule_arn(scope: Scope, bus: str, name: str) -> str:
    """Return a rule's ARN, which names its bus unless that is the default one."""
    return arn_of(scope, "rule", name if bus == DEFAULT_BUS else f"{bus}/{name}")


def named_by(arn: str) -> Named | None:
    """Return what an ARN names, or None where it is not one of EventBridge's."""
    found = _ARN.fullmatch(arn)
    if found is None:
        return None
    kind, _, name = found["resource"].partition("/")
    return Named(Scope(found["account"], found["region"]), kind, name) if name else None


def bus_meant(scope: Scope, name_or_arn: str | None) -> tuple[Scope, str]:
    """Return whose bus a parameter means, and its name; raises ValidationException for an ARN of something else."""
    if name_or_arn is None:
        return scope, DEFAULT_BUS
    if not name_or_arn.startswith("arn:"):
        return scope, name_or_arn
    named = named_by(name_or_arn)
    if named is None or named.kind != "event-bus":
        raise invalid_parameter("EventBusName", "Provided Arn is not in correct format.")
    return named.scope, named.name
