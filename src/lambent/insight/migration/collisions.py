"""Which requests that ran at the same time used the same file beneath `/tmp`, as the files' uses tell.

On Lambda Managed Instances all requests of an execution environment share `/tmp`.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-runtimes.html
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Use(StrEnum):
    """What a request does with a file.

    A file is replaced when another is renamed to it, which a reader sees wholly or not at all.
    """

    READ = "read"
    WRITE = "written"
    APPEND = "appended to"
    REPLACE = "replaced"
    REMOVE = "removed"
    REMOVE_TREE = "removed with its folder"

    @property
    def is_change(self) -> bool:
        """Whether others find something else afterwards."""
        return self is not Use.READ


@dataclass(frozen=True, slots=True)
class Touch:
    """A use of a file by a request at a moment (seconds), and the locks that the request held."""

    at: float
    request: str
    path: str
    use: Use
    locks: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Span:
    """When a request ran; `ended` is infinite where its end was not seen. `init` marks a worker's init phase."""

    request: str
    started: float
    ended: float = math.inf
    is_init: bool = False


@dataclass(frozen=True, slots=True)
class Collision:
    """A path that requests used at the same time, at least one of them changing it.

    `uses` are both sides of the first such meeting, `requests` all that took part; `only_appends` says that nothing
    but appending met. `during_init` says that workers met in their init phases.
    """

    path: str
    uses: tuple[Use, Use]
    requests: frozenset[str]
    times: int
    only_appends: bool = False
    during_init: bool = False


def collisions(touches: Iterable[Touch], spans: Iterable[Span]) -> list[Collision]:
    """Return the paths at which requests met, the most often met first."""
    running = {span.request: span for span in spans}
    by_path: dict[str, list[Touch]] = defaultdict(list)
    for touch in sorted(touches, key=lambda one: one.at):
        if touch.request in running:
            by_path[touch.path].append(touch)
    _spread_trees(by_path)
    found = [one for path, used in by_path.items() if (one := _at(path, used, running)) is not None]
    return sorted(found, key=lambda one: (one.only_appends, -one.times, one.path))


def _spread_trees(by_path: dict[str, list[Touch]]) -> None:
    """Let the removal of a folder count at each path beneath it."""
    trees = [touch for used in by_path.values() for touch in used if touch.use is Use.REMOVE_TREE]
    for tree in trees:
        for path, used in by_path.items():
            if path.startswith(f"{tree.path}/"):
                bisect.insort(used, tree, key=lambda one: one.at)


def _at(path: str, used: Sequence[Touch], running: Mapping[str, Span]) -> Collision | None:
    meetings = list(itertools.islice(_meetings(used, running), 10_000))
    if not meetings:
        return None
    graver = [pair for pair in meetings if not _only_appends(pair)] or meetings
    first, second = graver[0]
    return Collision(
        path,
        (first.use, second.use),
        frozenset(touch.request for pair in meetings for touch in pair),
        len({frozenset((one.request, other.request)) for one, other in meetings}),
        only_appends=all(_only_appends(pair) for pair in meetings),
        during_init=all(running[touch.request].is_init for touch in graver[0]),
    )


def _only_appends(pair: tuple[Touch, Touch]) -> bool:
    return all(touch.use is Use.APPEND for touch in pair)


def _meetings(used: Sequence[Touch], running: Mapping[str, Span]) -> Iterator[tuple[Touch, Touch]]:
    """Yield pairs of touches of which the second came while the first's request still ran."""
    open_ones: list[Touch] = []
    for touch in used:
        open_ones = [one for one in open_ones if running[one.request].ended > touch.at]
        for earlier in open_ones:
            if earlier.request != touch.request and _conflict(earlier, touch, used):
                yield earlier, touch
        open_ones.append(touch)


def _conflict(earlier: Touch, later: Touch, used: Sequence[Touch]) -> bool:
    if not (earlier.use.is_change or later.use.is_change) or earlier.locks & later.locks:
        return False
    if {earlier.use, later.use} <= {Use.READ, Use.REPLACE}:
        # Nobody sees half a file; it matters where the first goes on to read and finds what the other has put there.
        return (
            earlier.use is Use.REPLACE
            and later.use is Use.REPLACE
            and any(one.request == earlier.request and one.at > later.at and one.use is Use.READ for one in used)
        )
    return True
