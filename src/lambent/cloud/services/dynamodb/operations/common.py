"""What operations share: finding tables, changing them, and what they answer of consumed capacity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.dynamodb import repository
from lambent.cloud.services.dynamodb.errors import invalid, not_found, table_not_found
from lambent.cloud.services.dynamodb.model.table import Table
from lambent.cloud.services.dynamodb.repository import Tables
from lambent.cloud.services.dynamodb.writing import ItemWriter
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Store, Transaction

Answer = dict[str, Any]  # Any: members of a result's shape


@dataclass(frozen=True, slots=True)
class Parts:
    """What operations work with."""

    store: Store
    tables: Tables
    writer: ItemWriter

    def table(self, context: RequestContext, name: str) -> Table:
        """Return the table that a request on items names; raises ResourceNotFoundException."""
        found = self.tables.find(self.store.read, context.scope, name_in(context.scope, name))
        if found is None:
            raise not_found()
        return found

    def described(self, context: RequestContext, name: str, reader: Reader | None = None) -> Table:
        """Return the table that a request on tables names; raises ResourceNotFoundException, which tells its name."""
        short = name_in(context.scope, name)
        found = self.tables.find(reader or self.store.read, context.scope, short)
        if found is None:
            raise table_not_found(short)
        return found

    async def change(
        self, context: RequestContext, name: str, change: Callable[[Transaction, Table], Table]
    ) -> tuple[Table, Table]:
        """Replace a table by what `change` makes of it; return it as it was and as it is."""

        def work(transaction: Transaction) -> tuple[Table, Table]:
            before = self.described(context, name, transaction)
            after = change(transaction, before)
            if after != before:
                repository.change(transaction, after)
            return before, after

        return await self.store.write(work)


def name_in(scope: Scope, name: str) -> str:
    """Return the name of a table that is given by name or by ARN; raises for one that is elsewhere."""
    if not name.startswith("arn:"):
        return name
    _, _, _, region, account, resource = name.split(":", 5)
    kind, _, short = resource.partition("/")
    if kind != "table" or not short:
        raise invalid(f"Invalid table ARN: {name}")
    if (account, region) != (scope.account, scope.region):
        # Tables of other accounts need a resource policy, which is stored here and gives no access.
        raise not_found(f"Requested resource not found: Table: {name} not found")
    return short.partition("/")[0]


def wants_capacity(parameters: Parameters) -> str | None:
    """Return TOTAL or INDEXES where the request asks what it consumed."""
    wanted: str | None = parameters.get("ReturnConsumedCapacity")
    return None if wanted == "NONE" else wanted


def without_nothing(answer: Mapping[str, object]) -> Answer:
    """Return an answer without the members that are None."""
    return {name: value for name, value in answer.items() if value is not None}
