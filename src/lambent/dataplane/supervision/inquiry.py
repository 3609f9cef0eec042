"""Asking a program of this machine something that it answers at once."""

from __future__ import annotations

import subprocess
from pathlib import Path

_PATIENCE_S = 5.0


def said_by(program: Path, *arguments: str) -> str | None:
    """Return what a program writes to its standard output, None where it fails or takes too long."""
    try:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=_PATIENCE_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
