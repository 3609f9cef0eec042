"""A target (the local platform or AWS) and its clients: the only door to botocore's, whose errors become ours here.

boto3 is botocore with resources and transfers, which nothing here uses; its import alone costs every command 60 ms.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from botocore.session import Session

LOCAL_ACCOUNT = "000000000000"
LOCAL_REGION = "us-east-1"
_UNCHECKED = "local"  # the platform looks at the access key alone


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
        return cls(endpoint_url=endpoint_url, region=region, access_key=account, secret_key=_UNCHECKED)

    @classmethod
    def aws(cls, *, region: str | None = None, profile: str | None = None) -> Target:
        """Return AWS with the credentials of a profile, or those of the surroundings."""
        return cls(endpoint_url=None, region=region, profile=profile)

    def with_credentials(self, access_key: str, secret_key: str, session_token: str | None) -> Target:
        """Return the same place with explicit credentials."""
        return replace(self, access_key=access_key, secret_key=secret_key, session_token=session_token, profile=None)

    def client(self, service: str) -> Any:  # Any: botocore's clients are classes made at run time
        """Return a client of `service`, as boto3 would make it. Its calls belong inside `aws_errors()`.

        Raises TargetUnreachableError where there is no such profile, or no region is known.
        """
        # A function may run for 15 minutes before it answers, and a second attempt would run it twice.
        attempts: Any = {"total_max_attempts": 1}  # Any: botocore keeps the type to itself
        if service != "lambda":
            attempts = {"total_max_attempts": 4, "mode": "standard"}
        try:
            return _session(self.profile).create_client(
                service,
                endpoint_url=self.endpoint_url,
                region_name=self.region,
                aws_access_key_id=self.access_key,
                aws_secret_access_key=self.secret_key,
                aws_session_token=self.session_token,
                config=Config(read_timeout=910, connect_timeout=5, retries=attempts),
            )
        except BotoCoreError as error:
            raise TargetUnreachableError(str(error)) from error


@cache
def _session(profile: str | None) -> Session:
    """Return the session of a profile: its models and credentials are loaded once for all clients."""
    return Session(profile=profile)


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
    """Raise AwsCallError and TargetUnreachableError in place of botocore's own errors."""
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
    except ResponseParserError as error:  # a proxy's page, say; the rest of its text is that page
        raise TargetUnreachableError(str(error).partition(" Further retries")[0]) from error
