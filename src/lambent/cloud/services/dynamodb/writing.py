"""Changes of items: decided and written on the store's writer, many requests' in one call.

Each change is a function from the item as it is to the item as it shall be, run inside the unit of work, so what it
decides holds when it is written. All that wait for one commit are carried out in turn on the rows that one statement
has read, then written with one statement for each kind of row: the writer's thread loses most of its time between
statements (`store/writer.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.dynamodb import item_repository, stream_repository, tokens
from lambent.cloud.services.dynamodb.errors import check_transaction_size, not_found, transaction_cancelled
from lambent.cloud.services.dynamodb.item_repository import ItemRow, Place, Written
from lambent.cloud.services.dynamodb.model.encoding import packed
from lambent.cloud.services.dynamodb.model.expiry import expires_at
from lambent.cloud.services.dynamodb.model.keys import ItemKey, check_index_key_updates, entries_of
from lambent.cloud.services.dynamodb.model.records import Changed, record_of
from lambent.cloud.services.dynamodb.model.table import Table
from lambent.cloud.services.dynamodb.model.values import Item, item_size
from lambent.cloud.services.dynamodb.repository import Tables
from lambent.cloud.services.dynamodb.stream_waits import StreamWaits
from lambent.cloud.services.dynamodb.tokens import Token
from lambent.cloud.store.unit_of_work import SqlValue, Store, Transaction

Decide = Callable[[Item | None], Item | None]
_UNCHANGED = "None"
_NO_REASON: Mapping[str, Any] = {"Code": _UNCHANGED}  # Any: members of a CancellationReason


@dataclass(slots=True, eq=False)
class Action:
    """One change of one item: `decide` returns it as it shall be, None for deleted, or raises ServiceError.

    It runs on the writer's thread, and sees to the item's size and keys; `before` and `after` tell what came of it.
    """

    table: Table
    place: ItemKey
    decide: Decide
    identity: Mapping[str, str] | None = None
    before: Item | None = None
    after: Item | None = None


@dataclass(slots=True, eq=False)
class Unit:
    """Actions that are carried out together or not at all; `error` tells why they were not.

    Those of a transaction fail with the reasons of all of them. A token that was used before `is_replayed`.
    """

    actions: Sequence[Action]
    now: float
    is_transaction: bool = False
    token: Token | None = None
    error: Exception | None = None
    is_replayed: bool = False


@dataclass(slots=True, eq=False)
class _Cell:
    """An item in the course of a commit: as its row was, and as it shall be."""

    row: ItemRow | None
    item: Item | None = None
    is_read: bool = False
    is_changed: bool = False
    original: Item | None = None

    def current(self) -> Item | None:
        """Return the item as it is by now; its row is taken apart when first asked for."""
        if not self.is_read:
            self.is_read = True
            self.item = self.original = None if self.row is None else self.row.item
        return self.item


class ItemWriter:
    """Carries out changes of items durably."""

    def __init__(self, store: Store, tables: Tables, waits: StreamWaits) -> None:
        self._store = store
        self._tables = tables
        self._waits = waits

    async def write(self, *units: Unit) -> None:
        """Carry out units, each for itself; returns once all are durable. Raises nothing of what they met."""
        await self._store.write_with_others(self._write_all, *units)

    async def write_one(self, unit: Unit) -> None:
        """Carry out a unit; returns once it is durable, raises what it met."""
        await self.write(unit)
        if unit.error is not None:
            raise unit.error

    def _write_all(self, transaction: Transaction, units: Sequence[Unit]) -> None:
        commit = _Commit(transaction, self._tables, units)
        for unit in units:
            commit.carry_out(unit)
        commit.write()
        if streams := commit.streams():
            transaction.after_commit(lambda: self._waits.announce(streams))


@dataclass(slots=True)
class _Rows:
    """What a commit writes, by kind."""

    put: list[Written] = field(default_factory=list)
    removed: list[Place] = field(default_factory=list)
    added_entries: list[Sequence[SqlValue]] = field(default_factory=list)
    removed_entries: list[Sequence[SqlValue]] = field(default_factory=list)
    sizes: dict[int, tuple[int, int]] = field(default_factory=dict)


class _Commit:
    def __init__(self, transaction: Transaction, tables: Tables, units: Sequence[Unit]) -> None:
        self._transaction = transaction
        actions = [action for unit in units for action in unit.actions]
        self._tables = tables.current(transaction, [action.table for action in actions])
        places = dict.fromkeys(_place(action) for action in actions)
        rows = item_repository.items_at(transaction, list(places)) if places else {}
        self._cells = {place: _Cell(rows.get(place)) for place in places}
        self._records: list[tuple[int, float, bytes]] = []

    def streams(self) -> set[int]:
        """Return the streams that get records."""
        return {stream for stream, _, _ in self._records}

    def carry_out(self, unit: Unit) -> None:
        """Decide on every action of a unit; where none fails, take them over."""
        try:
            if unit.token is not None and tokens.is_used(self._transaction, unit.token, unit.now):
                unit.is_replayed = True
                return
            self._decide_all(unit)
        except Exception as error:  # noqa: BLE001 - a unit's failure is its own caller's: the others go on
            unit.error = error
            return
        for action in unit.actions:
            self._take_over(action, unit.now)
        if unit.token is not None:
            tokens.add(self._transaction, unit.token, unit.now)

    def _decide_all(self, unit: Unit) -> None:
        reasons: list[Mapping[str, Any]] = []  # Any: as in _NO_REASON
        for action in unit.actions:
            try:
                self._decide(action)
            except ServiceError as error:
                if not unit.is_transaction or error.code not in _REASONS:
                    raise
                reasons.append({"Code": _REASONS[error.code], "Message": error.message, **error.members})
            else:
                reasons.append(_NO_REASON)
        if any(reason is not _NO_REASON for reason in reasons):
            raise transaction_cancelled(reasons)
        if unit.is_transaction:
            check_transaction_size(sum(map(_size, unit.actions)))

    def _decide(self, action: Action) -> None:
        table = self._tables.get(action.table.number)
        if table is None:
            raise not_found()
        action.table = table
        action.before = self._cells[_place(action)].current()
        action.after = action.decide(action.before)
        if action.after is None or action.after is action.before:
            return
        check_index_key_updates(table, action.before, action.after)

    def _take_over(self, action: Action, now: float) -> None:
        if action.after is action.before:
            return
        cell, table = self._cells[_place(action)], action.table
        cell.item, cell.is_changed = action.after, True
        if table.writes_stream and table.stream is not None and action.before != action.after:
            change = Changed(action.before, action.after, action.identity)
            self._records.append((table.stream.id, now, record_of(table, change)))

    def write(self) -> None:
        """Write what has become of the items."""
        rows = _Rows()
        for place, cell in self._cells.items():
            if cell.is_changed:
                self._gather(rows, place, cell)
        transaction = self._transaction
        if rows.put:
            item_repository.put(transaction, rows.put)
        if rows.removed:
            item_repository.remove(transaction, rows.removed)
        if rows.removed_entries:
            item_repository.remove_entries(transaction, rows.removed_entries)
        if rows.added_entries:
            item_repository.add_entries(transaction, rows.added_entries)
        if self._records:
            stream_repository.add_records(transaction, self._records)
        sizes = {number: change for number, change in rows.sizes.items() if change != (0, 0)}
        if sizes:
            item_repository.count(transaction, sizes)

    def _gather(self, rows: _Rows, place: Place, cell: _Cell) -> None:
        table = self._tables[place[0]]
        size = 0 if cell.item is None else item_size(cell.item)
        if cell.item is not None:
            rows.put.append(Written(place, size, expires_at(table, cell.item), packed(cell.item)))
        elif cell.row is not None:
            rows.removed.append(place)
        items, total = rows.sizes.get(place[0], (0, 0))
        was = 0 if cell.row is None else cell.row.size
        more = (cell.item is not None) - (cell.row is not None)
        rows.sizes[place[0]] = (items + more, total + size - was)
        if table.indexes:
            before = {} if cell.original is None else entries_of(table, cell.original)
            after = {} if cell.item is None else entries_of(table, cell.item)
            where = place[1:]
            rows.removed_entries += [
                (table.number, number, *keys, *where) for number, keys in before.items() if after.get(number) != keys
            ]
            rows.added_entries += [
                (table.number, number, *keys, *where) for number, keys in after.items() if before.get(number) != keys
            ]


# Errors of one action that a transaction answers as its reason; others are the whole request's.
_REASONS: Mapping[str, str] = {
    "ConditionalCheckFailedException": "ConditionalCheckFailed",
    "ValidationException": "ValidationError",
}


def _size(action: Action) -> int:
    """Return the size of an action's item: as it becomes, or as it was where it is deleted."""
    item = action.before if action.after is None else action.after
    return 0 if item is None else item_size(item)


def _place(action: Action) -> Place:
    return (action.table.number, *action.place)
