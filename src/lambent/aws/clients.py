"""A target (the local platform or AWS) and its clients: the only door to boto3, whose errors become ours here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

LOCAL_ACCOUNT = "000000000000"
LOCAL_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Target:
    """Where AWS calls go: an endpoint with credentials, or, with `endpoint_url` None, AWS as the environment says."""

    endpoint_url: str | None
    region: str | None = None
    access_key: str | None = None
    secret_key: str | None = None
    session_token: str | None = None
    profile: str | None = None

    @classmethod
    def local(cls, endpoint_url: str, *, account: str = LOCAL_ACCOUNT, region: str = LOCAL_REGION) -> Target:
        """Return the embedded platform at `endpoint_url`, whose account is named by the access key."""
        return cls(endpoint_url=endpoint_url, region=region, access_key=account, secret_key="local")  # noqa: S106 - nobody checks it

    @classmethod
    def aws(cls, *, region: str | None = None, profile: str | None = None) -> Target:
        """Return AWS with the credentials of a profile, or those of the surroundings."""
        return cls(endpoint_url=None, region=region, profile=profile)

    def with_credentials(self, access_key: str, secret_key: str, session_token: str | None) -> Target:
        """Return the same place with explicit credentials."""
        return replace(self, access_key=access_key, secret_key=secret_key, session_token=session_token, profile=None)

    def client(self, service: str) -> Any:  # Any: boto3's clients are classes made at run time
        """Return a boto3 client of `service`. Its calls belong inside `aws_errors()`."""
        make: Any = _session(self.profile).client  # Any: its stubs want a literal service name
        return make(
            service,
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            aws_session_token=self.session_token,
            # A function may run for 15 minutes before it answers, and a second attempt would run it twice.
            config=Config(read_timeout=910, connect_timeout=5, retries={"total_max_attempts": 1}),
        )


@cache
def _session(profile: str | None) -> boto3.Session:
    """Return the session of a profile: its models and credentials are loaded once for all clients."""
    try:
        return boto3.Session(profile_name=profile)
    except BotoCoreError as error:
        raise TargetUnreachableError(str(error)) from error


class AwsCallError(Exception):
    """An AWS API answered with an error: its code, message and HTTP status."""

    def __init__(self, operation: str, code: str, message: str, status: int) -> None:
        super().__init__(f"{operation}: {message} ({code})")
        self.operation = operation
        self.code = code
        self.message = message
        self.status = status


class TargetUnreachableError(Exception):
    """Nothing answered at the target's endpoint, or the request could not be made at all."""


@contextmanager
def aws_errors() -> Iterator[None]:
    """Raise AwsCallError and TargetUnreachableError in place of boto3's own errors."""
    try:
        yield
    except ClientError as error:
        answer = error.response
        raise AwsCallError(
            operation=error.operation_name,
            code=answer.get("Error", {}).get("Code", "Unknown"),
            message=answer.get("Error", {}).get("Message", "") or "no message",
            status=answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0),
        ) from error
    except BotoCoreError as error:
        raise TargetUnreachableError(str(error)) from error
