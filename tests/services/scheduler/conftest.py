"""One platform in virtual time for all tests of Scheduler; each test has an account of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lambent.testing.platform import LocalPlatform, local_platform
from tests.services.scheduler.owner import Owner


@pytest.fixture(scope="package")
def virtual() -> Iterator[LocalPlatform]:
    """A platform whose time stands still but for what a test moves it."""
    with local_platform(virtual_time=True, seed=1) as running:
        running.clock.freeze()
        yield running


@pytest.fixture
def owner(virtual: LocalPlatform, account: str) -> Iterator[Owner]:
    """The test's own account, with a role that Scheduler may assume and that may do anything."""
    made = Owner(virtual, account)
    yield made
    made.delete_schedules()
