"""What requests consume, in capacity units.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lambent.cloud.framework.service import Result
from lambent.cloud.services.dynamodb.model.keys import entries_of
from lambent.cloud.services.dynamodb.model.table import Table
from lambent.cloud.services.dynamodb.model.values import Item, item_size

_READ_UNIT = 4096
_WRITE_UNIT = 1024


def read_units(size: int, *, is_consistent: bool, is_transactional: bool = False) -> float:
    """Return the read units of so many bytes; what is not there costs one unit of size.

    >>> read_units(0, is_consistent=False), read_units(4097, is_consistent=True)
    (0.5, 2.0)
    """
    blocks = max(1, -(-size // _READ_UNIT))
    return blocks * (2.0 if is_transactional else 1.0 if is_consistent else 0.5)


def write_units(size: int, *, is_transactional: bool = False) -> float:
    """Return the write units of an item of so many bytes."""
    return max(1, -(-size // _WRITE_UNIT)) * (2.0 if is_transactional else 1.0)


@dataclass(slots=True)
class Consumption:
    """What one request consumed of one table and of its indexes; added to as the request goes on."""

    table: Table
    is_write: bool
    units: float = 0.0
    by_index: dict[str, float] = field(default_factory=dict)

    def add(self, units: float, index: str | None = None) -> None:
        """Count units of the table itself, or of one of its indexes."""
        if index is None:
            self.units += units
        else:
            self.by_index[index] = self.by_index.get(index, 0.0) + units

    def add_write(self, before: Item | None, after: Item | None, *, is_transactional: bool = False) -> None:
        """Count the change of one item in the table and in its indexes."""
        size = max(0 if item is None else item_size(item) for item in (before, after))
        self.add(write_units(size, is_transactional=is_transactional))
        if self.table.indexes:
            self._add_indexes(before, after, is_transactional=is_transactional)

    def _add_indexes(self, before: Item | None, after: Item | None, *, is_transactional: bool) -> None:
        old = {} if before is None else entries_of(self.table, before)
        new = {} if after is None else entries_of(self.table, after)
        for index in self.table.indexes:
            was = index.projected(self.table, before) if before is not None and index.number in old else None
            now = index.projected(self.table, after) if after is not None and index.number in new else None
            moved = old.get(index.number) != new.get(index.number)
            # An entry that moves is deleted and put; one that stays is written where what it projects changes.
            written = [each for each in (was, now) if each is not None] if moved else [now] if was != now else []
            for each in written:
                size = 0 if each is None else item_size(each)
                self.add(write_units(size, is_transactional=is_transactional), index.name)

    def shown(self, wanted: str, *, is_transactional: bool = False) -> Result:
        """Return ConsumedCapacity as `ReturnConsumedCapacity` asks: TOTAL or INDEXES."""
        kind = "WriteCapacityUnits" if self.is_write else "ReadCapacityUnits"

        def units(value: float) -> dict[str, float]:
            return {"CapacityUnits": value, kind: value} if is_transactional else {"CapacityUnits": value}

        answer: dict[str, object] = {
            "TableName": self.table.name,
            **units(self.units + sum(self.by_index.values())),
        }
        if wanted == "INDEXES":
            answer["Table"] = units(self.units)
            for member, is_global in (("GlobalSecondaryIndexes", True), ("LocalSecondaryIndexes", False)):
                found = {
                    index.name: units(self.by_index[index.name])
                    for index in self.table.indexes
                    if index.is_global is is_global and index.name in self.by_index
                }
                if found:
                    answer[member] = found
        return answer
