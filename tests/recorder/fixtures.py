"""The fixtures of behaviour tests: an account on the platform of this run or, with `--target aws`, on AWS."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from lambent.base.identifiers import SystemIds
from lambent.testing.pytest_plugin import ClientFactory
from tests.recorder.cloud import AwsCloud, Cloud, LocalCloud, SharedRole
from tests.recorder.plugin import RUN
from tests.recorder.tape import Tape

_accounts = itertools.count(100_000_000_001)


@pytest.fixture(scope="session")
def shared_role(request: pytest.FixtureRequest) -> Iterator[SharedRole | None]:
    """The role of this run's functions on AWS; None where the run is not against AWS."""
    target = request.config.stash[RUN].target
    if target is None:
        yield None
        return
    role = SharedRole(target, f"lambent-recorder-{SystemIds().hex(8)}")
    yield role
    _fail_for(role.close())


@pytest.fixture
def cloud(request: pytest.FixtureRequest, shared_role: SharedRole | None) -> Iterator[Cloud]:
    """What the test asks; what it made there is taken away, however it ends."""
    run = request.config.stash[RUN]
    own: Cloud
    if run.target is not None and shared_role is not None:
        own = AwsCloud(run.target, shared_role, f"lt{SystemIds().hex(8)}-")
    else:
        platform = request.getfixturevalue("platform")
        tape = Tape() if run.hears(request.node) else None
        own = LocalCloud(platform.endpoint_url, str(next(_accounts)), tape)
    yield own
    _fail_for(own.close())


@pytest.fixture
def account(cloud: Cloud) -> str:
    """The test's account: on the platform no other test uses it."""
    return cloud.place.account


@pytest.fixture
def region(cloud: Cloud) -> str:
    """The region of the test's clients."""
    return cloud.place.region


@pytest.fixture
def elsewhere(cloud: Cloud) -> str:
    """Another region than that of the test's clients."""
    return cloud.place.elsewhere


@pytest.fixture
def role(cloud: Cloud) -> str:
    """The ARN of a role that functions may run as."""
    return cloud.role()


@pytest.fixture
def aws(cloud: Cloud) -> ClientFactory:
    """boto3 clients in the test's own account; they are closed with the test."""

    def client(service: str, region: str | None = None) -> Any:  # Any: boto3's clients are made at run time
        return cloud.client(service, region)

    return client


def _fail_for(left: list[str]) -> None:
    if left:
        pytest.fail("left on AWS:\n" + "\n".join(left), pytrace=False)
