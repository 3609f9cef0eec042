"""Schedules and groups as values, and when a schedule falls due."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from lambent.aws.schedule import At, Dialect, Schedule, parse_schedule
from lambent.cloud.store.scope import Scope

DEFAULT_GROUP: Final = "default"
# "All schedule types invoke their targets with 60 second precision":
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
PRECISION_S: Final = 60.0
DEFAULT_RETRIES: Final[Mapping[str, int]] = {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}

Definition = Mapping[str, Any]  # Any: members of CreateSchedule's shape


@dataclass(frozen=True, slots=True)
class Key:
    """What names a schedule."""

    scope: Scope
    group: str
    name: str

    @property
    def arn(self) -> str:
        """The schedule's ARN."""
        scope = self.scope
        return f"arn:{scope.partition}:scheduler:{scope.region}:{scope.account}:schedule/{self.group}/{self.name}"

    @property
    def group_arn(self) -> str:
        """The ARN of its group, which is what Scheduler acts for when it assumes a role."""
        return group_arn(self.scope, self.group)


@dataclass(frozen=True, slots=True)
class Group:
    """A schedule group. The default one is there from the beginning, and has no dates."""

    scope: Scope
    name: str
    state: str = "ACTIVE"
    created: float | None = None
    modified: float | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """The group's ARN."""
        return group_arn(self.scope, self.name)


@dataclass(frozen=True, slots=True)
class KeptSchedule:
    """A schedule: `definition` has GetSchedule's members with their defaults, but for names and dates.

    `since` is what a rate is counted from; `due` the next occurrence, None where none will come. `revision` differs
    after every change.
    """

    id: int
    key: Key
    definition: Definition
    created: float
    modified: float
    since: float
    due: float | None
    revision: int

    @property
    def completes(self) -> bool:
        """Whether the schedule is to be deleted once its last occurrence has been carried out."""
        return bool(self.definition["ActionAfterCompletion"] == "DELETE")


@dataclass(frozen=True, slots=True)
class Timing:
    """When a schedule falls due, between its StartDate and its EndDate, which one-time schedules ignore."""

    expression: Schedule
    zone: tzinfo
    since: float
    start: float = 0.0
    end: float = math.inf

    def first(self, now: float) -> float | None:
        """Return the first occurrence of a schedule made or changed now.

        A one-time schedule whose minute has passed never falls due.
        """
        if isinstance(self.expression, At):
            due = self.expression.due(self.zone)
            return due if due > now - PRECISION_S else None
        return self.after(math.nextafter(max(now, self.start), 0.0))

    def after(self, moment: float) -> float | None:
        """Return the first occurrence after a moment."""
        begin = moment if isinstance(self.expression, At) else max(moment, math.nextafter(self.start, 0.0))
        due = self.expression.next_after(begin, self.zone, since=self.since)
        is_over = due is not None and due > self.end and not isinstance(self.expression, At)
        return None if is_over else due

    def turn(self, due: float, now: float, oldest_s: float) -> tuple[float | None, float | None]:
        """Return the occurrence to carry out now, if any, and the next one.

        What fell due while the platform was off is not made up for, as nobody wants a night's occurrences at once; a
        one-time schedule is, for as long as its target would be tried again (`oldest_s`), for it has no other.
        """
        late_s = now - due
        if late_s <= (oldest_s if isinstance(self.expression, At) else PRECISION_S):
            return due, self.after(due)
        return None, self.after(now - PRECISION_S)


def timing_of(definition: Definition, since: float) -> Timing:
    """Return when a schedule falls due; raises InvalidScheduleError, or ValueError for a zone that is not there."""
    return Timing(
        _parsed(definition["ScheduleExpression"]),
        zone_of(definition["ScheduleExpressionTimezone"]),
        since,
        start=definition.get("StartDate", 0.0),
        end=definition.get("EndDate", math.inf),
    )


def zone_of(name: str) -> tzinfo:
    """Return a time zone of the IANA database; raises ValueError."""
    try:
        return ZoneInfo(name)
    except (LookupError, OSError) as error:  # a folder of the database, such as "Europe", is an OSError
        raise ValueError(name) from error


def window_s(definition: Definition) -> float:
    """Return how long after its moment an occurrence may begin."""
    window = definition["FlexibleTimeWindow"]
    return 60.0 * window["MaximumWindowInMinutes"] if window["Mode"] == "FLEXIBLE" else 0.0


def retries_of(target: Mapping[str, Any]) -> Mapping[str, int]:  # Any: members of Target
    """Return the retry policy of a target."""
    return {**DEFAULT_RETRIES, **target.get("RetryPolicy", {})}


def group_arn(scope: Scope, name: str) -> str:
    """Return the ARN of a schedule group."""
    return f"arn:{scope.partition}:scheduler:{scope.region}:{scope.account}:schedule-group/{name}"


@lru_cache(maxsize=1024)
def _parsed(expression: str) -> Schedule:
    return parse_schedule(expression, Dialect.SCHEDULER)
