"""The same with power cuts: a platform under load and under the shim, then one on what a cut leaves of its disk."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event

from lambent.base.identifiers import SeededIds
from lambent.testing.clients import Clients
from tests.durability.collecting import listening
from tests.durability.shim import Cut, PowerCutShim, acknowledgement, read_journal
from tests.endurance.campaign import settle
from tests.endurance.checks import report, violations
from tests.endurance.ledger import Ledger, Line
from tests.endurance.letters import reading
from tests.endurance.processes import PlatformProcess
from tests.endurance.producers import Pace, Producers
from tests.endurance.system import SERVICES, Times, make_system

_TIMES = Times(visibility_s=3, retries=0)
_LOAD_S = 4.0
_CUTS = 2
_PATIENCE_S = 90.0


def cut_power(folder: Path, port: int, seed: int, rounds: int) -> tuple[list[str], list[str]]:
    """Do so many rounds of load and cuts; return what is to be shown, and what did not hold."""
    shim = PowerCutShim.build(folder)
    lines: list[str] = []
    broken: list[str] = []
    accepted = 0
    for number in range(rounds):
        round_folder = folder / str(number)
        round_folder.mkdir()
        for cut, ledger in _round(round_folder, port, shim, seed + number):
            where = f"round {number}, cut at {cut.moment}, unsynced: {cut.survival.value}"
            accepted += sum(map(len, ledger.accepted.values()))
            broken += [f"{where}: {what}" for what in ledger.violations]
            lines = report(ledger)
        shutil.rmtree(round_folder)
    return [f"{rounds} rounds of {_CUTS} cuts, {accepted} events accepted before them; the last:", "", *lines], broken


def _round(folder: Path, port: int, shim: PowerCutShim, seed: int) -> Iterator[tuple[Cut, Ledger]]:
    """Put load on a platform under the shim, and kill it; yield cuts of that, each with what came of it."""
    disk, journal = folder / "disk", folder / "journal"
    disk.mkdir()
    descriptor = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    ledger = Ledger(_TIMES.visibility_s, lambda line: _append(descriptor, line))
    with listening(lambda line: ledger.note(line)) as collector:  # noqa: PLW0108 - of the ledger that there is by then
        platform = PlatformProcess(disk / "data", port, ledger, shim.environment(disk, journal))
        _load(platform, port, collector, ledger, Pace(seed))
        os.close(descriptor)
        history, chance = read_journal(journal, disk, aside="data/scratch"), SeededIds(seed)
        cuts = [cut for cut in history.cuts(chance, 4 * _CUTS) if _accepted(cut)]
        for number, cut in enumerate(cuts[-_CUTS:]):
            ledger = Ledger(_TIMES.visibility_s)
            for line in _lines(cut):
                ledger.take(line)
            ledger.restart_orders()
            restored = folder / f"restored-{number}"
            cut.restore(restored)
            _go_on(restored / "data", port, ledger)
            yield cut, ledger


def _load(platform: PlatformProcess, port: int, collector: int, ledger: Ledger, pace: Pace) -> None:
    with platform, closing(Clients(f"http://127.0.0.1:{port}")) as clients:
        platform.start()
        platform.await_ready()
        make_system(clients, collector, _TIMES)
        with Producers(clients, ledger, pace).at_work(), reading(clients, ledger):
            Event().wait(_LOAD_S)
            platform.kill()


def _go_on(data: Path, port: int, ledger: Ledger) -> None:
    with PlatformProcess(data, port, ledger) as platform, closing(Clients(f"http://127.0.0.1:{port}")) as clients:
        platform.start()
        platform.await_ready()
        for service in SERVICES:
            clients.get(service)
        settle(clients, ledger, _PATIENCE_S)
        platform.stop()
    ledger.violations.update(violations(ledger, platform.log))


def _append(descriptor: int, line: bytes) -> None:
    # On a line of its own, whatever the platform has printed before.
    os.write(descriptor, acknowledgement(b"\n" + line))


def _lines(cut: Cut) -> Iterator[Line]:
    """Yield what was known when the power went; the platform's own words are no JSON."""
    return (json.loads(line) for line in cut.acknowledged if line.startswith("{"))


def _accepted(cut: Cut) -> bool:
    return any("accepted" in line for line in _lines(cut))
