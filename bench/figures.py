"""What one run measured, as values: the table that shows it, and the promises it keeps or does not."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from load import Load
from rate import Rate


@dataclass(frozen=True, slots=True)
class Rounds:
    """Loads of the floor and of ours by turns; the n-th of each were measured in the same minute."""

    floor_one: tuple[Load, ...]
    our_one: tuple[Load, ...]
    floor_eight: tuple[Load, ...]
    our_eight: tuple[Load, ...]
    floor_half: tuple[Rate, ...]
    our_half: tuple[Rate, ...]
    warm_up: Load

    @property
    def calls(self) -> int:
        """How many calls of ours were answered."""
        loads: tuple[Load | Rate, ...] = (self.warm_up, *self.our_one, *self.our_eight, *self.our_half)
        return sum(each.requests for each in loads)

    @property
    def cut_off(self) -> int:
        """How many more may have run: what wrk has sent when its time is up runs, but wrk does not count it."""
        return sum(each.connections for each in (self.warm_up, *self.our_one, *self.our_eight))

    @property
    def latency_ratio(self) -> float:
        """Our median latency over the floor's, one connection."""
        pairs = zip(self.our_one, self.floor_one, strict=True)
        return statistics.median(ours.median_ms / floor.median_ms for ours, floor in pairs)

    @property
    def throughput_ratio(self) -> float:
        """Our calls per second over the floor's, eight connections."""
        pairs = zip(self.our_eight, self.floor_eight, strict=True)
        return statistics.median(ours.per_second / floor.per_second for ours, floor in pairs)


@dataclass(frozen=True, slots=True)
class Peer:
    """What the other emulator did."""

    ready_ms: float
    first_ms: float
    one: Load
    eight: Load


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything one run measured."""

    load_average: float
    ready_ms: tuple[float, ...]
    idle_mb: float
    rounds: Rounds
    reports: int
    exact_calls: int
    exact_reports: int
    cold_ms: tuple[float, ...]
    created_per_second: float
    peer: Peer | None


@dataclass(frozen=True, slots=True)
class Promise:
    """A figure with the bound it must keep."""

    label: str
    value: float
    bound: float
    at_least: bool = False

    @property
    def is_kept(self) -> bool:
        """Whether the figure is within its bound."""
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def __str__(self) -> str:
        word = "at least" if self.at_least else "at most"
        return f"{self.label:<44}{self.value:>9.2f}   {word} {self.bound:g}"


def promises(found: Figures) -> list[Promise]:
    """Return every figure that has a bound."""
    rounds = found.rounds
    return [
        Promise("median latency over the floor's", rounds.latency_ratio, 1.6),
        Promise("p99, 1 connection (ms)", _median(each.p99_ms for each in rounds.our_one), 5),
        Promise("p99 at half load (ms)", _median(each.p99_ms for each in rounds.our_half), 3),
        Promise("calls/s over the floor's, 8 connections", rounds.throughput_ratio, 0.5, at_least=True),
        Promise("ready after start, median (ms)", statistics.median(found.ready_ms), 500),
        Promise("memory when idle, all processes (MB)", found.idle_mb, 80),
        Promise("CreateFunction of 5 KB, durable, 8 clients (/s)", found.created_per_second, 200, at_least=True),
    ]


def failed_promises(found: Figures) -> list[str]:
    """Return what was not kept, in words; REPORT lines must equal calls."""
    failed = [str(promise) for promise in promises(found) if not promise.is_kept]
    calls = found.rounds.calls
    if not calls <= found.reports <= calls + found.rounds.cut_off or found.exact_reports != found.exact_calls:
        failed.append("REPORT lines and calls differ")
    return failed


def table(found: Figures) -> str:
    """Return the comparison, then the promises, as text."""
    rounds, peer = found.rounds, found.peer
    one, eight = (peer.one, peer.eight) if peer else (None, None)
    lines = [
        f"{'':<34}{'floor':>10}{'lambent':>10}{'peer':>10}",
        _row("median, 1 connection (ms)", rounds.floor_one, rounds.our_one, one, "median_ms"),
        _row("p99, 1 connection (ms)", rounds.floor_one, rounds.our_one, one, "p99_ms"),
        _row("calls/s, 1 connection", rounds.floor_one, rounds.our_one, one, "per_second"),
        _row("calls/s, 8 connections", rounds.floor_eight, rounds.our_eight, eight, "per_second"),
        _row("p99, 8 connections (ms)", rounds.floor_eight, rounds.our_eight, eight, "p99_ms"),
        _row("half load (calls/s)", rounds.floor_half, rounds.our_half, None, "per_second"),
        _row("median at half load (ms)", rounds.floor_half, rounds.our_half, None, "median_ms"),
        _row("p99 at half load (ms)", rounds.floor_half, rounds.our_half, None, "p99_ms"),
    ]
    if peer:
        lines.append(f"{'ready after start (ms)':<44}{statistics.median(found.ready_ms):>10.2f}{peer.ready_ms:>10.2f}")
        lines.append(f"{'first call (ms)':<44}{statistics.median(found.cold_ms):>10.2f}{peer.first_ms:>10.2f}")
    lines += ["", *map(str, promises(found)), ""]
    lines.append(
        f"REPORT lines {found.reports} for {rounds.calls} calls (and up to {rounds.cut_off} that wrk cut off); "
        f"{found.exact_reports} for exactly {found.exact_calls}"
    )
    lines.append(f"load average afterwards {found.load_average:.1f}; {len(rounds.our_one)} rounds by turns, medians")
    return "\n".join(lines)


def _row(label: str, floor: Iterable[Load | Rate], ours: Iterable[Load | Rate], peer: Load | None, figure: str) -> str:
    low, our = (_median(float(getattr(each, figure)) for each in loads) for loads in (floor, ours))
    other = "-" if peer is None else f"{getattr(peer, figure):.2f}"
    return f"{label:<34}{low:>10.2f}{our:>10.2f}{other:>10}"


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)
