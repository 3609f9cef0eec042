"""The account that tests run against with `--target aws`: found by boto3's rules, looked at before the first test."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.recorder.normalise import Place

PATIENCE_S = 300
_AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
_ENDPOINTS = "AWS_ENDPOINT_URL"


class TargetError(Exception):
    """The account cannot, or must not, be used; the text is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """An account and a region of AWS, or of what stands in for it."""

    place: Place
    stand_in: str | None = None
    _session: Any = field(default=None, repr=False)  # Any: boto3's session

    @property
    def look_every_s(self) -> float:
        """How often to look whether something has come about; AWS throttles who asks too often."""
        return 1 if self.stand_in is None else 0.05

    @property
    def source(self) -> str:
        """Who answers, as recordings name it."""
        return self.stand_in or "AWS"

    def client(self, service: str, region: str | None = None) -> Any:  # Any: boto3's clients are made at run time
        """Return a new client, its waiters in AWS's pace; raises TargetError where it would not speak to the target."""
        client = _client(self._session, service, self.stand_in, region)
        _pace_waiters(client, self.look_every_s)
        return client

    def __str__(self) -> str:
        asked = "AWS" if self.stand_in is None else f"{self.stand_in}, which stands in for AWS,"
        return f"{asked} account {self.place.account}, region {self.place.region}, as {self.place.caller}"


def find_target(stand_in: str | None = None) -> Target:
    """Return the account and region of the default credential chain; raises TargetError.

    With `stand_in`, the address of something that speaks AWS's API, that is asked in place of AWS.
    """
    named = sorted(name for name in os.environ if name.startswith(_ENDPOINTS))  # noqa: TID251 - as boto3 reads it
    if named and stand_in is None:
        raise TargetError(f"{named[0]} is set: unset it to reach AWS itself, or name what answers with --stand-in.")
    session: Any = boto3.Session()  # Any: boto3 ships no types
    if session.get_credentials() is None:
        raise TargetError("There are no AWS credentials: set AWS_PROFILE, or see `aws configure`.")
    if session.region_name is None:
        raise TargetError("There is no AWS region: set AWS_DEFAULT_REGION, or the profile's region.")
    client = _client(session, "sts", stand_in, None)
    try:
        identity = client.get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise TargetError(f"AWS does not say whose credentials these are: {error}") from error
    finally:
        client.close()
    return Target(Place(identity["Account"], session.region_name, identity["Arn"]), stand_in, session)


def _client(session: Any, service: str, stand_in: str | None, region: str | None) -> Any:  # Any: as above
    config = Config(read_timeout=910, connect_timeout=10, retries={"total_max_attempts": 1})
    client = session.client(service, endpoint_url=stand_in, region_name=region, config=config)
    address = client.meta.endpoint_url
    if stand_in is None and not (urlsplit(address).hostname or "").endswith(_AWS_DOMAINS):
        raise TargetError(f"{service} is at {address} for this profile: remove its endpoint_url to reach AWS itself.")
    return client


def _pace_waiters(client: Any, look_every_s: float) -> None:  # Any: as above
    # For as long as AWS may take, whatever the test says of a platform here.
    pace = {"Delay": look_every_s, "MaxAttempts": int(PATIENCE_S / look_every_s)}
    get = client.get_waiter

    def get_waiter(name: str) -> Any:  # Any: a botocore waiter
        waiter = get(name)
        wait = waiter.wait
        waiter.wait = lambda **asked: wait(**{**asked, "WaiterConfig": pace})
        return waiter

    client.get_waiter = get_waiter
