"""An HTTP request and response as values: what the wire formats read and write, without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, runtime_checkable

MORE_HEADERS: Final = ""
"""Where a result has headers that AWS sends beside those of its models: under a name that no member has."""

Outlet = Callable[[int, int, int], int]
"""Takes bytes of an open file (its descriptor, the first, how many), in a thread, and returns how many it took."""


@runtime_checkable
class SendsItself(Protocol):
    """A stream that can bring its bytes from a file to a socket without having them pass through this process."""

    @property
    def pays(self) -> bool:
        """Whether so much is left that sending it this way costs less than copying it."""

    async def send(self, outlet: Outlet) -> None:
        """Send what the outlet takes without waiting for its reader; the rest is still to be iterated over."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over what is left."""

    async def __anext__(self) -> bytes:
        """Return the next piece of what is left."""

    async def aclose(self) -> None:
        """End the stream."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request: whole, or its head and a body that is still `incoming`, in place of an empty `body`.

    `path` is still percent-encoded and begins with a slash; `query` is what stood after the question mark, or "";
    header names are lower case (a repeated header's values are joined by a comma and a space).
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    peer: str = ""
    incoming: AsyncIterable[bytes] | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response: a whole body, or a stream of it.

    A stream is sent with chunked transfer coding, unless the headers state the length that it has.
    """

    status: int
    headers: Sequence[tuple[str, str]] = field(default=())
    body: bytes = b""
    stream: AsyncIterator[bytes] | None = None
