"""Query and scan: items of a table or an index, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from lambent.base.tasks import let_others_run
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.dynamodb import item_repository
from lambent.cloud.services.dynamodb.item_repository import Found
from lambent.cloud.services.dynamodb.model.capacity import Consumption, read_units
from lambent.cloud.services.dynamodb.model.expressions.conditions import holds
from lambent.cloud.services.dynamodb.model.expressions.projections import project
from lambent.cloud.services.dynamodb.model.values import Item, item_size
from lambent.cloud.services.dynamodb.operations.common import Answer, Parts, wants_capacity
from lambent.cloud.services.dynamodb.reading import Selection, query_of, scan_of
from lambent.cloud.store.unit_of_work import Reader

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
_PAGE_BYTES = 1024 * 1024
# Of the largest items these are 12.5 MB.
_FIRST_ROWS = 32
_MOST_ROWS = 1024
_ITEMS_AT_ONCE = 256


class QueryOperations:
    """The operations that read many items."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @operation("Query")
    async def query(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of one partition's items, in the order of their sort keys."""
        table = self._parts.table(context, parameters["TableName"])
        return await self._page(query_of(table, parameters), parameters)

    @operation("Scan")
    async def scan(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of all items, or of a segment of them."""
        table = self._parts.table(context, parameters["TableName"])
        return await self._page(scan_of(table, parameters), parameters)

    async def _page(self, selection: Selection, parameters: Parameters) -> Result:
        page = _Page(selection)
        last = await page.read(self._parts.store.read, parameters.get("Limit"))
        answer: Answer = {"Count": page.count, "ScannedCount": page.scanned}
        if not selection.counts_only:
            answer["Items"] = page.items
        if last is not None:
            answer["LastEvaluatedKey"] = selection.key_of(last)
        wanted = wants_capacity(parameters)
        if wanted is not None:
            answer["ConsumedCapacity"] = page.consumption(is_consistent=parameters.get("ConsistentRead", False)).shown(
                wanted
            )
        return answer


@dataclass(slots=True)
class _Page:
    """One page as it is read."""

    selection: Selection
    count: int = 0
    scanned: int = 0
    size: int = 0
    fetched: float = 0.0
    items: list[Item] = field(default_factory=list)

    async def read(self, reader: Reader, limit: int | None) -> Item | None:
        """Read the page; return the last item that was looked at where there may be more behind it.

        A page may hold tens of thousands of small items: others have their turn in between.
        """
        selection = self.selection
        for found in _rows(reader, selection, limit):
            item = found.row.item
            seen = item if selection.index is None else selection.index.projected(selection.table, item)
            self.size += found.row.size if seen is item else item_size(seen)
            self.scanned += 1
            self._take(seen, item, found)
            if self.size >= _PAGE_BYTES or (limit is not None and self.scanned >= limit):
                return item
            if self.scanned % _ITEMS_AT_ONCE == 0:
                await let_others_run()
        return None

    def _take(self, seen: Item, item: Item, found: Found) -> None:
        selection = self.selection
        shown = item if selection.fetches else seen
        if selection.fetches:
            self.fetched += read_units(found.row.size, is_consistent=False)
        if selection.filter is not None and not holds(selection.filter, shown):
            return
        self.count += 1
        if not selection.counts_only:
            self.items.append(shown if selection.paths is None else project(shown, selection.paths))

    def consumption(self, *, is_consistent: bool) -> Consumption:
        """Return what the page consumed."""
        selection = self.selection
        used = Consumption(selection.table, is_write=False)
        units = read_units(self.size, is_consistent=is_consistent)
        used.add(units, None if selection.index is None else selection.index.name)
        if self.fetched:
            used.add(self.fetched * (2 if is_consistent else 1))
        return used


def _rows(reader: Reader, selection: Selection, limit: int | None) -> Iterator[Found]:
    """Yield rows in their order; read some at a time, about a page of them, so far as their sizes tell."""
    wanted, rows = selection.range, _FIRST_ROWS
    left = limit
    while True:
        rows = rows if left is None else min(rows, left)
        found = item_repository.read_range(reader, selection.table, selection.index, wanted, rows)
        yield from found
        left = None if left is None else left - len(found)
        if len(found) < rows or left == 0:
            return
        last = found[-1]
        keys = (last.hash_key, last.range_key)
        wanted = replace(wanted, after=keys if selection.index is None else (*keys, *last.item_key))
        size = sum(each.row.size for each in found)
        rows = min(rows * 4, _PAGE_BYTES * rows // size + 1, _MOST_ROWS)
