"""Fixtures for tests against a platform; use them with `pytest_plugins = ["lambent.testing.pytest_plugin"]`.

One platform in memory serves the whole run. Each test has an account of its own, so that tests see nothing of one
another, whatever names they use.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Protocol

import pytest

from lambent.testing.clients import Clients
from lambent.testing.platform import LocalPlatform, local_platform

_accounts = itertools.count(100_000_000_001)


class ClientFactory(Protocol):
    """Makes boto3 clients."""

    def __call__(self, service: str, region: str = "us-east-1") -> Any:  # Any: boto3's clients are made at run time
        """Return a client of `service` in the test's own account."""


@pytest.fixture(scope="session")
def platform() -> Iterator[LocalPlatform]:
    """A platform in memory, shared by all tests of the run."""
    # What one test left idle need not be kept while all the others run.
    with local_platform(idle_expiry_s=30) as running:
        yield running


@pytest.fixture
def account() -> str:
    """A 12-digit account that no other test uses."""
    return str(next(_accounts))


@pytest.fixture
def aws(platform: LocalPlatform, account: str) -> Iterator[ClientFactory]:
    """boto3 clients of the platform in the test's own account; they are closed with the test."""
    clients = Clients(platform.endpoint_url)

    def client(service: str, region: str = "us-east-1") -> Any:  # Any: as above
        return clients.get(service, account=account, region=region)

    yield client
    clients.close()
