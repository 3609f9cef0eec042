"""What memory brings in CPU."""

from __future__ import annotations

import pytest

from lambent.dataplane.sandbox.cpu_share import PERIOD_US, quota_us


@pytest.mark.parametrize(
    ("memory_mb", "cpus"),
    [(128, 0.0724), (442, 0.25), (1769, 1.0), (3008, 1.7), (10_240, 5.788)],
)
def test_a_cpu_belongs_to_1769_mb_and_more_or_less_in_proportion(memory_mb: int, cpus: float) -> None:
    quota = quota_us(memory_mb, 64)
    assert quota is not None
    assert quota / PERIOD_US == pytest.approx(cpus, rel=0.01)


def test_what_the_machine_does_not_have_is_no_limit() -> None:
    assert quota_us(3538, 2) is None
    assert quota_us(3537, 2) is not None
    assert quota_us(10_240, 4) is None


def test_the_least_quota_that_the_kernel_takes_is_kept() -> None:
    assert quota_us(1, 2) == 1000
