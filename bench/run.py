"""`make bench`: the whole comparison, its last result written into docs/operations/performance.md.

The peer is installed into `.venv-peer` from the hashed lock beside this file; where packages come from is for the
settings of each machine's pip.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from figures import failed_promises, table
from invocations import run
from recording import record

HERE = Path(__file__).parent
ROOT = HERE.parent


def install_peer(target: Path) -> Path:
    """Return the Python of an environment that holds the peer, made on first use."""
    python = target / "bin" / "python"
    if not python.exists():
        print("installing the emulator to compare with", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(target)], check=True)
        pip = [str(python), "-m", "pip", "-qq", "--disable-pip-version-check", "--no-input"]
        try:
            subprocess.run([*pip, "install", "--require-hashes", "-r", str(HERE / "peer.txt")], check=True)
        except subprocess.CalledProcessError:
            shutil.rmtree(target)  # half an environment would pass for a whole one next time
            raise
    return python


def main() -> None:
    """Measure, print, record; exit with 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=8, help="how long each load lasts")
    parser.add_argument("--rounds", type=int, default=2, help="how often floor and ours take turns")
    parser.add_argument("--peer", type=Path, help="a Python that has the peer already")
    options = parser.parse_args()
    peer = options.peer or install_peer(ROOT / ".venv-peer")
    found = run(options.seconds, options.rounds, peer)
    print(table(found))
    record("invocations", table(found))
    if failed := failed_promises(found):
        raise SystemExit("not kept: " + "; ".join(failed))


if __name__ == "__main__":
    main()
