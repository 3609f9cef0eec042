"""Targets of rules."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.events import repository
from lambent.cloud.services.events.errors import limit_exceeded
from lambent.cloud.services.events.model import Target
from lambent.cloud.services.events.operations.common import bus_of, listing, the_rule
from lambent.cloud.services.events.routing import Routing
from lambent.cloud.services.events.targets import MOST_TARGETS, check_target
from lambent.cloud.store.unit_of_work import Store, Transaction


class TargetOperations:
    """The operations on targets."""

    def __init__(self, store: Store, routing: Routing) -> None:
        self._store = store
        self._routing = routing

    @operation("PutTargets")
    async def put(self, context: RequestContext, parameters: Parameters) -> Result:
        """Add targets to a rule, or replace those of the same ids."""
        added: Sequence[Target] = parameters["Targets"]
        bus = bus_of(self._store.read, context, parameters.get("EventBusName"))
        the_rule(self._store.read, context.scope, bus, parameters["Rule"])
        for target in added:
            check_target(context.scope, target)

        def changed(before: Sequence[Target]) -> Sequence[Target]:
            targets = list({each["Id"]: each for each in (*before, *added)}.values())
            if len(targets) > MOST_TARGETS:
                raise limit_exceeded()
            return targets

        return await self._change(context, bus, parameters["Rule"], changed)

    @operation("RemoveTargets")
    async def remove(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove targets from a rule; ids that it does not have are passed over."""
        bus, removed = bus_of(self._store.read, context, parameters.get("EventBusName")), set(parameters["Ids"])

        def changed(before: Sequence[Target]) -> Sequence[Target]:
            return [each for each in before if each["Id"] not in removed]

        return await self._change(context, bus, parameters["Rule"], changed)

    @operation("ListTargetsByRule")
    async def list(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of a rule's targets by id."""
        bus = bus_of(self._store.read, context, parameters.get("EventBusName"))
        rule = the_rule(self._store.read, context.scope, bus, parameters["Rule"])
        targets = sorted(rule.targets, key=_id)

        def read(after: str, limit: int) -> list[Target]:
            return [each for each in targets if _id(each) > after][:limit]

        return listing(parameters, "Targets", read, _id, dict)

    async def _change(
        self, context: RequestContext, bus: str, name: str, changed: Callable[[Sequence[Target]], Sequence[Target]]
    ) -> Result:
        await self._store.write(lambda transaction: self._write(transaction, context, (bus, name), changed))
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def _write(
        self,
        transaction: Transaction,
        context: RequestContext,
        named: tuple[str, str],
        changed: Callable[[Sequence[Target]], Sequence[Target]],
    ) -> None:
        rule = the_rule(transaction, context.scope, *named)
        after = dataclasses.replace(rule, targets=changed(rule.targets))
        repository.put_targets(transaction, context.scope, rule, after)
        transaction.after_commit(lambda: self._routing.rule_changed(context.scope, rule.bus, rule.name))


def _id(target: Target) -> str:
    return str(target["Id"])
