"""Which modules a function cannot replace by its own: those that are loaded before it is looked for."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig

from lambent.guest.search_path import LOADED_BY_CLIENT

_IMPORT = """
import json, sys
sys.path.append(sys.argv[1])
transport = sys.modules["runtime_client"] = type(sys)("runtime_client")
transport.initialize_client = id
import logging, os, site, time, traceback, warnings
import awslambdaric.__main__
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules} - set(sys.builtin_module_names))))
"""
_OF_OTHER_PYTHONS = {"sre_compile", "sre_constants", "sre_parse", "token", "tokenize"}


def test_they_are_what_awss_client_loads() -> None:
    command = [sys.executable, "-s", "-S", "-c", _IMPORT, sysconfig.get_path("purelib")]
    loaded = json.loads(subprocess.run(command, capture_output=True, timeout=60, check=True).stdout)
    public = {name for name in loaded if not name.startswith("_")}
    assert public - LOADED_BY_CLIENT == set()
    assert LOADED_BY_CLIENT - public - _OF_OTHER_PYTHONS == set()
