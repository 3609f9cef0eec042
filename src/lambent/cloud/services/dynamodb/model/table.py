"""Tables and their indexes: what is kept of them, and how it is written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from lambent.cloud.services.dynamodb.model.values import Item
from lambent.cloud.store.scope import Scope

Settings = Mapping[str, Any]  # Any: members of requests that are stored and shown
STREAM_RETENTION_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class KeySchema:
    """The attributes of a key: the partition key, and the sort key where there is one."""

    hash: str
    range: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the key's attributes."""
        return (self.hash,) if self.range is None else (self.hash, self.range)

    def key_of(self, item: Item) -> dict[str, Any]:  # Any: attribute values
        """Return the key's attributes of an item that has them."""
        return {name: item[name] for name in self.names}

    def is_in(self, item: Item) -> bool:
        """Return whether the item has every attribute of the key."""
        return all(name in item for name in self.names)

    def shown(self) -> list[dict[str, str]]:
        """Return the schema as the API shows it."""
        return [
            {"AttributeName": name, "KeyType": kind} for name, kind in zip(self.names, ("HASH", "RANGE"), strict=False)
        ]


@dataclass(frozen=True, slots=True)
class Index:
    """A secondary index. `number` is its own among all that the table ever had; `settings` are shown as they are."""

    name: str
    number: int
    is_global: bool
    key: KeySchema
    projection: str
    non_key: tuple[str, ...] = ()
    status: str = "ACTIVE"
    settings: Settings = field(default_factory=dict)

    def projected(self, table: Table, item: Item) -> Item:
        """Return what the index shows of an item of the table."""
        if self.projection == "ALL":
            return item
        names = {*table.key.names, *self.key.names, *self.non_key}
        return {name: value for name, value in item.items() if name in names}

    def projects(self, table: Table, name: str) -> bool:
        """Return whether the index shows an attribute."""
        return self.projection == "ALL" or name in {*table.key.names, *self.key.names, *self.non_key}


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """A stream of a table: the latest, enabled or not."""

    id: int
    label: str
    view: str
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it stands. `number` and `revision` are the store's: each change makes a further revision."""

    scope: Scope
    name: str
    table_id: str
    created: float
    key: KeySchema
    types: Mapping[str, str]
    indexes: tuple[Index, ...] = ()
    stream: StreamSettings | None = None
    ttl_attribute: str | None = None
    next_index: int = 1
    settings: Settings = field(default_factory=dict)
    number: int = 0
    revision: int = 0

    @property
    def arn(self) -> str:
        """The table's ARN."""
        where = self.scope
        return f"arn:{where.partition}:dynamodb:{where.region}:{where.account}:table/{self.name}"

    @property
    def stream_arn(self) -> str | None:
        """The ARN of the table's latest stream."""
        return None if self.stream is None else f"{self.arn}/stream/{self.stream.label}"

    @property
    def writes_stream(self) -> bool:
        """Whether changes are written to a stream."""
        return self.stream is not None and self.stream.is_enabled

    def index(self, name: str) -> Index | None:
        """Return the index of that name, or None."""
        return next((index for index in self.indexes if index.name == name), None)

    def with_settings(self, **settings: Any) -> Table:  # Any: as in Settings
        """Return the table with some settings set, and those that are None taken away."""
        merged = {**self.settings, **settings}
        return replace(self, settings={key: value for key, value in merged.items() if value is not None})


def written(table: Table) -> bytes:
    """Return the table's row: what `read` takes."""
    return orjson.dumps(
        {
            "table_id": table.table_id,
            "created": table.created,
            "key": table.key.names,
            "types": table.types,
            "indexes": [_index_written(index) for index in table.indexes],
            "stream": None if table.stream is None else _stream_written(table.stream),
            "ttl": table.ttl_attribute,
            "next_index": table.next_index,
            "settings": table.settings,
        }
    )


def read(scope: Scope, name: str, numbers: tuple[int, int], document: bytes) -> Table:
    """Return the table of a row; `numbers` are its own and its revision's."""
    content = orjson.loads(document)
    stream = content["stream"]
    return Table(
        scope=scope,
        name=name,
        table_id=content["table_id"],
        created=content["created"],
        key=KeySchema(*content["key"]),
        types=content["types"],
        indexes=tuple(_index_read(index) for index in content["indexes"]),
        stream=None if stream is None else StreamSettings(*stream),
        ttl_attribute=content["ttl"],
        next_index=content["next_index"],
        settings=content["settings"],
        number=numbers[0],
        revision=numbers[1],
    )


def _index_written(index: Index) -> Sequence[object]:
    return (
        index.name, index.number, index.is_global, index.key.names, index.projection, index.non_key, index.status,
        index.settings,
    )  # fmt: skip


def _index_read(content: Sequence[Any]) -> Index:  # Any: JSON of our own writing
    name, number, is_global, key, projection, non_key, status, settings = content
    return Index(name, number, is_global, KeySchema(*key), projection, tuple(non_key), status, settings)


def _stream_written(stream: StreamSettings) -> Sequence[object]:
    return stream.id, stream.label, stream.view, stream.is_enabled
