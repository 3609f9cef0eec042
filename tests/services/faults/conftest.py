"""What tests of faults on purpose share: a platform whose time stands still, and its faults."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Any

import pytest

from lambent.testing.platform import LocalPlatform, local_platform

Client = Any  # Any: boto3 makes its clients at run time
Answer = dict[str, Any]  # Any: JSON of /_lambent
_names = itertools.count(1)


class Faults:
    """The faults of a platform."""

    def __init__(self, platform: LocalPlatform) -> None:
        self._port = platform.port

    def begin(self, kind: str, target: str, **more: object) -> Answer:
        """Begin a fault, for five minutes unless more is said."""
        return self.tell("begin", {"kind": kind, "target": target, **more})

    def refusal(self, kind: str, target: str, **more: object) -> str:
        """Return what the platform says that does not begin a fault."""
        status, answer = self._ask("POST", "faults/begin", {"kind": kind, "target": target, **more})
        assert status in {400, 404}
        return f"{answer['message']} {answer['advice']}".strip()

    def clear(self, what: str | None = None) -> None:
        """End the faults of a target, a fault by its id, or all."""
        self.tell("clear", {} if what is None else {"what": what})

    def struck(self) -> dict[str, int]:
        """Return how often each kind of fault has struck."""
        return {each["kind"]: each["strikes"] for each in self._ask("GET", "faults")[1]["faults"]}

    def tell(self, action: str, body: Answer) -> Answer:
        """Have the platform do something."""
        status, answer = self._ask("POST", f"faults/{action}", body)
        assert status == HTTPStatus.OK, answer
        return answer

    def _ask(self, method: str, path: str, body: Answer | None = None) -> tuple[int, Answer]:
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=30)) as connection:
            connection.request(method, f"/_lambent/{path}", None if body is None else json.dumps(body))
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())


@pytest.fixture(scope="package")
def world() -> Iterator[LocalPlatform]:
    """A platform that all tests of faults share; each has things of its own."""
    with local_platform(virtual_time=True) as running:
        running.clock.freeze()
        yield running


@pytest.fixture
def faults(world: LocalPlatform) -> Iterator[Faults]:
    """The platform's faults, all of which end with the test."""
    found = Faults(world)
    yield found
    found.clear()


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"faulty-{next(_names)}"
