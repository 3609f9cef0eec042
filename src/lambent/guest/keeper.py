"""The first process of a sandbox: builds it, forks a runtime into it, and outlives that one for the next.

When a runtime ends, everything it started is ended, and the rest stays: mounts, /tmp, control groups, process ids. The
platform may then ask for another runtime in the same place, as AWS resets an environment.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-invoke-with-errors

In a pid namespace it is process 1, so that its end ends everything; elsewhere it adopts orphans and ends them itself.
Keeper and runtime are there before it is known whose they will be: what can be done ahead of an environment's start is
done ahead. Then comes the order, and with it the sandbox's descriptors, which the keeper hands on to the runtime.

The runtime is not process 1 because the kernel ignores signals that process 1 sends to itself: os.abort() and
os.kill(os.getpid(), ...) would not do what they do in AWS.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct

from lambent.guest import framing, kernel, network, orders, privileges, rootfs, system_calls
from lambent.guest.extensions_door import Door, listen, pass_through
from lambent.guest.place import readable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn, Protocol

    from lambent.guest.framing import SpawnRequest
    from lambent.guest.place import Place

    class Runtime(Protocol):
        """What the process does that a keeper forks."""

        def stand_by(self) -> None:
            """Do what can be done before the order comes."""

        def become(self, request: SpawnRequest, descriptors: dict[str, int]) -> None:
            """Be the runtime that a decoded SPAWN request describes, with its passed files by name; never returns."""


REPORT = struct.Struct(">IBi")
"""Token, what happened, and a wait status, a process id or a length of text: one atomic write to the shared pipe."""
UP = 1
ENDED = 2
FAILED = 3
LEFT = 4
REPORT_SIZE = 512

END_ALL = signal.SIGQUIT
"""Sent to a keeper: end the runtime and all it started, and wait for the platform's word on what comes then."""
END_RUNTIME = signal.SIGUSR1
"""Sent to a keeper: end the runtime alone; external extensions go on until they are ended, too."""
HELD_BACK = frozenset({signal.SIGTERM, END_ALL, END_RUNTIME})
"""Blocked from the fork server on, so that a signal to a keeper waits until the keeper can answer it."""


def report(pipe: int, token: int, what: int, value: int, text: str = "") -> None:
    """Write one fixed-size report."""
    raw = text.encode("utf-8", "replace")[: REPORT_SIZE - REPORT.size]
    os.write(pipe, (REPORT.pack(token, what, len(raw) if what == FAILED else value) + raw).ljust(REPORT_SIZE, b"\0"))


def keep(place: Place, orders_in: socket.socket, runtime: Runtime) -> NoReturn:
    """Be the keeper of one sandbox in a fork server's place, once its order has come in; never returns."""
    keeper = Keeper(place, runtime)
    obstacle = None
    try:
        keeper.stand_by(orders_in)
    except OSError as error:  # there is nobody yet to be told of it
        obstacle = error
    request, descriptors = orders.await_one(orders_in)
    try:
        if obstacle is not None:
            raise obstacle
        keeper.build(request, descriptors)
        keeper.start(request, descriptors)
    except OSError as error:
        report(place.report_pipe, request["token"], FAILED, 0, f"{error.filename or 'sandbox'}: {error.strerror}")
        os._exit(1)
    try:
        keeper.settle()
        while True:
            status = keeper.outlive_runtime()
            report(place.report_pipe, request["token"], ENDED, status)
            keeper.start_again()
    finally:
        os._exit(0)


