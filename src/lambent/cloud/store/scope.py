"""Whose resources and where: the first part of every key in the store."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_ACCOUNT = "000000000000"
DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """An account and a region; global services (IAM, STS) use `region` "" in their keys."""

    account: str
    region: str

    @property
    def partition(self) -> str:
        """The ARN partition that the region belongs to."""
        if self.region.startswith("cn-"):
            return "aws-cn"
        if self.region.startswith("us-gov-"):
            return "aws-us-gov"
        return "aws"
