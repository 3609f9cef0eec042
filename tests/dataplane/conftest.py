"""Where functions run that a test looks at one sandbox at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lambent.dataplane.types import IsolationLevel
from tests.dataplane.sandbox_harness import Sandboxes, sandboxes
from tests.requirements import require_namespaces


@pytest.fixture(params=list(IsolationLevel))
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sandboxes]:
    """Sandboxes in each isolation that there is."""
    level: IsolationLevel = request.param
    if level is IsolationLevel.NAMESPACE:
        require_namespaces()
    async with sandboxes(tmp_path, level) as made:
        yield made
