"""Moments in milliseconds, the unit of everything that Amazon SQS keeps."""

from __future__ import annotations

from lambent.cloud.framework.context import RequestContext

# A moment made of milliseconds may be short of them by what a float cannot hold.
_FRACTION_LOST = 0.01


def now_ms(context: RequestContext) -> int:
    """Return the moment of a request."""
    return in_ms(context.now)


def in_ms(moment: float) -> int:
    """Return a moment in milliseconds, never a later one: what follows in so many seconds must not come after them."""
    return int(moment * 1000 + _FRACTION_LOST)
