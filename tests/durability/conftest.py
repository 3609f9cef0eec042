from __future__ import annotations

import sys

import pytest

from tests.durability.shim import PowerCutShim


@pytest.fixture(scope="session")
def powercut(tmp_path_factory: pytest.TempPathFactory) -> PowerCutShim:
    """The compiled power-cut shim."""
    if sys.platform != "linux":
        pytest.skip("the shim journals Linux's system calls")
    return PowerCutShim.build(tmp_path_factory.mktemp("shim"))
