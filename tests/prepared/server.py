"""Commands of `lambent` in processes of their own, that need not start Python nor import anything first.

Run as `python server.py SOCKET`; it ends with its standard input. Each connection is one command: its words, folder,
environment and standard streams, then signals for it, a byte each; the connection's end ends the command. The answer is
the exit code, or the negative number of the signal that has ended it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import selectors
import signal
import socket
import sys
from dataclasses import dataclass

_PREPARED = ("aws", "base", "cli", "compiler", "console", "deploy", "insight", "manifest", "template")


@dataclass(frozen=True)
class Command:
    """What a client asks for."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str


class Server:
    """Forks a process for each connection."""

    def __init__(self, path: str) -> None:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(64)
        self._ended, self._waker = socket.socketpair()
        self._waker.settimeout(0)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waker.fileno())
        self._running: dict[int, socket.socket] = {}
        self._looking = selectors.DefaultSelector()
        for each in (self._listener, self._ended, sys.stdin):
            self._looking.register(each, selectors.EVENT_READ)

    def until_a_command(self) -> Command:
        """Serve until the end; return in the process of each command, never in the server's own."""
        while True:
            for key, _ in self._looking.select():
                if key.fileobj is sys.stdin:
                    sys.exit()
                if key.fileobj is self._ended:
                    self._ended.recv(1024)
                    self._collect()
                elif key.fileobj is self._listener:
                    command = self._begin(self._listener.accept()[0])
                    if command is not None:
                        return command
                else:
                    self._pass_on(key.fd)

    def _begin(self, client: socket.socket) -> Command | None:
        head, streams, _, _ = socket.recv_fds(client, 4, 3)
        text, size = b"", int.from_bytes(head, "big")
        while len(text) < size:
            text += client.recv(size - len(text))
        child = os.fork()
        if child == 0:
            client.close()
            self._leave()
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
                os.close(stream)
            return Command(**json.loads(text))
        for stream in streams:
            os.close(stream)
        self._running[child] = client
        self._looking.register(client, selectors.EVENT_READ)
        return None

    def _leave(self) -> None:
        """Be no server any more, in a process of a command's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._looking.close()
        for each in (self._listener, self._ended, self._waker, *self._running.values()):
            each.close()

    def _collect(self) -> None:
        """Tell the clients of the commands that have ended how they did."""
        while self._running:
            child, status = os.waitpid(-1, os.WNOHANG)
            if child == 0:
                return
            client = self._running.pop(child)
            if client.fileno() != -1:
                self._looking.unregister(client)
                # Before the answer is read, the client may be gone.
                with client, contextlib.suppress(OSError):
                    client.sendall(os.waitstatus_to_exitcode(status).to_bytes(2, "big", signed=True))

    def _pass_on(self, number: int) -> None:
        """Send a command what its client was sent; kill it where the client is gone."""
        for child, client in self._running.items():
            if client.fileno() == number:
                told = _received(client)
                for each in told or [signal.SIGKILL]:
                    os.kill(child, each)
                if not told:
                    self._looking.unregister(client)
                    client.close()


def _received(client: socket.socket) -> bytes:
    try:
        return client.recv(16)
    except ConnectionError:
        return b""


def prepare() -> None:
    """Import what commands need."""
    for name in _PREPARED:
        package = importlib.import_module(f"lambent.{name}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    importlib.import_module("lambent.assembly")
    gc.freeze()


def become(command: Command) -> None:
    """Make this process what it would be, had it just been started for a command."""
    os.environ.clear()  # noqa: TID251 - it is the command's own
    os.environ.update(command.environment)  # noqa: TID251 - as above
    os.chdir(command.folder)
    sys.path[0] = command.folder
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), "utf-8")
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)), "utf-8")
    errors = io.BufferedWriter(io.FileIO(2, "w", closefd=False))
    sys.stderr = io.TextIOWrapper(errors, "utf-8", "backslashreplace", line_buffering=True)


if __name__ == "__main__":
    prepare()
    server = Server(sys.argv[1])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    asked = server.until_a_command()
    become(asked)
    from lambent.cli.main import main

    main(asked.arguments)
