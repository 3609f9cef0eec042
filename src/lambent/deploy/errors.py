"""What deployment raises: what went wrong, and what to do about it."""

from __future__ import annotations


class DeployError(Exception):
    """A deployment cannot be prepared or carried out; nothing half-done stays behind but what CloudFormation tells."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
