"""What a function writes, cut into lines: plain text from stdout and stderr, framed records from AWS's client.

Both arrive on one pipe, so that their order is the order of writing. A frame begins with a byte that no UTF-8 text
can have at that place. https://github.com/aws/aws-lambda-python-runtime-interface-client describes the frame:
type (4 bytes, 0xa55a00..), length (4), microseconds since the epoch (8), the message.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from lambent.dataplane.types import OutputLine

_FRAME: Final = struct.Struct(">IIQ")
_MAGIC: Final = b"\xa5\x5a\x00"
MAX_LINE: Final = 262_144
"""CloudWatch Logs' limit of one event in bytes until 2025; a longer line is passed on in parts."""
# More than any answer or error of a function: who logs one of them whole is to find it.
_MAX_RECORD: Final = 8_388_608
_LATEST: Final = 1 << 53


class LineSplitter:
    """Turns the bytes of one output pipe into lines; knows no descriptors."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._pending = bytearray()
        self._last_ms = 0

    def feed(self, data: bytes) -> list[OutputLine]:
        """Return the lines that `data` completes."""
        self._pending += data
        lines: list[OutputLine] = []
        while self._pending and self._take(lines):
            pass
        return lines

    def flush(self) -> list[OutputLine]:
        """Return what is still unfinished, as it stands."""
        rest = bytes(self._pending)
        self._pending.clear()
        return [self._line(rest)] if rest else []

    def _take(self, lines: list[OutputLine]) -> bool:
        pending = self._pending
        if pending.startswith(_MAGIC):
            return self._take_record(lines)
        newline = pending.find(b"\n")
        record = pending.find(_MAGIC)
        if record != -1 and (newline == -1 or record < newline):
            # Text without a line end, then a record: the text was a line of its own.
            lines.append(self._line(bytes(pending[:record])))
            del pending[:record]
            return True
        end = newline + 1 if newline != -1 else (MAX_LINE if len(pending) >= MAX_LINE else 0)
        if not end:
            return False
        lines.append(self._line(bytes(pending[:end])))
        del pending[:end]
        return True

    def _take_record(self, lines: list[OutputLine]) -> bool:
        pending = self._pending
        if len(pending) < _FRAME.size:
            return False
        _, size, micros = _FRAME.unpack_from(pending)
        if size > _MAX_RECORD or micros > _LATEST:
            # Not what AWS's client writes: whatever it is, it is text.
            lines.append(self._line(bytes(pending[: len(_MAGIC)])))
            del pending[: len(_MAGIC)]
            return True
        end = _FRAME.size + size
        if len(pending) < end:
            return False
        text = pending[_FRAME.size : end].decode("utf-8", "replace")
        # A plain line has the time at which it was read: what was written after it must not stand before it.
        at_ms = max(micros // 1000, self._last_ms)
        lines.append(OutputLine(at_ms, text.rstrip("\n"), is_ended=text.endswith("\n")))
        del pending[:end]
        return True

    def _line(self, raw: bytes) -> OutputLine:
        self._last_ms = int(self._now() * 1000)
        return OutputLine(self._last_ms, raw.decode("utf-8", "replace").rstrip("\r\n"))
