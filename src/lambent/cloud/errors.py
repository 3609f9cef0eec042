"""What a service raises: an answer that is AWS's error, or a body that ends before its time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# What services call it when callers come too fast.
_THROTTLES: Final = frozenset({
    "ProvisionedThroughputExceededException", "RequestLimitExceeded", "RequestThrottled", "SlowDown", "Throttled",
    "ThrottledException", "Throttling", "ThrottlingException", "TooManyRequestsException",
})  # fmt: skip


class CutShortError(Exception):
    """A body that is sent while it comes ends before its time: its reader is to see that it is not whole."""


class ServiceError(Exception):
    """An error as AWS defines it: its code, message and HTTP status, and whose fault it is.

    `code` is the error's name in the service model (`ResourceNotFoundException`); `members` are the further fields
    of its shape (`Type`, `Reason`, `retryAfterSeconds`). `cloud/protocol/faults.py` turns it into each wire format.
    """

    def __init__(
        self, code: str, message: str, *, status: int = 400, members: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status
        self.members: Mapping[str, object] = members or {}

    @property
    def is_senders_fault(self) -> bool:
        """Whether the caller could have avoided it."""
        return self.status < 500

    @property
    def is_throttle(self) -> bool:
        """Whether the caller has come too fast, so that the same call may succeed a little later."""
        return self.code in _THROTTLES

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
