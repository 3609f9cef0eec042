"""How a process that was forked ahead learns what it is for: an order, with files, on a socket of its own."""

from __future__ import annotations

import json
import os
import socket

from lambent.guest import framing, kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Mapping
    from typing import Any, Callable, NoReturn

SPARE = b"lambent-spare"
"""The name, in process lists, of a process that has no order yet."""


def forked(fork: Callable[[], int], become: Callable[[socket.socket], NoReturn]) -> tuple[int, socket.socket]:
    """Fork a process that goes on as `become`, with the socket of its order; return its id and our end of that.

    Raises OSError where `fork` does, and in the new process what `become` raises.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            pid = fork()
        except OSError:
            ours.close()
            raise
        if pid == 0:
            ours.close()
            become(theirs)
    return pid, ours


def give(sock: socket.socket, request: Mapping[str, object], descriptors: dict[str, int]) -> None:
    """Send a request with its files, which are known by name at the other end; raises OSError."""
    body = json.dumps({**request, "descriptors": list(descriptors)}).encode()
    data = framing.frame(framing.SPAWN, body)
    sent = socket.send_fds(sock, [data], list(descriptors.values()))
    if sent < len(data):
        sock.sendall(data[sent:])


def await_one(sock: socket.socket) -> tuple[Any, dict[str, int]]:  # Any: as `give` was given it
    """Return a request and its files by name, and close the socket; ends the process where none will come any more."""
    name = kernel.process_name()
    kernel.rename_process(SPARE)
    request, descriptors = take(sock)
    kernel.rename_process(name)
    sock.close()
    return request, descriptors


def take(sock: _socket.socket) -> tuple[Any, dict[str, int]]:  # Any: the sender's JSON
    """Return the request in the next frame and its files by name; ends the process where none will come any more."""
    kind, body, passed = framing.receive_with_descriptors(sock)
    if not kind:
        os._exit(0)
    request = json.loads(body)
    return request, dict(zip(request["descriptors"], passed))


def join_groups(descriptors: dict[str, int]) -> None:
    """Move this process into the control groups among the passed files; raises OSError."""
    # "0" into `tasks` moves the calling thread without the lock that moving a process takes.
    for name in [name for name in descriptors if name.startswith("cgroup")]:
        os.write(descriptors[name], b"0")
