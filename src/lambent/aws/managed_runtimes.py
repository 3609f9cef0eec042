"""The runtimes of Lambda Managed Instances, and how many requests each serves at once.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-runtimes.html
"""

from __future__ import annotations

import re
from typing import Final

_RUNTIMES = re.compile(
    r"(python3\.1[3-9]|nodejs(2[2-9]|[3-9]\d)\.x|java(2[1-9]|[3-9]\d)|dotnet(8|[1-9]\d)|provided\.al2023)\Z"
)
# Requests at once for each vCPU where nothing is said, by language.
_CONCURRENCY_PER_VCPU: Final = {"python": 16, "nodejs": 64, "java": 32, "dotnet": 32, "provided": 8}


def runs_on_managed_instances(runtime: str) -> bool:
    """Return whether managed instances have a runtime.

    >>> runs_on_managed_instances("python3.13"), runs_on_managed_instances("python3.12")
    (True, False)
    """
    return _RUNTIMES.match(runtime) is not None


def concurrency_per_vcpu(runtime: str) -> int:
    """Return how many requests a vCPU serves at once by default, for a runtime or its language.

    >>> [concurrency_per_vcpu(name) for name in ("python3.13", "nodejs", "provided.al2023", "ruby3.4")]
    [16, 64, 8, 16]
    """
    return next((most for name, most in _CONCURRENCY_PER_VCPU.items() if runtime.startswith(name)), 16)
