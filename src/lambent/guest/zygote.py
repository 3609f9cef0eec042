"""The fork server: one per interpreter, single-threaded, started by the platform and ending with it.

It imports what every function's start would import, then forks keepers, of which some stand by (spares.py), gives one
of them to each SPAWN request and reports what became of it. It never runs a function's code. Requests arrive on one
socket with the sandbox's descriptors attached.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
from functools import partial

from lambent.guest import bootstrap, framing, keeper, kernel, orders, precompile, rootfs
from lambent.guest.place import Place, readable
from lambent.guest.spares import Spares

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from lambent.guest.framing import ServerConfig, SignalRequest, SpawnRequest

_NAMESPACES = kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
_MAX_DESCRIPTORS = 16


class ForkServer:
    """The requests and reports of one fork server process."""

    def __init__(self, place: Place, control: socket.socket) -> None:
        self.place = place
        self.namespaces = _NAMESPACES | (kernel.CLONE_NEWNET if place.endpoint_port else 0)
        self.control = control
        self.spares = Spares(self._make_keeper)
        self.tokens: dict[int, int] = {}
        self.ended: dict[int, int] = {}
        self.received = b""
        self.descriptors: list[int] = []
        self.wakeup_source, self.wakeup = os.pipe()
        for end in (self.wakeup_source, self.wakeup, place.report_source):
            os.set_blocking(end, False)

    def serve(self) -> None:
        """Answer requests until the platform closes its end or ends."""
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(self.wakeup, warn_on_full_buffer=False)
        control = self.control.fileno()
        watched = [control, self.place.alive, self.place.report_source, self.wakeup_source]
        while True:
            ready = readable(watched, self.spares.due_ms())
            if not ready and not self.descriptors:  # or it would hold those of another
                self.spares.tend()
            if self.place.alive in ready:
                return
            if self.place.report_source in ready:
                self._relay_reports()
            if self.wakeup_source in ready:
                self._reap()
            if control in ready and not self._receive():
                return

    def send(self, kind: int, **body: str | int) -> None:
        """Tell the platform."""
        self.control.sendall(framing.frame(kind, json.dumps(body).encode()))

    def _receive(self) -> bool:
        data, ancillary, _, _ = self.control.recvmsg(65536, socket.CMSG_SPACE(_MAX_DESCRIPTORS * 4))
        for level, kind, raw in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                passed = array.array("i")
                passed.frombytes(raw[: len(raw) - len(raw) % passed.itemsize])
                self.descriptors.extend(passed)
        self.received += data
        while len(self.received) >= framing.HEADER.size:
            kind, size = framing.HEADER.unpack_from(self.received)
            end = framing.HEADER.size + size
            if len(self.received) < end:
                break
            request = json.loads(self.received[framing.HEADER.size : end])
            self.received = self.received[end:]
            if kind == framing.SPAWN:
                self._spawn(request)
            else:
                self._signal(request)
        return bool(data)

    def _spawn(self, request: SpawnRequest) -> None:
        count = len(request["descriptors"])
        passed, self.descriptors = self.descriptors[:count], self.descriptors[count:]
        try:
            pid, its_orders = self.spares.take()
        except OSError as error:
            self.send(framing.REFUSED, token=request["token"], reason=str(error))
            self.send(framing.GONE, token=request["token"], status=signal.SIGKILL)
        else:
            self.tokens[pid] = request["token"]
            with its_orders, contextlib.suppress(OSError):  # it was killed: its end will be told
                orders.give(its_orders, request, dict(zip(request["descriptors"], passed)))
        for descriptor in passed:
            os.close(descriptor)

    def _make_keeper(self) -> tuple[int, socket.socket]:
        """Fork a keeper and return its process id and the socket on which it awaits its order; raises OSError."""
        fork = partial(kernel.clone, self.namespaces) if self.place.namespaces else os.fork
        return orders.forked(fork, self._be_keeper)

    def _be_keeper(self, orders_in: socket.socket) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self.control.close()
            self.spares.let_go()
            keeper.keep(self.place, orders_in, bootstrap)
        except BaseException:  # noqa: BLE001 - nothing of a child may ever return into the fork server's loop
            import traceback  # it costs 6 ms of the platform's start, and is there in a fork by then

            traceback.print_exc()
        finally:
            os._exit(1)

    def _signal(self, request: SignalRequest) -> None:
        token, number = request["token"], request["number"]
        if number != signal.SIGKILL and request["runtime"] < self.ended.get(token, 0):
            return  # meant for a runtime that has ended meanwhile: it must not reach the next one
        for pid, known in self.tokens.items():
            if known == token:
                os.kill(pid, number)

    def _relay_reports(self) -> None:
        while True:
            try:
                raw = os.read(self.place.report_source, keeper.REPORT_SIZE)
            except BlockingIOError:
                return
            token, what, value = keeper.REPORT.unpack_from(raw)
            if what == keeper.UP:
                keeper_pid = next(pid for pid, known in self.tokens.items() if known == token)
                self.send(framing.STARTED, token=token, keeper=keeper_pid)
            elif what == keeper.ENDED:
                self.ended[token] = self.ended.get(token, 0) + 1
                self.send(framing.ENDED, token=token, status=value)
            elif what == keeper.LEFT:
                self.send(framing.LEFT, token=token, status=value)
            else:
                text = raw[keeper.REPORT.size : keeper.REPORT.size + value].decode("utf-8", "replace")
                self.send(framing.REFUSED, token=token, reason=text)

    def _reap(self) -> None:
        os.read(self.wakeup_source, 4096)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self.spares.forget(pid)
            self._relay_reports()  # what the keeper wrote before it ended comes first
            token = self.tokens.pop(pid, None)
            if token is not None:
                self.ended.pop(token, None)
                self.send(framing.GONE, token=token, status=status)


def main() -> None:
    """Be the fork server that the configuration in the first argument describes."""
    config: ServerConfig = json.loads(sys.argv[1])
    sys.argv = [""]
    del sys.path[0]  # the folder we were found in: nothing of it is for functions
    control = socket.socket(fileno=config["control"])
    place = Place(config)
    place.report_source, place.report_pipe = os.pipe()
    kernel.die_with_parent(signal.SIGKILL)
    signal.pthread_sigmask(signal.SIG_BLOCK, keeper.HELD_BACK)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the platform decides what ends
    try:
        if place.namespaces:
            _enter_namespaces(config)
        # What can be refused is behind us: the platform may start while we import.
        control.sendall(framing.frame(framing.ENTERED, json.dumps({"token": 0}).encode()))
        if config["preloads"]:
            bootstrap.preload(config["runtime_dir"], rootfs.RUNTIME_DIR if place.namespaces else config["runtime_dir"])
    except OSError as error:
        control.sendall(framing.frame(framing.REFUSED, json.dumps({"token": 0, "reason": str(error)}).encode()))
        return
    gc.collect()
    gc.freeze()
    server = ForkServer(place, control)
    server.send(framing.READY, token=0, resident_mb=kernel.resident_mb())
    importlib.import_module("lambent.guest.extensions")  # no sandbox could find it, and few need it
    if config["precompiles"]:
        precompile.precompile(config["runtime_dir"])
    server.serve()


def _enter_namespaces(config: ServerConfig) -> None:
    if config["user_namespace"]:
        outside_user, outside_group = os.getuid(), os.getgid()
        kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS)
        _write_map("setgroups", "deny")
        _write_map("uid_map", f"{config['user_id']} {outside_user} 1")
        _write_map("gid_map", f"{config['user_id']} {outside_group} 1")
    else:
        kernel.unshare(kernel.CLONE_NEWNS)
    if config["endpoint_port"]:
        kernel.unshare(kernel.CLONE_NEWNET)  # we need no network, and learn at once whether the kernel allows such
    rootfs.prepare(config)


def _write_map(name: str, text: str) -> None:
    with open("/proc/self/" + name, "w", encoding="ascii") as file:
        file.write(text)
