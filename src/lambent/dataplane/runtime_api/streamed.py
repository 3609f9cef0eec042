"""An answer that a function streams: passed on as it comes, or collected for a caller who wants all of it at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from lambent.dataplane.runtime_api.messages import ErrorAnswer, Response
from lambent.dataplane.types import ResponseSink
from lambent.guest import framing


def too_large(limit: int) -> ErrorAnswer:
    """Return how an answer of more than `limit` bytes is told."""
    message = f"Response payload size exceeded maximum allowed payload size ({limit} bytes)."
    kind = "Function.ResponseSizeTooLarge"
    body = json.dumps({"errorMessage": message, "errorType": kind}, separators=(",", ":"))
    return ErrorAnswer(body.encode(), kind)


TOO_LARGE: Final = too_large(framing.MAX_RESPONSE)


class StreamedAnswer:
    """One streamed answer as it grows."""

    def __init__(self, content_type: str, sink: ResponseSink | None) -> None:
        self._content_type = content_type
        self._sink = sink
        self._parts: list[bytes] = []
        self._size = 0
        if sink is not None:
            sink.begin(content_type)

    def take(self, data: bytes, on_room: Callable[[], None]) -> bool:
        """Take a part; return whether the runtime should wait until `on_room` is called."""
        self._size += len(data)
        if self._sink is None:
            if self._size <= framing.MAX_RESPONSE:
                self._parts.append(data)
            else:
                self._parts.clear()
            return False
        if self._size > framing.MAX_STREAM:
            return False
        self._sink.write(data)
        return self._sink.is_full(on_room)

    def result(self) -> Response | ErrorAnswer:
        """Return the whole answer at its end: without payload where it was passed on."""
        if self._sink is not None:
            is_whole = self._size <= framing.MAX_STREAM
            return Response(b"", self._content_type) if is_whole else too_large(framing.MAX_STREAM)
        return TOO_LARGE if self._size > framing.MAX_RESPONSE else Response(b"".join(self._parts), self._content_type)
