"""The whole story in one run: start the platform, create the function, invoke it well and badly, read its logs, stop.

    make demo

Everything goes through public APIs: the `lambent` command starts and stops the platform, boto3 does the rest, as it
would on AWS. Nothing is left behind: state is kept in memory, and the port is a free one.
"""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

HERE = Path(__file__).parent
ROLE_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
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
    """Start a platform in memory on a free port; yield its address; stop it whatever happens."""
    started = json.loads(
        story.step("lambent start", lambda: lambent("start", "--memory", "--port", "0", "--detach", "--json"))
    )
    try:
        yield started["endpoint_url"]
    finally:
        story.step("lambent stop", lambda: lambent("stop", "--port", str(started["port"])))
        Path(started["log"]).unlink(missing_ok=True)


def package() -> bytes:
    """Return the function's deployment package: a zip of its one file."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as contents:
        contents.write(HERE / "src" / "lambda_function.py", "lambda_function.py")
    return archive.getvalue()


def create(story: Story, client: Callable[[str], Any]) -> None:
    """Create the execution role and the function, and wait until it is active."""
    iam, functions = client("iam"), client("lambda")
    role = story.step(
        "iam    CreateRole fibonacci-role",
        lambda: iam.create_role(RoleName="fibonacci-role", AssumeRolePolicyDocument=json.dumps(ROLE_TRUST)),
    )
    story.step(
        "iam    AttachRolePolicy AWSLambdaBasicExecutionRole",
        lambda: iam.attach_role_policy(
            RoleName="fibonacci-role", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
        ),
    )
    story.step(
        "lambda CreateFunction fibonacci",
        lambda: functions.create_function(
            FunctionName="fibonacci",
            Runtime="python3.13",
            Handler="lambda_function.lambda_handler",
            Role=role["Role"]["Arn"],
            Code={"ZipFile": package()},
            MemorySize=128,
            Timeout=10,
        ),
    )
    waiter = functions.get_waiter("function_active_v2")
    story.step(
        "       … Pending → Active",
        lambda: waiter.wait(FunctionName="fibonacci", WaiterConfig={"Delay": 0.05, "MaxAttempts": 200}),
    )


def invoke(story: Story, client: Callable[[str], Any]) -> None:
    """Invoke the function with good and bad input and show each answer; show the first one's REPORT line."""
    functions = client("lambda")
    for number, (what, event) in enumerate(EVENTS):
        payload = json.dumps(event).encode()
        answer = story.step(
            f"lambda Invoke with {what}",
            lambda payload=payload: functions.invoke(FunctionName="fibonacci", Payload=payload, LogType="Tail"),
        )
        print(f"         {json.dumps(event)} → {answer['Payload'].read().decode()}")
        if number == 0:
            tail = base64.b64decode(answer["LogResult"]).decode()
            print(f"         {next(line for line in tail.splitlines() if line.startswith('REPORT')).expandtabs(2)}")


def show_logs(story: Story, client: Callable[[str], Any]) -> None:
    """Read the function's log group, as `lambent logs fibonacci` does."""
    logs = client("logs")
    expected = len(EVENTS)

    def complete() -> list[str]:
        while True:  # lines are written in batches, a moment after the answer
            try:
                events = logs.filter_log_events(logGroupName="/aws/lambda/fibonacci")["events"]
            except logs.exceptions.ResourceNotFoundException:
                events = []  # the first batch makes the group
            messages = [event["message"].rstrip("\n") for event in events]
            if sum(message.startswith("REPORT") for message in messages) >= expected:
                return messages
            time.sleep(0.05)

    for message in story.step("logs   FilterLogEvents /aws/lambda/fibonacci", complete):
        print(f"         {message.expandtabs(2)}")


def main() -> None:
    """Tell the story."""
    began = time.perf_counter()
    story = Story()
    print("Lambent, running the Fibonacci function of examples/fibonacci:\n")
    with platform(story) as endpoint:

        def client(service: str) -> Any:
            return boto3.client(
                service,
                endpoint_url=endpoint,
                region_name="us-east-1",
                aws_access_key_id="000000000000",
                aws_secret_access_key="local",  # noqa: S106 - nobody checks it here
                config=Config(retries={"total_max_attempts": 1}),
            )

        create(story, client)
        invoke(story, client)
        show_logs(story, client)
    took = time.perf_counter() - began
    print(
        f"\nDone in {took:.1f} s, of which {story.spent_s:.1f} s were Lambent's own share (the rest is boto3 loading)."
    )


if __name__ == "__main__":
    main()
