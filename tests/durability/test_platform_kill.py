"""A whole platform, killed under load: what it had acknowledged is there when it is started again, and nothing else."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError

from lambent.base.identifiers import SeededIds
from lambent.testing.builders import ROLE, create_function, zip_of
from lambent.testing.clients import Clients
from tests.requirements import process_environment

pytestmark = [
    pytest.mark.timeout(280),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for what is left in Linux's /proc and /sys"),
]

ROUNDS = int(process_environment().get("ROUNDS", "2"))
READY_S = 10.0
CODE = zip_of({"handler.py": "def handler(event, context):\n    return event\n"})
# It leaves its mark in another service, so that its having run does not hang on the delivery of its output.
MARKING = """
import boto3
logs = boto3.client("logs")
def handler(event, context):
    try:
        logs.create_log_group(logGroupName=f"/ran/{event['number']}")
    except logs.exceptions.ResourceAlreadyExistsException:
        pass
"""


@dataclass
class Running:
    """A platform in a process of its own."""

    process: subprocess.Popen[str]
    clients: Clients
    ready_s: float

    def client(self, service: str) -> Any:  # Any: as boto3
        return self.clients.get(service)


@contextmanager
def running(data: Path, port: int) -> Iterator[Running]:
    """Start a platform as its users do; it is killed at the end if it still runs."""
    command = [sys.executable, "-m", "lambent", "start", "--data", str(data), "--port", str(port), "--json"]
    began = time.perf_counter()
    with (data.parent / "platform.log").open("a") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    clients = Clients(f"http://127.0.0.1:{port}")
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, (data.parent / "platform.log").read_text()
        assert json.loads(first)["port"] == port
        yield Running(process, clients, time.perf_counter() - began)
    finally:
        clients.close()
        process.kill()
        process.communicate(timeout=20)


def descendants(parent: int) -> set[tuple[int, str]]:
    """Every process below `parent`, by process id and the moment it started."""
    below: dict[int, list[tuple[int, str]]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        found = _parent_and_start(folder)
        if found is not None:
            below.setdefault(found[0], []).append((int(folder.name), found[1]))
    seen: set[tuple[int, str]] = set()
    waiting = [parent]
    while waiting:
        for child in below.get(waiting.pop(), []):
            seen.add(child)
            waiting.append(child[0])
    return seen


def _parent_and_start(folder: Path) -> tuple[int, str] | None:
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended
        return None
    return None if fields[0] == "Z" else (int(fields[1]), fields[19])


def still_there(processes: set[tuple[int, str]]) -> set[tuple[int, str]]:
    alive = set()
    for pid, started in processes:
        found = _parent_and_start(Path(f"/proc/{pid}"))
        if found is not None and found[1] == started:
            alive.add((pid, started))
    return alive


def eventually(holds: Callable[[], bool], patience_s: float) -> bool:
    """Whether something comes to hold in time."""
    pause = threading.Event()
    deadline = time.perf_counter() + patience_s
    while not holds():
        if time.perf_counter() > deadline:
            return False
        pause.wait(0.1)
    return True


@dataclass
class Load:
    """Clients of every kind at once; what was acknowledged is kept by kind, across all rounds."""

    acknowledged: dict[str, set[int]] = field(default_factory=lambda: {kind: set() for kind in ACTIONS})
    next_number: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def total(self) -> int:
        return sum(len(numbers) for numbers in self.acknowledged.values())

    def run_until_killed(self, platform: Running, kill_after: int) -> None:
        """Load the platform with every kind of action and kill it after that many acknowledgements."""
        wanted = self.total() + kill_after
        gone = threading.Event()
        with ThreadPoolExecutor(len(ACTIONS)) as threads:
            for kind in ACTIONS:
                platform.client(SERVICES[kind])  # made here: boto3 may not make clients in several threads at once
            working = [threads.submit(self._work, kind, platform, gone) for kind in ACTIONS]
            reached = eventually(lambda: self.total() >= wanted, 60)
            platform.process.send_signal(signal.SIGKILL)
            gone.set()
        for each in working:
            each.result()
        assert reached

    def _work(self, kind: str, platform: Running, gone: threading.Event) -> None:
        client = platform.client(SERVICES[kind])
        while not gone.is_set():
            with self._lock:
                number = self.next_number
                self.next_number += 1
            try:
                ACTIONS[kind](client, number)
            except BotoCoreError:  # the connection broke: this one was not acknowledged
                assert gone.wait(5), f"{kind} lost its connection before the platform was killed"
                return
            self.acknowledged[kind].add(number)


def create(functions: Any, number: int) -> None:  # Any: a boto3 client, as below
    role = f"arn:aws:iam::000000000000:role/{ROLE}"
    functions.create_function(
        FunctionName=f"f{number}", Runtime="python3.13", Handler="handler.handler", Role=role, Code={"ZipFile": CODE}
    )


def put_policy(iam: Any, number: int) -> None:  # Any: a boto3 client
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::b/{number}"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=ROLE, PolicyName=f"p{number % 20}", PolicyDocument=document)
    iam.tag_role(RoleName=ROLE, Tags=[{"Key": "latest", "Value": str(number)}])


def create_group(logs: Any, number: int) -> None:  # Any: a boto3 client
    logs.create_log_group(logGroupName=f"/made/{number}")


def send_event(functions: Any, number: int) -> None:  # Any: a boto3 client
    functions.invoke(FunctionName="marking", InvocationType="Event", Payload=json.dumps({"number": number}))


def put_object(s3: Any, number: int) -> None:  # Any: a boto3 client
    s3.put_object(Bucket="kept", Key=str(number), Body=str(number).encode() * 100)


ACTIONS: dict[str, Callable[[Any, int], None]] = {  # Any: a boto3 client
    "function": create,
    "policy": put_policy,
    "group": create_group,
    "event": send_event,
    "object": put_object,
}
SERVICES = {"function": "lambda", "policy": "iam", "group": "logs", "event": "lambda", "object": "s3"}


def names(client: Any, operation: str, members: str, name: str, **parameters: str) -> set[str]:  # Any: a boto3 client
    """Every name in a listing of pages."""
    pages = client.get_paginator(operation).paginate(**parameters)
    return {each[name] for page in pages for each in page.get(members, [])}


def lost(platform: Running, load: Load) -> list[str]:
    """Whatever was acknowledged and is not there."""
    logs, iam, s3 = (platform.client(name) for name in ("logs", "iam", "s3"))
    functions = names(platform.client("lambda"), "list_functions", "Functions", "FunctionName")
    made = names(logs, "describe_log_groups", "logGroups", "logGroupName", logGroupNamePrefix="/made/")
    objects = names(s3, "list_objects_v2", "Contents", "Key", Bucket="kept")
    there = {
        "function": {number for number in load.acknowledged["function"] if f"f{number}" in functions},
        "group": {number for number in load.acknowledged["group"] if f"/made/{number}" in made},
        "object": {number for number in load.acknowledged["object"] if str(number) in objects},
    }
    missing = [f"{kind} {number}" for kind in there for number in sorted(load.acknowledged[kind] - there[kind])]
    for number in sorted(load.acknowledged["object"])[-5:]:
        if s3.get_object(Bucket="kept", Key=str(number))["Body"].read() != str(number).encode() * 100:
            missing.append(f"the content of object {number}")
    return missing + _lost_policies(iam, load.acknowledged["policy"])


def _lost_policies(iam: Any, acknowledged: set[int]) -> list[str]:  # Any: a boto3 client
    if not acknowledged:
        return []
    last: dict[str, int] = {}
    for number in sorted(acknowledged):
        last[f"p{number % 20}"] = number
    missing = []
    for name, number in last.items():
        document = iam.get_role_policy(RoleName=ROLE, PolicyName=name)["PolicyDocument"]
        found = int(document["Statement"][0]["Resource"].rpartition("/")[2])
        if found < number:  # a later one may have been written whose answer the kill cut off
            missing.append(f"policy {number}: {found} is there")
    (tag,) = iam.list_role_tags(RoleName=ROLE)["Tags"]
    return missing if int(tag["Value"]) >= max(acknowledged) else [*missing, "the tag of the last policy"]


def what_a_platform_left(pid: int, data: Path) -> list[str]:
    """Control groups and mounts of a platform that has ended."""
    groups = [str(path) for path in Path("/sys/fs/cgroup").rglob(f"lambent-{pid}-*")]
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(data) in line]
    return groups + mounts


def test_killing_a_platform_under_load_loses_nothing_and_leaves_nothing(tmp_path: Path, free_port: int) -> None:
    data, load, chance = tmp_path / "data", Load(), SeededIds(5)
    with running(data, free_port) as platform:
        create_function(platform.client("lambda"), platform.client("iam"), "marking", zip_of({"handler.py": MARKING}))
        platform.client("s3").create_bucket(Bucket="kept")
        platform.process.terminate()
        platform.process.wait(20)
    for _ in range(ROUNDS):
        with running(data, free_port) as platform:
            load.run_until_killed(platform, kill_after=20 + int(chance.fraction() * 300))
            ended = platform.process.pid
        with running(data, free_port) as again:
            print(f"{load.total()} acknowledged; ready {1000 * again.ready_s:.0f} ms after a kill")
            assert again.ready_s < READY_S
            assert lost(again, load) == []
            assert what_a_platform_left(ended, data) == []
            logs = again.client("logs")

            def all_ran() -> bool:
                ran = names(logs, "describe_log_groups", "logGroups", "logGroupName", logGroupNamePrefix="/ran/")
                return {f"/ran/{number}" for number in load.acknowledged["event"]} <= ran

            assert eventually(all_ran, 60), "an accepted event never ran"


def test_a_killed_platform_takes_its_processes_with_it(tmp_path: Path, free_port: int) -> None:
    with running(tmp_path / "data", free_port) as platform:
        functions = platform.client("lambda")
        create_function(functions, platform.client("iam"), "f", CODE)
        functions.invoke(FunctionName="f")
        platform.client("sqs").create_queue(QueueName="q")
        below = descendants(platform.process.pid)
        words = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid, _ in below]
        assert any(b"lambent.cloud.bridge.moto" in each for each in words)
        assert len(below) >= 3  # moto, a fork server, an environment
        platform.process.kill()
        platform.process.wait(20)
        assert eventually(lambda: not still_there(below), 10), f"still there: {still_there(below)}"


def test_requests_during_the_start_of_moto_wait_for_nothing(tmp_path: Path, free_port: int) -> None:
    with running(tmp_path / "data", free_port) as platform:
        functions, queues = platform.client("lambda"), platform.client("sqs")
        create_function(functions, platform.client("iam"), "f", CODE)
        functions.invoke(FunctionName="f")
        with ThreadPoolExecutor(1) as background:
            first = background.submit(queues.create_queue, QueueName="q")
            took = []
            while not first.done():
                began = time.perf_counter()
                functions.invoke(FunctionName="f")
                took.append(time.perf_counter() - began)
            assert first.result()["QueueUrl"].endswith("/q")
        assert len(took) >= 10
        print(f"{len(took)} invocations while moto started, the slowest in {1000 * max(took):.0f} ms")
        assert sorted(took)[len(took) // 2] < 0.1
