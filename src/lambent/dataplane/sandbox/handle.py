"""A running sandbox as the rest of the data plane sees it."""

from __future__ import annotations

import asyncio
from typing import Literal, Protocol

from lambent.dataplane.runtime_api.companion_link import CompanionLink
from lambent.dataplane.runtime_api.rendezvous import RuntimeChannel
from lambent.dataplane.runtime_api.workers import Workers
from lambent.dataplane.types import OutputLine, ProcessExit, Usage


class OutputCallback(Protocol):
    """Is told each line that a sandbox's function writes."""

    def __call__(self, line: OutputLine, request_id: str | None = None, /) -> None:
        """Take one line; `request_id` is set where the sandbox knows which of several requests wrote it."""


class Sandbox(Protocol):
    """One execution environment's processes, from launch until nothing of them is left.

    After a reset, the next launch for the same environment makes another `Sandbox`, in what still stands of this one.
    """

    @property
    def channel(self) -> RuntimeChannel:
        """The host end of the environment's Runtime API."""

    @property
    def workers(self) -> Workers | None:
        """The same as the channel where the runtime serves several requests at once, else None."""

    @property
    def link(self) -> CompanionLink | None:
        """The way to its extensions; None where there can be none."""

    @property
    def left(self) -> asyncio.Future[ProcessExit]:
        """Resolves once the runtime has ended, which external extensions outlive; never fails. Await it shielded."""

    @property
    def exited(self) -> asyncio.Future[ProcessExit]:
        """Resolves once the runtime and every process it started have ended, with the cause of the runtime's end.

        Never fails. Whatever the processes wrote has been passed to `on_output` before it resolves. Await it shielded.
        """

    @property
    def started_by(self) -> Literal["fork", "exec", "snapshot"]:
        """Whether the runtime was forked from the fork server, executed afresh, or restored from a snapshot."""

    @property
    def notices(self) -> tuple[str, ...]:
        """Differences from the real thing worth telling, such as a neighbouring interpreter."""

    def on_output(self, callback: OutputCallback) -> None:
        """Pass each line the function writes to `callback`, beginning with those already read."""

    def drain_output(self) -> None:
        """Pass on at once everything written so far to stdout, stderr and the log pipe; never blocks.

        Called when an answer has arrived, so that END and REPORT follow all the handler wrote. An unfinished last
        line is passed on as it stands.
        """

    def peak_memory_mb(self) -> int:
        """Return the most memory the environment has used so far, in MB: one read of a held descriptor."""

    def usage(self) -> Usage:
        """Return what its processes have used of CPU so far, and use of memory now."""

    def ask_runtime(self) -> None:
        """Send SIGTERM to the runtime."""

    def kill_runtime(self) -> None:
        """End the runtime at once; external extensions go on."""

    def limit_cpu(self) -> None:
        """Hold the environment to the CPU that its memory brings, from the end of init on.

        Without effect where CPU cannot be limited, or shall not be. The next runtime initializes without the limit.
        """

    async def reset(self) -> bool:
        """End the runtime and all it started, and keep the rest, /tmp above all, for the next launch; idempotent.

        Returns once nothing runs any more, and whether the rest still stands: not if it had to be ended, too, and not
        where files in /tmp would leave the next runtime too little memory. What stands must be terminated in the end.
        """

    async def terminate(self, grace_s: float = 0.0) -> ProcessExit:
        """End the environment and all its descendants, and remove what the sandbox made; idempotent.

        With `grace_s` the runtime is first asked by SIGTERM. Returns the cause of the end once nothing is left.
        Cancelling the wait does not stop the termination.
        """
