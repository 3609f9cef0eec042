"""Which events have run, as functions themselves say: one of `PACKAGE` tells its request id, or the id that
EventBridge gave its event, to a `Collector`.

It waits until the collector has noted it: what a platform knows to be over has been noted before.
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lambent.testing.builders import zip_of

TELLING = """
import os, socket

collector = socket.create_connection(("127.0.0.1", int(os.environ["COLLECTOR"])))


def handler(event, context):
    collector.sendall(context.aws_request_id.encode() + b"\\n")
    collector.recv(1)


def of_event(event, context):
    collector.sendall(event["id"].encode() + b"\\n")
    collector.recv(1)
"""
FAILING = "def handler(event, context):\n    raise RuntimeError('never works')\n"
PACKAGE = zip_of({"telling.py": TELLING, "failing.py": FAILING})


class Collector:
    """Notes request ids; `port` is where functions tell them."""

    def __init__(self, port: int, told: set[str]) -> None:
        self.port = port
        self.told = told


@contextmanager
def collecting(note: Callable[[str], None] = lambda _: None) -> Iterator[Collector]:
    """Collect for as long as the context lasts; `note` is called with each id before its function goes on."""
    told: set[str] = set()

    class Conversation(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            try:
                for line in self.rfile:
                    note(line.decode().strip())
                    told.add(line.decode().strip())
                    self.wfile.write(b".")
            except ConnectionError:
                return  # the function was killed with its platform

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Conversation) as server:
        thread = threading.Thread(target=server.serve_forever, name="collector")
        thread.start()
        try:
            yield Collector(server.server_address[1], told)
        finally:
            server.shutdown()
            thread.join()
