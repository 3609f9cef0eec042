"""How hard the wildcards of one field are to follow: AWS refuses patterns beyond a limit of its own.

A matcher of many wildcards follows all their beginnings that fit at once; what counts is the most that any text can
make it follow. AWS does not tell its limit. It takes `/Users/*/dir/dir/dir/dir/dir/doc.txt` (7) and refuses
`*:*:*:*:*:event-bus/*` and four patterns like `*.tif` in one field (8), so it is taken to be 7.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html#eb-filtering-wildcard-matching-complexity
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lambent.aws.event_pattern.matchers import wildcard_parts

_MOST = 7
# Far more than patterns within the limit reach; beyond, following them all would take too long.
_MOST_SITUATIONS = 2000
_Situation = frozenset[tuple[int, int]]


def is_too_complex(wildcards: Sequence[str]) -> bool:
    """Whether some text fits more than seven beginnings of these wildcard patterns at once.

    >>> is_too_complex(["arn:aws:events:*:*:event-bus/*"]), is_too_complex(["*:*:*:*:*:event-bus/*"])
    (False, True)
    """
    patterns = [wildcard_parts(wildcard) for wildcard in wildcards]
    if sum(part == "*" for parts in patterns for part in parts) == 0:
        return False
    letters = {part for parts in patterns for part in parts if part != "*"}
    start = _closed({(index, 0) for index in range(len(patterns))}, patterns)
    seen, waiting = {start}, [start]
    while waiting:
        situation = waiting.pop()
        if sum(place > 0 for _, place in situation) > _MOST or len(seen) > _MOST_SITUATIONS:
            return True
        for letter in letters:
            following = _after(situation, letter, patterns)
            if following and following not in seen:
                seen.add(following)
                waiting.append(following)
    return False


def _after(situation: _Situation, letter: str, patterns: Sequence[Sequence[str]]) -> _Situation:
    reached: set[tuple[int, int]] = set()
    for index, place in situation:
        parts = patterns[index]
        if place > 0 and parts[place - 1] == "*":
            reached.add((index, place))
        if place < len(parts) and parts[place] == letter:
            reached.add((index, place + 1))
    return _closed(reached, patterns)


def _closed(places: Iterable[tuple[int, int]], patterns: Sequence[Sequence[str]]) -> _Situation:
    """Add the places behind a `*` that is next: what fits the text before it fits it as well."""
    closed = set(places)
    for index, place in places:
        if place < len(patterns[index]) and patterns[index][place] == "*":
            closed.add((index, place + 1))
    return frozenset(closed)
