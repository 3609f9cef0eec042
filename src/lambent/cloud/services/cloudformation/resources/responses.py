"""Where the makers of custom resources, and those who signal wait conditions, PUT what they have to say.

The address is the platform's own, and cannot be guessed; on AWS it is a presigned S3 URL. Addresses and what was put
there are kept in the store, so that a step that is taken up after a restart finds the answer to what it asked before.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.framework.routes import Route
from lambent.cloud.protocol.message import Request, Response
from lambent.cloud.services.cloudformation.paths import RESPONSES
from lambent.cloud.services.cloudformation.resources.waiting import Bells, Halt
from lambent.cloud.store.unit_of_work import Store, Transaction

Answer = dict[str, Any]  # Any: what was put, a JSON object


class Responses:
    """The addresses given out, and what was put there."""

    def __init__(self, endpoint_url: str, store: Store, *, clock: Clock, ids: IdSource) -> None:
        self._endpoint_url = endpoint_url
        self._store = store
        self._clock = clock
        self._ids = ids
        self._bells = Bells()

    def route(self) -> Route:
        """Return the route for the registry."""
        return Route(*RESPONSES, self._answer)

    async def address(self, stack_id: str, step: str) -> str:
        """Return the address of a step: a new one, or the one that it was given before."""
        fresh = self._ids.hex(32)

        def work(transaction: Transaction) -> str:
            row = transaction.one("SELECT key FROM cloudformation_address WHERE step = ?", (step,))
            if row is not None:
                return str(row[0])
            transaction.execute(
                "INSERT INTO cloudformation_address (key, stack_id, step) VALUES (?, ?, ?)", (fresh, stack_id, step)
            )
            return fresh

        return f"{self._endpoint_url}{RESPONSES[1]}{await self._store.write(work)}"

    def was_asked(self, address: str) -> bool:
        """Return whether what is to be answered at an address was asked, in a way that the answer can arrive."""
        key = _key(address)
        row = self._store.read.one("SELECT asked_at FROM cloudformation_address WHERE key = ?", (key,))
        return row is not None and (row[0] == self._endpoint_url or bool(self._put(key)))

    async def note_asked(self, address: str) -> None:
        """Note that it was asked."""
        sql = "UPDATE cloudformation_address SET asked_at = ? WHERE key = ?"
        await self._store.write(lambda transaction: transaction.execute(sql, (self._endpoint_url, _key(address))))

    async def answers(self, address: str, count: int, halt: Halt, until: float) -> Sequence[Answer]:
        """Return what was put at an address, once it is `count` times or more. Raises TimeoutError, HaltedError."""
        key = _key(address)
        with self._bells.heard(key) as rung:
            while len(found := self._put(key)) < count:
                rung.clear()
                if not await halt.wait(rung, self._clock, until):
                    raise TimeoutError
        return found

    async def forget(self, address: str) -> None:
        """Take no more at an address."""
        key = _key(address)

        def work(transaction: Transaction) -> None:
            transaction.execute("DELETE FROM cloudformation_address WHERE key = ?", (key,))
            transaction.execute("DELETE FROM cloudformation_answer WHERE key = ?", (key,))

        await self._store.write(work)

    def _put(self, key: str) -> list[Answer]:
        rows = self._store.read.all("SELECT body FROM cloudformation_answer WHERE key = ? ORDER BY number", (key,))
        return [json.loads(str(row[0])) for row in rows]

    async def _answer(self, request: Request) -> Response:
        key = request.path.removeprefix(RESPONSES[1])
        try:
            found = json.loads(request.body)
        except ValueError:
            return Response(400)
        if not isinstance(found, dict):
            return Response(400)
        text = json.dumps(found)

        def work(transaction: Transaction) -> bool:
            if transaction.one("SELECT 1 FROM cloudformation_address WHERE key = ?", (key,)) is None:
                return False
            transaction.execute("INSERT INTO cloudformation_answer (key, body) VALUES (?, ?)", (key, text))
            return True

        if not await self._store.write(work):
            return Response(403)  # what S3 says to a signature that it does not know
        self._bells.ring(key)
        return Response(200)


def _key(address: str) -> str:
    return address.rpartition("/")[2]
