"""aws-chunked: a body in chunks of its own, some of them signed, with headers behind it.

Signatures of chunks are not verified, as those of requests are not.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum, auto

_LONGEST_LINE = 16_384
_MOST_DIGITS = 16


class MalformedChunksError(ValueError):
    """The body is not framed as it says."""


class _Awaited(Enum):
    HEAD = auto()
    DATA = auto()
    BREAK = auto()
    TRAILER = auto()
    NOTHING = auto()


class ChunkDecoder:
    """Takes a body apart as it comes; `trailers` are complete once `is_whole`."""

    __slots__ = ("_awaited", "_left", "_line", "trailers")

    def __init__(self) -> None:
        self._awaited = _Awaited.HEAD
        self._line = b""
        self._left = 0
        self.trailers: dict[str, str] = {}

    @property
    def is_whole(self) -> bool:
        """Whether the last chunk and what follows it has come."""
        # Some clients leave out the empty line at the very end.
        return self._awaited is _Awaited.NOTHING or (self._awaited is _Awaited.TRAILER and not self._line)

    def feed(self, data: bytes) -> Iterator[memoryview]:
        """Yield the bytes of the content in what has arrived; raises MalformedChunksError."""
        view, position = memoryview(data), 0
        while position < len(view):
            if self._awaited is _Awaited.DATA:
                piece = view[position : position + self._left]
                position += len(piece)
                self._left -= len(piece)
                if not self._left:
                    self._awaited = _Awaited.BREAK
                yield piece
            elif self._awaited is _Awaited.NOTHING:
                raise MalformedChunksError("there is something behind the last chunk")
            else:
                position = self._feed_line(data, position)

    def _feed_line(self, data: bytes, position: int) -> int:
        end = data.find(b"\n", position)
        if end < 0:
            self._line += data[position:]
            if len(self._line) > _LONGEST_LINE:
                raise MalformedChunksError("a line is too long")
            return len(data)
        line, self._line = self._line + data[position:end], b""
        self._take_line(line.removesuffix(b"\r"))
        return end + 1

    def _take_line(self, line: bytes) -> None:
        if self._awaited is _Awaited.BREAK:
            if line:
                raise MalformedChunksError("a chunk is longer than it says")
            self._awaited = _Awaited.HEAD
        elif self._awaited is _Awaited.HEAD:
            self._left = _size_of(line)
            self._awaited = _Awaited.DATA if self._left else _Awaited.TRAILER
        elif line:
            name, _, value = line.decode("latin-1").partition(":")
            self.trailers[name.strip().lower()] = value.strip()
        else:
            self._awaited = _Awaited.NOTHING


def is_chunked(headers: Mapping[str, str]) -> bool:
    """Return whether a request says that its body is in such chunks."""
    stated = headers.get("x-amz-content-sha256", "")
    return stated.startswith("STREAMING-") or "aws-chunked" in headers.get("content-encoding", "")


def _size_of(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    if not 0 < len(digits) <= _MOST_DIGITS:
        raise MalformedChunksError("a chunk has no size")
    try:
        return int(digits, 16)
    except ValueError as error:
        raise MalformedChunksError("a chunk has no size") from error
