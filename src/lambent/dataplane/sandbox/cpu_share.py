"""How much CPU an environment may use in its invoke phase: in proportion to its memory, as in AWS; pure.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
"""

from __future__ import annotations

from typing import Final

from lambent.aws.quotas import MEMORY_MB_PER_VCPU

PERIOD_US: Final = 20_000
"""How often an environment gets its share anew.

Measured at 128 MB: with 20 ms a loop gets 0.0729 of a CPU and with 100 ms 0.0771, for 0.0724 wanted; 5 ms of work take
48 ms and 9 ms, for 69 wanted. The share of the smallest function in 20 ms, 1.4 ms, is above the kernel's least quota.
"""
_LEAST_QUOTA_US: Final = 1000


def quota_us(memory_mb: int, cpus: int, vcpus: float | None = None) -> int | None:
    """Return the CPU time in microseconds per period, over all CPUs; None where the machine has no more to give.

    A function on Managed Instances says by itself how many vCPUs come with its memory.

    >>> quota_us(1769, 4), quota_us(128, 4), quota_us(3538, 2), quota_us(8192, 4, vcpus=1.0)
    (20000, 1447, None, 20000)
    """
    quota = round(PERIOD_US * (memory_mb / MEMORY_MB_PER_VCPU if vcpus is None else vcpus))
    return None if quota >= PERIOD_US * cpus else max(quota, _LEAST_QUOTA_US)
