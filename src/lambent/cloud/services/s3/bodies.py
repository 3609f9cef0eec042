"""The bytes of objects: taken in while they come, checked, kept in files or beside their rows, and given out in pieces.

What is small stands in the database: a file of its own would cost two more syncs. What is larger is written, hashed and
synced in threads while the rest of it still arrives.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter, deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lambent.base.identifiers import IdSource
from lambent.cloud.protocol.aws_chunked import ChunkDecoder, MalformedChunksError
from lambent.cloud.services.s3 import errors
from lambent.cloud.services.s3.model.checksums import ALGORITHMS, DEFAULT, Running, written
from lambent.cloud.services.s3.model.records import StoredFile
from lambent.cloud.services.s3.reading import FileBody
from lambent.cloud.store.files import DraftFile, Files

Source = bytes | AsyncIterable[bytes]

SMALL = 8 * 1024
"""Up to this size a body stands in the database: docs/decisions/0020 has the measurement."""
_AT_ONCE = 1024 * 1024
_SYNCED_EVERY = 16 * 1024 * 1024
# So many pieces may wait for a lane: so what comes, what is written and what is hashed seldom wait for one another.
_BEHIND = 4
_AT_A_TIME = 2


@dataclass(frozen=True, slots=True)
class Stated:
    """What a request says of its body. Digests are hexadecimal, checksums as the request has them, by algorithm.

    `announced` is the algorithm whose checksum comes behind the body; `length` the body's own length where the request
    has it in chunks.
    """

    most: int
    md5: str | None = None
    sha256: str | None = None
    checksums: Mapping[str, str] = field(default_factory=dict)
    announced: str | None = None
    is_chunked: bool = False
    length: int | None = None
    computed: Sequence[str] = ()

    @property
    def algorithms(self) -> Sequence[str]:
        """The checksums to be computed: what is stated, and S3's own where nothing is."""
        named = [*self.checksums, *(() if self.announced is None else (self.announced,)), *self.computed]
        return list(dict.fromkeys(named)) or [DEFAULT]


@dataclass(frozen=True, slots=True)
class Stored:
    """A body that has been kept: in a file, or `small`, to be written with its row."""

    size: int
    md5: str
    checksums: Mapping[str, str]
    file: StoredFile | None = None
    small: bytes | None = None

    @property
    def files(self) -> tuple[StoredFile, ...]:
        """Its file, if it has one."""
        return () if self.file is None else (self.file,)


