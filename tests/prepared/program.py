"""`lambent` for tests of what its commands do: real processes, less the half second in which each starts."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_HERE = Path(__file__).parent


class Program:
    """The program, whose server starts with its first use in this run of the tests."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[str] | None = None
        self._folder = Path()

    def command(self) -> list[str]:
        """Return what to run in place of `lambent`."""
        if self._server is None:
            self._folder = Path(tempfile.mkdtemp(prefix="p-"))
            command = [sys.executable, str(_HERE / "server.py"), str(self._folder / "socket")]
            self._server = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
            )
            assert self._server.stdout is not None
            assert self._server.stdout.readline() == "ready\n"
        return [sys.executable, "-I", "-S", str(_HERE / "client.py"), str(self._folder / "socket")]

    def close(self) -> None:
        """End the server, where it has started."""
        if self._server is not None:
            self._server.communicate(timeout=20)
            self._server = None
            shutil.rmtree(self._folder)


LAMBENT = Program()
