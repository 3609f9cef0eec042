"""Where the makers of custom resources, and those who signal wait conditions, PUT what they have to say.

The address is the platform's own, and cannot be guessed; on AWS it is a presigned S3 URL.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from lambent.base.identifiers import IdSource
from lambent.cloud.framework.routes import Route
from lambent.cloud.protocol.message import Request, Response

PATH: Final = "/_lambent/cloudformation/responses/"
Answer = dict[str, Any]  # Any: what was put, a JSON object


class Responses:
    """The addresses given out, and what was put there."""

    def __init__(self, endpoint_url: str, ids: IdSource) -> None:
        self._endpoint_url = endpoint_url
        self._ids = ids
        self._put: dict[str, asyncio.Queue[Answer]] = {}

    def route(self) -> Route:
        """Return the route for the registry."""
        return Route("PUT", PATH, self._answer)

    def address(self) -> str:
        """Return a new address."""
        return f"{self._endpoint_url}{PATH}{self._ids.hex(32)}"

    async def next(self, address: str, timeout_s: float) -> Answer:
        """Return what is put at an address next. Raises TimeoutError."""
        queue = self._queue(address.rpartition("/")[2])
        return await asyncio.wait_for(queue.get(), timeout_s)

    def forget(self, address: str) -> None:
        """Take no more at an address."""
        self._put.pop(address.rpartition("/")[2], None)

    def _queue(self, key: str) -> asyncio.Queue[Answer]:
        return self._put.setdefault(key, asyncio.Queue())

    async def _answer(self, request: Request) -> Response:
        try:
            found = json.loads(request.body)
        except ValueError:
            return Response(400)
        if not isinstance(found, dict):
            return Response(400)
        self._queue(request.path.removeprefix(PATH)).put_nowait(found)
        return Response(200)
