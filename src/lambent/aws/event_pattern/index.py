"""Many patterns asked of one event: only those are tried that have something of the event in their index.

Each branch of a pattern waits under the exact values (or prefixes) of one of its fields, the one under which fewest
others wait, since no event fits without one of them. Branches without such a field are tried for every event.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from lambent.aws.event_pattern.matchers import Exact, Matcher, Prefix, Scalar, address_of, exact_key
from lambent.aws.event_pattern.pattern import Branch, EventPattern, Fields, branch_fits, flatten

K = TypeVar("K")
_Key = tuple[str, object]


class PatternIndex(Generic[K]):
    """Patterns by the names of whose they are."""

    def __init__(self) -> None:
        self._patterns: dict[K, EventPattern] = {}
        # Under each key the branches that wait there, each with whose it is: keyed by both, to be taken out again.
        self._waiting: dict[_Key, dict[tuple[K, int], Branch]] = {}
        self._keys: dict[K, list[tuple[int, list[_Key]]]] = {}
        self._unindexed: dict[tuple[K, int], Branch] = {}
        self._prefix_lengths: dict[str, dict[int, int]] = {}

    def __len__(self) -> int:
        return len(self._patterns)

    def add(self, owner: K, pattern: EventPattern) -> None:
        """Take up a pattern, in the place of the one that its owner had."""
        self.remove(owner)
        self._patterns[owner] = pattern
        self._keys[owner] = []
        for number, branch in enumerate(pattern.branches):
            keys = self._best_keys(branch)
            self._keys[owner].append((number, keys))
            if not keys:
                self._unindexed[owner, number] = branch
            for key in keys:
                self._waiting.setdefault(key, {})[owner, number] = branch
                self._count_prefix(key, 1)

    def remove(self, owner: K) -> None:
        """Forget the owner's pattern, if there is one."""
        if self._patterns.pop(owner, None) is None:
            return
        for number, keys in self._keys.pop(owner):
            self._unindexed.pop((owner, number), None)
            for key in keys:
                waiting = self._waiting[key]
                del waiting[owner, number]
                if not waiting:
                    del self._waiting[key]
                self._count_prefix(key, -1)

    def matching(self, event: Mapping[str, object]) -> Sequence[K]:
        """Return the owners of the patterns that an event, as parsed JSON, fits; each once."""
        fields = flatten(event)
        found: dict[K, None] = {}
        for waiting in (self._unindexed, *self._candidates(fields)):
            for (owner, _), branch in waiting.items():
                if owner not in found and branch_fits(branch, fields):
                    found[owner] = None
        return list(found)

    def _candidates(self, fields: Fields) -> Iterator[Mapping[tuple[K, int], Branch]]:
        for path, values in fields.items():
            for value in {exact_key(value): value for value, _ in values}.values():
                for key in self._keys_of_value(path, value):
                    waiting = self._waiting.get(key)
                    if waiting is not None:
                        yield waiting

    def _keys_of_value(self, path: str, value: Scalar) -> Iterator[_Key]:
        yield path, exact_key(value)
        for length in self._prefix_lengths.get(path, ()):
            if isinstance(value, str) and len(value) >= length:
                yield path, ("prefix", value[:length])

    def _best_keys(self, branch: Branch) -> list[_Key]:
        choices = [keys for path, matchers in branch.items() if (keys := _keys_of(path, matchers))]
        return min(choices, key=self._crowd, default=[])

    def _crowd(self, keys: Iterable[_Key]) -> int:
        return max(len(self._waiting.get(key, ())) for key in keys)

    def _count_prefix(self, key: _Key, change: int) -> None:
        path, wanted = key
        if isinstance(wanted, tuple) and wanted[0] == "prefix":
            lengths = self._prefix_lengths.setdefault(path, {})
            length = len(str(wanted[1]))
            lengths[length] = lengths.get(length, 0) + change
            if not lengths[length]:
                del lengths[length]


def _keys_of(path: str, matchers: Sequence[Matcher]) -> list[_Key]:
    """Return the keys of which an event has one if it fits; none where a matcher takes values without number."""
    keys: list[_Key] = []
    for matcher in matchers:
        if isinstance(matcher, Exact) and address_of(matcher.value) is None:
            keys.append((path, exact_key(matcher.value)))
        elif isinstance(matcher, Prefix) and not matcher.ignore_case:
            keys.append((path, ("prefix", matcher.text)))
        else:
            return []
    return list(dict.fromkeys(keys))
