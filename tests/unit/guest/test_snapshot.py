"""What stands in the way of forking a process, and what can be opened anew."""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lambent.guest import descriptors
from lambent.guest.snapshot import obstacle_of


def _open_now() -> list[int]:
    listed = list(Path("/proc/self/fd").iterdir())  # one of them the listing's own, closed by now
    return [int(entry.name) for entry in listed if os.path.lexists(entry)]


@contextlib.contextmanager
def _pair() -> Iterator[None]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield


@pytest.mark.parametrize(
    ("threads", "children", "shared", "left_open", "told"),
    [
        pytest.param(1, 0, None, None, None, id="nothing"),
        pytest.param(2, 1, None, None, "init started threads", id="threads first"),
        pytest.param(1, 1, None, None, "init started processes", id="processes"),
        pytest.param(1, 0, "/tmp/m", None, "init mapped shared memory (/tmp/m)", id="memory"),
        pytest.param(1, 0, None, "pipe:[1]", "init left open what cannot be opened anew (pipe:[1])", id="pipe"),
    ],
)
def test_the_first_obstacle_is_told(
    threads: int, children: int, shared: str | None, left_open: str | None, told: str | None
) -> None:
    assert obstacle_of(threads, children, shared, left_open) == told


@pytest.mark.parametrize(
    ("make", "stands_in_the_way"),
    [
        pytest.param(lambda folder: (folder / "f").open("w"), False, id="file"),
        pytest.param(lambda _: socket.socket(), False, id="connection"),
        pytest.param(lambda _: select.epoll(), False, id="poll set"),
        pytest.param(lambda _: _pair(), True, id="socket pair"),
        pytest.param(lambda _: os.fdopen(os.eventfd(0)), True, id="event"),
        pytest.param(lambda _: os.fdopen(os.memfd_create("m")), True, id="memory file"),
    ],
)
def test_what_can_be_had_anew_is_no_obstacle(
    tmp_path: Path,
    make: Callable[[Path], Any],  # Any: whatever has a descriptor
    stands_in_the_way: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    before = _open_now()
    with make(tmp_path):
        assert (descriptors.left_open(before) is not None) == stands_in_the_way


def test_shared_memory_is_found() -> None:
    before = descriptors.shared_memory()
    with mmap.mmap(-1, 4096):
        assert descriptors.shared_memory() is not None
    assert descriptors.shared_memory() == before
