"""Moments in milliseconds, the unit of everything that Amazon SQS keeps."""

from __future__ import annotations

from lambent.cloud.framework.context import RequestContext


def now_ms(context: RequestContext) -> int:
    """Return the moment of a request."""
    return in_ms(context.now)


def in_ms(moment: float) -> int:
    """Return a moment in milliseconds: the nearest, so that who sleeps until one finds it reached."""
    return round(moment * 1000)
