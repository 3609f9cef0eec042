"""The programs that packaging starts: pip, npm, esbuild. Each is given its folder and a time, and says how it ended."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lambent.deploy.errors import DeployError

_PATIENCE_S = 600


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended, and what it wrote."""

    code: int
    output: str
    errors: str

    def words(self, prefix: str = "") -> str:
        """Return its errors on one line: those that begin with `prefix`, else the last of what it said."""
        lines = [line for line in self.errors.splitlines() if line.startswith(prefix)] if prefix else []
        return " ".join(lines) or " ".join((self.errors.strip() or self.output.strip())[-800:].split())


def run(command: Sequence[str], folder: Path) -> Ran:
    """Run a program to its end. Raises DeployError where it cannot be started, or takes more than ten minutes."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
            cwd=folder,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise DeployError(f"{command[0]} did not end within {_PATIENCE_S} s.", "See what it waits for.") from error
    except OSError as error:
        raise DeployError(f"{command[0]} cannot be started: {error.strerror}.", "") from error
    return Ran(done.returncode, done.stdout, done.stderr)


def on_path(name: str) -> str | None:
    """Return where a program is on PATH, or None."""
    return shutil.which(name)
