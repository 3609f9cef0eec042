"""Going through all items of a table in small transactions: to fill an index that was added, or to write expiries."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from lambent.base.clock import Clock
from lambent.base.tasks import TaskOwner
from lambent.cloud.services.dynamodb import item_repository, repository
from lambent.cloud.services.dynamodb.item_repository import Found, Range
from lambent.cloud.services.dynamodb.model.expiry import expires_at
from lambent.cloud.services.dynamodb.model.keys import fits_index, index_place
from lambent.cloud.services.dynamodb.model.table import Table
from lambent.cloud.services.dynamodb.repository import Tables
from lambent.cloud.store.unit_of_work import SqlValue, Store, Transaction

_log = logging.getLogger(__name__)
_ITEMS_AT_ONCE = 100


class Rebuilding:
    """Rebuilds tables, one task for each; what a crash interrupts begins anew at the next start."""

    def __init__(self, store: Store, tables: Tables, clock: Clock) -> None:
        self._store = store
        self._tables = tables
        self._tasks = TaskOwner("dynamodb rebuilding", clock=clock)
        self._under_way: set[int] = set()
        self._again: set[int] = set()

    def start(self, table_number: int) -> None:
        """Go through a table's items; where that is under way already, once more afterwards."""
        if table_number in self._under_way:
            self._again.add(table_number)
            return
        self._under_way.add(table_number)
        self._tasks.start(self._rebuild(table_number), name=f"table {table_number}")

    def resume(self) -> None:
        """Take up what an earlier run left."""
        for number in repository.rebuilds(self._store.read):
            self.start(number)

    async def stop(self) -> None:
        """Stop; the next start takes up what is not done."""
        await self._tasks.aclose()

    async def _rebuild(self, number: int) -> None:
        try:
            while True:
                self._again.discard(number)
                await self._go_through(number)
                if number not in self._again:
                    break
            await self._store.write(lambda transaction: self._finish(transaction, number))
        finally:
            self._under_way.discard(number)

    async def _go_through(self, number: int) -> None:
        after: tuple[bytes, ...] | None = (b"", b"")
        while after is not None:
            after = await self._store.write(partial(self._step, number=number, after=after))

    def _step(self, transaction: Transaction, number: int, after: tuple[bytes, ...]) -> tuple[bytes, ...] | None:
        table = self._tables.numbered(transaction, number)
        if table is None:
            return None
        found = item_repository.read_range(transaction, table, None, Range(after=after), _ITEMS_AT_ONCE)
        item_repository.add_entries(transaction, _entries(table, found))
        item_repository.set_expiry(
            transaction, [(expires_at(table, each.row.item), (number, *each.item_key)) for each in found]
        )
        return tuple(found[-1].item_key) if len(found) == _ITEMS_AT_ONCE else None

    def _finish(self, transaction: Transaction, number: int) -> None:
        table = self._tables.numbered(transaction, number)
        # What was asked for meanwhile is gone through from the start: its table was changed after this had begun.
        if table is not None and number not in self._again:
            indexes = tuple(replace(index, status="ACTIVE") for index in table.indexes)
            repository.change(transaction, replace(table, indexes=indexes))
        repository.end_rebuild(transaction, number)
        _log.debug("table %d was gone through", number)


def _entries(table: Table, found: Sequence[Found]) -> list[Sequence[SqlValue]]:
    creating = [index for index in table.indexes if index.status == "CREATING"]
    rows: list[Sequence[SqlValue]] = []
    for each in found if creating else ():
        item = each.row.item
        rows += [
            (table.number, index.number, *index_place(index, item), *each.item_key)
            for index in creating
            if fits_index(table, index, item)
        ]
    return rows
