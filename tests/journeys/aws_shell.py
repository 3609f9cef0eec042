"""The AWS CLI in one process for many commands: each is what `aws` makes of its arguments, less the start of Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.requirements import process_environment

REGION = "us-west-2"
# What the program `aws` does, once for each line of standard input. Its waiters look every second, every five or every
# thirty, as becomes AWS; what they wait for is a moment away here.
PROGRAM = """
import contextlib, io, json, sys, time
pause = time.sleep
time.sleep = lambda seconds: pause(max(seconds / 20, 0.1))
from awscli.clidriver import create_clidriver
driver = create_clidriver()
for line in sys.stdin:
    out, error = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        try:
            code = driver.main(json.loads(line))
        except SystemExit as ending:
            code = ending.code
    texts = []
    for stream in (out, error):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())
    print(json.dumps([code, *texts]), flush=True)
"""


def environment(endpoint_url: str, account: str, region: str = REGION) -> dict[str, str]:
    """Return what the CLI finds around it: the endpoint and credentials, and nothing of this machine's user."""
    return process_environment(
        AWS_ENDPOINT_URL=endpoint_url,
        AWS_ACCESS_KEY_ID=account,
        AWS_SECRET_ACCESS_KEY="local",
        AWS_DEFAULT_REGION=region,
        AWS_EC2_METADATA_DISABLED="true",
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_PROFILE=None,
        AWS_PAGER="",
        PYTHONWARNINGS="ignore",
    )


@dataclass
class AwsShell:
    """Carries out commands, in `folder`; `used` is which ones, as `lambda invoke`."""

    process: subprocess.Popen[str]
    folder: Path
    used: set[str] = field(default_factory=set)

    # Any: JSON of the command
    def __call__(self, *arguments: str, fails: bool = False, text: bool = False) -> Any:
        """Return a command's JSON, or its text; `fails=True` expects an error and returns its text."""
        self.used.add(" ".join(arguments[:2]))
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(arguments) + "\n")
        self.process.stdin.flush()
        code, out, error = json.loads(self.process.stdout.readline())
        assert bool(code) == fails, f"aws {' '.join(arguments)}:\n{out}\n{error}"
        if fails:
            return error
        return out if text else json.loads(out or "null")


@contextmanager
def aws_shell(endpoint_url: str, account: str, folder: Path, region: str = REGION) -> Iterator[AwsShell]:
    """Give a shell, which ends with the context."""
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        cwd=folder,
        env=environment(endpoint_url, account, region),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        try:
            yield AwsShell(child, folder)
        finally:
            child.kill()
