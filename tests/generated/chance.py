"""Random choices that a seed repeats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from lambent.base.identifiers import SeededIds

T = TypeVar("T")


class Chance:
    """A sequence of choices: the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self._source = SeededIds(seed)

    def happens(self, probability: float) -> bool:
        return self._source.fraction() < probability

    def between(self, least: int, most: int) -> int:
        return least + int(self._source.fraction() * (most - least + 1))

    def fraction(self) -> float:
        return self._source.fraction()

    def one_of(self, choices: Sequence[T]) -> T:
        return choices[int(self._source.fraction() * len(choices))]

    def some_of(self, choices: Sequence[T], count: int) -> list[T]:
        left = list(choices)
        return [left.pop(self.between(0, len(left) - 1)) for _ in range(min(count, len(left)))]
