"""`make endure`: a platform under load is killed at random moments, and nothing that it accepted may be lost.

    python -m tests.endurance --seconds 1800 --seed 7
    python -m tests.endurance --power-cuts 20 --seed 7

Eight kinds of clients send events: objects, messages, notifications, events, invocations, items, schedules. Meanwhile
the platform is killed (`kill -9`) and started again, in the midst of its start as well, and so are processes of its
environments. Whatever was answered with 2xx has to be handled, as functions themselves say, or to lie in a dead-letter
queue; `ledger.py` says what else has to hold. With `--power-cuts` the platform runs under the shim of
tests/durability instead, and goes on from what a power cut at some moment leaves of its disk.

Prints its seed, then what came of it; exits with 1 where anything was lost.
"""

from __future__ import annotations

import argparse
import socket
import sys
import tempfile
import time
from pathlib import Path

from tests.endurance.campaign import Wanted, endure
from tests.endurance.checks import report
from tests.endurance.ledger import Ledger
from tests.endurance.power_cuts import cut_power
from tests.endurance.producers import Pace


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1800.0)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)  # noqa: TID251 - any seed will do
    parser.add_argument("--pace", type=float, default=1.0, help="how much is sent; 1 is some 170 events a second")
    parser.add_argument("--power-cuts", type=int, default=0, metavar="ROUNDS", help="cut the power instead")
    parser.add_argument("--record", action="store_true", help="put the result into docs/operations/performance.md")
    options = parser.parse_args()
    sys.stdout.write(f"seed {options.seed}\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix="lambent-endurance-") as folder:
        lines, broken = _run(Path(folder), options)
    told = "\n".join([*lines, "", *(broken or ["nothing was lost, and nothing came twice or out of order"])])
    sys.stdout.write(f"{told}\n")
    if options.record:
        from recording import record  # of bench/, which the Makefile puts on the path

        record("power cuts" if options.power_cuts else "endurance", told)
    return 1 if broken else 0


def _run(folder: Path, options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Return the lines to be shown, and what did not hold."""
    began = time.monotonic()
    if options.power_cuts:
        return cut_power(folder, _free_port(), options.seed, options.power_cuts)
    wanted = Wanted(options.seconds, Pace(options.seed, options.pace))
    ledger = endure(folder, _free_port(), wanted, _tell)
    took_s = time.monotonic() - began
    first = f"{options.seconds:.0f} s of load, everything settled after {took_s:.0f} s; seed {options.seed}"
    return [first, "", *report(ledger)], [f"{what} ({count})" for what, count in ledger.violations.items()]


def _tell(ledger: Ledger) -> None:
    accepted, happened = sum(map(len, ledger.accepted.values())), ledger.happened["platform started"]
    wrong = "; ".join(ledger.violations) or "nothing wrong"
    sys.stderr.write(f"\r{accepted} events accepted, the platform started {happened} times, {wrong} ")
    sys.stderr.flush()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    raise SystemExit(main())
