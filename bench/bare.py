"""The floor of large objects: a server of two requests that keeps a body in a file, synced, and sends it from there.

No parser of HTTP, identity, digest, checksum or database: blocking sockets, `recv_into` and `sendfile`.

    python bench/bare.py --port 9000 DIRECTORY
"""

from __future__ import annotations

import argparse
import os
import socket
from pathlib import Path

PIECE = 1024 * 1024
CREATED = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def serve(port: int, directory: Path) -> None:
    """Answer one connection after the other until told to stop."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        while True:
            connection, _ = listening.accept()
            with connection:
                answer_all(connection, directory / "object")


def answer_all(connection: socket.socket, file: Path) -> None:
    """Answer the requests of a connection, one after the other."""
    piece = bytearray(PIECE)
    while head := _head(connection):
        lines, begun = head
        if lines.startswith(b"PUT"):
            length = int(lines.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            _keep(connection, file, begun, length - len(begun), piece)
            connection.sendall(CREATED)
        elif lines.startswith(b"GET /object"):
            with file.open("rb") as source:
                size = os.fstat(source.fileno()).st_size
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
                connection.sendfile(source)
        else:
            connection.sendall(CREATED)


def _head(connection: socket.socket) -> tuple[bytes, bytes] | None:
    received = b""
    while b"\r\n\r\n" not in received:
        more = connection.recv(65536)
        if not more:
            return None
        received += more
    head, _, begun = received.partition(b"\r\n\r\n")
    return head + b"\r\n", begun


def _keep(connection: socket.socket, file: Path, begun: bytes, left: int, piece: bytearray) -> None:
    draft = file.with_suffix(".draft")
    with draft.open("wb", buffering=0) as target:
        target.write(begun)
        view = memoryview(piece)
        while left:
            count = connection.recv_into(view, min(left, PIECE))
            if not count:
                raise SystemExit("the client is gone")
            target.write(view[:count])
            left -= count
        os.fsync(target.fileno())
    draft.rename(file)


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("directory", type=Path)
    options = parser.parse_args()
    serve(options.port, options.directory)


if __name__ == "__main__":
    main()
