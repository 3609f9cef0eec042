"""What most journeys begin with: a platform, and `lambent` in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lambent.testing.platform import LocalPlatform, local_platform
from tests.journeys.commands import Commands


@pytest.fixture(scope="module")
def platform() -> Iterator[LocalPlatform]:
    """A platform that the tests of a file share."""
    with local_platform() as running:
        yield running


@pytest.fixture
def lambent(tmp_path: Path, platform: LocalPlatform) -> Commands:
    """Runs `lambent` in the test's folder, against the platform."""
    return Commands(tmp_path, platform.port)
