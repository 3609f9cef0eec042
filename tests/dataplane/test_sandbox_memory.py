"""How much memory a sandbox uses where no control group counts it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from lambent.dataplane.sandbox.process_memory import GroupMemory, ProcessMemory

# A keeper, its runtime, and two workers of that; all of them end when their input does.
_FAMILY = """
import os, sys

def fork():
    if os.fork():
        return True
    return False

def stay():
    os.write(1, b".")
    os.read(0, 1)
    os._exit(0)

if fork():
    stay()
inherited = bytearray(os.urandom(1)) * 30_000_000
for _ in range(2):
    if not fork():
        own = bytearray(os.urandom(1)) * 50_000_000
        stay()
stay()
"""


@pytest.fixture
def keeper() -> Iterator[int]:
    command = [sys.executable, "-S", "-c", _FAMILY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read(4) == b"...."
        yield process.pid


def test_of_several_workers_what_each_has_alone_is_counted_beside_what_they_share(keeper: int) -> None:
    alone, group = ProcessMemory(keeper), GroupMemory(keeper)
    runtime = alone.resident_mb() or 0
    assert 30 <= runtime < 60
    # A worker has 48 MB of its own; the kernel does not say of the rest what it shares with whom.
    assert runtime + 90 <= (group.resident_mb() or 0) <= runtime + 110
    assert group.peak_mb() == group.resident_mb()
    alone.close()
    group.close()


def test_of_processes_that_are_gone_nothing_is_told() -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", ""]) as process:
        process.wait()
        group = GroupMemory(process.pid)
        assert (group.resident_mb(), group.peak_mb()) == (None, None)
