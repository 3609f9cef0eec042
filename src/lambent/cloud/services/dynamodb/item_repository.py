"""Rows of items and of their entries in indexes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambent.cloud.services.dynamodb.model.encoding import unpacked_item
from lambent.cloud.services.dynamodb.model.keys import ItemKey
from lambent.cloud.services.dynamodb.model.table import Index, Table
from lambent.cloud.store import helpings
from lambent.cloud.store.unit_of_work import Reader, SqlValue, Transaction

Row = Sequence[Any]  # Any: the tables are STRICT, so each column has the type that the schema says
Place = tuple[int, bytes, bytes]  # a table's number, and where an item lies in it
_WANTED = "(?, ?, ?)"
_MOST_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item as its row keeps it."""

    size: int
    document: bytes

    @property
    def item(self) -> dict[str, Any]:  # Any: attribute values
        """The item itself."""
        return unpacked_item(self.document)


@dataclass(frozen=True, slots=True)
class Written:
    """An item's new row."""

    place: Place
    size: int
    expires_at: float | None
    document: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """An item that a query or scan came to; the first two keys are those of the index, where one was read."""

    hash_key: bytes
    range_key: bytes
    item_key: ItemKey
    row: ItemRow


@dataclass(frozen=True, slots=True)
class Range:
    """Which rows a query or scan reads: partition keys from `hash_low` on and before `hash_high`, or one alone.

    With `hash_key` the range keys go from `low` and end before `high`. Rows begin behind `after`, which holds the
    keys of the table or, of an index, the index's and the item's; it lies within the bounds.
    """

    hash_key: bytes | None = None
    low: bytes = b""
    high: bytes | None = None
    hash_low: bytes = b""
    hash_high: bytes | None = None
    after: tuple[bytes, ...] | None = None
    is_forward: bool = True


def item(reader: Reader, table: Table, place: ItemKey) -> ItemRow | None:
    """Return the item at a place, or None."""
    sql = "SELECT size, document FROM dynamodb_item WHERE table_number = ? AND hash_key = ? AND range_key = ?"
    row: Row | None = reader.one(sql, (table.number, place.hash, place.range))
    return None if row is None else ItemRow(row[0], row[1])


def items_at(reader: Reader, places: Sequence[Place]) -> dict[Place, ItemRow]:
    """Return the items at many places, with few statements; what is not there is left out."""
    found: dict[Place, ItemRow] = {}
    for start in range(0, len(places), _MOST_AT_ONCE):
        found |= _some_at(reader, places[start : start + _MOST_AT_ONCE])
    return found


def _some_at(reader: Reader, places: Sequence[Place]) -> dict[Place, ItemRow]:
    # Few different statements, so that each is prepared once: the number of places is rounded up to a power of two.
    slots = 1 << (len(places) - 1).bit_length()
    padded = [*places, *[places[-1]] * (slots - len(places))]
    sql = (
        f"WITH wanted (number, hash_key, range_key) AS (VALUES {', '.join([_WANTED] * slots)})"
        " SELECT i.table_number, i.hash_key, i.range_key, i.size, i.document FROM wanted AS w"
        " CROSS JOIN dynamodb_item AS i ON i.table_number = w.number AND i.hash_key = w.hash_key"
        " AND i.range_key = w.range_key"
    )
    parameters: list[SqlValue] = [part for place in padded for part in place]
    rows: Sequence[Row] = reader.all(sql, parameters)
    return {(number, hash_key, range_key): ItemRow(size, text) for number, hash_key, range_key, size, text in rows}


def put(transaction: Transaction, rows: Sequence[Written]) -> None:
    """Write items, new ones and changed ones."""
    for some in helpings.in_helpings([(*row.place, row.size, row.expires_at, row.document) for row in rows]):
        transaction.execute(
            "INSERT INTO dynamodb_item (table_number, hash_key, range_key, size, expires_at, document)"
            f" VALUES {helpings.places(6, len(some))} ON CONFLICT (table_number, hash_key, range_key) DO UPDATE"
            " SET size = excluded.size, expires_at = excluded.expires_at, document = excluded.document",
            [value for row in some for value in row],
        )


def remove(transaction: Transaction, places: Sequence[Place]) -> None:
    """Remove items."""
    transaction.executemany(
        "DELETE FROM dynamodb_item WHERE table_number = ? AND hash_key = ? AND range_key = ?", places
    )


def add_entries(transaction: Transaction, rows: Sequence[Sequence[SqlValue]]) -> None:
    """Add entries to indexes: table, index, the index's keys, the item's keys."""
    for some in helpings.in_helpings(rows):
        values = [value for row in some for value in row]
        transaction.execute(f"INSERT OR IGNORE INTO dynamodb_entry VALUES {helpings.places(6, len(some))}", values)


def remove_entries(transaction: Transaction, rows: Sequence[Sequence[SqlValue]]) -> None:
    """Remove entries, given as to `add_entries`."""
    # One statement for all of them would scan the table: SQLite seeks no row values among VALUES.
    transaction.executemany(
        "DELETE FROM dynamodb_entry WHERE table_number = ? AND index_number = ? AND hash_key = ? AND range_key = ?"
        " AND item_hash = ? AND item_range = ?",
        rows,
    )


