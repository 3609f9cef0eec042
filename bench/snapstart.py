"""`python bench/snapstart.py [FOLDER]`: restoring a function with SnapStart against its ordinary init, by turns.

The function imports numpy and pandas from FOLDER (`pip install --target FOLDER numpy pandas`, by the Python that
`--runtime` names); without one, a module that builds a heap of the same size. Version 1 has SnapStart, `$LATEST` starts
afresh. Each call finds no environment, for the one before ended itself while it was idle. The figures are REPORT's own.
"""

from __future__ import annotations

import argparse
import base64
import io
import os
import re
import statistics
import time
import zipfile
from pathlib import Path
from typing import Any

from recording import record

from lambent.testing.platform import LocalPlatform, local_platform

HANDLER = """
{imports}
import os, threading

def handler(event, context):
    # Ends the environment once it is idle again, so that the next call needs another.
    threading.Timer(0.05, os._exit, (0,)).start()
    return None
"""
HEAP = "HEAP = [{'n': n, 'text': str(n) * 3, 'of': [n, n + 1]} for n in range(120_000)]"
TIMES = re.compile(r"(Init|Restore) Duration: ([\d.]+) ms")


def package(folder: Path | None) -> bytes:
    """Return the function's archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        imports = HEAP if folder is None else "import numpy, pandas"
        archive.writestr("handler.py", HANDLER.format(imports=imports))
        for path in folder.rglob("*") if folder is not None else ():
            relative = path.relative_to(folder) if folder is not None else path
            if path.is_file() and not {"tests", "__pycache__"} & set(relative.parts):
                archive.write(path, relative)
    return buffer.getvalue()


def cold_ms(functions: Any, name: str) -> float:  # Any: a boto3 client
    """Return how long the environment of one call took to be ready; the environment has ended when this returns."""
    answer = functions.invoke(FunctionName=name, LogType="Tail")
    found = TIMES.search(base64.b64decode(answer["LogResult"]).decode())
    if found is None:
        raise SystemExit(f"{name} found an environment that was there")
    time.sleep(0.15)
    return float(found[2])


def rounds(platform: LocalPlatform, code: bytes, runtime: str, count: int) -> tuple[list[float], list[float]]:
    """Return what `count` inits and as many restores took, one of each by turns."""
    functions = platform.client("lambda")
    snap = {"ApplyOn": "PublishedVersions"}
    platform.create_function("f", code, Runtime=runtime, MemorySize=512, Timeout=60, SnapStart=snap)
    functions.publish_version(FunctionName="f")
    functions.get_waiter("published_version_active").wait(FunctionName="f", Qualifier="1")
    for name in ("f", "f:1"):
        cold_ms(functions, name)
    pairs = [(cold_ms(functions, "f"), cold_ms(functions, "f:1")) for _ in range(count)]
    return [init for init, _ in pairs], [restore for _, restore in pairs]


def shown(name: str, times: list[float]) -> str:
    """Return a row of the table."""
    p99 = sorted(times)[max(0, -(-len(times) * 99 // 100) - 1)]
    return f"{name:<10}{statistics.median(times):>10.2f} ms{p99:>12.2f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--runtime", default="python3.12")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--record", action="store_true", help="keep the result in docs/operations/performance.md")
    arguments = parser.parse_args()
    with local_platform() as platform:
        inits, restores = rounds(platform, package(arguments.folder), arguments.runtime, arguments.rounds)
    ratio = statistics.median(init / restore for init, restore in zip(inits, restores, strict=True))
    what = "a heap of 120,000 dictionaries" if arguments.folder is None else "numpy and pandas"
    lines = (
        f"{'':<10}{'median':>13}{'p99':>15}",
        shown("init", inits),
        shown("restore", restores),
        f"ratio     {ratio:>10.1f}",
        "",
        f"{what}; {arguments.rounds} rounds by turns; load average afterwards {os.getloadavg()[0]:.1f}",
    )
    print("\n".join(lines))
    if arguments.record:
        record("snapstart", "\n".join(lines))


if __name__ == "__main__":
    main()
