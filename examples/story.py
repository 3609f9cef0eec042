"""What the demonstrations share: steps that are timed, the `lambent` command, a platform for the time of the story."""

from __future__ import annotations

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


class Story:
    """Prints each step with how long it took, and keeps the sum."""

    def __init__(self) -> None:
        self.spent_s = 0.0
        self._began = time.perf_counter()

    def step(self, title: str, work: Callable[[], Any]) -> Any:
        """Run one step and print its title and duration."""
        began = time.perf_counter()
        result = work()
        took = time.perf_counter() - began
        self.spent_s += took
        print(f"  {title:<54} {took * 1000:8.1f} ms", flush=True)
        return result

    def end(self) -> None:
        """Print how long it all took."""
        took = time.perf_counter() - self._began
        rest = "the rest is boto3 loading"
        print(f"\nDone in {took:.1f} s, of which {self.spent_s:.1f} s were Lambent's own share ({rest}).")


def lambent(*arguments: str) -> str:
    """Run the `lambent` command of this Python and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "lambent", *arguments], capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode != 0:
        sys.exit(f"lambent {' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout


@contextmanager
def platform(story: Story, *options: str) -> Iterator[str]:
    """Start a platform in memory on a free port; yield the port; stop it whatever happens."""
    started = json.loads(
        story.step("lambent start", lambda: lambent("start", "--memory", "--port", "0", "--detach", "--json", *options))
    )
    try:
        yield str(started["port"])
    finally:
        story.step("lambent stop", lambda: lambent("stop", "--port", str(started["port"])))
        Path(started["log"]).unlink(missing_ok=True)


def client(service: str, port: str) -> Any:  # Any: boto3 makes its classes at run time
    """Return a boto3 client of the platform, as any user of it makes one."""
    return boto3.client(
        service,
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="000000000000",
        aws_secret_access_key="local",  # noqa: S106 - nobody checks it here
        config=Config(retries={"total_max_attempts": 1}),
    )


def outputs(text: str) -> dict[str, str]:
    """Return what `lambent up` printed of a stack's outputs."""
    return dict(line.split(maxsplit=1) for line in text.splitlines() if line)
