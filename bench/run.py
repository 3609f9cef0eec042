"""`make bench`: the whole comparison of invocations, its last result written into docs/operations/performance.md."""

from __future__ import annotations

import argparse
from pathlib import Path

import peers
from figures import failed_promises, table
from invocations import run
from recording import record


def main() -> None:
    """Measure, print, record; exit with 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=8, help="how long each load lasts")
    parser.add_argument("--rounds", type=int, default=2, help="how often floor and ours take turns")
    parser.add_argument("--peer", type=Path, help="a Python that has the peers already")
    options = parser.parse_args()
    peer = options.peer or peers.installed()
    found = run(options.seconds, options.rounds, peer)
    print(table(found))
    record("invocations", table(found))
    if failed := failed_promises(found):
        raise SystemExit("not kept: " + "; ".join(failed))


if __name__ == "__main__":
    main()
