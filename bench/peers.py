"""The emulators that are compared with, in an environment of their own, `.venv-peer`.

It is installed from the hashed lock beside this file; where packages come from is for the settings of each machine's
pip.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

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
