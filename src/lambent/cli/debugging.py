"""`lambent invoke --debug`: waits until a debugger can be attached, says how, and then for the answer."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from lambent.cli import deployment, settings
from lambent.cli.errors import CommandError, ExitCode
from lambent.cli.targets import Place, TargetName
from lambent.cli.views import human

if TYPE_CHECKING:
    from lambent.aws.clients import Target

HOST = "127.0.0.1"
PORTS: Mapping[str, int] = {"python": 5678, "nodejs": 9229}
_LOOK_S = 0.2
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DebugRequest:
    """What is to be debugged; `port` None takes the debugger's usual one, `source` is where the code is from."""

    name: str
    qualifier: str | None
    port: int | None
    source: Path
    as_json: bool


def debugged(target: Target, request: DebugRequest, call: Callable[[str], T]) -> T:
    """Invoke a copy of a function that waits for a debugger, by `call`, and return what that returns."""
    from lambent.deploy.debugging import copies
    from lambent.deploy.debugging.layer import find_debugpy

    with deployment.errors(Place(TargetName.LOCAL, 0)), socket.create_server((HOST, 0)) as control:
        told = copies.function(target, request.name, request.qualifier)
        port = request.port or PORTS[told.family]
        _require_free(port)
        wanted = copies.Wanted(request.name, request.qualifier, HOST, port, control.getsockname()[1])
        waiting = files("lambent").joinpath("guest", "debugging", _FILES[told.family]).read_bytes()
        parts = copies.files_of(told.family, waiting, lambda: find_debugpy(list(_places())))
        with copies.copied(target, told, wanted, parts) as copy:
            calling = _Calling(lambda: call(copy))
            with _attachable(control, calling) as root:
                if root is not None:
                    _tell(request, told.family, port, root)
                return calling.result()


def require_reachable(health: Mapping[str, Any]) -> None:  # Any: JSON of /_lambent
    """Raise CommandError where no debugger could reach a function of the platform."""
    if health["network"] == "closed":
        raise CommandError(
            "Functions have a network of their own here (--network closed), where no debugger reaches them.",
            "Debug on a platform that is started with --network open.",
        )


_FILES = {"python": "lambent_debug.py", "nodejs": "lambent_debug.cjs"}


class _Calling(Generic[T]):
    """A call under way in a thread that Ctrl-C does not wait for."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._answers: list[T] = []
        self._failures: list[BaseException] = []
        self.is_over = threading.Event()
        threading.Thread(target=self._run, name="invocation", daemon=True).start()

    def result(self) -> T:
        """Return what the call returns, or raise what it raises; ends at once with Ctrl-C."""
        while not self.is_over.wait(_LOOK_S):
            pass
        if self._failures:
            raise self._failures[0]
        return self._answers[0]

    def _run(self) -> None:
        try:
            self._answers.append(self._call())
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            self._failures.append(error)
        finally:
            self.is_over.set()


@contextmanager
def _attachable(control: socket.socket, calling: _Calling[T]) -> Iterator[str | None]:
    """Give where the handler's code is, once it waits for a debugger; None where the call ended before that.

    At the end the environment ends: the handler ends with the connection.
    """
    control.settimeout(_LOOK_S)
    while not calling.is_over.is_set():
        try:
            connection, _ = control.accept()
        except TimeoutError:
            continue
        connection.settimeout(None)
        with connection, connection.makefile("r", encoding="utf-8") as told:
            line = told.readline()
            yield str(json.loads(line)["root"]) if line else None
            return
    yield None


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} is taken: {error.strerror}.", "Choose another: --debug-port N.", ExitCode.USAGE
            ) from error


def _places() -> Iterator[Path]:
    """Yield the folders that may have debugpy: what is named, the project's environments, our own."""
    if (named := settings.debugpy()) is not None:
        yield named
    environments = [*([one] if (one := settings.virtual_env()) is not None else []), Path(".venv"), Path("venv")]
    for environment in environments:
        yield from sorted(environment.glob("lib/python3.*/site-packages"), reverse=True)
    own = importlib.util.find_spec("debugpy")
    if own is not None and own.origin is not None:
        yield Path(own.origin).parent.parent


def _tell(request: DebugRequest, family: str, port: int, root: str) -> None:
    attach = configuration(family, port, root, os.path.relpath(request.source))
    if request.as_json:
        human.note(json.dumps({"host": HOST, "port": port, "root": root, "configuration": attach}))
    else:
        where = human.styled(f"{HOST}:{port}", "bold", sys.stderr)
        human.note(f"Waiting for a debugger on {where}; in .vscode/launch.json: {json.dumps(attach)}")
    sys.stderr.flush()


def configuration(family: str, port: int, root: str, source: str) -> dict[str, object]:
    """Return what VS Code needs to attach, with the project's folder for the function's."""
    local = "${workspaceFolder}" if source == "." else f"${{workspaceFolder}}/{source}"
    if family == "python":
        return {
            "name": "lambent",
            "type": "debugpy",
            "request": "attach",
            "connect": {"host": HOST, "port": port},
            "pathMappings": [{"localRoot": local, "remoteRoot": root}],
            "justMyCode": True,
        }
    return {
        "name": "lambent",
        "type": "node",
        "request": "attach",
        "address": HOST,
        "port": port,
        "localRoot": local,
        "remoteRoot": root,
        "skipFiles": ["<node_internals>/**"],
    }
