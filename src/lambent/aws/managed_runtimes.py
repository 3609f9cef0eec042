"""The runtimes of Lambda Managed Instances.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-runtimes.html
"""

from __future__ import annotations

import re

_RUNTIMES = re.compile(
    r"(python3\.1[3-9]|nodejs(2[2-9]|[3-9]\d)\.x|java(2[1-9]|[3-9]\d)|dotnet(8|[1-9]\d)|provided\.al2023)\Z"
)


def runs_on_managed_instances(runtime: str) -> bool:
    """Return whether managed instances have a runtime.

    >>> runs_on_managed_instances("python3.13"), runs_on_managed_instances("python3.12")
    (True, False)
    """
    return _RUNTIMES.match(runtime) is not None
