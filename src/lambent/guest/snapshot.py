"""SnapStart: a runtime whose init is over becomes a template, and every further environment is forked from it.

The template waits in AWS's `restore_next`. For each RESTORE it forks a keeper into new namespaces, which forks the
runtime; there `restore_next` returns, and AWS's client goes on with the hooks that follow a restore.
What memory cannot carry over is made anew: /tmp, open files, connections, credentials.
https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
"""

from __future__ import annotations

import array
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

from lambent.guest import descriptors, framing, keeper, kernel, privileges, system_calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from lambent.guest.framing import RestoreRequest, TemplateConfig

_NAMESPACES = (
    kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
)
_MAX_DESCRIPTORS = 16
_MAX_REQUEST = 65536
_STANDARD = frozenset(range(5))  # standard streams, channel, log


def await_restore(channel: socket.socket, config: TemplateConfig) -> None:
    """Be a template until the platform ends; returns in each process that is restored from it, and only there."""
    kept = _credentials()  # before what is there is frozen: the collector does not show that
    obstacle = _settle(config)
    channel.sendall(framing.frame(framing.SNAPSHOT, json.dumps({"obstacle": obstacle}).encode()))
    state = random.getstate()
    before = _temporary(config)
    while True:
        received = _receive(channel)
        if received is None:
            os._exit(0)
        request, passed = received
        if _fork(config, request, passed):
            break
        for descriptor in passed.values():
            os.close(descriptor)
    # As in AWS, where nothing tells a restored process that it is one: Python's own fork would seed anew.
    random.setstate(state)
    _become(before, request, kept)


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


def _receive(channel: socket.socket) -> tuple[RestoreRequest, dict[str, int]] | None:
    data, ancillary, _, _ = channel.recvmsg(_MAX_REQUEST, socket.CMSG_SPACE(_MAX_DESCRIPTORS * 4))
    passed = array.array("i")
    for level, kind, raw in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            passed.frombytes(raw[: len(raw) - len(raw) % passed.itemsize])
    if not data:
        return None
    while len(data) < framing.HEADER.size + framing.HEADER.unpack_from(data)[1]:
        data += channel.recv(_MAX_REQUEST)
    request: RestoreRequest = json.loads(data[framing.HEADER.size :])
    return request, dict(zip(request["descriptors"], passed))


def _fork(config: TemplateConfig, request: RestoreRequest, passed: dict[str, int]) -> bool:
    """Fork a keeper, and a runtime from that; True in the runtime, False in the template."""
    # The parent is the template's own keeper, which reaps whatever comes its way.
    flags = kernel.CLONE_PARENT | (_NAMESPACES if config["namespaces"] else 0)
    try:
        if kernel.clone(flags):
            return False
    except OSError as error:
        _tell(passed["control"], keeper.FAILED, f"fork: {error.strerror}".encode())
        return False
    try:
        _prepare(config, request, passed)
        runtime = os.fork()
        if runtime == 0:
            _enter(config, passed)
            return True
    except BaseException as error:  # noqa: BLE001 - nothing of a keeper may ever return into the template's loop
        _tell(passed["control"], keeper.FAILED, f"{type(error).__name__}: {error}".encode())
        os._exit(1)
    return _keep(config, passed["control"], runtime)


def _prepare(config: TemplateConfig, request: RestoreRequest, passed: dict[str, int]) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, keeper.HELD_BACK)
    for name, descriptor in passed.items():
        if name.startswith("cgroup"):
            os.write(descriptor, b"0")
    if config["namespaces"]:
        same = f"{config['user_id']} {config['user_id']} 1"
        for name, text in (("setgroups", "deny"), ("uid_map", same), ("gid_map", same)):
            _write("/proc/self/" + name, text)
        privileges.bound(config["user_id"])
        descriptors.mount_copy_of_tmp(config["storage_mb"])
        kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    else:
        kernel.adopt_orphans()
        descriptors.copy_tree(_temporary(config), request["temporary"])


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


def _enter(config: TemplateConfig, passed: dict[str, int]) -> None:
    """Be the restored runtime: unprivileged, with its own channel and output."""
    os.setsid()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, keeper.HELD_BACK)
    privileges.drop(config["user_id"] if config["namespaces"] else None)
    if config["namespaces"]:
        system_calls.refuse()
    for name, numbers in (("channel", (3,)), ("output", (1, 2, 4))):
        for number in numbers:
            os.dup2(passed[name], number, inheritable=number < 3)
    for descriptor in passed.values():
        os.close(descriptor)


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
