"""Rows in few statements: each gives the interpreter up, which the loop holds meanwhile, and waits to have it back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

# A few sizes, so that the statements are prepared once and for all.
_HELPINGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)


def in_helpings(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield the values in as few helpings as can be; the last is filled up with its last value.

    The statement must change nothing where it meets a value once more: that costs less than another statement.
    """
    most = _HELPINGS[-1]
    for begin in range(0, len(values), most):
        some = values[begin : begin + most]
        size = next(size for size in _HELPINGS if size >= len(some))
        yield [*some, *[some[-1]] * (size - len(some))]


def places(columns: int, rows: int) -> str:
    """Return the parameters' places in the VALUES of a statement.

    >>> places(2, 3)
    '(?, ?), (?, ?), (?, ?)'
    """
    return ", ".join([f"({', '.join('?' * columns)})"] * rows)
