"""The emulators that are compared with, in an environment of their own, `.venv-peer`.

It is installed from the hashed lock beside this file; where packages come from is for the settings of each machine's
pip.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import servers

LOCK = Path(__file__).with_name("peer.txt")
HOME = Path(__file__).parent.parent / ".venv-peer"


def installed(home: Path = HOME) -> Path:
    """Return the Python of an environment that holds what the lock names, made anew where that has changed."""
    python, stamp = home / "bin" / "python", home / "installed.txt"
    if stamp.exists() and stamp.read_bytes() == LOCK.read_bytes():
        return python
    print("installing the emulators to compare with", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
    pip = [str(python), "-m", "pip", "-qq", "--disable-pip-version-check", "--no-input"]
    subprocess.run([*pip, "install", "--require-hashes", "-r", str(LOCK)], check=True)
    shutil.copy(LOCK, stamp)  # last: half an environment would pass for a whole one next time
    return python


def arguments(text: str | None) -> argparse.ArgumentParser:
    """Return a parser of what every comparison with them may be told; `text` is the benchmark's own."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", type=Path, help="a Python that has the peers already")
    parser.add_argument("--alone", action="store_true", help="measure no peers")
    parser.add_argument("--no-record", action="store_true", help="leave the documents as they are")
    return parser


def meant(options: argparse.Namespace) -> Path | None:
    """Return the Python that has the peers, None where none are to be measured."""
    return None if options.alone else options.peer or installed()


@contextlib.contextmanager
def competitors(peer: Path | None) -> Iterator[list[servers.Server]]:
    """Run ours, and both peers where there is an environment that holds them."""
    with contextlib.ExitStack() as running:
        found = [running.enter_context(servers.lambent())]
        if peer is not None:
            found += [running.enter_context(start(peer)) for start in (servers.ministack, servers.moto)]
        yield found
