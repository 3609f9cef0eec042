"""Where GetFunction's Code.Location leads: deployment packages and layers, by digest."""

from __future__ import annotations

import re

from lambent.cloud.framework.routes import Route
from lambent.cloud.protocol.message import Request, Response
from lambent.cloud.services.lambda_.rendering import CODE_PATH
from lambent.cloud.store.blobs import BlobMissing, Blobs, Digest


class Downloads:
    """Serves packages. A digest cannot be guessed, as the signature of a presigned S3 URL cannot."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def route(self) -> Route:
        """Return the route for the registry."""
        return Route("GET", CODE_PATH, self._answer)

    async def _answer(self, request: Request) -> Response:
        digest = request.path.removeprefix(CODE_PATH)
        if re.fullmatch(r"[0-9a-f]{64}", digest) is None:
            return Response(404)
        try:
            package = await self._blobs.read(Digest(digest))
        except BlobMissing:
            return Response(404)
        return Response(200, (("content-type", "application/zip"),), package)
