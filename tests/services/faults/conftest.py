"""What tests of faults on purpose share: a platform whose time stands still, and its faults."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from lambent.testing.faults import PlatformFaults
from lambent.testing.platform import LocalPlatform, local_platform

Client = Any  # Any: boto3 makes its clients at run time
_names = itertools.count(1)


@pytest.fixture(scope="package")
def world() -> Iterator[LocalPlatform]:
    """A platform that all tests of faults share; each has things of its own."""
    with local_platform(virtual_time=True) as running:
        running.clock.freeze()
        yield running


@pytest.fixture
def faults(world: LocalPlatform) -> Iterator[PlatformFaults]:
    """The platform's faults, all of which end with the test."""
    yield world.faults
    world.faults.clear()


def struck(faults: PlatformFaults) -> dict[str, int]:
    """Return how often each kind of fault has struck."""
    return {each["kind"]: each["strikes"] for each in faults.all()}


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"faulty-{next(_names)}"
