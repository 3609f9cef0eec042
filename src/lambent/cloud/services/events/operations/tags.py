"""Tags of rules and buses, by ARN."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.events import repository
from lambent.cloud.services.events.errors import invalid_parameter
from lambent.cloud.services.events.model import DEFAULT_BUS, Bus, Rule, named_by
from lambent.cloud.services.events.operations.common import tags_in, the_bus, the_rule
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Store, Transaction


class TagOperations:
    """The operations on tags."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @operation("TagResource")
    async def tag(self, context: RequestContext, parameters: Parameters) -> Result:
        """Add tags to a rule or a bus."""
        return await self._change(
            context, parameters, lambda tags: {**tags, **tags_in(context, parameters["Tags"], tags)}
        )

    @operation("UntagResource")
    async def untag(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove tags from a rule or a bus."""
        removed = set(parameters["TagKeys"])
        return await self._change(
            context, parameters, lambda tags: {key: value for key, value in tags.items() if key not in removed}
        )

    @operation("ListTagsForResource")
    async def list(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the tags of a rule or a bus."""
        one = _tagged(self._store.read, context.scope, parameters["ResourceARN"])
        return {"Tags": [{"Key": key, "Value": value} for key, value in one.tags.items()]}

    async def _change(
        self,
        context: RequestContext,
        parameters: Parameters,
        change: Callable[[Mapping[str, str]], Mapping[str, str]],
    ) -> Result:
        def work(transaction: Transaction) -> None:
            one = _tagged(transaction, context.scope, parameters["ResourceARN"])
            if isinstance(one, Rule):
                repository.put_rule(transaction, context.scope, dataclasses.replace(one, tags=change(one.tags)))
            else:
                repository.put(transaction, context.scope, dataclasses.replace(one, tags=change(one.tags)))

        await self._store.write(work)
        return {}


def _tagged(reader: Reader, scope: Scope, arn: str) -> Rule | Bus:
    named = named_by(arn)
    if named is None or named.scope != scope or named.kind not in {"rule", "event-bus"}:
        raise invalid_parameter("ResourceARN", "Provided Arn is not in correct format.")
    if named.kind == "event-bus":
        return the_bus(reader, scope, named.name)
    bus, _, name = named.name.rpartition("/")
    return the_rule(reader, scope, bus or DEFAULT_BUS, name)
