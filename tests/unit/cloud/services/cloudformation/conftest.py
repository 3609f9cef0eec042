"""A bench for each test, put away afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from lambent.base.clock import ManualClock
from tests.unit.cloud.services.cloudformation.bench import Bench, new_bench


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """A bench in real time."""
    made = await new_bench()
    yield made
    await made.engine.stop()
    await made.store.close()


@pytest.fixture
async def timed() -> AsyncIterator[Bench]:
    """A bench whose clock stands still until it is moved."""
    made = await new_bench(ManualClock())
    yield made
    await made.engine.stop()
    await made.store.close()
