"""boto3 clients of a platform, made once each and closed together."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

from lambent.aws.clients import LOCAL_ACCOUNT, LOCAL_REGION


class Clients:
    """The clients of one endpoint. They make no second attempts, so that a test sees the first answer."""

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url
        self._made: dict[tuple[str, str, str], Any] = {}  # Any: boto3's clients are classes made at run time

    def get(self, service: str, *, account: str = LOCAL_ACCOUNT, region: str = LOCAL_REGION) -> Any:  # Any: as above
        """Return the client of a service for an account and region; making one anew takes boto3 some 50 ms."""
        key = (service, account, region)
        if key not in self._made:
            make: Any = boto3.client  # Any: its stubs want a literal service name
            self._made[key] = make(
                service,
                endpoint_url=self._endpoint_url,
                region_name=region,
                aws_access_key_id=account,
                aws_secret_access_key="local",  # noqa: S106 - the platform looks at the access key alone
                config=Config(read_timeout=910, connect_timeout=5, retries={"total_max_attempts": 1}),
            )
        return self._made[key]

    def close(self) -> None:
        """Close every client's connections."""
        while self._made:
            self._made.popitem()[1].close()
