"""A network namespace of a sandbox's own, whose only peer is the platform.

Nothing leads out of it. A socket belongs to the namespace in which it was made, whoever holds it: the keeper listens
where the platform's endpoint would be, and passes the listening sockets to the platform, which answers on them.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct

_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1
_INTERFACE_FLAGS = struct.Struct("16sH22x")
_ADDRESS = "127.0.0.1"
_NAMES_PORT = 53
_BACKLOG = 128

SANDBOX = f"{_ADDRESS} sandbox.localdomain sandbox\n"
"""Where extensions say that they listen: https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html"""
HOSTS = f"{_ADDRESS} localhost localhost.localdomain\n{SANDBOX}"
"""What /etc/hosts says there; names under localhost are asked of the platform."""
RESOLVER = f"nameserver {_ADDRESS}\noptions timeout:1 attempts:1\n"
"""What /etc/resolv.conf says there."""


def listen(port: int) -> list[socket.socket]:
    """Bring the loopback interface up, and return sockets for the endpoint and for names; raises OSError."""
    endpoint = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    fcntl.ioctl(endpoint, _SIOCSIFFLAGS, _INTERFACE_FLAGS.pack(b"lo", _IFF_UP))
    endpoint.bind((_ADDRESS, port))
    endpoint.listen(_BACKLOG)
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind((_ADDRESS, _NAMES_PORT))
    return [endpoint, names]


def pass_on(control: int, listening: list[socket.socket]) -> None:
    """Give the platform the sockets on which it is to answer; raises OSError."""
    with socket.socket(fileno=os.dup(control)) as platform:
        socket.send_fds(platform, [b"\0"], [each.fileno() for each in listening])
