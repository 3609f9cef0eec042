"""The trace that an invocation belongs to: its caller's, or one of its own.

https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

from __future__ import annotations

from collections.abc import Mapping

from lambent.base.identifiers import IdSource
from lambent.cloud.services.lambda_.routing import VersionRoute

HEADER = "x-amzn-trace-id"


def trace_of(headers: Mapping[str, str], version: VersionRoute, ids: IdSource, now: float) -> str:
    """Return the trace header of an invocation; a new trace is sampled where the function's tracing is active."""
    given = headers.get(HEADER)
    if given:
        return given
    sampled = int(version.spec is not None and version.spec.tracing_active)
    return f"Root=1-{int(now):08x}-{ids.hex(24)};Parent={ids.hex(16)};Sampled={sampled}"
