"""A whole platform under load, killed at a random moment: what it acknowledged is there when it starts again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from lambent.base.identifiers import SystemIds
from lambent.cli.connection import health
from lambent.testing.builders import zip_of
from lambent.testing.clients import Clients
from tests.requirements import process_environment

ROUNDS = int(process_environment().get("ROUNDS", "2"))
RESTART_S = 30.0  # generous: a busy machine starts Python slowly; what is promised is measured by `make bench`
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
# A function's log lines are not promised, so the sink leaves a mark that is: a log group, made through the platform.
# Not by boto3, whose import would be the better part of a short run.
SINK = """
import json, os, urllib.error, urllib.request

def handler(event, context):
    scope = os.environ["AWS_ACCESS_KEY_ID"] + "/20260101/us-east-1/logs/aws4_request"
    request = urllib.request.Request(
        os.environ["AWS_ENDPOINT_URL"],
        json.dumps({"logGroupName": "handled/" + event}).encode(),
        {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "Logs_20140328.CreateLogGroup",
            "X-Amz-Security-Token": os.environ["AWS_SESSION_TOKEN"],
            "Authorization": "AWS4-HMAC-SHA256 Credential=%s, SignedHeaders=host, Signature=0" % scope,
        },
    )
    try:
        urllib.request.urlopen(request).read()
    except urllib.error.HTTPError as error:
        if b"ResourceAlreadyExistsException" not in error.read():
            raise
"""
PACKAGE = zip_of({"handler.py": SINK})


@contextmanager
def platform(data: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a platform on a data directory; it is killed at the end unless it has ended."""
    command = [sys.executable, "-m", "lambent", "start", "--data", str(data), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        try:
            deadline = time.monotonic() + RESTART_S
            while health(port) is None:
                assert child.poll() is None, "the platform did not start"
                assert time.monotonic() < deadline, "the platform was not ready in time"
            yield child
        finally:
            child.kill()


def keep_writing(write: Callable[[int], str], acknowledged: list[str], stopped: threading.Event) -> None:
    """Write one thing after another and note each that was acknowledged, until the platform is gone."""
    number = 0
    while not stopped.is_set():
        number += 1
        try:
            acknowledged.append(write(number))
        except (BotoCoreError, ClientError):
            return


class Load:
    """Five kinds of writes at once, in names of this round; each list holds what was acknowledged."""

    def __init__(self, clients: Clients, role: str, tag: str) -> None:
        self.roles: list[str] = []
        self.groups: list[str] = []
        self.functions: list[str] = []
        self.objects: list[str] = []
        self.events: list[str] = []
        self._stopped = threading.Event()
        iam, logs, functions, s3, events = (clients.get(name) for name in ("iam", "logs", "lambda", "s3", "lambda"))

        def make_role(number: int) -> str:
            name: str = iam.create_role(RoleName=f"{tag}-{number}", AssumeRolePolicyDocument=TRUST)["Role"]["RoleName"]
            return name

        def make_group(number: int) -> str:
            logs.create_log_group(logGroupName=f"{tag}-{number}")
            return f"{tag}-{number}"

        def make_function(number: int) -> str:
            name: str = functions.create_function(
                FunctionName=f"{tag}-{number}",
                Runtime="python3.11",
                Role=role,
                Handler="handler.handler",
                Code={"ZipFile": PACKAGE},
            )["FunctionName"]
            return name

        def put_object(number: int) -> str:
            # Small ones stand in the database, others in files.
            s3.put_object(Bucket="kept", Key=f"{tag}-{number}", Body=os.urandom(64 if number % 2 else 20_000))
            return f"{tag}-{number}"

        def send_event(number: int) -> str:
            events.invoke(FunctionName="sink", InvocationType="Event", Payload=json.dumps(f"{tag}-{number}"))
            return f"{tag}-{number}"

        pairs = [
            (make_role, self.roles),
            (make_group, self.groups),
            (make_function, self.functions),
            (put_object, self.objects),
            (send_event, self.events),
        ]
        self._threads = [threading.Thread(target=keep_writing, args=(*pair, self._stopped)) for pair in pairs]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Wait for the writers, which end when the platform does."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()


def check(clients: Clients, load: Load) -> None:
    """Find everything that was acknowledged."""
    iam, logs, functions, s3 = (clients.get(name) for name in ("iam", "logs", "lambda", "s3"))
    roles = {role["RoleName"] for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"]}
    assert set(load.roles) <= roles
    pages = logs.get_paginator("describe_log_groups").paginate()
    assert set(load.groups) <= {group["logGroupName"] for page in pages for group in page["logGroups"]}
    for name in load.functions:
        functions.get_waiter("function_active_v2").wait(
            FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 200}
        )
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="kept")
    assert set(load.objects) <= {entry["Key"] for page in pages for entry in page.get("Contents", [])}
    for key in load.objects[-20:]:
        got = s3.get_object(Bucket="kept", Key=key)
        assert f'"{md5(got["Body"].read(), usedforsecurity=False).hexdigest()}"' == got["ETag"]
    await_handled(logs, set(load.events))


def await_handled(logs: Any, sent: set[str]) -> None:  # Any: boto3's clients are classes made at run time
    """Wait until the sink has left its mark for every event that was accepted."""
    deadline = time.monotonic() + 45
    handled: set[str] = set()
    while not sent <= handled:
        assert time.monotonic() < deadline, f"never handled: {sorted(sent - handled)[:5]}"
        pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix="handled/")
        handled = {group["logGroupName"].removeprefix("handled/") for page in pages for group in page["logGroups"]}


@pytest.mark.timeout(60 + 60 * ROUNDS)
def test_what_a_killed_platform_acknowledged_is_there_when_it_starts_again(tmp_path: Path, free_port: int) -> None:
    chance = SystemIds()  # any moment will do, and no two runs should share theirs
    data, load = tmp_path / "data", None
    for round_number in range(ROUNDS + 1):
        with platform(data, free_port) as child:
            clients = Clients(f"http://127.0.0.1:{free_port}")
            try:
                if load is None:
                    role = clients.get("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
                    clients.get("s3").create_bucket(Bucket="kept")
                    clients.get("lambda").create_function(
                        FunctionName="sink", Runtime="python3.11", Role=role, Handler="handler.handler",
                        Code={"ZipFile": PACKAGE},
                    )  # fmt: skip
                    clients.get("lambda").get_waiter("function_active_v2").wait(
                        FunctionName="sink", WaiterConfig={"Delay": 0.05, "MaxAttempts": 200}
                    )
                else:
                    check(clients, load)
                if round_number == ROUNDS:
                    return
                load = Load(clients, role, f"round{round_number}")
                threading.Event().wait(0.3 + 1.2 * chance.fraction())
                child.send_signal(signal.SIGKILL)
                child.wait()
                load.end()
                assert load.roles
                assert load.functions
                assert load.events
            finally:
                clients.close()
