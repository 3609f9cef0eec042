"""One running sandbox: its channel, its output, its memory, its end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from lambent.dataplane.runtime_api.companion_link import CompanionLink
from lambent.dataplane.runtime_api.messages import InitAnswer, Snapshot
from lambent.dataplane.runtime_api.rendezvous import RuntimeChannel
from lambent.dataplane.runtime_api.workers import Workers
from lambent.dataplane.sandbox import processes
from lambent.dataplane.sandbox.cgroups import Cgroup
from lambent.dataplane.sandbox.crew import Crew
from lambent.dataplane.sandbox.handle import OutputCallback
from lambent.dataplane.sandbox.output_pipe import OutputPipe
from lambent.dataplane.sandbox.process_memory import Measure
from lambent.dataplane.supervision.child import exit_of
from lambent.dataplane.supervision.fork_server import Child, StartVariables
from lambent.dataplane.types import ExitKind, OutputLine, ProcessExit, Usage
from lambent.guest import keeper

_END_ALL_PATIENCE_S: Final = 2.0
_LATE_S: Final = 0.05


class Keepers(Protocol):
    """Who reaches a keeper: the fork server it comes from, or, for a restored one, we ourselves."""

    @property
    def shared_mb(self) -> int:
        """The memory that a fork has in common with what it was forked from, and that is charged there."""

    @property
    def variables(self) -> StartVariables:
        """Those of the user's that its interpreter was started with."""

    def signal(self, child: Child, number: int) -> None:
        """Send a signal to a child's keeper; without effect where it has ended."""

    def dismiss(self, child: Child) -> None:
        """Ask for no other runtime after the one it has."""

    def spawn_again(self, child: Child, request: Mapping[str, object], descriptors: Mapping[str, int]) -> None:
        """Ask a keeper whose runtime has ended for another one; raises SandboxError."""


