"""Requests made from Lambda's service model: some thousands of what `make fuzz` sends by the hundred thousand."""

from __future__ import annotations

import pytest

from lambent.testing.platform import LocalPlatform
from tests.generated.campaign import Campaign

# The same in every run: what other seeds find belongs into a test of its own, or under `make fuzz`.
_SEEDS = (11, 12)
_REQUESTS = 1500


@pytest.mark.parametrize("seed", _SEEDS)
def test_requests_are_answered_as_the_model_has_it_and_refused_ones_change_nothing(
    platform: LocalPlatform, account: str, seed: int
) -> None:
    result = Campaign(platform, account, seed).run(_REQUESTS)
    assert not result.findings, f"make fuzz FUZZ_FLAGS='--seed {seed} --requests {_REQUESTS} --pinpoint'\n{result}"
    assert result.reached.total() > _REQUESTS / 20
