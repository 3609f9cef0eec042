"""Fixtures that every test may use, and the proof that a run leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.leftovers import leftovers
from tests.prepared.program import LAMBENT

pytest_plugins = ["tests.recorder.plugin"]

# On a busy machine examples take long to make and to run; in CI hypothesis's own profile says the same.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
if settings.get_current_profile_name() == "default":
    settings.load_profile("busy")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files whose tests may take long, and let those of a folder follow one another.

    At the end no worker waits long for another, and what a folder's tests share is made once.
    """
    longest: dict[Path, float] = {}
    folders: dict[Path, int] = {}
    for number, item in enumerate(items):
        mark = item.get_closest_marker("timeout")
        longest[item.path] = max(longest.get(item.path, 0.0), float(mark.args[0]) if mark and mark.args else 0.0)
        folders.setdefault(item.path.parent, number)
    items.sort(key=lambda item: (-longest[item.path], folders[item.path.parent]))


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
    LAMBENT.close()
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
