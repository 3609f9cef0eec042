"""`lambent replay --recorded`: what a function was asked for is replayed as it came."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from tests.journeys.commands import Commands
from tests.waiting import eventually


@pytest.fixture(scope="module")
def platform() -> Iterator[LocalPlatform]:
    """A platform with a function that has been invoked."""
    with local_platform() as running:
        running.create_function("echo", zip_of({"handler.py": "def handler(e, c): return e\n"}))
        functions = running.client("lambda")
        for _ in range(30):
            functions.invoke(FunctionName="echo", Payload=b"{}")
        yield running


def test_what_was_recorded_of_a_function_is_replayed(lambent: Commands) -> None:
    def told() -> dict[str, object] | None:
        found: dict[str, object] = lambent.told("replay", "echo", "--recorded", "1h", "--warm-up", "0s", "--json")
        return found if found["requests"] == 30 else None

    found = eventually(told)
    assert str(found["traffic"]).startswith("measured: ")
    assert found["throttles"] == {}
    assert found["peak_instances"] == 3
    # Its own duration stands, since none was given.
    assert isinstance(found["p50_s"], float)
    assert 0.0 <= found["p50_s"] < 1.0


def test_a_function_that_is_not_there_has_nothing_to_replay(lambent: Commands) -> None:
    done = lambent.run("replay", "nobody", "--recorded", "1h", expect=1)
    assert "nobody" in done.stderr
