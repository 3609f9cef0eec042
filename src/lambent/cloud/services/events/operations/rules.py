"""Rules: which events of a bus, or when."""

from __future__ import annotations

import dataclasses

from lambent.aws.schedule import Dialect, InvalidScheduleError, parse_schedule
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.events import repository
from lambent.cloud.services.events.errors import invalid
from lambent.cloud.services.events.model import DEFAULT_BUS, Rule, rule_arn
from lambent.cloud.services.events.operations.common import (
    bus_of,
    check_pattern,
    listing,
    tags_in,
    the_rule,
    without_none,
)
from lambent.cloud.services.events.repository import Span
from lambent.cloud.services.events.routing import Routing
from lambent.cloud.services.events.schedules import Schedules
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Store, Transaction


class RuleOperations:
    """The operations on rules."""

    def __init__(self, store: Store, routing: Routing, schedules: Schedules) -> None:
        self._store = store
        self._routing = routing
        self._schedules = schedules

    @operation("PutRule")
    async def put(self, context: RequestContext, parameters: Parameters) -> Result:
        """Create a rule, or replace what it says; its targets and tags stay."""
        pattern, schedule = parameters.get("EventPattern") or None, parameters.get("ScheduleExpression") or None
        bus = bus_of(self._store.read, context, parameters.get("EventBusName"))
        if pattern is None and schedule is None:
            raise invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
        _check_schedule(schedule, bus)
        check_pattern(pattern)
        tags = tags_in(context, parameters.get("Tags", ()))
        name = parameters["Name"]

        def put(transaction: Transaction) -> None:
            known = repository.rule(transaction, context.scope, bus, name)
            before = known or Rule(bus, name, context.scope.account, context.now, tags=tags)
            rule = dataclasses.replace(
                before,
                pattern=pattern,
                schedule=schedule,
                state=parameters.get("State", "ENABLED"),
                description=parameters.get("Description"),
                role=parameters.get("RoleArn"),
            )
            self._write(transaction, context, rule)

        await self._store.write(put)
        return {"RuleArn": rule_arn(context.scope, bus, name)}

    @operation("EnableRule")
    async def enable(self, context: RequestContext, parameters: Parameters) -> Result:
        """Have a rule's events matched, or its schedule followed, from now on."""
        return await self._set_state(context, parameters, "ENABLED")

    @operation("DisableRule")
    async def disable(self, context: RequestContext, parameters: Parameters) -> Result:
        """Have a rule do nothing from now on."""
        return await self._set_state(context, parameters, "DISABLED")

    @operation("DeleteRule")
    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete a rule that has no targets; one that is gone is no error."""
        bus, name = bus_of(self._store.read, context, parameters.get("EventBusName")), parameters["Name"]

        def delete(transaction: Transaction) -> None:
            rule = repository.rule(transaction, context.scope, bus, name)
            if rule is not None and rule.targets:
                raise invalid("Rule can't be deleted since it has targets.")
            repository.delete_rule(transaction, context.scope, bus, name)
            if bus == DEFAULT_BUS:
                repository.schedule(transaction, context.scope, name, None)
            transaction.after_commit(lambda: self._routing.rule_changed(context.scope, bus, name))

        await self._store.write(delete)
        return {}

    @operation("DescribeRule")
    async def describe(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a rule."""
        bus = bus_of(self._store.read, context, parameters.get("EventBusName"))
        rule = the_rule(self._store.read, context.scope, bus, parameters["Name"])
        return {**_show(context.scope, rule), "CreatedBy": rule.created_by}

    @operation("ListRules")
    async def list(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of a bus's rules by name."""
        bus, prefix = (
            bus_of(self._store.read, context, parameters.get("EventBusName")),
            parameters.get("NamePrefix", ""),
        )

        def read(after: str, limit: int) -> list[Rule]:
            return repository.rules(self._store.read, context.scope, bus, Span(prefix, after, limit))

        return listing(parameters, "Rules", read, lambda rule: rule.name, lambda rule: _show(context.scope, rule))

    @operation("ListRuleNamesByTarget")
    async def list_by_target(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the names of a bus's rules that have a target."""
        bus = bus_of(self._store.read, context, parameters.get("EventBusName"))
        names = repository.rules_with_target(self._store.read, context.scope, bus, parameters["TargetArn"])

        def read(after: str, limit: int) -> list[str]:
            return [name for name in names if name > after][:limit]

        return listing(parameters, "RuleNames", read, str, str)

    async def _set_state(self, context: RequestContext, parameters: Parameters, state: str) -> Result:
        bus = bus_of(self._store.read, context, parameters.get("EventBusName"))

        def change(transaction: Transaction) -> None:
            rule = the_rule(transaction, context.scope, bus, parameters["Name"])
            self._write(transaction, context, dataclasses.replace(rule, state=state))

        await self._store.write(change)
        return {}

    def _write(self, transaction: Transaction, context: RequestContext, rule: Rule) -> None:
        repository.put_rule(transaction, context.scope, rule)
        if rule.bus == DEFAULT_BUS:
            self._schedules.put(transaction, context.scope, rule, context.now)
        transaction.after_commit(lambda: self._routing.rule_changed(context.scope, rule.bus, rule.name))


def _check_schedule(schedule: str | None, bus: str) -> None:
    if schedule is None:
        return
    if bus != DEFAULT_BUS:
        raise invalid("ScheduleExpression is supported only on the default event bus.")
    try:
        parse_schedule(schedule, Dialect.RULE)
    except InvalidScheduleError as error:
        raise invalid(str(error)) from error


def _show(scope: Scope, rule: Rule) -> dict[str, object]:
    return without_none(
        {
            "Name": rule.name,
            "Arn": rule_arn(scope, rule.bus, rule.name),
            "EventPattern": rule.pattern,
            "State": rule.state,
            "Description": rule.description,
            "ScheduleExpression": rule.schedule,
            "RoleArn": rule.role,
            "EventBusName": rule.bus,
        }
    )
