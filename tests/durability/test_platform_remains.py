"""What a killed platform leaves: all that it acknowledged, and no process, control group or mount."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lambent.testing.builders import ROLE, create_function, zip_of
from lambent.testing.clients import Clients

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for what is left in Linux's /proc and /sys"),
]

READY_S = 30.0  # as in test_platform_kill: a busy machine starts Python slowly; the promise is measured by `make bench`
CODE = zip_of({"handler.py": "def handler(event, context):\n    return event\n"})


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


def what_a_platform_left(pid: int, data: Path) -> list[str]:
    """Control groups and mounts of a platform that has ended."""
    groups = [str(path) for path in Path("/sys/fs/cgroup").rglob(f"lambent-{pid}-*")]
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(data) in line]
    return groups + mounts


def test_a_killed_platform_takes_its_processes_with_it_and_is_found_whole_again(tmp_path: Path, free_port: int) -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    with running(tmp_path / "data", free_port) as platform:
        functions, iam, s3, kms = (platform.client(name) for name in ("lambda", "iam", "s3", "kms"))
        create_function(functions, iam, "f", CODE)
        functions.invoke(FunctionName="f")
        iam.put_role_policy(RoleName=ROLE, PolicyName="p", PolicyDocument=json.dumps(document))
        s3.create_bucket(Bucket="kept")
        s3.put_object(Bucket="kept", Key="k", Body=b"content")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        below = descendants(platform.process.pid)
        words = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid, _ in below]
        assert any(b"lambent.cloud.bridge.moto" in each for each in words)
        assert len(below) >= 3  # moto, a fork server, an environment
        platform.process.kill()
        platform.process.wait(20)
        assert eventually(lambda: not still_there(below), 10), f"still there: {still_there(below)}"
    with running(tmp_path / "data", free_port) as again:
        logging.getLogger(__name__).info("ready %.0f ms after a kill", 1000 * again.ready_s)
        assert again.ready_s < READY_S
        assert what_a_platform_left(platform.process.pid, tmp_path / "data") == []
        assert again.client("iam").get_role_policy(RoleName=ROLE, PolicyName="p")["PolicyDocument"] == document
        assert again.client("s3").get_object(Bucket="kept", Key="k")["Body"].read() == b"content"
        assert again.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyId"] == key
        assert json.loads(again.client("lambda").invoke(FunctionName="f", Payload="5")["Payload"].read()) == 5


def test_invocations_do_not_wait_while_moto_starts(tmp_path: Path, free_port: int) -> None:
    with running(tmp_path / "data", free_port) as platform:
        functions, keys = platform.client("lambda"), platform.client("kms")
        create_function(functions, platform.client("iam"), "f", CODE)
        functions.invoke(FunctionName="f")
        with ThreadPoolExecutor(1) as background:
            first = background.submit(keys.create_key)
            took = []
            while not first.done():
                began = time.perf_counter()
                functions.invoke(FunctionName="f")
                took.append(time.perf_counter() - began)
            assert first.result()["KeyMetadata"]["Enabled"]
        assert len(took) >= 10
        assert sorted(took)[len(took) // 2] < 0.1
