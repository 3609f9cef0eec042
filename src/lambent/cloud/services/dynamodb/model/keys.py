"""Keys of items: checked against their schema, and as bytes that sort as DynamoDB sorts.

A partition key's bytes begin with a hash of it, so that items lie in no order that a program could rely on, and a scan
can be split into segments that are ranges.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import NamedTuple

from lambent.cloud.services.dynamodb.errors import invalid, invalid_values, key_mismatch
from lambent.cloud.services.dynamodb.model.table import Index, Table
from lambent.cloud.services.dynamodb.model.values import Item, Value, checked, content_of, sort_key, type_of

_HASH_SPACE = 1 << 32
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
_LONGEST_HASH = 2048
_LONGEST_RANGE = 1024


class ItemKey(NamedTuple):
    """Where an item lies: the bytes of its partition key and of its sort key, the latter empty without one."""

    hash: bytes
    range: bytes


class IndexKey(NamedTuple):
    """Where an item lies in an index: the index key's bytes, and those of the item's own key behind them."""

    hash: bytes
    range: bytes
    item: ItemKey


def hashed(value: Value) -> bytes:
    """Return the bytes of a partition key."""
    content = sort_key(value)
    return zlib.crc32(content).to_bytes(4, "big") + content


def segment(number: int, total: int) -> tuple[bytes, bytes | None]:
    r"""Return where a segment's partition keys begin and, but for the last one, where they end.

    >>> segment(0, 2), segment(1, 2)
    ((b'', b'\x80\x00\x00\x00'), (b'\x80\x00\x00\x00', None))
    """
    first, beyond = (_HASH_SPACE * place // total for place in (number, number + 1))
    end = None if beyond == _HASH_SPACE else beyond.to_bytes(4, "big")
    return (first.to_bytes(4, "big") if first else b""), end


def key_given(table: Table, key: Item) -> dict[str, Value]:
    """Return a key that a request gives, checked and normalised; raises ValidationException."""
    found = {name: checked(value) for name, value in key.items()}
    if found.keys() != set(table.key.names):
        raise key_mismatch()
    for name, value in found.items():
        if type_of(value) != table.types[name]:
            raise key_mismatch()
        _check_content(table, name, value)
    return found


def place_of(table: Table, item: Item) -> ItemKey:
    """Return where an item with a checked key lies."""
    key = table.key
    return ItemKey(hashed(item[key.hash]), b"" if key.range is None else sort_key(item[key.range]))


def check_item_key(table: Table, item: Item) -> None:
    """Raise ValidationException unless the item has a key of the table's."""
    for name in table.key.names:
        value = item.get(name)
        if value is None:
            raise invalid_values(f"Missing the key {name} in the item")
        if type_of(value) != table.types[name]:
            raise invalid_values(f"Type mismatch for key {name} expected: {table.types[name]} actual: {type_of(value)}")
        _check_content(table, name, value)


def _check_content(table: Table, name: str, value: Value) -> None:
    size = len(content_of(value)) if type_of(value) == "B" else len(str(content_of(value)).encode())
    if not size:
        kind = "binary" if type_of(value) == "B" else "string"
        raise invalid(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an "
            f"empty {kind} value. Key: {name}"
        )
    if name == table.key.hash and size > _LONGEST_HASH:
        raise invalid_values(f"Size of hashkey has exceeded the maximum size limit of{_LONGEST_HASH} bytes")
    if name == table.key.range and size > _LONGEST_RANGE:
        raise invalid_values(f"Aggregated size of all range keys has exceeded the size limit of {_LONGEST_RANGE} bytes")


def entries_of(table: Table, item: Item) -> dict[int, tuple[bytes, bytes]]:
    """Return the item's keys in the table's indexes, by index number; it is in those whose keys it has."""
    return {index.number: index_place(index, item) for index in table.indexes if fits_index(table, index, item)}


def check_index_keys(table: Table, item: Item) -> None:
    """Raise ValidationException where an item that is put has an index key of another type, or an empty one."""
    for index in table.indexes:
        for name in index.key.names:
            _check_index_key(table, index, name, item.get(name))


def check_index_key_updates(table: Table, before: Item | None, after: Item) -> None:
    """Raise ValidationException where an update gives an index key a value of another type, or an empty one.

    What an item has had before may stay: it was written when there was no such index, and does not stand in it.
    """
    for index in table.indexes:
        for name in index.key.names:
            value = after.get(name)
            if value is None or (before is not None and before.get(name) == value):
                continue
            if type_of(value) != table.types[name]:
                raise invalid("The update expression attempted to update the secondary index key to unsupported type")
            _check_index_key(table, index, name, value)


def index_place(index: Index, item: Item) -> tuple[bytes, bytes]:
    """Return the bytes of an item's key in an index."""
    key = index.key
    return hashed(item[key.hash]), b"" if key.range is None else sort_key(item[key.range])


def fits_index(table: Table, index: Index, item: Item) -> bool:
    """Return whether an item of the table can stand in an index: it has its keys, of the right types, not empty."""
    values: Mapping[str, Value | None] = {name: item.get(name) for name in index.key.names}
    return all(
        value is not None and type_of(value) == table.types[name] and content_of(value)
        for name, value in values.items()
    )


def _check_index_key(table: Table, index: Index, name: str, value: Value | None) -> None:
    if value is None or name in table.key.names:
        return
    if type_of(value) != table.types[name]:
        raise invalid_values(
            f"Type mismatch for Index Key {name} Expected: {table.types[name]} Actual: {type_of(value)} IndexName: "
            f"{index.name}"
        )
    if not content_of(value):
        kind = "binary" if type_of(value) == "B" else "string"
        raise invalid(
            "One or more parameter values are not valid. A value specified for a secondary index key is not "
            f"supported. The AttributeValue for a key attribute cannot contain an empty {kind} value. IndexName: "
            f"{index.name}, IndexKey: {name}"
        )
