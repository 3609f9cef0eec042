"""Numbers of messages: each is given out once, whatever happens to the platform, and greater than those before."""

from __future__ import annotations

import asyncio

from lambent.cloud.services.sqs import repository
from lambent.cloud.store.unit_of_work import Store

_AT_ONCE = 1 << 32  # as many as one run of the platform can use: 2³¹ runs may be


class Numbers:
    """The numbers of one run, reserved when the first is needed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._next: int | None = None
        self._reserving = asyncio.Lock()

    async def next(self, count: int = 1) -> int:
        """Return the first of `count` numbers in a row."""
        if self._next is None:
            async with self._reserving:
                if self._next is None:
                    self._next = await self._store.write(
                        lambda transaction: repository.reserve_numbers(transaction, _AT_ONCE)
                    )
        first = self._next
        self._next += count
        return first
