"""A platform that is sent events and says, line by line, what a power cut may not undo.

    python event_workload.py DIRECTORY EVENTS

    accepted ID    the event was answered with 202
    ran ID         its function has run; the platform does not know of it yet

Half-way it stops and starts again. At its end it waits for nothing: events may be under way.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lambent.testing.platform import local_platform
from tests.durability.collecting import PACKAGE, collecting
from tests.durability.workload import say

CLIENTS = 6


def main(directory: Path, events: int) -> None:
    """Send the events, half of them to each of two platforms on the same directory."""
    with collecting(lambda request_id: say(f"ran {request_id}")) as collector:
        for half in range(2):
            with local_platform(data_dir=directory) as platform:
                functions = platform.client("lambda")
                if half == 0:
                    variables = {"Variables": {"COLLECTOR": str(collector.port)}}
                    platform.create_function("telling", PACKAGE, Handler="telling.handler", Environment=variables)

                def send(_: int) -> None:
                    answer = functions.invoke(FunctionName="telling", InvocationType="Event")  # noqa: B023 - of this half
                    say(f"accepted {answer['ResponseMetadata']['RequestId']}")

                with ThreadPoolExecutor(CLIENTS) as threads:
                    list(threads.map(send, range(events // 2)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
    os._exit(0)
