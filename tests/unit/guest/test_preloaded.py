"""What of AWS's client is imported before it is known for whom."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lambent.guest.preloaded import CLIENT_IMPORTED_EARLY

_IMPORT = """
import logging, os, sys, types
import simplejson, snapshot_restore_py

class Unread(dict):
    def _refuse(self, *_):
        raise RuntimeError("the environment was read")
    get = __getitem__ = __contains__ = __iter__ = items = copy = _refuse

client = sys.modules["runtime_client"] = types.ModuleType("runtime_client")
client.initialize_client = lambda _: None
os.environ = Unread()
__import__("awslambdaric." + sys.argv[1])
"""


def _imported(name: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _IMPORT, name], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("name", CLIENT_IMPORTED_EARLY)
def test_it_reads_nothing_of_the_environment_when_it_is_imported(name: str) -> None:
    done = _imported(name)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["bootstrap", "lambda_runtime_client"])
def test_what_does_is_left_for_later(name: str) -> None:
    assert "the environment was read" in _imported(name).stderr
