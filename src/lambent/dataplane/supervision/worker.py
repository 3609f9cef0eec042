"""Running a program of this machine that works for a while, such as an installer."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from pathlib import Path


async def run_to_its_end(command: Sequence[str], folder: Path) -> str | None:
    """Run a program in a folder; return None where it succeeds, else what it says of its failure.

    Whoever is cancelled meanwhile ends it with all that it has started. Raises OSError where it cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _, errors = await process.communicate()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return None if process.returncode == 0 else " ".join(errors.decode(errors="replace").split())[:500]
