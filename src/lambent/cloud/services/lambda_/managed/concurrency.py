"""How many requests execution environments served at once, at most, since somebody last asked."""

from __future__ import annotations

from collections import Counter


class Concurrency:
    """Counts the requests under way in each environment, and keeps the most there were."""

    def __init__(self) -> None:
        self._under_way: Counter[str] = Counter()
        self._most: dict[str, int] = {}

    def began(self, environment_id: str) -> None:
        """A request is under way in an environment."""
        now = self._under_way[environment_id] = self._under_way[environment_id] + 1
        if now > self._most.get(environment_id, 0):
            self._most[environment_id] = now

    def ended(self, environment_id: str) -> None:
        """One is over."""
        self._under_way[environment_id] -= 1
        if self._under_way[environment_id] <= 0:
            del self._under_way[environment_id]

    def take(self) -> dict[str, int]:
        """Return the most for each environment that served any, and begin anew."""
        most, self._most = self._most, dict(self._under_way)
        return most
