"""Where extensions knock: the address in AWS_LAMBDA_RUNTIME_API, and the start of the process that answers there.

Most functions have no extension. For them the keeper only listens, which costs it a socket; the process that serves
(extensions.py) is forked when somebody connects.
"""

from __future__ import annotations

import os
import signal
import socket

from lambent.guest import kernel, privileges, system_calls, workers
from lambent.guest.place import readable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from lambent.guest.framing import SpawnRequest
    from lambent.guest.place import Place

_BACKLOG = 64
_GATE = "gate"


def listen() -> socket.socket:
    """Return a socket that listens on a port of its own: the sandbox's address, whichever runtime is in it."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(_BACKLOG)
    return listener


def pass_through(descriptors: dict[str, int]) -> None:
    """Wait, as the runtime, until external extensions are registered; ends the process where that cannot be."""
    gate = descriptors.pop(_GATE, None)
    if gate is not None and not os.read(gate, 1):
        os._exit(1)


class Door:
    """The door of one runtime, and the process behind it once there is one."""

    def __init__(
        self, place: Place, request: SpawnRequest, descriptors: dict[str, int], listener: socket.socket
    ) -> None:
        self._place = place
        self._request = request
        self._descriptors = descriptors
        self._listener = listener
        request["variables"]["AWS_LAMBDA_RUNTIME_API"] = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._gate: tuple[int, int] | None = None
        self._kept: list[int] = []
        self.companion: int | None = None
        self.has_extensions = bool(request["extensions"])
        self.is_needed = self.has_extensions or request["serves_runtime"]
        """Whether the function cannot run without who serves."""

    def open(self) -> None:
        """Fork the process that serves at once where it is needed; the runtime will wait for it."""
        if not self.is_needed:
            return
        if self.has_extensions:
            self._gate = os.pipe()
        self._fork()

    def descriptors(self) -> dict[str, int]:
        """Return, by its name, what a runtime needs to `pass_through`."""
        return {} if self._gate is None else {_GATE: self._gate[0]}

    def kept(self) -> set[int]:
        """Return which of the passed descriptors the keeper needs for it; closes those it made and does not."""
        if self._gate is not None:
            for end in self._gate:
                os.close(end)
            self._gate = None
        if self.companion is None:
            self._kept = [self._descriptors["extensions"], self._descriptors["output"]]
        return set(self._kept)

    def wait(self, wakeup: int) -> None:
        """Wait for a signal, or fork the process that serves when somebody knocks."""
        ready = readable([wakeup] if self.companion is not None else [wakeup, self._listener.fileno()])
        if wakeup in ready:
            os.read(wakeup, 4096)
        elif self.companion is None:
            self._fork()
            self.close()

    def close(self) -> None:
        """Let go of what is kept; idempotent."""
        while self._kept:
            os.close(self._kept.pop())

    def _fork(self) -> None:
        companion = os.fork()
        if companion == 0:
            self._serve()
        self.companion = companion

    def _serve(self) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1):
                signal.signal(number, signal.SIG_IGN)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            privileges.limit(self._request)
            privileges.drop(self._place.user_id if self._place.switch_user else None)
            kernel.hide_memory()
            if self._place.namespaces:
                system_calls.refuse()
            else:
                kernel.die_with_parent(signal.SIGKILL)
            self._wire()
        except BaseException:  # noqa: BLE001 - nothing may return into the frames below
            import traceback  # it costs 6 ms of the platform's start, and is there in a fork by then

            traceback.print_exc()
        finally:
            os._exit(1)

    def _wire(self) -> NoReturn:
        descriptors, gate = self._descriptors, None
        if self._gate is not None:
            gate = self._gate[1]
        kept = {self._listener.fileno(), descriptors["extensions"]}
        os.dup2(descriptors.get("extension_output", descriptors["output"]), 1)
        os.dup2(descriptors.get("extension_output", descriptors["output"]), 2)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        runtime = None
        if self._request["serves_runtime"]:
            runtime = socket.socket(fileno=descriptors["channel"])
            kept.add(descriptors["channel"])
            if "workers" in descriptors:  # under its own number here, not the runtime's
                kept.add(descriptors["workers"])
                self._request["variables"][workers.DOOR_VARIABLE] = f"/proc/self/fd/{descriptors['workers']}"
        privileges.close_all_but({0, 1, 2, *kept, *(() if gate is None else (gate,))})
        platform = socket.socket(fileno=descriptors["extensions"])
        for each in (self._listener, platform, runtime):
            if each is not None:
                each.set_inheritable(False)
        from lambent.guest import extensions  # the fork server has it: it costs the platform's start nothing

        extensions.serve(self._request, self._listener, platform, runtime, gate)
