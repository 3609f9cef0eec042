"""What must hold in the end, and what the run came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from tests.endurance.ledger import Ledger, Place

_MINUTE_S = 60
_SHOWN = 5


def violations(ledger: Ledger, log: Path | None = None) -> list[str]:
    """Return what does not hold of a run after which everything had time to be handled."""
    return [
        *(line for sink in ledger.places for line in _lost(ledger, sink)),
        *(line for sink, place in ledger.places.items() for line in _wrongly_dead(sink, place)),
        *_missed(sorted(_moment(name) for name in ledger.ticks)),
        *([] if log is None else _logged(log)),
    ]


def _lost(ledger: Ledger, sink: str) -> Iterator[str]:
    missing = sorted(ledger.missing(sink))
    if missing:
        yield f"{sink}: {len(missing)} were lost, such as {', '.join(missing[:_SHOWN])}"


def _wrongly_dead(sink: str, place: Place) -> Iterator[str]:
    """Yield messages that lie in a dead-letter queue though they were not received as often as the policy says.

    They count on in that queue, where they have been received once.
    """
    if place.sink.limit:
        for name, count in place.letters.items():
            if count != place.sink.limit + 1:
                yield f"{sink}: {name} was received {count - 1} times when it became a dead letter"


def _missed(moments: Sequence[datetime]) -> Iterator[str]:
    """Yield the minutes that a rule left out: the platform was never away for as long as that."""
    for before, after in pairwise(moments):
        if abs((after - before).total_seconds() - _MINUTE_S) > 1:
            yield f"ticks: none between {before:%H:%M:%S} and {after:%H:%M:%S}"


def _moment(tick: str) -> datetime:
    return datetime.fromisoformat(tick.removeprefix("tick_"))


def _logged(log: Path) -> Iterator[str]:
    """Yield what the tracebacks in a log end with."""
    parts = log.read_text(encoding="utf-8", errors="replace").split("Traceback (most recent call last):\n")[1:]
    ends = Counter(next((line for line in part.splitlines() if line and not line[0].isspace()), "") for part in parts)
    for end, count in ends.most_common():
        yield f"{count} tracebacks in the platform's log end with {end}"


def report(ledger: Ledger) -> list[str]:
    """Return a table of what was accepted and what became of it, as lines."""
    lines = [
        f"{'':<16}{'accepted':>10}{'handled':>10}{'dead letters':>14}{'handled again':>15}{'failures':>10}{'lost':>6}"
    ]
    for name, place in ledger.places.items():
        again = sum(place.handled.values()) - len(place.handled)
        counts = f"{place.owed:>10}{len(place.handled):>10}{len(place.letters):>14}{again:>15}{place.failures:>10}"
        lines.append(f"{name:<16}{counts}{len(ledger.missing(name)):>6}")
    happened = ", ".join(f"{what} {count} times" for what, count in sorted(ledger.happened.items()))
    return [*lines, "", happened, f"ticks of a rule, one each minute: {len(ledger.ticks)}"]
