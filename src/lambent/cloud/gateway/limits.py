"""How much the gateway lets one connection ask of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one connection; the times are real seconds.

    `body_bytes` stands above Lambda's largest request (70,167,211 bytes for CreateFunction), so that what a service
    refuses is refused in its own words; beyond it nothing is read. `head_bytes` is what Lambda allows for request line
    and headers: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """

    body_bytes: int = 72 * 1024 * 1024
    head_bytes: int = 1024 * 1024
    head_timeout_s: float = 20.0
    body_timeout_s: float = 300.0
    idle_timeout_s: float = 900.0
    linger_s: float = 5.0
    stop_grace_s: float = 5.0
