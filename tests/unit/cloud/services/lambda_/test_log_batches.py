"""How lines are put into what CloudWatch Logs takes at once."""

from __future__ import annotations

import pytest

from lambent.cloud.services.lambda_.log_delivery import parts

LIMIT = 1_048_576  # of a batch, where each event counts 26 bytes more than its message


def test_a_batch_is_as_large_as_it_may_be() -> None:
    half = "x" * (LIMIT // 2 - 26)
    assert [len(part) for part in parts([(1, half), (2, half), (3, "y")])] == [2, 1]
    assert [len(part) for part in parts([(number, "") for number in range(10_001)])] == [10_000, 1]
    assert list(parts([])) == []


@pytest.mark.parametrize("character", ["x", "\u00e4", "\u4e2d", "\U0001f600"])
def test_a_message_that_is_too_long_goes_on_in_the_next_event(character: str) -> None:
    size = len(character.encode())
    message = character * (LIMIT * 2 // size)
    found = [line for part in parts([(7, "before"), (8, message), (9, "after")]) for line in part]
    assert [found[0], found[-1]] == [(7, "before"), (9, "after")]
    assert all(len(text.encode()) + 26 <= LIMIT for _, text in found)
    assert {timestamp for timestamp, _ in found[1:-1]} == {8}
    assert "".join(text for _, text in found[1:-1]) == message
