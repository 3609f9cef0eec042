"""Fixtures that every test may use, and the proof that a run leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.leftovers import leftovers

pytest_plugins = ["tests.recorder.plugin"]


@pytest.fixture
def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left_behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    # pytest keeps its own folder of the last runs; everything else temporary goes into a folder of this run.
    kept_by_pytest = tmp_path_factory.getbasetemp()
    before = os.environ.get("TMPDIR")  # noqa: TID251 - tempfile and every child look there
    temporary = Path(tempfile.mkdtemp(prefix="lt-"))
    _set_temporary_folder(str(temporary))
    yield
    found = leftovers([f"{temporary}", f"{kept_by_pytest}/"], temporary)
    _set_temporary_folder(before)
    shutil.rmtree(temporary)
    if found:
        pytest.fail("the tests left behind:\n" + "\n".join(found), pytrace=False)


def _set_temporary_folder(folder: str | None) -> None:
    if folder is None:
        os.environ.pop("TMPDIR", None)  # noqa: TID251 - as above
    else:
        os.environ["TMPDIR"] = folder  # noqa: TID251 - as above
    tempfile.tempdir = None
