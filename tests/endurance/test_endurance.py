"""`make endure` in short: a platform under load is killed once, and goes on; and the reckoning finds what is wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.endurance.campaign import Wanted, endure
from tests.endurance.checks import report, violations
from tests.endurance.ledger import Ledger
from tests.endurance.producers import Pace
from tests.endurance.system import Times

GIVEN = tuple[str, bool, str, int, float, float]


def told(sink: str, *given: GIVEN) -> str:
    return json.dumps({"sink": sink, "given": given})


def broken(lines: Sequence[str]) -> list[str]:
    ledger = Ledger(visibility_s=2)
    for line in lines:
        ledger.note(line)
    return [*ledger.violations, *violations(ledger)]


def line(number: int, message: str = "", count: int = 1, at_s: float = 0.0) -> GIVEN:
    return f"evt_lines_{number}", True, message or f"m{number}", count, 1.0, 1.0 + at_s * 1000


ACCEPTED = json.dumps({"accepted": "lines", "names": ["evt_lines_0", "evt_lines_7", "evt_lines_14_poison"]})
POISON = json.dumps({"found": "lines", "names": {"evt_lines_14_poison": 4}})
HANDLED = [ACCEPTED, told("lines", line(0)), told("lines", line(7)), POISON]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (HANDLED, None),
        ([*HANDLED, told("lines", line(7, count=2, at_s=2.5))], None),
        (HANDLED[:2], "lines: 2 were lost, such as evt_lines_14_poison, evt_lines_7"),
        ([*HANDLED, told("lines", line(0, count=2, at_s=3))], "lines: group 0: 0 after a batch from 7 on"),
        ([*HANDLED, told("lines", line(7, count=2, at_s=1))], "received again before its visibility timeout was over"),
        ([*HANDLED, told("lines", line(7, "another"))], "lines: evt_lines_7 was delivered as two messages"),
        ([ACCEPTED, told("lines", line(7)), told("lines", line(0)), POISON], "0 for the first time, after 7"),
        ([*HANDLED, told("lines", line(7, count=4, at_s=9))], "lines: evt_lines_7 was received 4 times"),
        ([*HANDLED[:3], POISON.replace("4}", "3}")], "was received 2 times when it became a dead letter"),
        ([told("ticks", (f"tick_2026-01-01T00:0{m}:00Z", True, "", 0, 0, 0)) for m in (1, 2, 4)], "none between 00:02"),
    ],
)
def test_the_reckoning_finds_what_must_not_be(lines: Sequence[str], expected: str | None) -> None:
    found = broken(lines)
    assert (found == []) if expected is None else any(expected in each for each in found), found


def test_the_reckoning_finds_tracebacks_in_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        'ready\nTraceback (most recent call last):\n  File "x"\n    f()\n    ^^^\nE: no\nready\n', encoding="utf-8"
    )
    assert violations(Ledger(visibility_s=2), log) == ["1 tracebacks in the platform's log end with E: no"]


@pytest.mark.timeout(120)
@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in Linux's /proc")
def test_nothing_that_a_killed_platform_accepted_is_lost(tmp_path: Path, free_port: int) -> None:
    wanted = Wanted(
        seconds=0.5,
        pace=Pace(seed=1, due_in_s=2),
        lives_s=(0.5, 0.5),
        killed_at_start=0.0,
        stopped=0.0,
        patience_s=20.0,
        times=Times(visibility_s=1, retries=0),
    )
    ledger = endure(tmp_path, free_port, wanted)
    assert not ledger.violations, "\n".join([*report(ledger), *ledger.violations])
    assert ledger.happened["platform killed"]
    assert all(ledger.accepted.values())
