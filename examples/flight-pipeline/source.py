"""A source of OpenSky's shape on this machine: it answers from the made-up hour, or not at all when told to fail."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

SAMPLE = Path(__file__).parent / "src" / "ingest" / "sample.json"
_TIMES = (3, 4)  # where a state vector has moments


class Source:
    """What it answers: `fails` lets every request end in 503."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.fails = False
        self.asked = 0


@contextmanager
def source() -> Iterator[Source]:
    """Run a source on a free port."""
    snapshots = json.loads(SAMPLE.read_bytes())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            running.asked += 1
            moment = int(parse_qs(urlsplit(self.path).query)["time"][0])
            snapshot = snapshots[moment // 300 % len(snapshots)]
            later = moment - snapshot["time"]
            rows = [
                [value + later if place in _TIMES else value for place, value in enumerate(row)]
                if isinstance(row, list)
                else row
                for row in snapshot["states"]
            ]
            body = b"" if running.fails else json.dumps({"time": moment, "states": rows}).encode()
            self.send_response(503 if running.fails else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing: the story does."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running = Source(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
