"""A source of OpenSky's shape on this machine: it answers with the made-up hour in its order, or fails when told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
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
    answered: dict[int, int] = {}  # by moment: which snapshot, so that whoever asks again gets the same

    def snapshot(moment: int) -> dict[str, Any]:
        taken = snapshots[answered.setdefault(moment, len(answered)) % len(snapshots)]
        later = moment - taken["time"]
        rows = [
            [value + later if place in _TIMES else value for place, value in enumerate(row)]
            if isinstance(row, list)
            else row
            for row in taken["states"]
        ]
        return {"time": moment, "states": rows}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            running.asked += 1
            moment = int(parse_qs(urlsplit(self.path).query)["time"][0])
            body = b"" if running.fails else json.dumps(snapshot(moment)).encode()
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
