"""Where GetFunction's Code.Location leads: deployment packages and layers, by digest."""

from __future__ import annotations

import re

from lambent.cloud.framework.routes import Route
from lambent.cloud.protocol.message import Request, Response
from lambent.cloud.services.lambda_.rendering import CODE_PATH
from lambent.cloud.store.blobs import BlobMissing, Blobs, Digest
from lambent.cloud.store.unit_of_work import Reader

# Both are answered from an index on the digest (schema_3.sql), whose expression is written the same way there.
NAMING = (
    "SELECT 1 FROM lambda_versions WHERE json_extract(code, '$.digest') = ? LIMIT 1",
    "SELECT 1 FROM lambda_layer_versions WHERE json_extract(code, '$.digest') = ? LIMIT 1",
)
"""Asks whether a function version or a layer version has a package of this digest."""


class Downloads:
    """Serves the packages of function and layer versions, and nothing else that the platform keeps as a blob.

    A digest cannot be guessed, as the signature of a presigned S3 URL cannot.
    """

    def __init__(self, blobs: Blobs, reader: Reader) -> None:
        self._blobs = blobs
        self._reader = reader

    def route(self) -> Route:
        """Return the route for the registry."""
        return Route("GET", CODE_PATH, self._answer)

    async def _answer(self, request: Request) -> Response:
        digest = request.path.removeprefix(CODE_PATH)
        if re.fullmatch(r"[0-9a-f]{64}", digest) is None or not self._is_named(digest):
            return Response(404)
        try:
            package = await self._blobs.read(Digest(digest))
        except BlobMissing:
            return Response(404)
        return Response(200, (("content-type", "application/zip"),), package)

    def _is_named(self, digest: str) -> bool:
        return any(self._reader.one(query, (digest,)) is not None for query in NAMING)
