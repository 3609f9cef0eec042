"""The trace that an invocation belongs to: its caller's, or one of its own; and loops of functions, found by it.

https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from lambent.base.identifiers import IdSource
from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.model.lineage import MOST_INVOCATIONS, lineage_with, parts_of
from lambent.cloud.services.lambda_.routing import FunctionRoute, VersionRoute

HEADER = "x-amzn-trace-id"
_log = logging.getLogger(__name__)


def trace_of(headers: Mapping[str, str], version: VersionRoute, ids: IdSource, now: float) -> str:
    """Return the trace header of an invocation: the caller's, with a segment of its own where tracing is active.

    A new trace, or one of which nobody has decided, is sampled where tracing is active.
    """
    is_active = version.spec is not None and version.spec.tracing_active
    given = headers.get(HEADER)
    if not given:
        drawn = ids.hex(40)
        return f"Root=1-{int(now):08x}-{drawn[:24]};Parent={drawn[24:]};Sampled={int(is_active)}"
    parts = parts_of(given)
    root, lineage = parts.get("root"), parts.pop("lineage", "")
    if root and not is_active:
        header = ";".join(f"{name.capitalize()}={value}" for name, value in parts.items() if value)
    else:
        sampled = parts.get("sampled")
        if sampled not in {"0", "1"}:
            sampled = str(int(is_active))
        root = root or f"1-{int(now):08x}-{ids.hex(24)}"
        header = f"Root={root};Parent={ids.hex(16)};Sampled={sampled}"
    return f"{header};Lineage={lineage}" if lineage else header


class Loops:
    """Ends chains of requests that come back to a function over and over, unless the function allows it."""

    def __init__(self) -> None:
        self._dropped: dict[str, int] = {}

    def enter(self, function: FunctionRoute, trace: str) -> str:
        """Return the trace header that a function gets; raises RecursiveInvocationException where it runs in a loop."""
        header, _, lineage = trace.partition(";Lineage=")
        extended, before = lineage_with(lineage, function.arn)
        if before >= MOST_INVOCATIONS and not function.allows_loops:
            self._dropped[function.arn] = self._dropped.get(function.arn, 0) + 1
            _log.warning("%s runs in a loop: an invocation was dropped", function.arn)
            raise errors.recursive_invocation()
        return f"{header};Lineage={extended}"

    def view(self) -> Mapping[str, object]:
        """Return how many invocations of each function were dropped: what `RecursiveInvocationsDropped` counts."""
        return dict(self._dropped)
