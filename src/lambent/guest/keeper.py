"""The first process of a sandbox: builds it, forks the runtime into it, and stays until all of it has ended.

In a pid namespace it is process 1, so that its end ends everything; elsewhere it adopts orphans and ends them itself.
The runtime is not process 1 because the kernel ignores signals that process 1 sends to itself: os.abort() and
os.kill(os.getpid(), ...) would not do what they do in AWS.
"""

from __future__ import annotations

import contextlib
import os
import signal
import struct

from lambent.guest import kernel, privileges, rootfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, NoReturn

    from lambent.guest.framing import SpawnRequest
    from lambent.guest.place import Place

    BecomeRuntime = Callable[[SpawnRequest, dict[str, int]], None]

REPORT = struct.Struct(">IBi")
"""Token, what happened, and a wait status, a process id or a length of text: one atomic write to the shared pipe."""
UP = 1
ENDED = 2
FAILED = 3
REPORT_SIZE = 512

END_ALL = signal.SIGQUIT
"""Sent to a keeper without a pid namespace: end every descendant, then yourself."""
HELD_BACK = frozenset({signal.SIGTERM, END_ALL})
"""Blocked from the fork server on, so that a signal to a keeper waits until the keeper can answer it."""


def report(pipe: int, token: int, what: int, value: int, text: str = "") -> None:
    """Write one fixed-size report."""
    raw = text.encode("utf-8", "replace")[: REPORT_SIZE - REPORT.size]
    os.write(pipe, (REPORT.pack(token, what, len(raw) if what == FAILED else value) + raw).ljust(REPORT_SIZE, b"\0"))


def keep(place: Place, request: SpawnRequest, descriptors: dict[str, int], become_runtime: BecomeRuntime) -> NoReturn:
    """Be the keeper of one sandbox; never returns.

    `place` is the fork server's Place, `request` the decoded SPAWN request, `descriptors` its passed files by name,
    and `become_runtime(request, descriptors)` what the forked runtime does, never returning either.
    """
    pipe, token = place.report_pipe, request["token"]
    try:
        for name, descriptor in descriptors.items():
            # "0" into `tasks` moves the calling thread without the lock that moving a process takes.
            if name.startswith("cgroup"):
                os.write(descriptor, b"0")
        if place.namespaces:
            rootfs.enter(place.base, request["task_root"], request["layers"], request["storage_mb"])
        else:
            kernel.adopt_orphans()
        runtime = os.fork()
        if runtime == 0:
            _be_runtime(place, request, descriptors, become_runtime)
        report(pipe, token, UP, runtime)
    except OSError as error:
        report(pipe, token, FAILED, 0, f"{error.filename or 'sandbox'}: {error.strerror}")
        os._exit(1)
    try:
        privileges.close_all_but({0, 1, 2, pipe, place.alive})
        privileges.drop(place.user_id if place.switch_user else None)
        kernel.hide_memory()
        kernel.die_with_parent(signal.SIGKILL if place.namespaces else END_ALL)
        if place.is_orphaned():
            os._exit(1)
        status = wait_for(runtime)
        end_descendants()
        report(pipe, token, ENDED, status)
    finally:
        os._exit(0)


def _be_runtime(
    place: Place, request: SpawnRequest, descriptors: dict[str, int], become_runtime: BecomeRuntime
) -> NoReturn:
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # the fork server ignores it
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_BACK)
        privileges.limit(request)
        privileges.drop(place.user_id if place.switch_user else None)
        if place.namespaces:
            kernel.show_memory()
        else:
            kernel.die_with_parent(signal.SIGKILL)
        become_runtime(request, descriptors)
    except BaseException:  # noqa: BLE001 - nothing may return into the fork server's frames below
        import traceback  # it costs 6 ms of the platform's start, and is there in a fork by then

        traceback.print_exc()
    finally:
        os._exit(1)


def wait_for(runtime: int) -> int:
    """Pass signals on to the runtime until it has ended, reap whatever ends meanwhile, and return its wait status."""

    def pass_on(number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(runtime, number)

    def end_all(_number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(runtime, signal.SIGKILL)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(END_ALL, end_all)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_BACK)
    while True:
        pid, status = os.wait()
        if pid == runtime:
            return status


def end_descendants() -> None:
    """End whatever the runtime has left behind."""
    # In a pid namespace the kernel does this when we end. Elsewhere: orphans come to us, so ending children until
    # there are none ends every descendant, however it was started.
    while True:
        for child in _children():
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
