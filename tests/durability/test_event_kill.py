"""Events accepted at full speed by a platform that is killed: each of them runs after all, or lies in its queue.

`ROUNDS=20` is the long form.
"""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from lambent.base.identifiers import SystemIds
from lambent.testing.clients import Clients
from tests.durability.collecting import PACKAGE, Collector, collecting
from tests.durability.test_platform_kill import TRUST, platform
from tests.requirements import ROOT, process_environment, require_tool
from tests.waiting import eventually

ROUNDS = int(process_environment().get("ROUNDS", "2"))
PATIENCE_S = 40.0 + 10 * ROUNDS
PER_SECOND = {"telling": 2000, "failing": 50}
AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host"


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The load generator of the benchmarks."""
    program = tmp_path_factory.mktemp("rate") / "rate"
    command = [str(require_tool("cc")), "-O2", "-o", str(program), str(ROOT / "bench" / "rate.c")]
    subprocess.run(command, check=True, timeout=50)
    return program


def make_functions(clients: Clients, collector: Collector) -> str:
    """Make a function that tells its request ids, and one that fails and leads to a queue; return the queue's URL."""
    iam, queues, functions = (clients.get(name) for name in ("iam", "sqs", "lambda"))
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    url: str = queues.create_queue(QueueName="letters")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName="r", PolicyName="letters", PolicyDocument=document)
    targets: Mapping[str, Mapping[str, object]] = {"telling": {}, "failing": {"DeadLetterConfig": {"TargetArn": arn}}}
    for name, target in targets.items():
        functions.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=role,
            Handler=f"{name}.handler",
            Code={"ZipFile": PACKAGE},
            Environment={"Variables": {"COLLECTOR": str(collector.port)}},
            **target,
        )
        functions.get_waiter("function_active_v2").wait(
            FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 200}
        )
    functions.put_function_event_invoke_config(FunctionName="failing", MaximumRetryAttempts=0)
    return url


def send_until_killed(generator: Path, child: subprocess.Popen[bytes], port: int, folder: Path) -> dict[str, set[str]]:
    """Send events to both functions, kill the platform at some moment; return the ids of those it accepted."""
    senders, told = [], [folder / f"{name}.ids" for name in PER_SECOND]
    for name, per_second in PER_SECOND.items():
        request, ids = folder / f"{name}.request", folder / f"{name}.ids"
        ids.write_bytes(b"")
        lines = [
            f"POST /2015-03-31/functions/{name}/invocations HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            f"Authorization: {AUTHORIZATION}, Signature=0",
            "X-Amz-Invocation-Type: Event",
            "Content-Length: 2",
        ]
        request.write_text("\r\n".join([*lines, "", "{}"]), encoding="ascii", newline="")
        command = [str(generator), str(port), "32", str(per_second), "60", str(request), str(ids)]
        senders.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
    eventually(lambda: all(ids.stat().st_size for ids in told))
    threading.Event().wait(SystemIds().fraction())
    child.send_signal(signal.SIGKILL)
    child.wait()
    for sender in senders:
        assert sender.wait(20) == 0
    return {name: set((folder / f"{name}.ids").read_text(encoding="ascii").split()) for name in PER_SECOND}


def read_letters(clients: Clients, url: str, received: set[str]) -> set[str]:
    """Add what some of the queue's messages tell of, and return all that was received so far."""
    answer = clients.get("sqs").receive_message(
        QueueUrl=url, MessageAttributeNames=["RequestID"], MaxNumberOfMessages=10, VisibilityTimeout=300
    )
    for message in answer.get("Messages", []):
        received.add(message["MessageAttributes"]["RequestID"]["StringValue"])
    return received


@contextmanager
def running(data: Path, port: int) -> Iterator[tuple[subprocess.Popen[bytes], Clients]]:
    """Run a platform, and have clients of it."""
    with platform(data, port) as child:
        clients = Clients(f"http://127.0.0.1:{port}")
        try:
            yield child, clients
        finally:
            clients.close()


def await_all(missing: Callable[[], set[str]]) -> None:
    """Wait until nothing is missing any more."""
    deadline = time.monotonic() + PATIENCE_S
    while lost := missing():
        assert time.monotonic() < deadline, f"{len(lost)} were lost, such as {sorted(lost)[:5]}"


@pytest.mark.timeout(120 + 30 * ROUNDS)
def test_every_event_that_a_killed_platform_accepted_runs_or_lies_in_its_queue(
    generator: Path, tmp_path: Path, free_port: int
) -> None:
    accepted: dict[str, set[str]] = {name: set() for name in PER_SECOND}
    received: set[str] = set()
    with collecting() as collector:
        url = ""
        for _ in range(ROUNDS):
            with running(tmp_path / "data", free_port) as (child, clients):
                url = url or make_functions(clients, collector)
                for name, ids in send_until_killed(generator, child, free_port, tmp_path).items():
                    accepted[name] |= ids
        with running(tmp_path / "data", free_port) as (_, clients):
            await_all(lambda: accepted["telling"] - collector.told)
            await_all(lambda: accepted["failing"] - read_letters(clients, url, received))
