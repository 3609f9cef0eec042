"""Event buses and their policies."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.events import repository
from lambent.cloud.services.events.access import PUT_EVENTS
from lambent.cloud.services.events.errors import already_exists, disabled, invalid, not_found
from lambent.cloud.services.events.model import DEFAULT_BUS, Bus, arn_of, bus_meant
from lambent.cloud.services.events.operations.common import bus_of, listing, tags_in, the_bus, without_none
from lambent.cloud.services.events.repository import Span
from lambent.cloud.services.events.routing import Routing
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Store, Transaction


class BusOperations:
    """The operations on event buses."""

    def __init__(self, store: Store, routing: Routing) -> None:
        self._store = store
        self._routing = routing

    @operation("CreateEventBus")
    async def create(self, context: RequestContext, parameters: Parameters) -> Result:
        """Create a bus; those of partners there are none."""
        name = parameters["Name"]
        if "EventSourceName" in parameters:
            raise disabled("There are no partner event sources here.")
        bus = _described(
            Bus(name, context.now, context.now, tags=tags_in(context, parameters.get("Tags", ()))), parameters
        )

        def create(transaction: Transaction) -> None:
            if name == DEFAULT_BUS or repository.resource(transaction, context.scope, Bus, name) is not None:
                raise already_exists("Event bus", name)
            repository.put(transaction, context.scope, bus)

        await self._store.write(create)
        return without_none({"EventBusArn": arn_of(context.scope, "event-bus", name), **_settings(bus)})

    @operation("UpdateEventBus")
    async def update(self, context: RequestContext, parameters: Parameters) -> Result:
        """Set a bus's description, key, dead-letter queue and logs; those not given are unset."""
        name = parameters.get("Name", DEFAULT_BUS)

        def update(transaction: Transaction) -> Bus:
            before = the_bus(transaction, context.scope, name)
            bus = _described(dataclasses.replace(before, changed_at=context.now), parameters)
            repository.put(transaction, context.scope, bus)
            return bus

        bus = await self._store.write(update)
        arn = arn_of(context.scope, "event-bus", name)
        return without_none({"Arn": arn, "Name": name, **_settings(bus)})

    @operation("DeleteEventBus")
    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete a bus that has no rules; one that is gone is no error."""
        scope, name = bus_meant(context.scope, parameters["Name"])
        if name == DEFAULT_BUS:
            raise invalid("Cannot delete event bus default.")

        def delete(transaction: Transaction) -> None:
            if repository.rules(transaction, scope, name, Span(limit=1)):
                raise invalid(f"Cannot delete event bus {name} since it has rules.")
            repository.delete(transaction, scope, Bus, name)
            transaction.after_commit(lambda: self._routing.bus_deleted(scope, name))

        await self._store.write(delete)
        return {}

    @operation("DescribeEventBus")
    async def describe(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a bus with its policy."""
        name = bus_of(self._store.read, context, parameters.get("Name"))
        bus = the_bus(self._store.read, context.scope, name)
        return {**_show(context.scope, bus), **without_none(_settings(bus))}

    @operation("ListEventBuses")
    async def list(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of buses by name; the default one is always among them."""
        prefix, scope = parameters.get("NamePrefix", ""), context.scope

        def read(after: str, limit: int) -> list[Bus]:
            found = repository.resources(self._store.read, scope, Bus, Span(prefix, after, limit))
            is_kept = repository.resource(self._store.read, scope, Bus, DEFAULT_BUS) is not None
            if not is_kept and DEFAULT_BUS.startswith(prefix) and after < DEFAULT_BUS:
                found.append(the_bus(self._store.read, scope, DEFAULT_BUS))
            return sorted(found, key=lambda bus: bus.name)[:limit]

        return listing(parameters, "EventBuses", read, lambda bus: bus.name, lambda bus: _show(scope, bus))

    @operation("PutPermission")
    async def put_permission(self, context: RequestContext, parameters: Parameters) -> Result:
        """Let somebody put events on a bus by a statement, or replace the whole policy."""
        if "Policy" not in parameters:
            missing = [name for name in ("Action", "Principal", "StatementId") if name not in parameters]
            if missing:
                raise invalid(f"Parameter(s) {', '.join(missing)} must be specified.")
            if parameters["Action"] != PUT_EVENTS:
                raise invalid("Provided value in parameter 'action' is not supported.")

        def change(bus: Bus) -> Bus:
            if "Policy" in parameters:
                return dataclasses.replace(bus, statements=_statements_in(parameters["Policy"]))
            added = _statement(context.scope, bus, parameters)
            kept = [each for each in bus.statements if each.get("Sid") != added["Sid"]]
            return dataclasses.replace(bus, statements=[*kept, added])

        return await self._change_policy(context, parameters, change)

    @operation("RemovePermission")
    async def remove_permission(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove a statement of a bus's policy, or all of them."""
        if parameters.get("RemoveAllPermissions"):
            return await self._change_policy(context, parameters, lambda bus: dataclasses.replace(bus, statements=()))
        if "StatementId" not in parameters:
            raise invalid("Parameter StatementId is required when RemoveAllPermissions is false.")

        def remove(bus: Bus) -> Bus:
            kept = [each for each in bus.statements if each.get("Sid") != parameters["StatementId"]]
            if len(kept) == len(bus.statements):
                raise not_found("Statement with the provided id does not exist.")
            return dataclasses.replace(bus, statements=kept)

        return await self._change_policy(context, parameters, remove)

    async def _change_policy(
        self, context: RequestContext, parameters: Parameters, change: Callable[[Bus], Bus]
    ) -> Result:
        def work(transaction: Transaction) -> None:
            name = bus_of(transaction, context, parameters.get("EventBusName"))
            repository.put(transaction, context.scope, change(the_bus(transaction, context.scope, name)))

        await self._store.write(work)
        return {}


def _described(bus: Bus, parameters: Parameters) -> Bus:
    return dataclasses.replace(
        bus,
        description=parameters.get("Description"),
        kms_key=parameters.get("KmsKeyIdentifier"),
        dead_letters=parameters.get("DeadLetterConfig"),
        log=parameters.get("LogConfig"),
    )


def _settings(bus: Bus) -> dict[str, object]:
    return {
        "Description": bus.description,
        "KmsKeyIdentifier": bus.kms_key,
        "DeadLetterConfig": bus.dead_letters,
        "LogConfig": bus.log,
    }


def _show(scope: Scope, bus: Bus) -> dict[str, object]:
    policy = {"Version": "2012-10-17", "Statement": list(bus.statements)} if bus.statements else None
    return without_none(
        {
            "Name": bus.name,
            "Arn": arn_of(scope, "event-bus", bus.name),
            "Description": bus.description,
            "Policy": None if policy is None else orjson.dumps(policy).decode(),
            "CreationTime": bus.created_at or None,
            "LastModifiedTime": bus.changed_at or None,
        }
    )


def _statements_in(policy: str) -> Sequence[Mapping[str, Any]]:  # Any: statements of a policy
    try:
        document = orjson.loads(policy)
    except orjson.JSONDecodeError as error:
        raise invalid("Policy is not valid JSON.") from error
    found = document.get("Statement") if isinstance(document, dict) else None
    statements = [each for each in (found if isinstance(found, list) else [found]) if isinstance(each, dict)]
    if not statements:
        raise invalid("Policy must have statements.")
    return statements


def _statement(scope: Scope, bus: Bus, parameters: Parameters) -> Mapping[str, Any]:  # Any: as above
    who = parameters["Principal"]
    condition = parameters.get("Condition")
    statement: dict[str, Any] = {  # Any: as above
        "Sid": parameters["StatementId"],
        "Effect": "Allow",
        "Principal": "*" if who == "*" else {"AWS": f"arn:{scope.partition}:iam::{who}:root"},
        "Action": PUT_EVENTS,
        "Resource": arn_of(scope, "event-bus", bus.name),
    }
    if condition is not None:
        statement["Condition"] = {condition["Type"]: {condition["Key"]: condition["Value"]}}
    return statement
