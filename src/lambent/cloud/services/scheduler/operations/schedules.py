"""Schedules: created, changed, shown, listed and deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from lambent.aws.schedule import InvalidScheduleError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.paging import page_read
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.scheduler import repository
from lambent.cloud.services.scheduler.errors import (
    conflict,
    role_not_assumable,
    schedule_exists,
    schedule_not_found,
    validation,
)
from lambent.cloud.services.scheduler.invocations import Invocations
from lambent.cloud.services.scheduler.model import (
    DEFAULT_GROUP,
    DEFAULT_RETRIES,
    Definition,
    KeptSchedule,
    Key,
    timing_of,
    zone_of,
)
from lambent.cloud.services.scheduler.operations.common import PAGE, is_repeated, position_of, the_group
from lambent.cloud.services.scheduler.repository import Listing
from lambent.cloud.services.scheduler.targets import problem_of
from lambent.cloud.store.unit_of_work import Store, Transaction

_DEFAULTS = {"ScheduleExpressionTimezone": "UTC", "State": "ENABLED", "ActionAfterCompletion": "NONE"}
_MEMBERS = (
    "ScheduleExpression", "ScheduleExpressionTimezone", "StartDate", "EndDate", "Description", "State", "KmsKeyArn",
    "Target", "FlexibleTimeWindow", "ActionAfterCompletion",
)  # fmt: skip
# What decides when a schedule falls due: one of which none of these changes keeps its rhythm.
_TIMING = ("ScheduleExpression", "ScheduleExpressionTimezone", "StartDate", "EndDate", "State")
_OLDEST_START_S = 300.0


class ScheduleOperations:
    """The operations on schedules; `changed` is told once another may be due first."""

    def __init__(self, store: Store, invocations: Invocations, changed: Callable[[], None]) -> None:
        self._store = store
        self._invocations = invocations
        self._changed = changed

    @operation("CreateSchedule")
    async def create(self, context: RequestContext, parameters: Parameters) -> Result:
        """Create a schedule."""
        key = _key(context, parameters)
        definition = await self._checked(context, key, parameters)
        since = definition.get("StartDate", context.now)
        due = _due(definition, since, context.now)
        added = KeptSchedule(0, key, definition, context.now, context.now, since, due, revision=1)

        def work(transaction: Transaction) -> None:
            if is_repeated(transaction, "CreateSchedule", context, parameters):
                return
            if the_group(transaction, key.scope, key.group).state == "DELETING":
                raise conflict(f"Schedule group {key.group} is being deleted.")
            if repository.schedule(transaction, key) is not None:
                raise schedule_exists(key.name)
            repository.add_schedule(transaction, added)
            transaction.after_commit(self._changed)

        await self._store.write(work)
        return {"ScheduleArn": key.arn}

    @operation("UpdateSchedule")
    async def update(self, context: RequestContext, parameters: Parameters) -> Result:
        """Replace a schedule's definition; what is not given goes back to its default."""
        key = _key(context, parameters)
        before = _require_known(repository.schedule(self._store.read, key), key).definition
        definition = await self._checked(context, key, parameters, before)

        def work(transaction: Transaction) -> None:
            if is_repeated(transaction, "UpdateSchedule", context, parameters):
                return
            known = _require_known(repository.schedule(transaction, key), key)
            repository.change_schedule(transaction, _changed(known, definition, context.now))
            transaction.after_commit(self._changed)

        await self._store.write(work)
        return {"ScheduleArn": key.arn}

    @operation("GetSchedule")
    async def get(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a schedule."""
        key = _key(context, parameters)
        the_group(self._store.read, key.scope, key.group)
        found = _require_known(repository.schedule(self._store.read, key), key)
        return {**found.definition, **_named(found)}

    @operation("DeleteSchedule")
    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete a schedule; what it has set off already is carried out."""
        key = _key(context, parameters)

        def work(transaction: Transaction) -> None:
            if is_repeated(transaction, "DeleteSchedule", context, parameters):
                return
            if not repository.delete_schedule(transaction, key):
                raise schedule_not_found(key.name)

        await self._store.write(work)
        return {}

    @operation("ListSchedules")
    async def list(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of schedules, by group and name."""
        group = parameters.get("GroupName")
        if group is not None:
            the_group(self._store.read, context.scope, group)
        limit = parameters.get("MaxResults", PAGE)
        behind_group, _, behind_name = position_of(parameters.get("NextToken")).partition("/")
        listing = Listing(
            context.scope,
            limit + 1,
            (behind_group, behind_name),
            group=group,
            prefix=parameters.get("NamePrefix"),
            state=parameters.get("State"),
        )
        found = repository.schedules(self._store.read, listing)
        some = page_read(found, lambda one: f"{one.key.group}/{one.key.name}", limit=limit)
        answer: dict[str, object] = {"Schedules": [_summary(one) for one in some.items]}
        return answer | ({} if some.next_marker is None else {"NextToken": some.next_marker})

    async def _checked(
        self, context: RequestContext, key: Key, parameters: Parameters, before: Definition = MappingProxyType({})
    ) -> Definition:
        """Return the definition of a schedule with its defaults; raises what AWS says of one that cannot be."""
        the_group(self._store.read, key.scope, key.group)
        given = {name: parameters[name] for name in _MEMBERS if name in parameters}
        target = {"RetryPolicy": DEFAULT_RETRIES, **given["Target"]}
        target["RetryPolicy"] = {**DEFAULT_RETRIES, **target["RetryPolicy"]}
        definition = {**_DEFAULTS, **given, "Target": target}
        _require_timing(definition, context.now)
        if definition.get("StartDate") != before.get("StartDate"):
            _require_start(definition, context.now)
        problem = problem_of(target)
        if problem is not None:
            raise validation(problem)
        if await self._invocations.role(key.scope, key.group_arn, target["RoleArn"]) is None:
            raise role_not_assumable()
        return definition


def _require_timing(definition: Definition, now: float) -> None:
    zone = definition["ScheduleExpressionTimezone"]
    try:
        zone_of(zone)
    except ValueError as error:
        raise validation(f"Invalid Schedule Expression Timezone {zone}.") from error
    try:
        timing_of(definition, now)
    except InvalidScheduleError as error:
        raise validation(str(error)) from error
    window = definition["FlexibleTimeWindow"]
    if (window["Mode"] == "FLEXIBLE") != ("MaximumWindowInMinutes" in window):
        raise validation("MaximumWindowInMinutes must be specified for the mode FLEXIBLE, and for no other.")
    start, end = definition.get("StartDate"), definition.get("EndDate")
    if start is not None and end is not None and end <= start:
        raise validation("The EndDate you specify must come after the StartDate.")


def _require_start(definition: Definition, now: float) -> None:
    # One-time schedules ignore it: https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
    is_ignored = definition["ScheduleExpression"].startswith("at(")
    if not is_ignored and definition.get("StartDate", now) < now - _OLDEST_START_S:
        raise validation("The StartDate you specify cannot be earlier than 5 minutes ago.")


def _due(definition: Definition, since: float, now: float) -> float | None:
    return timing_of(definition, since).first(now) if definition["State"] == "ENABLED" else None


def _changed(known: KeptSchedule, definition: Definition, now: float) -> KeptSchedule:
    """Return a schedule with another definition; its rhythm begins anew only if that is what changes."""
    changed = replace(known, definition=definition, modified=now, revision=known.revision + 1)
    if all(known.definition.get(name) == definition.get(name) for name in _TIMING):
        return changed
    is_other = any(known.definition.get(name) != definition.get(name) for name in ("ScheduleExpression", "StartDate"))
    since = definition.get("StartDate", now) if is_other else known.since
    return replace(changed, since=since, due=_due(definition, since, now))


def _key(context: RequestContext, parameters: Parameters) -> Key:
    return Key(context.scope, parameters.get("GroupName", DEFAULT_GROUP), parameters["Name"])


def _require_known(found: KeptSchedule | None, key: Key) -> KeptSchedule:
    if found is None:
        raise schedule_not_found(key.name)
    return found


def _named(one: KeptSchedule) -> dict[str, Any]:  # Any: members of AWS's shapes
    return {
        "Arn": one.key.arn,
        "Name": one.key.name,
        "GroupName": one.key.group,
        "CreationDate": one.created,
        "LastModificationDate": one.modified,
    }


def _summary(one: KeptSchedule) -> dict[str, Any]:  # Any: as above
    return {**_named(one), "State": one.definition["State"], "Target": {"Arn": one.definition["Target"]["Arn"]}}
