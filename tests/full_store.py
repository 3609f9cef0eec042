"""A store that can be full."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from lambent.cloud.store.errors import StoreFull
from lambent.cloud.store.sqlite_store import SqliteStore
from lambent.cloud.store.unit_of_work import Reader, Transaction

T = TypeVar("T")
Item = TypeVar("Item")


class FullStore:
    """A store whose disk is full for as long as `is_full`."""

    def __init__(self, kept: SqliteStore) -> None:
        self._kept = kept
        self.is_full = False

    @property
    def read(self) -> Reader:
        return self._kept.read

    async def write(self, work: Callable[[Transaction], T]) -> T:
        if self.is_full:
            raise StoreFull("The disk is full.")
        return await self._kept.write(work)

    async def write_with_others(self, work: Callable[[Transaction, Sequence[Item]], None], *items: Item) -> None:
        await self.write(lambda transaction: work(transaction, items))

    async def write_in_passing(self, work: Callable[[Transaction, Sequence[Item]], None], *items: Item) -> None:
        await self.write_with_others(work, *items)

    async def migrate(self, component: str, scripts: Sequence[str]) -> None:
        await self._kept.migrate(component, scripts)

    def deliver(self, topic: str, handler: Callable[[str], Awaitable[None]]) -> None:
        self._kept.deliver(topic, handler)