class Keeper:
    """What stands of a sandbox, whichever runtime runs in it: one ends, all that it left ends, the next is forked."""

    def __init__(self, place: Place, runtime: Runtime) -> None:
        self._place = place
        self._kind = runtime
        self._token = 0
        self._control = -1
        self._runtime = 0
        self._is_ending = False
        self._wakeup = -1
        self._networks: list[socket.socket] = []
        self._orders: socket.socket
        self._door: Door
        self._listener: socket.socket

    def stand_by(self, orders_in: socket.socket) -> None:
        """Do what is the same for every sandbox, before the order comes; raises OSError."""
        place = self._place
        if place.namespaces:
            rootfs.show_processes(place.base)
            if place.endpoint_port:
                self._networks = network.listen(place.endpoint_port)
        else:
            kernel.adopt_orphans()
        self._listener = listen()
        privileges.bound(place.user_id if place.switch_user else None)
        # Where somebody waits already, preparing would only be in the way.
        self._fork_runtime(prepares=not readable([orders_in.fileno()], 0))

    def build(self, request: SpawnRequest, descriptors: dict[str, int]) -> None:
        """Enter the sandbox's control groups and file system, with the runtime; raises OSError."""
        self._token, self._control = request["token"], descriptors.pop("control")
        orders.join_groups(descriptors)
        if self._place.namespaces:
            rootfs.enter(self._place.base, request["task_root"], request["layers"], request["storage_mb"])
            if self._networks:
                network.pass_on(self._control, self._networks)
                for each in self._networks:
                    each.close()

    def start(self, request: SpawnRequest, descriptors: dict[str, int]) -> None:
        """Let the runtime begin, and before it what it cannot do without; report that it is up."""
        self._is_ending = False
        self._door = Door(self._place, request, descriptors, self._listener)
        self._door.open()
        with self._orders:
            orders.give(self._orders, request, {**descriptors, **self._door.descriptors()})
        report(self._place.report_pipe, self._token, UP, self._runtime)

    def _fork_runtime(self, *, prepares: bool) -> None:
        """Fork the process that will be the runtime as soon as it has its order."""
        self._runtime, self._orders = orders.forked(
            os.fork, lambda orders_in: _be_runtime(self._place, orders_in, self._kind, prepares=prepares)
        )

    def settle(self) -> None:
        """Give up what only building needed, and listen to signals from now on."""
        place = self._place
        ours = {0, 1, 2, place.report_pipe, place.alive, self._control, self._listener.fileno()}
        privileges.close_all_but(ours | self._door.kept())
        privileges.drop(place.user_id if place.switch_user else None)
        kernel.hide_memory()
        kernel.die_with_parent(signal.SIGKILL if place.namespaces else END_ALL)
        if place.is_orphaned():
            os._exit(1)
        self._wakeup = _wake_up_for_signals()
        signal.signal(signal.SIGTERM, lambda number, _frame: self._signal_runtime(number))
        signal.signal(END_RUNTIME, lambda _number, _frame: self._signal_runtime(signal.SIGKILL))
        signal.signal(END_ALL, lambda _number, _frame: self._end_all())

    def outlive_runtime(self) -> int:
        """Return the runtime's wait status, once nothing is left of what it started.

        External extensions outlive it: its end is told, and the platform ends them when they are done.
        """
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_BACK)
        outlives = self._door.has_extensions
        status = 0
        while self._runtime or (outlives and not self._is_ending):
            self._door.wait(self._wakeup)
            for pid, ended in _reaped():
                if pid == self._runtime:
                    self._runtime, status = 0, ended
                    if outlives:
                        report(self._place.report_pipe, self._token, LEFT, status)
                elif pid == self._door.companion:
                    outlives = False
                    self._signal_runtime(signal.SIGKILL)  # it, and its extensions, have nobody to ask any more
        self._door.close()
        end_descendants(everything=self._place.namespaces)
        return status

    def start_again(self) -> None:
        """Wait for the platform's word and fork another runtime; ends where the platform has no use for one."""
        # The object is made only now: most environments are never reset, and each would hold its pages.
        with socket.socket(fileno=os.dup(self._control)) as control:
            kind, body, passed = framing.receive_with_descriptors(control)
        if kind != framing.START:
            os._exit(0)
        request = json.loads(body)
        signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK)
        self._fork_runtime(prepares=False)
        self.start(request, dict(zip(request["descriptors"], passed)))
        kept = self._door.kept()
        for descriptor in passed:
            if descriptor not in kept:
                os.close(descriptor)

    def _end_all(self) -> None:
        self._is_ending = True
        self._signal_runtime(signal.SIGKILL)

    def _signal_runtime(self, number: int) -> None:
        if self._runtime:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._runtime, number)


def _wake_up_for_signals() -> int:
    """Return a descriptor that can be read when a signal has come, or may have come before."""
    source, wakeup = os.pipe()
    for end in (source, wakeup):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    os.write(wakeup, b"\0")
    return source


def _reaped() -> Iterator[tuple[int, int]]:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        yield pid, status


def _be_runtime(place: Place, orders_in: socket.socket, runtime: Runtime, *, prepares: bool) -> NoReturn:
    try:
        if not place.namespaces:
            kernel.die_with_parent(signal.SIGKILL)
        os.chdir("/")  # so that the change of root takes us along
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # the fork server ignores it
        signal.set_wakeup_fd(-1)
        for number in (*HELD_BACK, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)  # the keeper has answers of its own, from its second runtime on
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_BACK)
        privileges.close_all_but({0, 1, 2, orders_in.fileno()})
        if prepares:
            runtime.stand_by()
        request, descriptors = orders.await_one(orders_in)
        orders.join_groups(descriptors)
        privileges.limit(request)
        privileges.drop(place.user_id if place.switch_user else None)
        kernel.show_memory()
        if place.namespaces:
            system_calls.refuse(but_namespaces=framing.TEMPLATE_VARIABLE in request["variables"])
        pass_through(descriptors)
        runtime.become(request, descriptors)
    except BaseException:  # noqa: BLE001 - nothing may return into the fork server's frames below
        import traceback  # it costs 6 ms of the platform's start, and is there in a fork by then

        traceback.print_exc()
    finally:
        os._exit(1)


def end_descendants(*, everything: bool) -> None:
    """End all there is below us; `everything` where process ids are the sandbox's own, so that it takes one call."""
    # Elsewhere orphans come to us: ending children until there are none ends every descendant, however it was started.
    while True:
        for child in (-1,) if everything else _children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        try:
            os.wait()
        except ChildProcessError:
            return


def _children() -> list[int]:
    path = f"/proc/self/task/{os.getpid()}/children"
    try:
        with open(path, encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []
