"""How much the gateway lets one connection ask of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lambent.aws.quotas import CREATE_FUNCTION_REQUEST_BYTES


@dataclass(frozen=True, slots=True)
class Bound:
    """How large the body of one operation's requests may be, and the operation's name for those that are larger."""

    body_bytes: int
    operation: str


# By method and path. What goes to a path of many operations, or of a name in it, has the common bound alone.
_BOUNDS: Mapping[tuple[str, str], Bound] = {
    ("POST", "/2015-03-31/functions"): Bound(CREATE_FUNCTION_REQUEST_BYTES, "CreateFunction"),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one connection; the times are real seconds.

    `body_bytes` stands above Lambda's largest request, so that what a service refuses is refused in its own words;
    beyond it nothing is read. `bounds` are those of single operations, below it. `head_bytes` is what Lambda allows for
    request line and headers: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """

    body_bytes: int = 72 * 1024 * 1024
    bounds: Mapping[tuple[str, str], Bound] = field(default_factory=lambda: _BOUNDS)
    head_bytes: int = 1024 * 1024
    head_timeout_s: float = 20.0
    body_timeout_s: float = 300.0
    idle_timeout_s: float = 900.0
    linger_s: float = 5.0
    stop_grace_s: float = 5.0

    @property
    def suspicious_bytes(self) -> int:
        """The size up to which no request is refused."""
        return min((self.body_bytes, *(bound.body_bytes for bound in self.bounds.values())))
