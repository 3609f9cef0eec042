"""The whole story in one run: start the platform, check and deploy the system, invoke it well and badly, remove it.

    make demo

`lambent` does what its user would type; boto3 invokes, as any client would. Nothing is left behind: state is kept in
memory, and the port is a free one.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

HERE = Path(__file__).parent
EVENTS: tuple[tuple[str, Any], ...] = (
    ("the first ten steps", {"n": 10}),
    ("a negative number", {"n": -5}),
    ("no number at all", {}),
    ("a word instead of a number", {"n": "ten"}),
)


class Story:
    """Prints each step with how long it took, and keeps the sum."""

    def __init__(self) -> None:
        self.spent_s = 0.0

    def step(self, title: str, work: Callable[[], Any]) -> Any:
        """Run one step and print its title and duration."""
        began = time.perf_counter()
        result = work()
        took = time.perf_counter() - began
        self.spent_s += took
        print(f"  {title:<54} {took * 1000:8.1f} ms", flush=True)
        return result


def lambent(*arguments: str) -> str:
    """Run the `lambent` command of this Python and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "lambent", *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode != 0:
        sys.exit(f"lambent {' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout


@contextmanager
def platform(story: Story) -> Iterator[str]:
    """Start a platform in memory on a free port; yield the port; stop it whatever happens."""
    started = json.loads(
        story.step("lambent start", lambda: lambent("start", "--memory", "--port", "0", "--detach", "--json"))
    )
    try:
        yield str(started["port"])
    finally:
        story.step("lambent stop", lambda: lambent("stop", "--port", str(started["port"])))
        Path(started["log"]).unlink(missing_ok=True)


def deploy(story: Story, port: str) -> str:
    """Check the manifest, deploy it and return the name of the function, which the stack's outputs tell."""
    print(story.step("lambent check", lambda: lambent("check", str(HERE))).rstrip())
    outputs = story.step("lambent up", lambda: lambent("up", str(HERE), "--port", port))
    print(outputs.rstrip())
    return dict(line.split(maxsplit=1) for line in outputs.splitlines())["function_name"]


def invoke(story: Story, client: Callable[[str], Any], name: str) -> None:
    """Invoke the function with good and bad input and show each answer; show the first one's REPORT line."""
    functions = client("lambda")
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


def show_logs(story: Story, client: Callable[[str], Any], name: str) -> None:
    """Read the function's log group, as `lambent logs` does."""
    logs = client("logs")
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
    began = time.perf_counter()
    story = Story()
    print("Lambent, running the Fibonacci function of examples/fibonacci:\n")
    with platform(story) as port:

        def client(service: str) -> Any:
            return boto3.client(
                service,
                endpoint_url=f"http://127.0.0.1:{port}",
                region_name="us-east-1",
                aws_access_key_id="000000000000",
                aws_secret_access_key="local",  # noqa: S106 - nobody checks it here
                config=Config(retries={"total_max_attempts": 1}),
            )

        name = deploy(story, port)
        invoke(story, client, name)
        show_logs(story, client, name)
        print(story.step("lambent down", lambda: lambent("down", str(HERE), "--port", port, "--yes")).rstrip())
    took = time.perf_counter() - began
    print(
        f"\nDone in {took:.1f} s, of which {story.spent_s:.1f} s were Lambent's own share (the rest is boto3 loading)."
    )


if __name__ == "__main__":
    main()
