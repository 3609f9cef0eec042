"""The process of a sandbox that serves its APIs over HTTP, and starts the external extensions.

It stands beside the runtime: from the start where a function has external extensions or brings its own runtime, else
from the first connection on (extensions_door.py). It decides nothing: what extensions ask is passed on to the platform,
which also says when the runtime may start and what telemetry is to be delivered.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from http.server import ThreadingHTTPServer

from lambent.guest import concurrent_runtime, custom_runtime, framing, workers
from lambent.guest.extensions_delivery import Deliveries
from lambent.guest.http_requests import Requests

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from lambent.guest.framing import SpawnRequest

# What is the runtime's alone: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
_NOT_FOR_EXTENSIONS = frozenset(
    {
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_XRAY_CONTEXT_MISSING",
        "AWS_XRAY_DAEMON_ADDRESS",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)
# What this process, or the interpreter, does not leave as programs expect it.
_DEFAULTS = (signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1, signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ)


class Companion:
    """The process's end of the socket to the platform."""

    def __init__(self, platform: socket.socket, gate: int | None) -> None:
        self._platform = platform
        self._gate = gate
        self._sending = threading.Lock()
        self._calls = 0
        self._waiting: dict[int, _Answer] = {}
        self._deliveries = Deliveries(self.tell)

    def tell(self, frame: bytes) -> None:
        """Send one frame to the platform."""
        with self._sending:
            self._platform.sendall(frame)

    def relay(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Pass a request on to the platform and return its answer's status, headers and body, whenever it comes."""
        answer = _Answer()
        with self._sending:
            self._calls += 1
            number = self._calls
            self._waiting[number] = answer
            head: dict[str, object] = {"number": number, "method": method, "path": path, "headers": headers}
            self._platform.sendall(framing.encode_headed(framing.CALL, head, body))
        answer.came.wait()
        return answer.status, answer.headers, answer.body

    def launch(self, folder: str, names: list[str], variables: dict[str, str]) -> None:
        """Start the external extensions, and tell of those that cannot be."""
        theirs = {
            name: value
            for name, value in variables.items()
            if name not in _NOT_FOR_EXTENSIONS and not name.startswith("_")
        }
        pids: dict[int, str] = {}
        for name in names:
            program = os.path.join(folder, name)
            try:
                pid = os.posix_spawn(program, [program], theirs, setpgroup=0, setsigmask=[], setsigdef=_DEFAULTS)
            except OSError as error:
                head: dict[str, object] = {"name": name, "errno": error.errno, "reason": (error.strerror or "").lower()}
                self.tell(framing.encode_headed(framing.LAUNCH_FAILED, head))
                return
            pids[pid] = name
        if pids:
            threading.Thread(target=self._reap, args=(pids,), daemon=True).start()

    def listen(self) -> NoReturn:
        """Do what the platform says until it closes the socket."""
        with contextlib.suppress(OSError), self._platform.makefile("rb") as source:
            while len(header := source.read(framing.HEADER.size)) == framing.HEADER.size:
                kind, size = framing.HEADER.unpack(header)
                head, body = framing.decode_headed(source.read(size))
                self._take(kind, head, body)
        os._exit(0)

    def _take(self, kind: int, head: dict[str, object], body: bytes) -> None:
        if kind == framing.ANSWER:
            with self._sending:
                answer = self._waiting.pop(int(str(head["number"])))
            answer.give(head, body)
        elif kind == framing.DELIVER:
            self._deliveries.begin(head, body)
        elif kind == framing.OPEN_GATE and self._gate is not None:
            os.write(self._gate, b"\n")
            os.close(self._gate)
            self._gate = None

    def _reap(self, pids: dict[int, str]) -> None:
        while pids:
            pid, status = os.wait()
            name = pids.pop(pid, None)
            if name is not None:
                with contextlib.suppress(OSError):  # the platform may be gone
                    self.tell(framing.encode_headed(framing.EXTENSION_ENDED, {"name": name, "status": status}))


class _Answer:
    """What the platform will answer to one request."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.status = 500
        self.headers: dict[str, str] = {}
        self.body = b""

    def give(self, head: dict[str, object], body: bytes) -> None:
        self.status, self.headers = head["status"], head["headers"]  # type: ignore[assignment]  # as above
        self.body = body
        self.came.set()


class _Server(ThreadingHTTPServer):
    """Serves on a socket that listens already."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, handler: type[Requests]) -> None:
        super().__init__(listener.getsockname(), handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet: who asked may have gone, and stderr is the function's."""


def serve(
    request: SpawnRequest,
    listener: socket.socket,
    platform: socket.socket,
    runtime: socket.socket | None,
    gate: int | None,
) -> NoReturn:
    """Be the process that serves; never returns. `runtime` is the channel of a runtime that speaks HTTP.

    Where that serves several invocations at once, each has a connection of its own, made at the workers' door.
    """
    for each in (listener, platform, runtime):
        if each is not None:
            each.setblocking(True)  # noqa: FBT003 - the call's own interface
    companion = Companion(platform, gate)
    if runtime is None:
        handler = type("Handler", (Requests,), {"relay": staticmethod(companion.relay)})
    else:
        turns: custom_runtime.Turns = custom_runtime.Rendezvous(runtime)
        door = request["variables"].get(workers.DOOR_VARIABLE)
        if door is not None:
            turns = concurrent_runtime.Calls(door, int(request["variables"][workers.COUNT_VARIABLE]))
        own = {"relay": staticmethod(companion.relay), "rendezvous": turns}
        handler = type("Handler", (custom_runtime.Handler,), own)
    os.chdir("/")
    companion.launch(os.path.join(request["layers_seen"], "extensions"), request["extensions"], request["variables"])
    threading.Thread(target=_Server(listener, handler).serve_forever, daemon=True).start()
    companion.listen()
