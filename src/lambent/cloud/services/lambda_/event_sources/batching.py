"""What goes into one invocation: as many records as the mapping takes, until six megabytes are full.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html#invocation-eventsourcemapping-batching
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

PAYLOAD_BYTES = 6 * 1024 * 1024
"""The most that a synchronous invocation takes."""

_FRAME = b'{"Records":[]}'


def event_of(records: Sequence[bytes]) -> bytes:
    """Return the event of some records, each of which is JSON already.

    >>> event_of([b'{"a":1}', b'{"b":2}'])
    b'{"Records":[{"a":1},{"b":2}]}'
    """
    return b'{"Records":[' + b",".join(records) + b"]}"


def fitting(sizes: Sequence[int], *, most: int, limit: int = PAYLOAD_BYTES) -> int:
    """Return how many of the first records fill a batch: `most`, or fewer where `limit` bytes end it early.

    One record always goes, however large it is: it would never become smaller.

    >>> fitting([10, 10, 10], most=2), fitting([40, 40, 40], most=10, limit=100), fitting([500], most=10, limit=100)
    (2, 2, 1)
    """
    taken, count = len(_FRAME), 0
    for size in sizes[:most]:
        taken += size + 1
        if taken > limit and count:
            break
        count += 1
    return count


def batches(items: Sequence[T], size_of: Callable[[T], int], *, most: int, limit: int = PAYLOAD_BYTES) -> list[list[T]]:
    """Return the items in as few batches as their sizes allow, in order.

    >>> batches(["aaaa", "bbbb", "c"], len, most=10, limit=24)
    [['aaaa', 'bbbb'], ['c']]
    """
    sizes = [size_of(item) for item in items]
    found: list[list[T]] = []
    begin = 0
    while begin < len(items):
        count = fitting(sizes[begin:], most=most, limit=limit)
        found.append(list(items[begin : begin + count]))
        begin += count
    return found
