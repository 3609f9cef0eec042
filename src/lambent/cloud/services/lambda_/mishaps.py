"""Faults on purpose that strike invocations of a function, whoever makes them."""

from __future__ import annotations

from functools import partial
from typing import Final

import orjson

from lambent.cloud.framework.faults.kind import FaultKind
from lambent.cloud.framework.faults.strikes import Strikes
from lambent.dataplane import Mishap, ReportedError

ERROR_TYPE: Final = "Lambent.InjectedFault"
"""The type of the error that strikes; that of AWS's extension is not documented."""


def mishap_of(strikes: Strikes, function_arn: str, invoked_arn: str, request_id: str) -> Mishap | None:
    """Return what befalls an invocation of a function, by the function or the alias or version that was invoked."""
    targets = (function_arn,) if invoked_arn == function_arn else (function_arn, invoked_arn)
    latency = strikes.strike(FaultKind.LATENCY, *targets)
    error = strikes.strike(FaultKind.ERROR, *targets)
    # The handler of one that is answered with an error does not run, and nothing is there to be killed.
    crash = None if error is not None else strikes.chosen(FaultKind.CRASH, *targets)
    if latency is None and error is None and crash is None:
        return None
    return Mishap(
        delay_s=0.0 if latency is None else latency.delay_s,
        error=None if error is None else ReportedError(_payload(error.id, request_id), ERROR_TYPE),
        killed_after_s=None if crash is None else crash.delay_s,
        on_kill=None if crash is None else partial(strikes.count, crash),
    )


def is_throttled(strikes: Strikes, function_arn: str, invoked_arn: str) -> bool:
    """Whether an invocation is refused on purpose before anything of it runs."""
    targets = (function_arn,) if invoked_arn == function_arn else (function_arn, invoked_arn)
    return strikes.strike(FaultKind.THROTTLE, *targets) is not None


def _payload(fault_id: str, request_id: str) -> bytes:
    message = f"RequestId: {request_id} Error: the invocation fails on purpose, by the fault {fault_id}"
    return orjson.dumps({"errorType": ERROR_TYPE, "errorMessage": message})
