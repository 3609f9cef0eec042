"""What a creation policy waits for."""

from __future__ import annotations

import pytest

from lambent.cloud.services.cloudformation.model.creation_policy import (
    ResourceSignal,
    missing,
    outcome,
    resource_signal,
    seconds,
)
from lambent.template.document import TemplateError


@pytest.mark.parametrize(
    ("duration", "expected"), [("PT5M", 300), ("PT1H30M10S", 5410), ("PT90S", 90), ("PT12H", 43_200)]
)
def test_durations_are_read(duration: str, expected: float) -> None:
    assert seconds(duration) == expected


@pytest.mark.parametrize("duration", ["5M", "PT", "P1D", "PT5", "PT5X", ""])
def test_what_is_no_duration_is_refused(duration: str) -> None:
    with pytest.raises(TemplateError, match="Invalid Timeout"):
        seconds(duration)


def test_a_policy_says_how_many_signals_and_how_long() -> None:
    assert resource_signal({}) is None
    assert resource_signal({"ResourceSignal": {}}) == ResourceSignal(1, 300)
    assert resource_signal({"ResourceSignal": {"Count": "3", "Timeout": "PT99H"}}) == ResourceSignal(3, 43_200)
    with pytest.raises(TemplateError):
        resource_signal({"ResourceSignal": {"Count": "many"}})
    with pytest.raises(TemplateError):
        resource_signal({"ResourceSignal": "PT5M"})


def test_a_failure_ends_the_wait_and_enough_successes_do() -> None:
    assert outcome({}, 0) == ""
    assert outcome({"a": "SUCCESS"}, 2) is None
    assert outcome({"a": "SUCCESS", "b": "SUCCESS"}, 2) == ""
    assert outcome({"a": "SUCCESS", "b": "FAILURE"}, 2) == "Received FAILURE signal with UniqueId b"
    assert missing(1, 3) == "Failed to receive 2 resource signal(s) within the specified duration"
