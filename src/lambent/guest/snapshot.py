"""SnapStart: a runtime whose init is over becomes a template, and every further environment is forked from it.

The template waits in AWS's `restore_next`. It forks keepers into new namespaces, each of which forks its runtime; some
stand by (spares.py), and each RESTORE is handed to one of them. In its runtime `restore_next` returns, and AWS's client
goes on with the hooks that follow a restore.
What memory cannot carry over is made anew: /tmp, open files, connections, credentials.
https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import random
import signal
import socket
import sys
import tempfile
import time
from functools import partial

from lambent.guest import descriptors, framing, keeper, kernel, orders, privileges, system_calls
from lambent.guest.place import readable
from lambent.guest.spares import Spares

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from typing import NoReturn

    from lambent.guest.framing import RestoreRequest, TemplateConfig

_NAMESPACES = (
    kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
)
_STANDARD = frozenset(range(5))  # standard streams, channel, log


def await_restore(channel: _socket.socket, config: TemplateConfig) -> None:
    """Be a template until the platform ends; returns in each process that is restored from it, and only there."""
    kept = _credentials()  # before what is there is frozen: the collector does not show that
    obstacle = _settle(config)
    channel.sendall(framing.frame(framing.SNAPSHOT, json.dumps({"obstacle": obstacle}).encode()))
    state = random.getstate()
    before = _temporary(config)
    try:
        _fork_others(channel, config)
    except _Restored as restored:
        request = restored.request
    # As in AWS, where nothing tells a restored process that it is one: Python's own fork would seed anew.
    random.setstate(state)
    _become(before, request, kept)


class _Restored(BaseException):
    """Leads a restored process out of the calls in which it was forked; `request` is what it was restored for."""

    def __init__(self, request: RestoreRequest) -> None:
        super().__init__()
        self.request = request


def _fork_others(channel: _socket.socket, config: TemplateConfig) -> NoReturn:
    """Hand each RESTORE to a fork, until the platform ends; raises _Restored in those forks."""
    if not channel.recv(framing.HEADER.size):  # STAND_BY: there is room for what forks are charged to us
        os._exit(0)
    spares = Spares(lambda: _stand_by(config, spares))
    while True:
        if not readable([channel.fileno()], spares.due_ms()):
            spares.tend()
            continue
        its_orders, obstacle = None, ""
        try:
            _, its_orders = spares.take()  # before there are files in hand, of which a fork would hold copies
        except OSError as error:
            obstacle = f"fork: {error.strerror}"
        request, passed = orders.take(channel)
        if its_orders is None:
            _tell(passed["control"], keeper.FAILED, obstacle.encode())
        else:
            with its_orders, contextlib.suppress(OSError):  # it has ended, which the platform learns from its socket
                orders.give(its_orders, request, passed)
        for descriptor in passed.values():
            os.close(descriptor)


def obstacle_of(threads: int, children: int, shared: str | None, left_open: str | None) -> str | None:
    """Return why a process in this condition cannot be forked as a whole, or None.

    >>> obstacle_of(threads=2, children=0, shared=None, left_open=None)
    'init started threads'
    """
    if threads > 1:
        return "init started threads"
    if children:
        return "init started processes"
    if shared:
        return f"init mapped shared memory ({shared})"
    return f"init left open what cannot be opened anew ({left_open})" if left_open else None


def _settle(config: TemplateConfig) -> str | None:
    """Make the process ready to be forked; return why it cannot be, or None."""
    if not kernel.IS_LINUX or not hasattr(signal, "pidfd_send_signal"):
        return "forking an environment takes Linux"
    # Libraries such as OpenBLAS end their own threads when a process forks, and start them again when next needed:
    # what still runs after a first fork is the function's.
    trial = os.fork()
    if trial == 0:
        os._exit(0)
    os.waitpid(trial, 0)
    gc.collect()
    gc.freeze()
    if any(signal.getitimer(clock)[0] for clock in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)):
        return "init set a timer"  # it would go off in the template, and a fork has none
    threads = len(os.listdir("/proc/self/task"))
    return obstacle_of(threads, _children(config), descriptors.shared_memory(), descriptors.left_open(_STANDARD))


def _children(config: TemplateConfig) -> int:
    if config["namespaces"]:  # whatever runs beside the keeper and us is the function's
        return sum(name.isdigit() and int(name) not in {1, os.getpid()} for name in os.listdir("/proc"))
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return len(file.read().split())


def _stand_by(config: TemplateConfig, spares: Spares) -> tuple[int, socket.socket]:
    """Fork a keeper, and a runtime from that; return the keeper's process id and the socket for its order.

    Raises OSError, and in that runtime _Restored once the order has come.
    """
    # The parent is the template's own keeper, which reaps whatever comes its way.
    flags = kernel.CLONE_PARENT | (_NAMESPACES if config["namespaces"] else 0)

    def be_keeper(orders_in: socket.socket) -> NoReturn:
        spares.let_go()
        _be_keeper(config, orders_in)

    return orders.forked(partial(kernel.clone, flags), be_keeper)


def _be_keeper(config: TemplateConfig, orders_in: socket.socket) -> NoReturn:
    def be_runtime(from_keeper: socket.socket) -> NoReturn:
        orders_in.close()
        raise _Restored(_be_runtime(config, from_keeper))

    obstacle, runtime, to_runtime = "", 0, None
    try:
        _prepare(config)
        runtime, to_runtime = orders.forked(os.fork, be_runtime)
    except OSError as error:  # there is nobody yet to be told of it
        obstacle = f"{type(error).__name__}: {error}"
    request, passed = orders.await_one(orders_in)
    control = passed.pop("control")
    try:
        if to_runtime is None:
            raise OSError(obstacle)
        orders.join_groups(passed)
        if not config["namespaces"]:
            descriptors.copy_tree(_temporary(config), request["temporary"])
        with to_runtime:
            orders.give(to_runtime, request, passed)
    except BaseException as error:  # noqa: BLE001 - nothing of a keeper may ever return into the template's loop
        _tell(control, keeper.FAILED, str(error).encode())
        os._exit(1)
    _keep(config, control, runtime)


def _prepare(config: TemplateConfig) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, keeper.HELD_BACK)
    if config["namespaces"]:
        same = f"{config['user_id']} {config['user_id']} 1"
        for name, text in (("setgroups", "deny"), ("uid_map", same), ("gid_map", same)):
            _write("/proc/self/" + name, text)
        descriptors.mount_copy_of_tmp(config["storage_mb"])
        kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    else:
        kernel.adopt_orphans()
    privileges.bound(config["user_id"] if config["namespaces"] else None)


def _temporary(config: TemplateConfig) -> str:
    return "/tmp" if config["namespaces"] else os.environ["TMPDIR"]


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _tell(control: int, what: int, rest: bytes = b"") -> None:
    try:
        os.write(control, bytes((what,)) + rest[:400])
    except OSError:  # the platform has given us up
        return


def _be_runtime(config: TemplateConfig, orders_in: socket.socket) -> RestoreRequest:
    """Be a runtime that is to be restored, unprivileged; return once it has its order, channel and output."""
    try:
        if not config["namespaces"]:
            kernel.die_with_parent(signal.SIGKILL)
        os.setsid()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, keeper.HELD_BACK)
        privileges.drop(config["user_id"] if config["namespaces"] else None)
        if config["namespaces"]:
            system_calls.refuse()
        request: RestoreRequest
        request, passed = orders.await_one(orders_in)
        orders.join_groups(passed)
        for name, numbers in (("channel", (3,)), ("output", (1, 2, 4))):
            for number in numbers:
                os.dup2(passed[name], number, inheritable=number < 3)
        for descriptor in passed.values():
            os.close(descriptor)
    except OSError:
        os._exit(1)
    return request


def _keep(config: TemplateConfig, control: int, runtime: int) -> NoReturn:
    _tell(control, keeper.UP)
    try:
        privileges.close_all_but({control})
        privileges.drop(config["user_id"] if config["namespaces"] else None)
        kernel.hide_memory()
        kernel.die_with_parent(signal.SIGKILL if config["namespaces"] else keeper.END_ALL)
        if not os.read(control, 1):  # the platform has given us up before it could take note of us
            os.kill(runtime, signal.SIGKILL)
        status = _outlive(runtime)
        keeper.end_descendants(everything=config["namespaces"])
        _tell(control, keeper.ENDED, str(status).encode())
    finally:
        os._exit(0)


def _outlive(runtime: int) -> int:
    def pass_on(number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(runtime, number if number == signal.SIGTERM else signal.SIGKILL)

    for number in keeper.HELD_BACK:
        signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, keeper.HELD_BACK)
    pid = 0
    while pid != runtime:
        pid, status = os.wait()
    return status


def _credentials() -> list[object]:
    """Return the credentials that clients made in init hold: AWS's own fetch new ones, those from variables do not."""
    module = sys.modules.get("botocore.credentials")
    if module is None:
        return []
    return [each for each in gc.get_objects() if type(each) is module.Credentials and each.method == "env"]


def _become(before: str, request: RestoreRequest, kept: list[object]) -> None:
    """Take on what is this environment's own."""
    variables = request["variables"]
    os.environ.update(variables)
    time.tzset()
    if tempfile.tempdir == before:
        tempfile.tempdir = request["temporary"]
    for each in kept:
        each.access_key = variables["AWS_ACCESS_KEY_ID"]  # type: ignore[attr-defined]  # botocore's own class
        each.secret_key = variables["AWS_SECRET_ACCESS_KEY"]  # type: ignore[attr-defined]  # as above
        each.token = variables["AWS_SESSION_TOKEN"]  # type: ignore[attr-defined]  # as above
    descriptors.open_anew(_STANDARD, before, request["temporary"])
