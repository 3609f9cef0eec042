"""Every kind of event there is."""

from __future__ import annotations

from typing import Final

from lambent.aws.events import buses, messaging, operations, people, storage, streams, web
from lambent.aws.events.kind import Kind

KINDS: Final[tuple[Kind, ...]] = (
    *storage.KINDS,
    *messaging.KINDS,
    *streams.KINDS,
    *web.KINDS,
    *buses.KINDS,
    *operations.KINDS,
    *people.KINDS,
)


def of_source(source: str) -> tuple[Kind, ...]:
    """Return the kinds of one source; none where there is no such source.

    >>> [kind.name for kind in of_source("sqs")]
    ['message', 'fifo']
    """
    return tuple(kind for kind in KINDS if kind.source == source)


def find(source: str, name: str) -> Kind | None:
    """Return a kind by its source and name, or None."""
    return next((kind for kind in of_source(source) if kind.name == name), None)
