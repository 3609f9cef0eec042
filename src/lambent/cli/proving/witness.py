"""Hears what a function's own processes tell of their files and requests (`guest/proving/lambent_proof.py`)."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import re
import socket
import threading
import zipfile
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from lambent.insight.migration.collisions import Span, Touch, Use

_MODULE = "lambent_proof"
_PLAIN = 0o100644 << 16
_USES = {
    "read": Use.READ, "write": Use.WRITE, "append": Use.APPEND, "replace": Use.REPLACE, "remove": Use.REMOVE,
    "remove-tree": Use.REMOVE_TREE,
}  # fmt: skip
_MOST = 400_000


@dataclass(slots=True)
class Heard:
    """What was told since the last time: files' uses, when requests ran, programs that were started."""

    touches: list[Touch] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    programs: set[str] = field(default_factory=set)
    processes: int = 0
    is_cut: bool = False


class Witness:
    """Listens on a free port until it is closed; each process of the function has a connection of its own."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._told: list[list[Any]] = []  # Any: JSON arrays
        self._thread = threading.Thread(target=self._accept, name="witness", daemon=True)
        self._thread.start()
        self._is_cut = False

    def laid_beside(self, archive: bytes) -> bytes:
        """Return a zip with the witness beside the function's own files, none of which is changed."""
        module = files("lambent").joinpath("guest", "proving", f"{_MODULE}.py").read_text(encoding="utf-8")
        port = self._listening.getsockname()[1]
        module = re.sub(r"^PORT = 0", f"PORT = {port}", module, count=1, flags=re.MULTILINE)
        buffer = io.BytesIO(archive)
        with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as added:
            # `site` reads .pth files where the function's own folder is put on the path: before the handler.
            for name, text in ((f"{_MODULE}.py", module), (f"{_MODULE}.pth", f"import {_MODULE}\n")):
                entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                entry.external_attr = _PLAIN
                added.writestr(entry, text)
        return buffer.getvalue()

    def heard(self) -> Heard:
        """Return what was told since the last call."""
        with self._lock:
            told, self._told = self._told, []
            is_cut, self._is_cut = self._is_cut, False
        found = _understood(sorted(told, key=lambda one: float(one[1])))
        found.is_cut = is_cut
        return found

    def close(self) -> None:
        """Listen no more."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._listen, args=(connection,), daemon=True).start()

    def _listen(self, connection: socket.socket) -> None:
        number = next(self._numbers)
        with connection, connection.makefile("rb") as lines, contextlib.suppress(OSError, ValueError):
            for line in lines:
                one = json.loads(line)
                one.insert(3, number)  # process ids are those of each sandbox's own namespace
                with self._lock:
                    if len(self._told) < _MOST:
                        self._told.append(one)
                    else:
                        self._is_cut = True


def _understood(told: list[list[Any]]) -> Heard:  # Any: as above
    found = Heard()
    started: dict[int, float] = {}
    begun: dict[str, float] = {}
    ended: dict[str, float] = {}
    locked: set[tuple[str, str]] = set()
    ready: set[int] = set()
    for kind, at, _, process, request, *more in told:
        whose = request or f"init of {process}"
        if kind == "process":
            started[process] = at
        elif kind == "begin":
            begun[request] = at
        elif kind == "end":
            ended[request] = at
        elif kind == "ready" and process not in ready:
            ready.add(process)
            ended[f"init of {process}"] = at
        elif kind == "file" and (request or process not in ready):
            found.touches.append(Touch(at, whose, str(more[1]), _USES[more[0]], frozenset(map(str, more[2]))))
        elif kind == "lock":
            locked.add((whose, str(more[0])))
        elif kind == "program":
            found.programs.add(str(more[0]))
    found.processes = len(started)
    # Who locks a file has to open it first: its opening is the lock's own.
    found.touches = [
        Touch(one.at, one.request, one.path, one.use, one.locks | {one.path})
        if (one.request, one.path) in locked
        else one
        for one in found.touches
    ]
    found.spans = [Span(request, at, ended.get(request, float("inf"))) for request, at in begun.items()] + [
        Span(f"init of {process}", at, ended.get(f"init of {process}", float("inf")), is_init=True)
        for process, at in started.items()
    ]
    return found
