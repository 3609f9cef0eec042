"""What the platform says of the runtimes here, and the commands that ask it."""

from __future__ import annotations

import json
import platform as machine
import subprocess
import sys

from lambent.cli import connection
from lambent.testing.platform import LocalPlatform

ASKS = """
import json, sys
from lambent.cli.neighbours import neighbours
from lambent.cli.targets import Place, TargetName
find = neighbours(Place(TargetName.LOCAL, int(sys.argv[1])))
other = "arm64" if sys.argv[2] == "x86_64" else "x86_64"
print(json.dumps([find("python3.11", sys.argv[2]) is None, find("python3.11", other).architecture,
                  find("python9.9", sys.argv[2]) is None, find("provided.al2023", other) is None,
                  "lambent.assembly" in sys.modules]))
"""


def test_the_platform_says_what_runs_each_runtime(platform: LocalPlatform) -> None:
    answer = connection.ask(platform.port, "runtimes") or {}
    found = {one["runtime"]: one for one in answer["runtimes"]}
    assert {"python3.9", "python3.14", "nodejs22.x", "provided.al2023"} <= set(found)
    own = found[f"python3.{sys.version_info.minor}"]
    assert (own["is_exact"], own["notice"]) == (True, None)


def test_who_packages_asks_it_instead_of_looking(platform: LocalPlatform) -> None:
    here = {"aarch64": "arm64"}.get(machine.machine(), machine.machine())
    version = f"python3.{sys.version_info.minor}"
    asks = ASKS.replace("python3.11", version)
    ran = subprocess.run([sys.executable, "-c", asks, str(platform.port), here], capture_output=True, check=True)
    assert json.loads(ran.stdout) == [True, here, True, True, False]
