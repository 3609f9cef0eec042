"""How long an execution environment, and what a function keeps in it, lives: in platform time."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform, local_platform

COUNTING = zip_of(
    {"handler.py": "seen = []\ndef handler(event, context):\n    seen.append(event)\n    return len(seen)\n"}
)


@pytest.fixture(scope="module")
def virtual() -> Iterator[LocalPlatform]:
    with local_platform(virtual_time=True) as running:
        running.clock.freeze()
        yield running


def count(platform: LocalPlatform, name: str) -> int:
    found: int = json.load(platform.client("lambda").invoke(FunctionName=name)["Payload"])
    return found


def test_what_is_not_invoked_for_ten_minutes_begins_anew(virtual: LocalPlatform) -> None:
    virtual.create_function("idle", COUNTING)
    assert [count(virtual, "idle"), count(virtual, "idle")] == [1, 2]
    virtual.clock.advance(599)
    assert count(virtual, "idle") == 3
    virtual.clock.advance(600)
    assert count(virtual, "idle") == 1


def test_what_is_invoked_all_the_time_begins_anew_after_two_hours(virtual: LocalPlatform) -> None:
    virtual.create_function("busy", COUNTING)
    rounds = []
    for _ in range(30):
        rounds.append(count(virtual, "busy"))
        virtual.clock.advance(300)
    assert rounds == [*range(1, 25), *range(1, 7)]