class _Sums:
    """The digests of a body under way."""

    def __init__(self, stated: Stated) -> None:
        self._md5: Running = hashlib.md5(usedforsecurity=False)
        self._sha256: Running | None = None if stated.sha256 is None else hashlib.sha256()
        self._checksums = {name: ALGORITHMS[name].begin() for name in stated.algorithms}
        self._stated = stated
        self.size = 0

    @property
    def running(self) -> list[Running]:
        """Every one that has to see the body."""
        others = [] if self._sha256 is None else [self._sha256]
        return [self._md5, *others, *self._checksums.values()]

    def update(self, data: bytes) -> None:
        """Take in a piece, in all of them."""
        self.size += len(data)
        for each in self.running:
            each.update(data)

    def checked(self, trailers: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """Return MD5 and checksums; raises what S3 answers where something else was stated."""
        stated, md5 = self._stated, self._md5.digest().hex()
        if stated.length is not None and stated.length != self.size:
            raise errors.incomplete_body()
        if stated.md5 is not None and stated.md5 != md5:
            raise errors.bad_digest()
        if self._sha256 is not None and (found := self._sha256.digest().hex()) != stated.sha256:
            raise errors.content_mismatch(str(stated.sha256), found)
        computed = {name: written(each.digest()) for name, each in self._checksums.items()}
        expected = dict(stated.checksums)
        if stated.announced is not None:
            expected[stated.announced] = trailers.get(ALGORITHMS[stated.announced].header, "")
        for name, value in expected.items():
            if value != computed[name]:
                raise errors.bad_checksum(name)
        return md5, computed


class Bodies:
    """Takes bodies in and gives them out."""

    def __init__(self, files: Files, ids: IdSource) -> None:
        self._files = files
        self._ids = ids
        self._readers: Counter[str] = Counter()

    async def keep(self, source: Source, stated: Stated, *, in_file: bool = False) -> Stored:
        """Keep a body durably, or return it to be kept with its row where it is small and not to be `in_file`.

        Raises ServiceError (BadDigest, IncompleteBody, EntityTooLarge …), having kept nothing.
        """
        trailers: Mapping[str, str] = {}
        sums = _Sums(stated)
        if stated.is_chunked:
            decoder = ChunkDecoder()
            trailers = decoder.trailers
            if not isinstance(source, bytes):
                return await self._keep_pieces(_gathered(_decoded(source, decoder)), sums, trailers, stated)
            source = _decoded_bytes(source, decoder)
        if isinstance(source, bytes):
            _check_size(len(source), stated)
            if len(source) > SMALL or in_file:
                return await self._keep_pieces(_once(source), sums, trailers, stated)
            sums.update(source)
            md5, checksums = sums.checked(trailers)
            return Stored(sums.size, md5, checksums, small=source)
        return await self._keep_pieces(_gathered(source), sums, trailers, stated)

    async def remove(self, names: Sequence[str]) -> None:
        """Remove files that no row names."""
        if names:
            await self._files.run(self._files.remove, names)

    async def share(self, files: Sequence[StoredFile]) -> tuple[StoredFile, ...]:
        """Return files with the same bytes and a life of their own; raises FileMissing."""
        named = tuple(StoredFile(self._ids.hex(32), file.size) for file in files)
        pairs = [(present.name, added.name) for present, added in zip(files, named, strict=True)]
        await self._files.run(self._files.link, pairs)
        return named

    def read(self, files: Sequence[StoredFile], first: int, count: int) -> FileBody:
        """Return `count` bytes of a body in files from `first` on; what is being read is not `removable`."""
        return FileBody(self._files, self._readers, files, first, count)

    def removable(self, names: Sequence[str]) -> list[str]:
        """Return those of the files that nobody is reading."""
        return [name for name in names if name not in self._readers]

    async def _keep_pieces(
        self, pieces: AsyncIterable[bytes], sums: _Sums, trailers: Mapping[str, str], stated: Stated
    ) -> Stored:
        name = self._ids.hex(32)
        draft = await self._files.run(self._files.draft, name)
        syncing = _Syncing(self._files, draft)
        lanes = [_Lane(self._files, work) for work in (draft.write, *(each.update for each in sums.running))]
        try:
            async for piece in pieces:
                sums.size += len(piece)
                _check_size(sums.size, stated)
                for lane in lanes:
                    lane.add(piece)
                for lane in lanes:
                    await lane.catch_up(_BEHIND)
                syncing.note(len(piece))
            for lane in lanes:
                await lane.catch_up()
            md5, checksums = await self._files.run(sums.checked, trailers)
            await syncing.settle()
            await self._files.run(draft.keep)
        finally:
            for lane in lanes:
                await lane.end()
            await syncing.settle()
            await self._files.run(draft.drop)
        return Stored(sums.size, md5, checksums, file=StoredFile(name, sums.size))


class _Lane:
    """Does one kind of work on piece after piece in a thread, beside what comes and beside the other lanes."""

    def __init__(self, files: Files, work: Callable[[bytes], object]) -> None:
        self._files = files
        self._work = work
        self._waiting: deque[bytes] = deque()
        self._going: asyncio.Future[None] | None = None

    def add(self, piece: bytes) -> None:
        """Hand over the next piece."""
        self._waiting.append(piece)
        if self._going is None:
            self._go()

    async def catch_up(self, behind: int = 0) -> None:
        """Return once at most so many pieces wait, for 0 once all are done; raises what the work raised."""
        while (going := self._going) is not None and (behind == 0 or len(self._waiting) > behind):
            await asyncio.wait({going})
            if going.done() and going.exception() is not None:
                going.result()

    async def end(self) -> None:
        """Return once no work is under way, and leave out what waits."""
        self._waiting.clear()
        if self._going is not None:
            await asyncio.wait({self._going})

    def _go(self) -> None:
        self._going = self._files.run(self._some)
        self._going.add_done_callback(self._went)

    def _some(self) -> None:
        for _ in range(min(_AT_A_TIME, len(self._waiting))):
            self._work(self._waiting.popleft())

    def _went(self, going: asyncio.Future[None]) -> None:
        if going.exception() is not None:
            return  # told to whoever hands over or waits next
        self._going = None
        if self._waiting:
            self._go()


class _Syncing:
    """Has the disk begin with what is there while more is to come."""

    def __init__(self, files: Files, draft: DraftFile) -> None:
        self._files = files
        self._draft = draft
        self._unsynced = 0
        self._going: asyncio.Future[None] | None = None

    def note(self, size: int) -> None:
        """Take note of what is about to be written."""
        self._unsynced += size
        if self._unsynced >= _SYNCED_EVERY and (self._going is None or self._going.done()):
            self._unsynced = 0
            self._going = self._files.run(self._draft.sync)

    async def settle(self) -> None:
        """Return once no sync is under way; raises what the last one met."""
        going, self._going = self._going, None
        if going is not None:
            await going


def _check_size(size: int, stated: Stated) -> None:
    if size > stated.most:
        raise errors.too_large(stated.most, size)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _gathered(source: AsyncIterable[bytes] | AsyncIterable[memoryview]) -> AsyncIterator[bytes]:
    """Yield what comes in pieces worth a thread's while."""
    waiting: list[bytes | memoryview] = []
    size = 0
    async for piece in source:
        waiting.append(piece)
        size += len(piece)
        if size >= _AT_ONCE:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


def _decoded_bytes(body: bytes, decoder: ChunkDecoder) -> bytes:
    try:
        decoded = b"".join(decoder.feed(body))
    except MalformedChunksError as error:
        raise errors.incomplete_body() from error
    if not decoder.is_whole:
        raise errors.incomplete_body()
    return decoded


async def _decoded(source: AsyncIterable[bytes], decoder: ChunkDecoder) -> AsyncIterator[memoryview]:
    try:
        async for piece in source:
            for content in decoder.feed(piece):
                yield content
    except MalformedChunksError as error:
        raise errors.incomplete_body() from error
    if not decoder.is_whole:
        raise errors.incomplete_body()
