"""The whole story in one run: start the platform, check and deploy the system, invoke it well and badly, remove it.

    make demo

`lambent` does what its user would type; boto3 invokes, as any client would. Nothing is left behind: state is kept in
memory, and the port is a free one.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from story import Story, client, lambent, outputs, platform

HERE = Path(__file__).parent
EVENTS: tuple[tuple[str, Any], ...] = (
    ("the first ten steps", {"n": 10}),
    ("a negative number", {"n": -5}),
    ("no number at all", {}),
    ("a word instead of a number", {"n": "ten"}),
)


def deploy(story: Story, port: str) -> str:
    """Check the manifest, deploy it and return the name of the function, which the stack's outputs tell."""
    print(story.step("lambent check", lambda: lambent("check", str(HERE))).rstrip())
    told = story.step("lambent up", lambda: lambent("up", str(HERE), "--port", port))
    print(told.rstrip())
    return outputs(told)["function_name"]


def invoke(story: Story, connect: Callable[[str], Any], name: str) -> None:
    """Invoke the function with good and bad input and show each answer; show the first one's REPORT line."""
    functions = connect("lambda")
    for number, (what, event) in enumerate(EVENTS):
        payload = json.dumps(event).encode()
        answer = story.step(
            f"lambda Invoke with {what}",
            lambda payload=payload: functions.invoke(
                FunctionName=name, Qualifier="live", Payload=payload, LogType="Tail"
            ),
        )
        print(f"         {json.dumps(event)} → {answer['Payload'].read().decode()}")
        if number == 0:
            tail = base64.b64decode(answer["LogResult"]).decode()
            print(f"         {next(line for line in tail.splitlines() if line.startswith('REPORT')).expandtabs(2)}")


def show_logs(story: Story, connect: Callable[[str], Any], name: str) -> None:
    """Read the function's log group, as `lambent logs` does."""
    logs = connect("logs")
    expected = len(EVENTS)

    def complete() -> list[str]:
        while True:  # lines are written in batches, a moment after the answer
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
            messages = [event["message"].rstrip("\n") for event in events]
            if sum(message.startswith("REPORT") for message in messages) >= expected:
                return messages
            time.sleep(0.05)

    for message in story.step(f"logs   FilterLogEvents /aws/lambda/{name}", complete):
        print(f"         {message.expandtabs(2)}")


def main() -> None:
    """Tell the story."""
    story = Story()
    print("Lambent, running the Fibonacci function of examples/fibonacci:\n")
    with platform(story) as port:
        name = deploy(story, port)
        invoke(story, lambda service: client(service, port), name)
        show_logs(story, lambda service: client(service, port), name)
        print(story.step("lambent down", lambda: lambent("down", str(HERE), "--port", port, "--yes")).rstrip())
    story.end()


if __name__ == "__main__":
    main()