def count(transaction: Transaction, changes: Mapping[int, tuple[int, int]]) -> None:
    """Add to the number of items of tables, and to their bytes."""
    transaction.executemany(
        "INSERT INTO dynamodb_size VALUES (?, ?, ?) ON CONFLICT (table_number) DO UPDATE"
        " SET items = items + excluded.items, bytes = bytes + excluded.bytes",
        [(number, items, size) for number, (items, size) in changes.items()],
    )


def read_range(reader: Reader, table: Table, index: Index | None, wanted: Range, limit: int) -> list[Found]:
    """Return up to `limit` items of a range of the table or of an index, in its order."""
    return (
        _of_table(reader, table, wanted, limit) if index is None else _of_index(reader, (table, index), wanted, limit)
    )


def _of_table(reader: Reader, table: Table, wanted: Range, limit: int) -> list[Found]:
    where, parameters = _bounds(wanted, ("hash_key", "range_key"), "")
    order = "" if wanted.is_forward else " DESC"
    sql = (
        f"SELECT hash_key, range_key, size, document FROM dynamodb_item WHERE table_number = ?{where}"
        f" ORDER BY hash_key{order}, range_key{order} LIMIT ?"
    )
    rows: Sequence[Row] = reader.all(sql, (table.number, *parameters, limit))
    return [Found(row[0], row[1], ItemKey(row[0], row[1]), ItemRow(row[2], row[3])) for row in rows]


def _of_index(reader: Reader, source: tuple[Table, Index], wanted: Range, limit: int) -> list[Found]:
    table, index = source
    columns = ("hash_key", "range_key", "item_hash", "item_range")
    where, parameters = _bounds(wanted, columns, "e.")
    order = "" if wanted.is_forward else " DESC"
    ordered = ", ".join(f"e.{column}{order}" for column in columns)
    sql = (
        "SELECT e.hash_key, e.range_key, e.item_hash, e.item_range, i.size, i.document FROM dynamodb_entry AS e"
        " CROSS JOIN dynamodb_item AS i ON i.table_number = e.table_number AND i.hash_key = e.item_hash"
        f" AND i.range_key = e.item_range WHERE e.table_number = ? AND e.index_number = ?{where}"
        f" ORDER BY {ordered} LIMIT ?"
    )
    rows: Sequence[Row] = reader.all(sql, (table.number, index.number, *parameters, limit))
    return [Found(row[0], row[1], ItemKey(row[2], row[3]), ItemRow(row[4], row[5])) for row in rows]


def _bounds(wanted: Range, columns: Sequence[str], prefix: str) -> tuple[str, list[SqlValue]]:
    hash_key, range_key = (f"{prefix}{column}" for column in columns[:2])
    # A place to go on from takes the place of the bound that it lies behind: given both, SQLite may search by the
    # farther one, and read all that lies between.
    has_low = wanted.after is None or not wanted.is_forward
    has_high = wanted.after is None or wanted.is_forward
    tests: list[tuple[str, Iterable[SqlValue]]] = []
    column, low, high = hash_key, wanted.hash_low, wanted.hash_high
    if wanted.hash_key is not None:
        tests.append((f"{hash_key} = ?", (wanted.hash_key,)))
        column, low, high = range_key, wanted.low, wanted.high
    if has_low:
        tests.append((f"{column} >= ?", (low,)))
    if has_high and high is not None:
        tests.append((f"{column} < ?", (high,)))
    if wanted.after is not None:
        # Within one partition its key is known: leaving it out lets the index lead straight to the place.
        skipped = 0 if wanted.hash_key is None else 1
        names = [f"{prefix}{column}" for column in columns][skipped:]
        sign = ">" if wanted.is_forward else "<"
        marks = ", ".join("?" * len(names))
        tests.append((f"({', '.join(names)}) {sign} ({marks})", wanted.after[skipped:]))
    where = "".join(f" AND {text}" for text, _ in tests)
    return where, [value for _, values in tests for value in values]


def set_expiry(transaction: Transaction, rows: Sequence[tuple[float | None, Place]]) -> None:
    """Write when items expire."""
    transaction.executemany(
        "UPDATE dynamodb_item SET expires_at = ? WHERE table_number = ? AND hash_key = ? AND range_key = ?",
        [(moment, *place) for moment, place in rows],
    )


def clear_expiry(transaction: Transaction, places: Sequence[Place], until: float) -> None:
    """Forget when items expire that were to by now; an item that was changed meanwhile keeps its new moment."""
    transaction.executemany(
        "UPDATE dynamodb_item SET expires_at = NULL"
        " WHERE table_number = ? AND hash_key = ? AND range_key = ? AND expires_at <= ?",
        [(*place, until) for place in places],
    )


def expired(reader: Reader, since: float, until: float, limit: int) -> list[Place]:
    """Return where items lie that expired in a span of time, the oldest first."""
    rows: Sequence[Row] = reader.all(
        "SELECT table_number, hash_key, range_key FROM dynamodb_item WHERE expires_at > ? AND expires_at <= ?"
        " ORDER BY expires_at LIMIT ?",
        (since, until, limit),
    )
    return [(row[0], row[1], row[2]) for row in rows]
