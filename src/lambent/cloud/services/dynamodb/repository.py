"""Rows of tables, and of what was deleted and is still to be removed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lambent.cloud.services.dynamodb.model.table import Table, read, written
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Transaction

Row = Sequence[Any]  # Any: the tables are STRICT, so each column has the type that the schema says
_COLUMNS = "number, revision, account, region, name, document"
_KEPT = 10_000


class Tables:
    """Finds tables; what a row says is taken apart once for each revision of it."""

    def __init__(self) -> None:
        self._known: dict[int, Table] = {}

    def find(self, reader: Reader, scope: Scope, name: str) -> Table | None:
        """Return the table of that name, or None."""
        sql = "SELECT number, revision FROM dynamodb_table WHERE account = ? AND region = ? AND name = ?"
        row: Row | None = reader.one(sql, (scope.account, scope.region, name))
        return None if row is None else self._of(reader, row[0], row[1])

    def current(self, reader: Reader, tables: Iterable[Table]) -> dict[int, Table]:
        """Return the tables as they are now, by number; those that are gone are left out."""
        found: dict[int, Table] = {}
        for table in tables:
            if table.number not in found:
                sql = "SELECT revision FROM dynamodb_table WHERE number = ?"
                row: Row | None = reader.one(sql, (table.number,))
                if row is not None:
                    is_same = row[0] == table.revision
                    found[table.number] = table if is_same else self._of(reader, table.number, row[0])
        return found

    def numbered(self, reader: Reader, number: int) -> Table | None:
        """Return the table with a number, or None where it was deleted."""
        row: Row | None = reader.one("SELECT revision FROM dynamodb_table WHERE number = ?", (number,))
        return None if row is None else self._of(reader, number, row[0])

    def _of(self, reader: Reader, number: int, revision: int) -> Table:
        known = self._known.get(number)
        if known is not None and known.revision == revision:
            return known
        (row,) = reader.all(f"SELECT {_COLUMNS} FROM dynamodb_table WHERE number = ?", (number,))
        if len(self._known) >= _KEPT:
            self._known.clear()
        table = self._known[number] = _as_table(row)
        return table


def names(reader: Reader, scope: Scope, after: str, limit: int) -> list[str]:
    """Return names of tables in their order, from the one behind `after` on."""
    sql = "SELECT name FROM dynamodb_table WHERE account = ? AND region = ? AND name > ? ORDER BY name LIMIT ?"
    return [str(name) for (name,) in reader.all(sql, (scope.account, scope.region, after, limit))]


def count(reader: Reader, scope: Scope) -> int:
    """Return how many tables the scope has."""
    row: Row | None = reader.one(
        "SELECT count(*) FROM dynamodb_table WHERE account = ? AND region = ?", (scope.account, scope.region)
    )
    return 0 if row is None else int(row[0])


def add(transaction: Transaction, table: Table) -> None:
    """Write a new table."""
    transaction.execute(
        "INSERT INTO dynamodb_table (account, region, name, revision, document) VALUES (?, ?, ?, 1, ?)",
        (table.scope.account, table.scope.region, table.name, written(table)),
    )


def change(transaction: Transaction, table: Table) -> None:
    """Write the table as it is now, as a further revision."""
    transaction.execute(
        "UPDATE dynamodb_table SET revision = revision + 1, document = ? WHERE number = ?",
        (written(table), table.number),
    )


def delete(transaction: Transaction, table: Table) -> None:
    """Delete the table; its items are removed later, bit by bit."""
    transaction.execute("DELETE FROM dynamodb_table WHERE number = ?", (table.number,))
    transaction.execute("DELETE FROM dynamodb_size WHERE table_number = ?", (table.number,))
    mark_deleted(transaction, table.number, 0)


def mark_deleted(transaction: Transaction, table_number: int, index_number: int) -> None:
    """Have an index, or all of a table, removed later."""
    transaction.execute("INSERT OR IGNORE INTO dynamodb_deleted VALUES (?, ?)", (table_number, index_number))


def size(reader: Reader, table: Table) -> tuple[int, int]:
    """Return how many items the table has, and their bytes together."""
    row: Row | None = reader.one("SELECT items, bytes FROM dynamodb_size WHERE table_number = ?", (table.number,))
    return (0, 0) if row is None else (row[0], row[1])


def has_deleted(reader: Reader) -> bool:
    """Return whether something deleted is still to be removed."""
    return reader.one("SELECT 1 FROM dynamodb_deleted") is not None


def sweep_deleted(transaction: Transaction, rows: int) -> None:
    """Remove up to so many rows of what was deleted."""
    row: Row | None = transaction.one("SELECT table_number, index_number FROM dynamodb_deleted")
    if row is None:
        return
    table, index = row
    where, parameters = (
        ("table_number = ?", (table,))
        if index == 0
        else (
            "table_number = ? AND index_number = ?",
            (table, index),
        )
    )
    key = "table_number, index_number, hash_key, range_key, item_hash, item_range"
    removed = transaction.execute(
        f"DELETE FROM dynamodb_entry WHERE ({key}) IN (SELECT {key} FROM dynamodb_entry WHERE {where} LIMIT ?)",
        (*parameters, rows),
    )
    if index == 0:
        removed += transaction.execute(
            "DELETE FROM dynamodb_item WHERE id IN (SELECT id FROM dynamodb_item WHERE table_number = ? LIMIT ?)",
            (table, rows),
        )
    if removed == 0:
        transaction.execute("DELETE FROM dynamodb_deleted WHERE table_number = ? AND index_number = ?", (table, index))


def _as_table(row: Row) -> Table:
    number, revision, account, region, name, document = row
    return read(Scope(account, region), name, (number, revision), document)


def ask_rebuild(transaction: Transaction, table_number: int) -> None:
    """Have a table's items gone through once more."""
    transaction.execute("INSERT OR IGNORE INTO dynamodb_rebuild VALUES (?)", (table_number,))


def end_rebuild(transaction: Transaction, table_number: int) -> None:
    """Note that a table's items were gone through."""
    transaction.execute("DELETE FROM dynamodb_rebuild WHERE table_number = ?", (table_number,))


def rebuilds(reader: Reader) -> list[int]:
    """Return the numbers of the tables whose items are to be gone through once more."""
    return [int(str(number)) for (number,) in reader.all("SELECT table_number FROM dynamodb_rebuild")]
