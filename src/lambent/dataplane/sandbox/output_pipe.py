"""The platform's end of a pipe into which the processes of a sandbox write."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from lambent.dataplane.sandbox.output import LineSplitter
from lambent.dataplane.types import OutputLine

_READ_SIZE: Final = 65_536
_DRAIN_LIMIT: Final = 4_194_304  # a function that never stops writing must not hold the loop


class OutputPipe:
    """Reads one pipe on the loop that made it and passes on its lines; owns the descriptor until `close`."""

    def __init__(
        self,
        descriptor: int,
        now: Callable[[], float],
        take: Callable[[Sequence[OutputLine]], None],
        *,
        of_extensions: bool = False,
    ) -> None:
        self._descriptor = descriptor
        self._lines = LineSplitter(now)
        self._take = take
        self._of_extensions = of_extensions
        self._is_open = True
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(descriptor, self._read_some)

    def drain(self) -> None:
        """Pass on everything written so far; an unfinished last line as it stands."""
        for _ in range(_DRAIN_LIMIT // _READ_SIZE):
            if not self._read_some():
                break
        self._pass_on(self._lines.flush())

    def close(self) -> None:
        """Pass on what is left and let go of the descriptor; idempotent."""
        if self._is_open:
            self.drain()
            self._loop.remove_reader(self._descriptor)
            self._is_open = False
            os.close(self._descriptor)

    def _read_some(self) -> bool:
        """Read once; False when there is nothing more for now."""
        if not self._is_open:
            return False
        try:
            data = os.read(self._descriptor, _READ_SIZE)
        except BlockingIOError:
            return False
        if data:
            self._pass_on(self._lines.feed(data))
        else:
            # The descriptor itself is closed at the end, so that its number cannot be someone else's meanwhile.
            self._loop.remove_reader(self._descriptor)
        return len(data) == _READ_SIZE

    def _pass_on(self, lines: Sequence[OutputLine]) -> None:
        if self._of_extensions:
            lines = [replace(line, by_extension=True) for line in lines]
        if lines:
            self._take(lines)
