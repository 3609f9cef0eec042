"""Delivering telemetry to those of the sandbox who subscribed to it.

https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html#telemetry-api-destination
"""

from __future__ import annotations

import http.client
import socket
import threading
import time

from lambent.guest import framing, peers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

_HERE = "127.0.0.1"
_PATIENCE_S = 5.0
_ATTEMPTS = 3
_PAUSE_S = 0.1


class Deliveries:
    """Carries batches to where subscriptions want them, each in a thread of its own."""

    def __init__(self, tell: Callable[[bytes], None]) -> None:
        self._tell = tell
        self._connections: dict[int, socket.socket] = {}

    def begin(self, head: dict[str, object], body: bytes) -> None:
        """Deliver one batch, and tell the platform how that went."""
        threading.Thread(target=self._deliver, args=(head, body), daemon=True).start()

    def _deliver(self, head: dict[str, object], body: bytes) -> None:
        port = int(str(head["port"]))
        failure: str | None = None
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(_PAUSE_S)
            try:
                self._try(port, head, body)
            except (OSError, http.client.HTTPException) as error:
                failure = str(error) or type(error).__name__
                continue
            failure = None
            break
        told: dict[str, object] = {"number": head["number"], "failure": failure}
        try:
            self._tell(framing.encode_headed(framing.DELIVERED, told))
        except OSError:
            return  # the platform is gone

    def _try(self, port: int, head: dict[str, object], body: bytes) -> None:
        # Where sandboxes share the machine's ports, what listens there may be somebody else.
        if not peers.is_of_this_sandbox(port):
            raise ConnectionRefusedError("connection refused")
        if head["protocol"] == "TCP":
            self._write(port, body)
        elif body:
            _post(port, str(head["path"]), body)

    def _write(self, port: int, body: bytes) -> None:
        connection = self._connections.pop(port, None)
        if connection is None:
            connection = socket.create_connection((_HERE, port), _PATIENCE_S)
        connection.sendall(body)
        self._connections[port] = connection


def _post(port: int, path: str, body: bytes) -> None:
    connection = http.client.HTTPConnection(_HERE, port, timeout=_PATIENCE_S)
    try:
        headers = {"Host": f"sandbox.localdomain:{port}", "Content-Type": "application/json"}
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read(framing.MAX_CALL)
    finally:
        connection.close()
    if answer.status >= 400:
        raise ConnectionError(f"status {answer.status}")
