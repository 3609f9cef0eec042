"""One running sandbox: its channel, its output, its memory, its end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from lambent.dataplane.runtime_api.rendezvous import RuntimeChannel
from lambent.dataplane.runtime_api.workers import Workers
from lambent.dataplane.sandbox.cgroups import Cgroup
from lambent.dataplane.sandbox.crew import Crew
from lambent.dataplane.sandbox.handle import OutputCallback
from lambent.dataplane.sandbox.output import LineSplitter
from lambent.dataplane.sandbox.process_memory import Measure
from lambent.dataplane.supervision.child import exit_of
from lambent.dataplane.supervision.fork_server import Child, ForkServer
from lambent.dataplane.types import ExitKind, OutputLine, ProcessExit
from lambent.guest import keeper

_READ_SIZE: Final = 65_536
_DRAIN_LIMIT: Final = 4_194_304  # a function that never stops writing must not hold the loop
_END_ALL_PATIENCE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class SandboxParts:
    """What a sandbox is put together from; the sandbox owns all of it."""

    channel: RuntimeChannel
    server: ForkServer
    child: Child
    output: int
    cgroup: Cgroup | None
    has_pid_namespace: bool
    started_by: Literal["fork", "exec"]
    notices: tuple[str, ...]
    crew: Crew | None = None


class RunningSandbox:
    """Implements `Sandbox`; made by the launcher."""

    def __init__(self, parts: SandboxParts, now: Callable[[], float]) -> None:
        self._parts = parts
        self._loop = asyncio.get_running_loop()
        self._lines = LineSplitter(now)
        self._callback: OutputCallback | None = None
        self._early: list[tuple[OutputLine, str | None]] = []
        self._is_reading = True
        self._cause: ExitKind | None = None
        self._peak_mb = 0
        self._memory: Measure | None = None
        self.exited: Final[asyncio.Future[ProcessExit]] = self._loop.create_future()
        self._loop.add_reader(parts.output, self._on_output_readable)
        parts.child.ended.add_done_callback(lambda _: parts.channel.release())
        parts.child.ended.add_done_callback(self._on_end)
        parts.channel.closed.add_done_callback(self._on_end)
        if parts.crew is not None:
            parts.crew.attend(now, self._pass_on, self._typed)

    @property
    def channel(self) -> RuntimeChannel:
        """The host end of the environment's Runtime API."""
        return self._parts.channel

    @property
    def workers(self) -> Workers | None:
        """The workers of a runtime that serves several requests at once."""
        return None if self._parts.crew is None else self._parts.crew.workers

    @property
    def started_by(self) -> Literal["fork", "exec"]:
        """Whether the runtime was forked from the fork server or executed afresh."""
        return self._parts.started_by

    @property
    def notices(self) -> tuple[str, ...]:
        """Differences from the real thing worth telling."""
        return self._parts.notices

    def on_output(self, callback: OutputCallback) -> None:
        """Pass each line to `callback`, beginning with those already read."""
        self._callback = callback
        early, self._early = self._early, []
        for line, request_id in early:
            callback(line, request_id)

    def drain_output(self) -> None:
        """Pass on everything written so far."""
        for _ in range(_DRAIN_LIMIT // _READ_SIZE):
            if not self._read_some():
                break
        self._pass_on(self._lines.flush())
        if self._parts.crew is not None:
            self._parts.crew.drain()

    def peak_memory_mb(self) -> int:
        """Return the most memory used so far, in MB."""
        if self._is_reading:
            self._peak_mb = max(self._peak_mb, self._measure())
        return self._peak_mb

    async def terminate(self, grace_s: float = 0.0) -> ProcessExit:
        """End the environment: ask, wait `grace_s`, kill, and return its cause once nothing is left."""
        child, server = self._parts.child, self._parts.server
        if not child.ended.done():
            self._cause = self._cause or ExitKind.KILLED_BY_PLATFORM
            try:
                if grace_s > 0:
                    server.signal(child, signal.SIGTERM)
                    await asyncio.wait([self.exited], timeout=grace_s)
            finally:
                self.kill()
        if not self._parts.has_pid_namespace:
            await asyncio.wait([self.exited], timeout=_END_ALL_PATIENCE_S)
            server.signal(child, signal.SIGKILL)
        return await asyncio.shield(self.exited)

    def end_for_memory(self) -> None:
        """End the environment because it uses more memory than it may, where the kernel does not watch that."""
        self._cause = ExitKind.OUT_OF_MEMORY
        self.kill()

    def measure_by(self, memory: Measure) -> None:
        """Read the environment's memory there, where no control group counts it."""
        self._memory = memory

    @property
    def started(self) -> asyncio.Future[int]:
        """Resolves to the keeper's process id once the sandbox is built; fails with SandboxError."""
        return self._parts.child.started

    def kill(self) -> None:
        """Ask the kernel to end the environment; `exited` tells when it has."""
        number = signal.SIGKILL if self._parts.has_pid_namespace else keeper.END_ALL
        self._parts.server.signal(self._parts.child, number)

    def _measure(self) -> int:
        peak = self._parts.cgroup.peak_mb() if self._parts.cgroup else None
        if peak is None and self._memory:
            peak = self._memory.peak_mb()
        return peak or 0

    def _on_output_readable(self) -> None:
        self._read_some()

    def _read_some(self) -> bool:
        """Read once; False when there is nothing more for now."""
        if not self._is_reading:
            return False
        try:
            data = os.read(self._parts.output, _READ_SIZE)
        except BlockingIOError:
            return False
        if data:
            self._pass_on(self._lines.feed(data))
        else:
            self._stop_reading()
        return len(data) == _READ_SIZE

    def _pass_on(self, lines: Sequence[OutputLine], writer: int | None = None) -> None:
        workers = self.workers if writer is not None else None
        request_id = workers.request_of(writer) if workers is not None else None
        if self._callback is None:
            self._early.extend((line, request_id) for line in lines)
            return
        for line in lines:
            self._callback(line, request_id)

    def _stop_reading(self) -> None:
        # The descriptor itself is closed at the end, so that its number cannot be someone else's meanwhile.
        self._loop.remove_reader(self._parts.output)

    def _on_end(self, _: object) -> None:
        """Settle when both the processes and the channel have ended: an answer sent before the end still counts."""
        child = self._parts.child
        if not (child.ended.done() and self._parts.channel.closed.done()) or self.exited.done():
            return
        self.peak_memory_mb()
        self.drain_output()
        self._stop_reading()
        self._is_reading = False
        os.close(self._parts.output)
        if self._parts.crew is not None:
            self._parts.crew.close()
        cause = self._typed_cause(child.ended.result())
        if self._memory:
            self._memory.close()
        self.exited.set_result(cause)

    def _typed_cause(self, status: int) -> ProcessExit:
        return self._typed(status) if self._cause is None else ProcessExit(self._cause, exit_of(status).code)

    def _typed(self, status: int) -> ProcessExit:
        """Return the cause in the wait status of one of its processes."""
        plain = exit_of(status)
        cgroup = self._parts.cgroup
        was_killed = plain == ProcessExit(ExitKind.SIGNALLED, signal.SIGKILL)
        if was_killed and cgroup is not None and cgroup.ran_out_of_memory():
            return ProcessExit(ExitKind.OUT_OF_MEMORY, signal.SIGKILL)
        return plain
