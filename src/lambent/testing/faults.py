"""Faults on purpose, begun and cleared from a test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Any

Fault = Mapping[str, Any]  # Any: JSON of /_lambent/faults, whose members docs/operations/faults.md has
_PATIENCE_S = 30.0


class FaultRefusedError(Exception):
    """The platform does not begin, or clear, what it was asked to; the message says why."""


class PlatformFaults:
    """The faults on purpose of the platform on a port."""

    def __init__(self, port: int) -> None:
        self._port = port

    def begin(  # noqa: PLR0913 - what a fault has
        self,
        kind: str,
        target: str,
        *,
        percentage: int = 100,
        lasts_s: float = 300.0,
        delay_s: float | None = None,
        account: str | None = None,
        region: str | None = None,
    ) -> Fault:
        """Begin a fault, as `lambent fault` does, and return it. Raises FaultRefusedError.

        `kind` is throttle, error, latency, crash, duplicate or reorder; `target` a function's or a source's name or
        ARN, of the account and Region that are given. `lasts_s` is by the platform's clock.
        """
        asked = {"kind": kind, "target": target, "percentage": percentage, "lasts_s": lasts_s, "delay_s": delay_s}
        return self._ask("POST", "faults/begin", {**asked, "account": account, "region": region})

    def clear(self, what: str | None = None) -> list[Fault]:
        """End a fault by its id, those of a target, or all; return them as they were. Raises FaultRefusedError."""
        return list(self._ask("POST", "faults/clear", {"what": what})["cleared"])

    def all(self) -> list[Fault]:
        """Return the faults there are, with how often each has struck, in the order in which they began."""
        return list(self._ask("GET", "faults")["faults"])

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Fault:
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE_S)) as connection:
            connection.request(method, f"/_lambent/{path}", None if body is None else json.dumps(body))
            answer = connection.getresponse()
            found: Fault = json.loads(answer.read())
        if answer.status != HTTPStatus.OK:
            raise FaultRefusedError(f"{found['message']} {found.get('advice', '')}".strip())
        return found
