"""The servers that are compared, each as a context manager on a free port, and what each weighs."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lambent.guest import orders

HERE = Path(__file__).parent
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"


@dataclass(frozen=True, slots=True)
class Server:
    """A server that listens: its address, its process, and how long it took to answer for the first time."""

    name: str
    port: int
    pid: int
    ready_ms: float

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self.port}"


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def proportional_memory_mb(pid: int) -> float:
    """Return the memory of a process and all its descendants, shared pages divided among their users (PSS)."""
    return sum(own_memory_mb(member) for member in [pid, *descendants(pid)])


def own_memory_mb(pid: int) -> float:
    """Return the memory of one process, shared pages divided among their users; none where it has ended."""
    return _memory_mb(pid, "Pss:")


def anonymous_memory_mb(pid: int) -> float:
    """Return what a process has written, whoever shares it: no other process that comes or goes changes that."""
    return _memory_mb(pid, "Anonymous:")


def _memory_mb(pid: int, kind: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith(kind)) / 1024


def cpu_s(pid: int) -> float:
    """Return how long a process has been on a processor, all its threads together."""
    ticks = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def descendants(pid: int) -> list[int]:
    """Return the process ids of all below a process."""
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            children += [int(child) for child in task.read_text(encoding="ascii").split()]
    return children + [grandchild for child in children for grandchild in descendants(child)]


def is_spare(pid: int) -> bool:
    """Whether a process stands by for an environment that is yet to start."""
    try:
        return Path(f"/proc/{pid}/comm").read_bytes().strip() == orders.SPARE
    except OSError:  # it has ended
        return False


@contextlib.contextmanager
def lambent(*, isolation: str = "auto", memory: bool = False) -> Iterator[Server]:
    """Run our platform, durable unless `memory`, on a directory of its own."""
    with lambent_with_data(isolation=isolation, memory=memory) as (server, _):
        yield server


@contextlib.contextmanager
def lambent_with_data(*, isolation: str = "auto", memory: bool = False) -> Iterator[tuple[Server, Path]]:
    """The same, with its data directory."""
    state = Path(tempfile.mkdtemp(prefix="lambent-bench-", dir=HERE))
    where = ["--memory"] if memory else ["--data", str(state / "data")]
    try:
        with _lambent([*where, "--isolation", isolation], state / "log") as server:
            yield server, state / "data"
    finally:
        shutil.rmtree(state)


@contextlib.contextmanager
def lambent_on(data: Path) -> Iterator[Server]:
    """Run our platform on a data directory that stays."""
    with _lambent(["--data", str(data)], data.with_suffix(".log")) as server:
        yield server


@contextlib.contextmanager
def _lambent(options: list[str], log: Path) -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, "-m", "lambent", "start", "--port", str(port), *options]
    with _process("lambent", command, port, "/_lambent/health", log) as server:
        yield server


@contextlib.contextmanager
def floor(code: Path, handler: str, interpreter: str, environments: int) -> Iterator[Server]:
    """Run the floor with environments that have all asked for their first event."""
    port = free_port()
    command = [sys.executable, str(HERE / "floor.py"), "--port", str(port), "--environments", str(environments)]
    command += ["--code", str(code), "--handler", handler, "--interpreter", interpreter]
    with (
        tempfile.TemporaryDirectory() as state,
        _process("floor", command, port, "/ready", Path(state) / "log") as server,
    ):
        while int(_get(f"{server.url}/ready") or 0) < environments:
            time.sleep(0.01)
        yield server


@contextlib.contextmanager
def bare(directory: Path) -> Iterator[Server]:
    """Run the floor of large objects, which keeps one in a directory."""
    port = free_port()
    command = [sys.executable, str(HERE / "bare.py"), "--port", str(port), str(directory)]
    with (
        tempfile.TemporaryDirectory() as state,
        _process("bare", command, port, "/ready", Path(state) / "log") as server,
    ):
        yield server


@contextlib.contextmanager
def ministack(python: Path) -> Iterator[Server]:
    """Run MiniStack as its package does by default, from the environment it is installed in."""
    port = free_port()
    with tempfile.TemporaryDirectory() as state:
        environment = {**os.environ, "GATEWAY_PORT": str(port), "SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0"}
        command = [str(python.parent / "ministack")]
        with _process("ministack", command, port, "/_ministack/health", Path(state) / "log", environment) as server:
            yield server


@contextlib.contextmanager
def moto(python: Path) -> Iterator[Server]:
    """Run moto's server as its package does by default, from the environment it is installed in.

    Its functions run in Docker alone: where there is none, only its other services can be compared.
    """
    port = free_port()
    command = [str(python.parent / "moto_server"), "--host", "127.0.0.1", "--port", str(port)]
    with (
        tempfile.TemporaryDirectory() as state,
        _process("moto", command, port, "/moto-api/config", Path(state) / "log") as server,
    ):
        yield server


@contextlib.contextmanager
def _process(  # noqa: PLR0913, PLR0917 - one place that starts them all
    name: str, command: list[str], port: int, ready: str, log: Path, environment: dict[str, str] | None = None
) -> Iterator[Server]:
    # An installed package has its bytecode, and keeps it: none of the three is to compile its sources at every start.
    environment = {name: value for name, value in (environment or os.environ).items() if name != _NO_BYTECODE}
    with log.open("wb") as sink:
        began = time.perf_counter()
        child = subprocess.Popen(command, stdout=sink, stderr=sink, env=environment, cwd=log.parent)
        try:
            while not _listens(port) or _get(f"http://127.0.0.1:{port}{ready}") is None:
                if child.poll() is not None or time.perf_counter() - began > 60:
                    raise SystemExit(f"{name} did not start:\n{log.read_text(encoding='utf-8', errors='replace')}")
                time.sleep(0.002)
            yield Server(name, port, child.pid, (time.perf_counter() - began) * 1000)
        finally:
            child.terminate()
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def stop(server: Server) -> None:
    """Ask our platform to stop and return when it has; whoever started it waits for its process."""
    request = urllib.request.Request(f"{server.url}/_lambent/stop", method="POST")
    with urllib.request.urlopen(request, timeout=10):
        pass
    deadline = time.monotonic() + 20
    while is_alive(server.pid) and time.monotonic() < deadline:
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Return whether a process is there and has not ended; one that only waits to be collected has."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"}


def _listens(port: int) -> bool:
    # Cheaper than a request that fails: the one who waits must not take the processor from the one who starts.
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _get(url: str) -> bytes | None:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            body: bytes = answer.read()
            return body
    except (urllib.error.URLError, OSError):
        return None
