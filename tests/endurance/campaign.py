"""The load, the kills and the reckoning."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from lambent.base.identifiers import SeededIds
from lambent.testing.clients import Clients
from tests.durability.collecting import listening
from tests.endurance.checks import violations
from tests.endurance.ledger import Ledger
from tests.endurance.letters import left_in, read_some, reading
from tests.endurance.processes import PlatformProcess
from tests.endurance.producers import Pace, Producers
from tests.endurance.system import LETTERS, RESULTS, SINKS, Times, make_system


@dataclass(frozen=True, slots=True)
class Wanted:
    """How long to go on, how fast, and how long a platform lives: a time drawn between the two each time."""

    seconds: float
    pace: Pace
    lives_s: tuple[float, float] = (2.0, 20.0)
    killed_at_start: float = 0.15
    stopped: float = 0.15
    patience_s: float = 300.0
    times: Times = field(default_factory=Times)


def endure(folder: Path, port: int, wanted: Wanted, tell: Callable[[Ledger], None] = lambda _: None) -> Ledger:
    """Put the load on a platform that is killed again and again; then let everything be handled, and compare.

    `tell` is called now and then with what is known so far.
    """
    ledger = Ledger(wanted.times.visibility_s)
    with (
        listening(ledger.note) as collector,
        PlatformProcess(folder / "data", port, ledger) as platform,
        closing(Clients(f"http://127.0.0.1:{port}")) as clients,
    ):
        platform.start()
        platform.await_ready()
        make_system(clients, collector, wanted.times)
        with Producers(clients, ledger, wanted.pace).at_work(), reading(clients, ledger):
            _torment(platform, wanted, lambda: tell(ledger))
            _await_each_flow(ledger, wanted.patience_s)
        settle(clients, ledger, wanted.patience_s)
        platform.stop()
    ledger.violations.update(violations(ledger, platform.log))
    return ledger


def _torment(platform: PlatformProcess, wanted: Wanted, tell: Callable[[], None]) -> None:
    """Kill and start the platform until the time is over; it runs afterwards."""
    chance, wait = SeededIds(wanted.pace.seed), Event().wait
    end = time.monotonic() + wanted.seconds
    while time.monotonic() < end:
        least, most = wanted.lives_s
        over = min(end, time.monotonic() + least + chance.fraction() * (most - least))
        while (left_s := over - time.monotonic()) > 0:
            wait(min(left_s, 0.2 + 2 * chance.fraction()))
            platform.kill_some(chance)
        (platform.stop if chance.fraction() < wanted.stopped else platform.kill)()
        platform.start()
        while chance.fraction() < wanted.killed_at_start:
            wait(chance.fraction())
            platform.kill()
            platform.start()
        platform.await_ready()
        tell()


def _await_each_flow(ledger: Ledger, patience_s: float) -> None:
    """Return once something of each flow was accepted, as it is after a while however busy the machine."""
    deadline = time.monotonic() + patience_s
    while not all(ledger.accepted.values()) and time.monotonic() < deadline:
        Event().wait(0.02)


def settle(clients: Clients, ledger: Ledger, patience_s: float) -> None:
    """Return once everything is handled or read from a dead-letter queue, or patience is over since the last of it."""
    deadline, before = time.monotonic() + patience_s, -1
    while time.monotonic() < deadline:
        found = sum(read_some(clients, ledger, queue) for queue in (*LETTERS, *RESULTS))
        if found:
            continue
        missing = sum(len(ledger.missing(sink)) for sink in SINKS)
        if not missing and not left_in(clients):
            return
        if missing != before:
            before, deadline = missing, time.monotonic() + patience_s
        Event().wait(0.2)
    for queue, count in left_in(clients).items():
        ledger.complain(f"{count} messages are left in {queue}")