@dataclass(frozen=True, slots=True)
class SandboxParts:
    """What a running sandbox is put together from: what stands, and what its present runtime was given."""

    standing: Standing
    channel: RuntimeChannel
    link: CompanionLink | None
    output: int
    extension_output: int | None
    started_by: Literal["fork", "exec", "snapshot"]
    notices: tuple[str, ...]
    memory_mb: int
    crew: Crew | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a reset leaves standing of a sandbox: its keeper with /tmp and all mounts, its control group."""

    server: Keepers
    child: Child
    cgroup: Cgroup | None
    has_pid_namespace: bool


class RunningSandbox:
    """Implements `Sandbox` for one runtime; made by the launcher."""

    def __init__(self, parts: SandboxParts, now: Callable[[], float]) -> None:
        self._parts = parts
        self._standing = parts.standing
        self._runtime = parts.standing.child.runtime
        self._loop = asyncio.get_running_loop()
        self._callback: OutputCallback | None = None
        self._early: list[tuple[OutputLine, str | None]] = []
        self._outputs = [OutputPipe(parts.output, now, self._pass_on)]
        if parts.extension_output is not None:
            self._outputs.append(OutputPipe(parts.extension_output, now, self._pass_on, of_extensions=True))
        self._is_reading = True
        self._cause: ExitKind | None = None
        self._peak_mb = 0
        self._memory: Measure | None = None
        self.exited: Final[asyncio.Future[ProcessExit]] = self._loop.create_future()
        has_extensions = parts.link is not None and bool(parts.link.expected)
        self.left: Final[asyncio.Future[ProcessExit]] = self._loop.create_future() if has_extensions else self.exited
        if has_extensions:
            self._runtime.left.add_done_callback(self._on_left)
            parts.channel.closed.add_done_callback(self._on_left)
        self._runtime.ended.add_done_callback(lambda _: parts.channel.release())
        self._runtime.ended.add_done_callback(self._on_end)
        parts.channel.closed.add_done_callback(self._on_end)
        parts.channel.first_next.add_done_callback(self._on_init)
        if parts.crew is not None:
            parts.crew.attend(now, self._pass_on, self._typed)

    @property
    def standing(self) -> Standing:
        """What the next runtime can be started in, after a reset."""
        return self._standing

    @property
    def channel(self) -> RuntimeChannel:
        """The host end of the environment's Runtime API."""
        return self._parts.channel

    @property
    def workers(self) -> Workers | None:
        """The workers of a runtime that serves several requests at once."""
        return None if self._parts.crew is None else self._parts.crew.workers

    @property
    def link(self) -> CompanionLink | None:
        """The way to its extensions; none where it was restored from a snapshot."""
        return self._parts.link

    @property
    def started_by(self) -> Literal["fork", "exec", "snapshot"]:
        """Whether the runtime was forked from the fork server, executed afresh, or restored from a snapshot."""
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
        for output in self._outputs:
            output.drain()
        if self._parts.crew is not None:
            self._parts.crew.drain()

    def peak_memory_mb(self) -> int:
        """Return the most memory used so far, in MB."""
        if self._is_reading:
            self._peak_mb = max(self._peak_mb, self._measure())
        return self._peak_mb

    def usage(self) -> Usage:
        """Return what its processes have used of CPU so far, and use of memory now."""
        cgroup, keeper = self._standing.cgroup, self._keeper()
        cpu_s, memory_mb = (None, None) if cgroup is None else (cgroup.cpu_s(), cgroup.memory_mb())
        if cpu_s is None and keeper is not None:
            cpu_s = processes.cpu_s(keeper)
        if memory_mb is None and self._memory is not None:
            memory_mb = self._memory.resident_mb()
        return Usage(cpu_s, memory_mb)

    def _keeper(self) -> int | None:
        """Return the process id of the keeper; None until it is known, and where there is none any more."""
        started = self._runtime.started
        if not started.done() or started.cancelled() or started.exception() is not None or self.exited.done():
            return None
        return started.result()

    def limit_cpu(self) -> None:
        """Hold the environment to its share of CPU."""
        if self._standing.cgroup is not None:
            self._standing.cgroup.limit_cpu()

    async def reset(self) -> bool:
        """End the runtime and all it started; return whether the rest still stands."""
        server, child = self._standing.server, self._standing.child
        if not self._runtime.ended.done():
            self._cause = self._cause or ExitKind.KILLED_BY_PLATFORM
            server.signal(child, keeper.END_ALL)
        await asyncio.wait([self.exited], timeout=_END_ALL_PATIENCE_S)
        if not self.exited.done():
            self.kill()
        cause, cgroup = await asyncio.shield(self.exited), self._standing.cgroup
        if cause.kind is ExitKind.OUT_OF_MEMORY and cgroup is not None and cgroup.is_filled_by_files():
            await self.terminate()  # the next runtime would end as this one did, and so for ever
        return not child.gone.done()

    async def terminate(self, grace_s: float = 0.0) -> ProcessExit:
        """End the environment: ask, wait `grace_s`, kill, and return its cause once nothing is left."""
        server, child = self._standing.server, self._standing.child
        if not self._runtime.ended.done():
            self._cause = self._cause or ExitKind.KILLED_BY_PLATFORM
        try:
            if grace_s > 0:
                server.signal(child, signal.SIGTERM)
                await asyncio.wait([self.exited], timeout=grace_s)
        finally:
            self.kill()
        if not self._standing.has_pid_namespace:
            await asyncio.wait([child.gone], timeout=_END_ALL_PATIENCE_S)
            server.signal(child, signal.SIGKILL)
        await asyncio.shield(child.gone)
        return await asyncio.shield(self.exited)

    def ask_runtime(self) -> None:
        """Send SIGTERM to the runtime."""
        self._standing.server.signal(self._standing.child, signal.SIGTERM)

    def kill_runtime(self) -> None:
        """End the runtime at once; external extensions go on."""
        self._standing.server.signal(self._standing.child, keeper.END_RUNTIME)

    def end_for_memory(self) -> None:
        """End the environment because it uses more memory than it may, where the kernel does not watch that."""
        self._cause = ExitKind.OUT_OF_MEMORY
        self._standing.server.signal(self._standing.child, keeper.END_ALL)

    def make_room(self, forks: int) -> None:
        """Let it hold what so many forks of it are charged to its control group, beside what it holds itself."""
        if self._standing.cgroup is not None:
            self._standing.cgroup.make_room(forks)

    def measure_by(self, memory: Measure) -> None:
        """Read the environment's memory there, where no control group counts it."""
        self._memory = memory

    @property
    def started(self) -> asyncio.Future[int]:
        """Resolves to the keeper's process id once the runtime is up; fails with SandboxError."""
        return self._runtime.started

    def kill(self) -> None:
        """Ask for the end of the environment; `exited` tells when it has come."""
        server, child = self._standing.server, self._standing.child
        if self._standing.has_pid_namespace:
            server.signal(child, signal.SIGKILL)
        else:
            server.signal(child, keeper.END_ALL)
            server.dismiss(child)

    def _measure(self) -> int:
        peak = self._standing.cgroup.peak_mb() if self._standing.cgroup else None
        if peak is not None and self._parts.started_by != "exec":
            # As in AWS, where none of it is shared, and no more than the limit can be used.
            peak = max(peak, min(peak + self._standing.server.shared_mb, self._parts.memory_mb))
        elif self._memory:
            peak = self._memory.peak_mb()
        return peak or 0

    def _pass_on(self, lines: Sequence[OutputLine], writer: int | None = None) -> None:
        workers = self.workers if writer is not None else None
        request_id = workers.request_of(writer) if workers is not None else None
        if self._callback is None:
            self._early.extend((line, request_id) for line in lines)
            return
        for line in lines:
            self._callback(line, request_id)

    def _on_init(self, first_next: asyncio.Future[InitAnswer]) -> None:
        if isinstance(first_next.result(), Snapshot):
            self.make_room(0)  # its first forks stand by before any is asked for
            self._parts.channel.stand_by()

    def _on_left(self, _: object) -> None:
        """Settle once the runtime has left and what it had sent is read: an answer sent before the end still counts."""
        if not self._runtime.left.done():
            return
        if self._parts.channel.closed.done():
            self._settle_left()
        else:
            self._parts.channel.release()
            # A process that the function started may hold the channel open.
            self._loop.call_later(_LATE_S, self._settle_left)

    def _settle_left(self) -> None:
        if not self.left.done():
            self.drain_output()
            self.left.set_result(self._typed_cause(self._runtime.left.result()))

    def _on_end(self, _: object) -> None:
        """Settle when both the processes and the channel have ended: an answer sent before the end still counts."""
        ended = self._runtime.ended
        if not (ended.done() and self._parts.channel.closed.done()) or self.exited.done():
            return
        self.peak_memory_mb()
        self._is_reading = False
        for output in self._outputs:
            output.close()
        if self._parts.link is not None:
            self._parts.link.close()
        if self._parts.crew is not None:
            self._parts.crew.close()
        cause = self._typed_cause(ended.result())
        if self._memory:
            self._memory.close()
        self.exited.set_result(cause)

    def _typed_cause(self, status: int) -> ProcessExit:
        return self._typed(status) if self._cause is None else ProcessExit(self._cause, exit_of(status).code)

    def _typed(self, status: int) -> ProcessExit:
        """Return the cause in the wait status of one of its processes."""
        plain = exit_of(status)
        cgroup = self._standing.cgroup
        was_killed = plain == ProcessExit(ExitKind.SIGNALLED, signal.SIGKILL)
        if was_killed and cgroup is not None and cgroup.ran_out_of_memory():
            return ProcessExit(ExitKind.OUT_OF_MEMORY, signal.SIGKILL)
        return plain
