"""Starting a platform in the background and waiting until it answers."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lambent.cli import connection, settings, waiting
from lambent.cli.errors import CommandError

_PATIENCE_S = 20.0
_LOOK_EVERY_S = 0.02


@dataclass(frozen=True, slots=True)
class Launch:
    """How a platform is to run; `data` None keeps its state in memory."""

    port: int
    data: Path | None
    isolation: str = "auto"
    network: str = "open"
    cpu_limit: str = "auto"
    strict_runtimes: bool = False
    virtual_time: bool = False


@dataclass(frozen=True, slots=True)
class Launched:
    """A platform that answers, its process and its log."""

    endpoint_url: str
    pid: int
    log: Path


def launch(wanted: Launch) -> Launched:
    """Start a platform as a process of its own and return once it answers. Raises CommandError where it does not."""
    log = settings.log_file(wanted.port)
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "lambent", "start", "--port", str(wanted.port), "--isolation", wanted.isolation]
    command += ["--network", wanted.network, "--cpu-limit", wanted.cpu_limit]
    command += ["--memory"] if wanted.data is None else ["--data", str(wanted.data)]
    command += ["--strict-runtimes"] if wanted.strict_runtimes else []
    command += ["--virtual-time"] if wanted.virtual_time else []
    with log.open("wb") as sink:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
            cwd="/",
            env=settings.child_environment(),
        )
    _await_ready(child, wanted.port, log)
    return Launched(settings.endpoint_url(wanted.port), child.pid, log)


def attached(module: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a module of ours as a program that holds a pipe to us: it sees our end, however we end, and ends as well.

    What it says comes from its standard output; Ctrl-C does not reach it.
    """
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
        env=settings.child_environment(),
    )


def ensure(port: int) -> Launched | None:
    """Start a platform on the port with the usual settings unless one runs there; return it if it was started."""
    if connection.health(port) is not None:
        return None
    return launch(Launch(port, settings.data_dir(None, port), settings.isolation(None)))


def _await_ready(child: subprocess.Popen[bytes], port: int, log: Path) -> None:
    def settled() -> bool:
        return child.poll() is not None or connection.health(port) is not None

    if not waiting.until(settled, patience_s=_PATIENCE_S, every_s=_LOOK_EVERY_S):
        child.kill()
        child.wait()
        raise CommandError(f"The platform was not ready after {_PATIENCE_S:.0f} s.", f"Its log: {log}")
    if child.returncode is not None:
        words = _last_words(log) or f"The platform ended with exit code {child.returncode}."
        raise CommandError(words, f"Its log: {log}")


def _last_words(log: Path) -> str:
    lines = [text for text in log.read_text(encoding="utf-8", errors="replace").splitlines() if text.strip()]
    reasons = [text for text in lines if text.startswith("Error: ")]
    return (reasons or lines or [""])[-1].removeprefix("Error: ")
