"""The bytes of a body in files, given out: in pieces, or from file to socket without passing through this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lambent.cloud.errors import CutShortError
from lambent.cloud.protocol.message import Outlet
from lambent.cloud.services.s3.model.records import StoredFile
from lambent.cloud.store.files import FileMissing, Files

_READ_AT_ONCE = 1024 * 1024
# So much goes to the socket of one reader before a thread is free for another.
_SENT_AT_ONCE = 16 * 1024 * 1024
# Of less than this a copy costs less than the socket's own way.
_SENT_FROM = 256 * 1024


class FileBody:
    """`count` bytes of a body in files from `first` on: an async iterator of them that can also send them itself.

    `readers` counts who reads which file, from here until the end, `aclose`, or until nobody has this any more.
    Raises CutShortError where a file has gone.
    """

    __slots__ = ("_files", "_readers", "_rest")

    def __init__(
        self, files: Files, readers: Counter[str], stored: Sequence[StoredFile], first: int, count: int
    ) -> None:
        self._files = files
        self._readers = readers
        self._rest: list[tuple[str, int, int]] = []  # the last one first
        for file in stored:
            wanted = min(count, file.size - first)
            if wanted > 0:
                self._rest.append((file.name, first, wanted))
                count -= wanted
            first = max(0, first - file.size)
        self._rest.reverse()
        self._readers.update(name for name, _, _ in self._rest)

    def __aiter__(self) -> FileBody:
        return self

    async def __anext__(self) -> bytes:
        """Return the next piece, read in a thread."""
        if not self._rest:
            raise StopAsyncIteration
        name, first, count = self._rest[-1]
        try:
            piece = await self._files.run(self._files.read, name, first, min(count, _READ_AT_ONCE))
        except FileMissing as error:
            raise CutShortError(str(error)) from error
        if not piece:
            raise CutShortError(f"the file {name} is shorter than it was")
        self._advance(len(piece))
        return piece

    @property
    def pays(self) -> bool:
        """Whether the file that is next has enough left to go by itself."""
        return bool(self._rest) and self._rest[-1][2] >= _SENT_FROM

    async def send(self, outlet: Outlet) -> None:
        """Send what the outlet takes without waiting for its reader."""
        while self.pays:
            name, first, count = self._rest[-1]
            count = min(count, _SENT_AT_ONCE)
            try:
                sent = await self._files.run(self._files.send, name, first, count, outlet)
            except FileMissing as error:
                raise CutShortError(str(error)) from error
            self._advance(sent)
            if sent < count:
                return

    async def aclose(self) -> None:
        """Read no more."""
        self._release()

    def __del__(self) -> None:
        self._release()

    def _advance(self, count: int) -> None:
        if not self._rest:
            return  # closed meanwhile
        name, first, left = self._rest[-1]
        if count < left:
            self._rest[-1] = (name, first + count, left - count)
        else:
            self._rest.pop()
            self._forget(name)

    def _release(self) -> None:
        while self._rest:
            self._forget(self._rest.pop()[0])

    def _forget(self, name: str) -> None:
        self._readers[name] -= 1
        if not self._readers[name]:
            del self._readers[name]
