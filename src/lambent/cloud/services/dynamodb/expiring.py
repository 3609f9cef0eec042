"""What time removes: items by their time to live, old stream records and tokens, rows of what was deleted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from lambent.base.clock import Clock
from lambent.cloud.services.dynamodb import item_repository, repository, stream_repository, tokens
from lambent.cloud.services.dynamodb.item_repository import Place
from lambent.cloud.services.dynamodb.model.expiry import OLDEST_S, is_expired
from lambent.cloud.services.dynamodb.model.keys import ItemKey
from lambent.cloud.services.dynamodb.model.records import TTL_IDENTITY
from lambent.cloud.services.dynamodb.model.table import Table
from lambent.cloud.services.dynamodb.model.values import Item
from lambent.cloud.services.dynamodb.repository import Tables
from lambent.cloud.services.dynamodb.writing import Action, ItemWriter, Unit
from lambent.cloud.store.unit_of_work import Store, Transaction

# Removal goes in small transactions, between which others write.
_ITEMS_AT_ONCE = 100
_ROWS_AT_ONCE = 500


class Expiring:
    """Removes what has had its time."""

    def __init__(self, store: Store, tables: Tables, writer: ItemWriter, clock: Clock) -> None:
        self._store = store
        self._tables = tables
        self._writer = writer
        self._clock = clock

    async def remove_expired(self) -> None:
        """Delete the items that have expired; their streams tell that DynamoDB did it."""
        now = self._clock.now()
        while places := item_repository.expired(self._store.read, now - OLDEST_S, now, _ITEMS_AT_ONCE):
            await self._remove(places, now)

    async def sweep(self) -> None:
        """Remove old stream records and tokens, and what is left of deleted tables and indexes."""
        now = self._clock.now()
        while await self._store.write(partial(stream_repository.trim, now=now, limit=_ROWS_AT_ONCE)):
            pass
        await self._store.write(partial(_forget, now=now))
        while repository.has_deleted(self._store.read):
            await self._store.write(partial(repository.sweep_deleted, rows=_ROWS_AT_ONCE))

    async def _remove(self, places: Sequence[Place], now: float) -> None:
        units, idle = list[Unit](), list[Place]()
        for place in places:
            table = self._tables.numbered(self._store.read, place[0])
            if table is None or table.ttl_attribute is None:
                idle.append(place)
                continue
            action = Action(table, ItemKey(*place[1:]), partial(_kept, table=table, now=now), TTL_IDENTITY)
            units.append(Unit((action,), now))
        await self._writer.write(*units)
        idle += [(one.table.number, *one.place) for unit in units for one in unit.actions if one.after is not None]
        if idle:
            # Their table has no such attribute any more: they are not looked at again.
            await self._store.write(partial(item_repository.clear_expiry, places=idle, until=now))


def _kept(item: Item | None, *, table: Table, now: float) -> Item | None:
    return None if item is None or is_expired(table, item, now) else item


def _forget(transaction: Transaction, *, now: float) -> None:
    tokens.forget_expired(transaction, now)
    stream_repository.forget_disabled(transaction, now)
