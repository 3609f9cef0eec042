"""What is made ready only when somebody first uses it, and that its first users cannot tell."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest

from lambent.assembly import Platform
from lambent.cloud.framework.registry import Deferral
from lambent.cloud.framework.service import Service
from lambent.testing.platform import LocalPlatform, local_platform

_WAITING = {
    "sqs",
    "dynamodb",
    "dynamodbstreams",
    "sns",
    "cloudwatch",
    "ec2",
    "events",
    "s3",
    "cloudformation",
    "scheduler",
}
_HEAVY = {"botocore", "boto3", "cryptography", "email", "http.client", "multiprocessing", "pydantic", "xml.etree"}


@pytest.fixture(scope="module")
def fresh() -> Iterator[LocalPlatform]:
    with local_platform() as platform:
        yield platform


async def _parts(platform: Platform) -> list[Service | Deferral]:
    return list(platform.registry.parts)


def _asleep(platform: LocalPlatform) -> set[str]:
    parts = platform.on_loop(_parts)
    return {name for part in parts if isinstance(part, Deferral) for name in part.names}


def _asked(platform: LocalPlatform, method: str, path: str) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", platform.port, timeout=10)
    with closing(connection):
        connection.request(method, path, body=b"{}" if method == "PUT" else None)
        answer = connection.getresponse()
        return answer.status, answer.read()


def _kinds(platform: Platform) -> Mapping[str, object]:
    """Return what a registry answers besides operations, without who answers."""
    registry = platform.registry
    return {
        "doors": [(door.name, door.open_to_browsers, door.streams is None) for door in registry.front_doors()],
        "routes": [(route.method, route.path) for route in registry.routes()],
        "views": {name: view() for name, view in registry.views().items()},
        "names": registry.names(),
    }


def test_services_wait_to_be_used_and_their_first_users_all_at_once_find_one(fresh: LocalPlatform) -> None:
    assert "s3" in _asleep(fresh)
    buckets = fresh.client("s3")
    names = [f"first-{number}" for number in range(8)]

    def use(name: str) -> Any:  # Any: as boto3
        buckets.create_bucket(Bucket=name)
        return buckets.put_object(Bucket=name, Key="k", Body=b"x" * 100_000)["ResponseMetadata"]["HTTPStatusCode"]

    with ThreadPoolExecutor(len(names)) as users:
        assert list(users.map(use, names)) == [200] * len(names)
    assert [bucket["Name"] for bucket in buckets.list_buckets()["Buckets"]] == names
    # One that nobody has signed for names its bucket in the path, which the service alone knows.
    status, body = _asked(fresh, "GET", f"/{names[0]}/k")
    assert (status, b"AccessDenied" in body) == (403, True)
    assert "s3" not in _asleep(fresh)


def test_a_visit_wakes_the_service_that_it_is_for(fresh: LocalPlatform) -> None:
    assert _asked(fresh, "GET", "/SimpleNotificationService-0.pem")[0] == 404
    assert _asked(fresh, "PUT", "/_lambent/cloudformation/responses/0")[0] == 403
    assert _asleep(fresh).isdisjoint({"sns", "cloudformation"})


def test_what_a_waiting_service_answers_is_what_it_will() -> None:
    async def before_and_after(platform: Platform) -> tuple[object, object]:
        before = _kinds(platform)
        for name in platform.registry.names():
            await platform.registry.wake(name)
        return before, _kinds(platform)

    with local_platform() as platform:
        assert _asleep(platform) == _WAITING
        before, after = platform.on_loop(before_and_after)
        assert before == after
        assert _asleep(platform) == set()


def test_a_start_imports_neither_services_that_wait_nor_what_is_heavy() -> None:
    program = "import sys, lambent.cli.commands.start, lambent.assembly.services; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    waiting = {f"lambent.cloud.services.{name}.service" for name in _WAITING}
    waiting |= {"lambent.cloud.services.lambda_.event_sources", "lambent.aws.event_pattern"}
    assert "lambent.cloud.services.lambda_.service" in loaded
    assert loaded.isdisjoint(waiting | _HEAVY)
