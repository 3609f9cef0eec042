"""How long after a save the next invocation runs what was saved: `lambent dev`, a save and invocations in a loop.

    python bench/dev.py [saves] [megabytes]

Prints the median and the worst from the return of the write to the new answer, by name and by an alias, with as much
ballast beside the handler as is asked for; and, from the session itself, what packaging and the API calls took.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Thread
from typing import Any

from lambent.testing.platform import LocalPlatform, local_platform

MANIFEST = """\
stack: loop
functions:
  plain: {code: plain, handler: app.handler, runtime: python3.11}
  aliased: {code: aliased, handler: app.handler, runtime: python3.11, alias: live}
"""
HANDLER = "def handler(event, context):\n    return {}\n"


def main() -> None:
    saves = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    megabytes = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    with tempfile.TemporaryDirectory() as name, local_platform() as platform:
        folder = Path(name)
        (folder / "lambent.yaml").write_text(MANIFEST)
        for function in ("plain", "aliased"):
            _save(folder, function, 0)
            if megabytes:
                (folder / function / "ballast.bin").write_bytes(os.urandom(megabytes * 1024 * 1024))
        _measure(folder, platform, saves)


def _measure(folder: Path, platform: LocalPlatform, saves: int) -> None:
    environment = {**os.environ, "LAMBENT_PORT": str(platform.port), "XDG_CACHE_HOME": str(folder / "cache")}
    command = [sys.executable, "-m", "lambent", "dev", "--json"]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as child:
        events: list[dict[str, Any]] = []  # Any: JSON
        reader = Thread(target=_read, args=(child, events))
        reader.start()
        while not any(one["event"] == "ready" for one in events):
            time.sleep(0.02)
        client = platform.client("lambda")
        taken: dict[str, list[float]] = {"plain": [], "aliased": []}
        # Interleaved, so that whatever else the machine does falls on both alike.
        for number in range(1, saves + 1):
            for function, qualifier in (("plain", "$LATEST"), ("aliased", "live")):
                _save(folder, function, number)
                begun = time.perf_counter()
                while _answer(client, function, qualifier) != number:
                    pass
                taken[function].append((time.perf_counter() - begun) * 1000)
        child.send_signal(signal.SIGINT)
        reader.join()
    for function, times in taken.items():
        inside = [one["tookMs"] for one in events if one["event"] == "updated" and one["function"].endswith(function)]
        print(
            f"{function:8}  save to new answer: median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms; "
            f"of these packaging and API calls: median {statistics.median(inside):.0f} ms"
        )


def _read(child: subprocess.Popen[str], events: list[dict[str, Any]]) -> None:  # Any: as above
    for line in child.stdout or ():
        events.append(json.loads(line))  # noqa: PERF401 - whoever looks meanwhile sees those that have come


def _save(folder: Path, function: str, number: int) -> None:
    file = folder / function / "app.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text(HANDLER.format(number))


def _answer(client: Any, function: str, qualifier: str) -> object:  # Any: a boto3 client
    told = client.invoke(FunctionName=f"loop-{function}", Qualifier=qualifier)
    return json.loads(told["Payload"].read())


if __name__ == "__main__":
    main()
