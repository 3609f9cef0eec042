"""`lambent` as people run it: processes in surroundings of their own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.prepared.program import LAMBENT
from tests.requirements import process_environment


@dataclass(frozen=True)
class Commands:
    """Runs `lambent` in a folder, against the platform on a port."""

    folder: Path
    port: int

    def environment(self, **changes: str | None) -> dict[str, str]:
        """Return what its processes find around them."""
        homes = {f"XDG_{name}_HOME": str(self.folder / name.lower()) for name in ("DATA", "STATE", "CACHE")}
        return process_environment(**{"LAMBENT_PORT": str(self.port), "LAMBENT_TARGET": None, **homes, **changes})

    def run(self, *arguments: str, expect: int = 0, **changes: str | None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; its exit code must be `expect`."""
        done = subprocess.run(
            [*LAMBENT.command(), *arguments],
            env=self.environment(**changes),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == expect, f"lambent {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def told(self, *arguments: str, expect: int = 0) -> Any:  # Any: JSON
        """Run a command to its end and return what it printed as JSON."""
        return json.loads(self.run(*arguments, expect=expect).stdout)

    @contextmanager
    def begun(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run a command beside the test; it is killed where the test leaves it running."""
        child = subprocess.Popen(
            [*LAMBENT.command(), *arguments],
            env=self.environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with child:
            try:
                yield child
            finally:
                if child.poll() is None:
                    child.kill()


@contextmanager
def with_platform(folder: Path, port: int) -> Iterator[Commands]:
    """Give commands beside a platform that keeps its state in a folder."""
    commands = Commands(folder, port)
    commands.run("start", "--detach")
    try:
        yield commands
    finally:
        commands.run("stop")


def read_until(child: subprocess.Popen[str], words: str) -> str:
    """Return what a command writes on standard error, up to the line with these words."""
    assert child.stderr is not None
    seen = ""
    for line in child.stderr:
        seen += line
        if words in line:
            return seen
    raise AssertionError(f"it ended without {words!r}:\n{seen}")
