"""What the bridge was asked to change, in order: replayed into a fresh moto after a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import orjson

from lambent.cloud.bridge.messages import Header, Message
from lambent.cloud.store.blobs import Blobs, Digest
from lambent.cloud.store.unit_of_work import Reader, Store, Transaction

COMPONENT = "bridge"
SCHEMA = """
CREATE TABLE bridge_journal (
    sequence INTEGER PRIMARY KEY,
    header TEXT NOT NULL,
    body BLOB,
    digest TEXT
);
"""
# A body up to this size lies in the row: one commit then covers it, where a blob costs syncs of its own.
_INLINE_BYTES = 64 * 1024
_PAGE = 200


class Journal:
    """The journal in the store, and its larger bodies among the blobs."""

    def __init__(self, store: Store, blobs: Blobs) -> None:
        self._store = store
        self._blobs = blobs

    async def append(self, message: Message) -> None:
        """Write a request down; durable when it returns."""
        header = orjson.dumps(message.header).decode()
        large = len(message.body) > _INLINE_BYTES
        digest = await self._blobs.put(message.body) if large else None
        body = None if large else message.body

        def insert(transaction: Transaction) -> None:
            transaction.execute(
                "INSERT INTO bridge_journal (header, body, digest) VALUES (?, ?, ?)", (header, body, digest)
            )

        await self._store.write(insert)

    async def replay(self) -> AsyncIterator[Message]:
        """Yield every request written down, oldest first."""
        for header, body, digest in _rows(self._store.read):
            yield Message(header, body if digest is None else await self._blobs.read(digest))


def _rows(reader: Reader) -> Iterator[tuple[Header, bytes, Digest | None]]:
    last = 0
    while True:
        rows = reader.all(
            "SELECT sequence, header, body, digest FROM bridge_journal WHERE sequence > ? ORDER BY sequence LIMIT ?",
            (last, _PAGE),
        )
        if not rows:
            return
        for sequence, header, body, digest in rows:
            assert isinstance(sequence, int)  # noqa: S101 - the schema says so
            assert isinstance(header, str)  # noqa: S101 - as above
            last = sequence
            kept = body if isinstance(body, bytes) else b""
            yield orjson.loads(header), kept, Digest(digest) if isinstance(digest, str) else None
