"""The host side of a fork server: starts one per interpreter, asks it for children, learns of their ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lambent.dataplane.errors import SandboxError
from lambent.guest import framing

_log = logging.getLogger(__name__)
_PACKAGES: Final = Path(framing.__file__).resolve().parents[2]
_COMMAND: Final = "import sys; sys.path[0] = sys.argv.pop(); from lambent.guest import zygote; zygote.main()"
_START_TIMEOUT_S: Final = 20.0
_KILLED: Final = 9  # the wait status of what SIGKILL ended
# The interpreter decides its encodings when it starts; nothing of the platform's own environment is passed on.
_ENVIRONMENT: Final = {"LANG": "en_US.UTF-8", "LC_CTYPE": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin"}

StartVariables = tuple[tuple[str, str], ...]
"""Names and values, in order of names."""


@dataclass(frozen=True, slots=True)
class ForkServerSpec:
    """What a fork server is started with; `base` is an empty folder for the root of its sandboxes.

    `prefixes` are the folders of the programs that functions see, the runtime's own first. Only a server for Python
    `preloads` what its functions need. `endpoint_port` is where the platform is to be found in sandboxes that have a
    network of their own, or 0 where they have the machine's. `variables` are set when the interpreter starts.
    """

    executable: Path
    prefixes: tuple[Path, ...]
    preloads: bool
    base: Path
    runtime_dir: Path
    has_namespaces: bool
    needs_user_namespace: bool
    switches_user: bool
    user_id: int
    endpoint_port: int
    variables: StartVariables = ()


@dataclass(slots=True)
class RuntimeProcess:
    """One of the runtimes that a keeper forks in turn; `number` is how many came before it.

    `started` resolves to the keeper's process id once the runtime is up; it fails with SandboxError where the sandbox
    could not be built. `left` resolves to the wait status as soon as the runtime has ended, where external extensions
    outlive it; `ended` once nothing is left that was started. Neither ever fails.
    """

    number: int
    started: asyncio.Future[int]
    left: asyncio.Future[int]
    ended: asyncio.Future[int]


@dataclass(slots=True)
class Child:
    """One keeper: the runtime it has now, and `gone`, which resolves when the keeper has ended and never fails."""

    token: int
    control: socket.socket
    runtime: RuntimeProcess
    gone: asyncio.Future[None]


class ForkServer:
    """A running fork server; made by `start`. It ends with this process, however that ends."""

    def __init__(
        self, process: subprocess.Popen[bytes], control: socket.socket, alive: int, variables: StartVariables
    ) -> None:
        self.variables: Final = variables
        self._process = process
        self._control = control
        self._alive = alive
        self._loop = asyncio.get_running_loop()
        self._children: dict[int, Child] = {}
        self._tokens = 0
        self._received = bytearray()
        self._outgoing: deque[tuple[bytes, list[int]]] = deque()  # descriptors are our own duplicates
        self._entered: asyncio.Future[None] = self._loop.create_future()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self.shared_mb = 0
        """What it has loaded and its forks share, once it is ready."""
        self.ended: Final[asyncio.Future[None]] = self._loop.create_future()
        self._loop.add_reader(control.fileno(), self._on_readable)

    @classmethod
    async def start(cls, spec: ForkServerSpec) -> ForkServer:
        """Start a fork server and return it once it stands in its namespaces, where the kernel allows them.

        It accepts requests from now on, but serves them only when it is `ready`, which takes twice as long.
        Raises SandboxError with the reason where it cannot work here; nothing is left running then.
        """
        ours, theirs = socket.socketpair()
        alive_read, alive_write = os.pipe()
        config = {
            "control": theirs.fileno(),
            "alive": alive_read,
            "namespaces": spec.has_namespaces,
            "user_namespace": spec.needs_user_namespace,
            "switch_user": spec.switches_user,
            "user_id": spec.user_id,
            "base": str(spec.base),
            "prefixes": [str(prefix) for prefix in spec.prefixes],
            "preloads": spec.preloads,
            "precompiles": spec.preloads
            and not spec.variables,  # else the plain one does, or it would be of another kind
            "endpoint_port": spec.endpoint_port,
            "runtime_dir": str(spec.runtime_dir),
        }
        ours.setblocking(False)  # noqa: FBT003 - the socket's own interface
        command = [str(spec.executable), "-S", "-s", "-c", _COMMAND, json.dumps(config), str(_PACKAGES)]
        try:
            process = subprocess.Popen(  # noqa: ASYNC220 - a spawn of a millisecond, on the loop's own thread on
                # purpose: the kernel ends the child when the thread that started it ends.
                command,
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), alive_read),
                env={**_ENVIRONMENT, **dict(spec.variables)},
                cwd="/",
            )
        except OSError as error:
            ours.close()
            os.close(alive_write)
            raise SandboxError(f"{spec.executable} cannot be started: {error.strerror}") from error
        finally:
            theirs.close()
            os.close(alive_read)
        server = cls(process, ours, alive_write, spec.variables)
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                await asyncio.shield(server._entered)
        except (TimeoutError, asyncio.CancelledError, SandboxError) as error:
            server.kill()
            if isinstance(error, TimeoutError):
                raise SandboxError(f"{spec.executable} did not become a fork server in time") from error
            raise
        return server

    def passed_sockets(self, child: Child) -> list[socket.socket]:
        """Return the sockets that a keeper passed before its runtime was up: for the endpoint, and for names."""
        _, descriptors, _, _ = socket.recv_fds(child.control, 1, 2)
        return [socket.socket(fileno=descriptor) for descriptor in descriptors]

    @property
    def is_ready(self) -> bool:
        """Whether everything is imported."""
        return self._ready.done() and self._ready.exception() is None

    async def ready(self) -> None:
        """Return once everything is imported, so that a child starts at once; raises SandboxError where that failed."""
        await asyncio.shield(self._ready)

    def spawn(self, request: Mapping[str, object], descriptors: Mapping[str, int]) -> Child:
        """Ask for one child. The descriptors are passed on at once or, if the server is slow, duplicated for later."""
        self._tokens += 1
        ours, theirs = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003 - the socket's own interface
        child = Child(self._tokens, ours, self._runtime(0), self._loop.create_future())
        with theirs:
            if self.ended.done():
                self._forget(child)
                return child
            self._children[child.token] = child
            passed = {**descriptors, "control": theirs.fileno()}
            body = {**request, "token": child.token, "descriptors": list(passed)}
            self._send(framing.SPAWN, body, list(passed.values()))
        return child

    def spawn_again(self, child: Child, request: Mapping[str, object], descriptors: Mapping[str, int]) -> None:
        """Ask a keeper whose runtime has ended for another one: `child.runtime` from now on.

        Raises SandboxError where the keeper is not there to hear it.
        """
        body = {**request, "token": child.token, "descriptors": list(descriptors)}
        data = framing.frame(framing.START, json.dumps(body).encode())
        try:
            # It waits for nothing else and its socket is empty: what cannot be sent at once never could be.
            is_sent = socket.send_fds(child.control, [data], list(descriptors.values())) == len(data)
        except OSError:
            is_sent = False
        if not is_sent or child.gone.done():
            raise SandboxError("the keeper has ended")
        child.runtime = self._runtime(child.runtime.number + 1)

    def signal(self, child: Child, number: int) -> None:
        """Send a signal to a child's keeper: SIGKILL for itself, others on behalf of the runtime it has now.

        Without effect where that has ended.
        """
        if not child.gone.done() and not self.ended.done():
            self._send(framing.SIGNAL, {"token": child.token, "number": number, "runtime": child.runtime.number}, [])

    def dismiss(self, child: Child) -> None:
        """Ask for no other runtime: the keeper ends when the one it has has ended. Idempotent."""
        child.control.close()

    async def stop(self) -> None:
        """End the server and with it every sandbox; returns when it is gone."""
        self.kill()

    def kill(self) -> None:
        """End the server at once; idempotent."""
        if self.ended.done():
            return
        self._loop.remove_reader(self._control.fileno())
        self._loop.remove_writer(self._control.fileno())
        self._process.kill()
        self._process.wait()
        os.close(self._alive)
        self._control.close()
        while self._outgoing:
            _close_all(self._outgoing.popleft()[1])
        self.ended.set_result(None)
        self._fail_start(SandboxError("the fork server ended while starting"))
        for child in list(self._children.values()):
            self._forget(child)

    def _send(self, kind: int, body: Mapping[str, object], descriptors: Sequence[int]) -> None:
        data = framing.frame(kind, json.dumps(body).encode())
        if not self._outgoing:
            sent = self._try_send(data, descriptors)
            if sent == len(data):
                return
            data, descriptors = data[sent:], descriptors if sent == 0 else []
        self._outgoing.append((data, [os.dup(descriptor) for descriptor in descriptors]))
        self._loop.add_writer(self._control.fileno(), self._on_writable)

    def _try_send(self, data: bytes, descriptors: Sequence[int]) -> int:
        try:
            if descriptors:
                return socket.send_fds(self._control, [data], list(descriptors))
            return self._control.send(data)
        except BlockingIOError:
            return 0
        except OSError:  # it has ended; the reader learns of it and tells every child
            return len(data)

    def _on_writable(self) -> None:
        while self._outgoing:
            data, descriptors = self._outgoing.popleft()
            sent = self._try_send(data, descriptors)
            if sent:
                _close_all(descriptors)
                descriptors = []
            if sent < len(data):
                self._outgoing.appendleft((data[sent:], descriptors))
                return
        self._loop.remove_writer(self._control.fileno())

    def _on_readable(self) -> None:
        try:
            data = self._control.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.kill()
            return
        self._received += data
        while len(self._received) >= framing.HEADER.size:
            kind, size = framing.HEADER.unpack_from(self._received)
            end = framing.HEADER.size + size
            if len(self._received) < end:
                return
            report = json.loads(bytes(self._received[framing.HEADER.size : end]))
            del self._received[:end]
            self._take(kind, report)

    def _take(self, kind: int, report: dict[str, int | str]) -> None:
        child = self._children.get(int(report["token"]))
        if kind == framing.ENTERED:
            self._entered.set_result(None)
        elif kind == framing.READY:
            self.shared_mb = int(report["resident_mb"])
            self._ready.set_result(None)
        elif child is None:
            if kind == framing.REFUSED:
                self._fail_start(SandboxError(str(report["reason"])))
        elif kind == framing.STARTED and not child.runtime.started.done():
            child.runtime.started.set_result(int(report["keeper"]))
        elif kind == framing.REFUSED and not child.runtime.started.done():
            child.runtime.started.set_exception(SandboxError(str(report["reason"])))
        elif kind == framing.LEFT and not child.runtime.left.done():
            child.runtime.left.set_result(int(report["status"]))
        elif kind == framing.ENDED:
            _end(child.runtime, int(report["status"]))
        elif kind == framing.GONE:
            self._forget(child, int(report["status"]))

    def _fail_start(self, error: SandboxError) -> None:
        for stage in (self._entered, self._ready):
            if not stage.done():
                stage.set_exception(error)
                stage.exception()  # nobody need be waiting for it

    def _forget(self, child: Child, status: int = _KILLED) -> None:
        """Note that a keeper has ended, and with it whatever it still had."""
        self._children.pop(child.token, None)
        child.control.close()
        _end(child.runtime, status)
        if not child.gone.done():
            child.gone.set_result(None)

    def _runtime(self, number: int) -> RuntimeProcess:
        create = self._loop.create_future
        return RuntimeProcess(number, create(), create(), create())


def _end(runtime: RuntimeProcess, status: int) -> None:
    if not runtime.started.done():
        runtime.started.set_exception(SandboxError("the sandbox ended while it was built"))
        with contextlib.suppress(asyncio.CancelledError):
            runtime.started.exception()
    for end in (runtime.left, runtime.ended):
        if not end.done():
            end.set_result(status)


def _close_all(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
