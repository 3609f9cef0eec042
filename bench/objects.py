"""`python bench/objects.py`: how fast a large object is put and read, against the disk, a bare server and the peers.

put   beside `dd` with fsync of as many bytes to the same disk, and a bare server (`bare.py`) that writes what it
      receives to a file and syncs it
get   beside `cat` of the same bytes, and the same server sending them with sendfile; cat passes no socket, so that
      what HTTP over loopback can reach at most stands beside it, as a share of cat's

One request after the other, each over a connection of its own; all take turns. Ours and the bare server have the bytes
on the disk when they answer a put, the peers in memory. The request states the body's CRC32, as AWS's SDKs do.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import peers
import servers
from figures import Promise
from invocations import ACCOUNT, client
from recording import conclude

HERE = Path(__file__).parent
MEGABYTES = 64
SIZE = MEGABYTES * 1024 * 1024
ROUNDS = 7
PIECE = 1024 * 1024


@dataclass(slots=True)
class Speeds:
    """How fast one of them was, in megabytes a second, round by round."""

    put: list[float] = field(default_factory=list)
    get: list[float] = field(default_factory=list)


class Loader:
    """Puts and gets the object at one server."""

    def __init__(self, server: servers.Server) -> None:
        self._port = server.port
        self._path = "/object" if server.name == "bare" else "/bench/object"
        self._piece = bytearray(PIECE)

    def put(self, body: bytes, checksum: str) -> None:
        """Put the object."""
        with self._connection() as connection:
            stated = f"Content-Length: {len(body)}\r\nx-amz-checksum-crc32: {checksum}\r\n"
            connection.sendall(self._head("PUT", stated))
            connection.sendall(body)
            self._answer(connection)

    def get(self) -> int:
        """Read the object and return how many bytes it has."""
        with self._connection() as connection:
            connection.sendall(self._head("GET", ""))
            return self._answer(connection)

    def _connection(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), timeout=60)

    def _head(self, method: str, more: str) -> bytes:
        scope = f"{ACCOUNT}/20260101/us-east-1/s3/aws4_request"
        signature = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}"
        return (
            f"{method} {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {signature}\r\n"
            f"Connection: close\r\nx-amz-content-sha256: UNSIGNED-PAYLOAD\r\n{more}\r\n"
        ).encode()

    def _answer(self, connection: socket.socket) -> int:
        """Read an answer to its end and return how many bytes its body had."""
        received = b""
        while b"\r\n\r\n" not in received:
            more = connection.recv(65536)
            if not more:
                raise SystemExit("the server closed the connection")
            received += more
        head, _, begun = received.partition(b"\r\n\r\n")
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise SystemExit(f"answered {head.decode(errors='replace')}")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        left = length - len(begun)
        while left:
            count = connection.recv_into(self._piece, min(left, PIECE))
            if not count:
                raise SystemExit("the server closed the connection")
            left -= count
        return length


def speed(work: Callable[[], object]) -> float:
    """Return how many megabytes a second some work on the whole object was."""
    began = time.perf_counter()
    work()
    return MEGABYTES / (time.perf_counter() - began)


def by_dd(source: Path, target: Path) -> None:
    """Write the bytes as dd does, synced."""
    command = ["dd", f"if={source}", f"of={target}", "bs=1M", "conv=fsync", "status=none"]
    subprocess.run(command, check=True)
    target.unlink()


def by_cat(source: Path) -> None:
    """Read the bytes as cat does."""
    subprocess.run(["cat", str(source)], check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def competitors(peer: Path | None, scratch: Path) -> Iterator[list[servers.Server]]:
    """Run ours, the bare server and, where they are installed, the peers, each with its bucket."""
    with peers.competitors(peer) as found, servers.bare(scratch) as bare:
        for server in found:
            client(server, "s3").create_bucket(Bucket="bench")
        yield [*found, bare]


def measure(peer: Path | None, rounds: int) -> dict[str, Speeds]:
    """Measure all by turns; return what was seen, by name, dd and cat as `disk`."""
    scratch = Path(tempfile.mkdtemp(prefix="lambent-bench-", dir=HERE))
    try:
        body = os.urandom(SIZE)
        checksum = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
        source = scratch / "source"
        source.write_bytes(body)
        with competitors(peer, scratch) as running:
            loaders = {server.name: Loader(server) for server in running}
            seen = {name: Speeds() for name in ("disk", *loaders)}
            for _ in range(rounds):
                seen["disk"].put.append(speed(lambda: by_dd(source, scratch / "copy")))
                seen["disk"].get.append(speed(lambda: by_cat(source)))
                for name, loader in loaders.items():
                    seen[name].put.append(speed(lambda: loader.put(body, checksum)))  # noqa: B023 - called at once
                    seen[name].get.append(speed(loader.get))
        return seen
    finally:
        shutil.rmtree(scratch)


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the rounds' ratios: what is compared is neighbours in time."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def promises(seen: Mapping[str, Speeds]) -> list[Promise]:
    """Return every figure that has a bound."""
    ours, disk, bare = seen["lambent"], seen["disk"], seen["bare"]
    return [
        Promise(f"put of {MEGABYTES} MB, over dd with fsync", ratio(ours.put, disk.put), 0.6, at_least=True),
        Promise(f"get of {MEGABYTES} MB, over a bare sendfile", ratio(ours.get, bare.get), 0.6, at_least=True),
    ]


def table(seen: Mapping[str, Speeds]) -> list[str]:
    """Return all that was seen, a column for each."""
    columns = {"disk": "dd, cat", "bare": "bare server"} | {name: name for name in seen if name not in {"disk", "bare"}}
    rows: list[tuple[str, Callable[[Speeds], list[float]]]] = [
        ("put", lambda one: one.put),
        ("get", lambda one: one.get),
    ]
    lines = [f"{'median (MB/s)':<24}" + "".join(f"{title:>13}" for title in columns.values())]
    for label, pick in rows:
        lines.append(f"{label:<24}" + "".join(f"{statistics.median(pick(seen[name])):>13.0f}" for name in columns))
        shares = [ratio(pick(seen[name]), pick(seen["disk"])) for name in columns]
        lines.append(f"{'  share of the disk':<24}" + "".join(f"{share:>13.2f}" for share in shares))
    return lines


def main() -> None:
    """Measure, print and record; exit with 1 where a promise is not kept."""
    parser = peers.arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often all take turns")
    options = parser.parse_args()
    seen = measure(peers.meant(options), options.rounds)
    last = f"load average afterwards {os.getloadavg()[0]:.1f}; medians of {options.rounds} rounds by turns"
    conclude("objects", promises(seen), [*table(seen), "", last], keep=not options.no_record)


if __name__ == "__main__":
    main()
