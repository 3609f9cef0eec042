"""The keeper of an environment restored from a snapshot: forked by a template, so its end is told by a pidfd."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import struct
from collections.abc import Mapping
from typing import Final

from lambent.dataplane.errors import SandboxError
from lambent.dataplane.supervision.fork_server import Child, RuntimeProcess, StartVariables
from lambent.guest import keeper

_CREDENTIALS: Final = struct.Struct("3i")  # process, user, group
_MESSAGE: Final = 512
_KILLED: Final = 9


class RestoredKeeper:
    """Follows one keeper over the socket it was given; made before the template is asked for it.

    Stands in for the fork server of an environment that was not restored: `child` and `signal` are as there.
    `shared_mb` is the memory that it has in common with its template.
    """

    def __init__(self, shared_mb: int) -> None:
        self.shared_mb: Final = shared_mb
        self.variables: Final[StartVariables] = ()
        self._loop = asyncio.get_running_loop()
        self._control, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setblocking(False)  # noqa: FBT003 - the socket's own interface
        # The kernel's word for who speaks, in our own pid namespace's numbers.
        self._control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._pidfd: int | None = None
        self._status = _KILLED
        self._runtime = RuntimeProcess(
            0, self._loop.create_future(), self._loop.create_future(), self._loop.create_future()
        )
        self.child: Final = Child(0, self._control, self._runtime, self._loop.create_future())
        self._loop.add_reader(self._control.fileno(), self._on_readable)

    @property
    def their_end(self) -> int:
        """The descriptor to pass to the template; `passed` closes ours of it."""
        return self._theirs.fileno()

    def passed(self) -> None:
        """Let go of the end that was passed; idempotent."""
        self._theirs.close()

    def give_up(self, reason: str) -> None:
        """Wait for it no more: the template was not reached."""
        self._end(reason)

    def signal(self, child: Child, number: int) -> None:
        """Send a signal to the keeper; one that is not up yet is given up, and ends without having begun."""
        if child.gone.done():
            return
        if self._pidfd is None:
            self._end("it was given up")
            return
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, number)

    def dismiss(self, child: Child) -> None:
        """Nothing need be asked: it never has another runtime, since a reset restores the environment anew."""

    def spawn_again(self, child: Child, request: Mapping[str, object], descriptors: Mapping[str, int]) -> None:
        """Refuse, as `dismiss` says; raises SandboxError."""
        raise SandboxError("what was restored from a snapshot is restored anew")

    def _on_readable(self) -> None:
        try:
            data, ancillary, _, _ = self._control.recvmsg(_MESSAGE, socket.CMSG_SPACE(_CREDENTIALS.size))
        except BlockingIOError:
            return
        except OSError:
            data, ancillary = b"", []
        if not data:
            self._on_closed()
        elif data[0] == keeper.UP and self._pidfd is None:
            self._take_up(ancillary)
        elif data[0] == keeper.ENDED:
            text = data[1:].decode("ascii", "replace")
            self._status = int(text) if text.isdecimal() else _KILLED
        elif data[0] == keeper.FAILED and not self._runtime.started.done():
            self._runtime.started.set_exception(SandboxError(data[1:].decode("utf-8", "replace")))

    def _take_up(self, ancillary: list[tuple[int, int, bytes]]) -> None:
        raw = next((each[2] for each in ancillary if each[1] == socket.SCM_CREDENTIALS), None)
        pid = _CREDENTIALS.unpack(raw)[0] if raw is not None else 0
        try:
            self._pidfd = os.pidfd_open(pid)
            # It waits for this word, so the number was still its own.
            self._control.send(b"\1")
        except OSError as error:
            self._end(f"pidfd: {error.strerror}")
            return
        self._loop.add_reader(self._pidfd, self._on_exit)
        if not self._runtime.started.done():
            self._runtime.started.set_result(pid)

    def _on_closed(self) -> None:
        self._loop.remove_reader(self._control.fileno())
        if self._pidfd is None:
            self._end("it ended while it was built")

    def _on_exit(self) -> None:
        self._on_readable()  # what it wrote before it ended
        self._end("it ended while it was built")

    def _end(self, reason: str) -> None:
        if self.child.gone.done():
            return
        self.passed()
        self._loop.remove_reader(self._control.fileno())
        self._control.close()
        if self._pidfd is not None:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
        if not self._runtime.started.done():
            self._runtime.started.set_exception(SandboxError(f"the snapshot could not be restored: {reason}"))
            self._runtime.started.exception()  # nobody need be waiting for it
        self.child.gone.set_result(None)
        self._runtime.left.set_result(self._status)
        self._runtime.ended.set_result(self._status)
