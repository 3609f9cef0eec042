"""Tables of JSON documents under a key: what is kept beside a function and read by its key alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, SqlValue, Transaction

Document = Mapping[str, Any]  # Any: JSON of our own writing; a repository gives it its type


@dataclass(frozen=True, slots=True)
class Part:
    """Which documents of a listing: the first `limit` whose key's last column stands behind `after`; all unless said.

    `where` names members of theirs and what those have to say.
    """

    after: str = ""
    limit: int = -1  # no limit: https://www.sqlite.org/lang_select.html#limitoffset
    where: Mapping[str, str] = field(default_factory=dict)


WHOLE = Part()


@dataclass(frozen=True, slots=True)
class DocumentTable:
    """One table: `keys` are its key's columns behind account and region, in order.

    `indexes` names those of members of the documents, whose columns are account, region, the member and the last key.
    """

    name: str
    keys: tuple[str, ...]
    indexes: Mapping[str, str] = field(default_factory=dict)

    def one(self, reader: Reader, scope: Scope, *key: SqlValue) -> Document | None:
        """Return the document under a whole key, or None; raises ValueError for a part of one."""
        if len(key) != len(self.keys):
            raise ValueError(f"{self.name} is read by {', '.join(self.keys)}")
        row = reader.one(f"SELECT document FROM {self.name} WHERE {self._where(len(key))}", _bound(scope, key))
        return None if row is None else orjson.loads(str(row[0]))

    def under(self, reader: Reader, scope: Scope, *key: SqlValue) -> dict[tuple[str, ...], Document]:
        """Return the documents whose key begins so, sorted, by the whole key."""
        columns = ", ".join(self.keys)
        rows = reader.all(
            f"SELECT document, {columns} FROM {self.name} WHERE {self._where(len(key))} ORDER BY {columns}",
            _bound(scope, key),
        )
        return {tuple(map(str, row[1:])): orjson.loads(str(row[0])) for row in rows}

    def behind(self, reader: Reader, scope: Scope, *key: SqlValue, part: Part) -> dict[str, Document]:
        """Return part of the documents whose key begins so, sorted, by the last column: `key` is all before that."""
        column = self.keys[len(key)]
        having = "".join(f" AND json_extract(document, '$.{member}') = ?" for member in part.where)
        # Left to itself, SQLite goes by the primary key.
        index = next((f" INDEXED BY {self.indexes[member]}" for member in part.where if member in self.indexes), "")
        rows = reader.all(
            f"SELECT {column}, document FROM {self.name}{index} WHERE {self._where(len(key))}{having} AND {column} > ?"
            f" ORDER BY {column} LIMIT ?",
            (*_bound(scope, key), *part.where.values(), part.after, part.limit),
        )
        return {str(last): orjson.loads(str(document)) for last, document in rows}

    def every(self, reader: Reader) -> list[tuple[Scope, tuple[str, ...], Document]]:
        """Return the documents of all accounts and regions, with their scopes and keys, sorted by both."""
        columns = ", ".join(("account", "region", *self.keys))
        rows = reader.all(f"SELECT {columns}, document FROM {self.name} ORDER BY {columns}")
        return [
            (Scope(str(row[0]), str(row[1])), tuple(map(str, row[2:-1])), orjson.loads(str(row[-1]))) for row in rows
        ]

    def count(self, reader: Reader, scope: Scope) -> int:
        """Return how many documents the scope has."""
        row = reader.one(f"SELECT count(*) FROM {self.name} WHERE {self._where(0)}", _bound(scope, ()))
        return 0 if row is None else int(row[0] or 0)

    def keys_in(self, reader: Reader, index: str, condition: str) -> list[tuple[Scope, tuple[str, ...]]]:
        """Return the scopes and keys of the documents that one of the table's indexes is of, by its own condition."""
        columns = ", ".join(self.keys)
        rows = reader.all(f"SELECT account, region, {columns} FROM {self.name} INDEXED BY {index} WHERE {condition}")
        return [(Scope(str(row[0]), str(row[1])), tuple(map(str, row[2:]))) for row in rows]

    def put(self, transaction: Transaction, scope: Scope, key: tuple[SqlValue, ...], document: object) -> None:
        """Add the document or replace it; it is a dataclass or a mapping that orjson can write."""
        marks = ", ".join("?" * (len(self.keys) + 3))
        values = (*_bound(scope, key), orjson.dumps(document).decode())
        transaction.execute(f"INSERT OR REPLACE INTO {self.name} VALUES ({marks})", values)

    def delete(self, transaction: Transaction, scope: Scope, *key: SqlValue) -> int:
        """Remove the documents whose key begins so; return how many there were."""
        return transaction.execute(f"DELETE FROM {self.name} WHERE {self._where(len(key))}", _bound(scope, key))

    def _where(self, given: int) -> str:
        return " AND ".join(f"{column} = ?" for column in ("account", "region", *self.keys[:given]))


def _bound(scope: Scope, key: tuple[SqlValue, ...]) -> tuple[SqlValue, ...]:
    return (scope.account, scope.region, *key)


_OF_A_QUALIFIER = ("function", "qualifier")

INVOKE_CONFIGS = DocumentTable("lambda_invoke_configs", _OF_A_QUALIFIER)
URLS = DocumentTable("lambda_urls", _OF_A_QUALIFIER)
PROVISIONED = DocumentTable("lambda_provisioned", _OF_A_QUALIFIER)
RUNTIME_MANAGEMENT = DocumentTable("lambda_runtime_management", _OF_A_QUALIFIER)
SCALING_CONFIGS = DocumentTable("lambda_scaling_configs", _OF_A_QUALIFIER)
SERVED = DocumentTable("lambda_served", _OF_A_QUALIFIER)
CODE_SIGNING_CONFIGS = DocumentTable("lambda_code_signing_configs", ("id",))
CODE_SIGNING_OF_FUNCTIONS = DocumentTable(
    "lambda_code_signing_of_functions", ("function",), {"id": "lambda_code_signing_by_config"}
)
LAYER_POLICIES = DocumentTable("lambda_layer_policies", ("layer", "version"))
EVENT_SOURCE_MAPPINGS = DocumentTable(
    "lambda_event_source_mappings",
    ("id",),
    {"function_arn": "lambda_mappings_by_function", "source_arn": "lambda_mappings_by_source"},
)
CAPACITY_PROVIDERS = DocumentTable("lambda_capacity_providers", ("name",))

OF_A_QUALIFIER = (INVOKE_CONFIGS, URLS, PROVISIONED, RUNTIME_MANAGEMENT, SCALING_CONFIGS, SERVED)
"""What goes with a version or an alias when it is deleted."""
