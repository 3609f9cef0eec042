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
from lambent.guest.extensions_door import Door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Callable, NoReturn

    from lambent.guest.framing import SpawnRequest
    from lambent.guest.place import Place

    BecomeRuntime = Callable[[SpawnRequest, dict[str, int]], None]

REPORT = struct.Struct(">IBi")
"""Token, what happened, and a wait status, a process id or a length of text: one atomic write to the shared pipe."""
UP = 1
ENDED = 2
FAILED = 3
LEFT = 4
REPORT_SIZE = 512

END_ALL = signal.SIGQUIT
"""Sent to a keeper without a pid namespace: end every descendant, then yourself."""
END_RUNTIME = signal.SIGUSR1
"""Sent to a keeper: end the runtime at once; its extensions may go on until they are ended."""
HELD_BACK = frozenset({signal.SIGTERM, END_ALL, END_RUNTIME})
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
        door = Door(place, request, descriptors)
        door.open()
        runtime = os.fork()
        if runtime == 0:
            _be_runtime(place, request, door, lambda: become_runtime(request, descriptors))
        report(pipe, token, UP, runtime)
    except OSError as error:
        report(pipe, token, FAILED, 0, f"{error.filename or 'sandbox'}: {error.strerror}")
        os._exit(1)
    try:
        privileges.close_all_but({0, 1, 2, pipe, place.alive, *door.kept()})
        privileges.drop(place.user_id if place.switch_user else None)
        kernel.hide_memory()
        kernel.die_with_parent(signal.SIGKILL if place.namespaces else END_ALL)
        if place.is_orphaned():
            os._exit(1)
        status = _wait_for(runtime, door, lambda status: report(pipe, token, LEFT, status))
        _end_descendants()
        report(pipe, token, ENDED, status)
    finally:
        os._exit(0)


def _be_runtime(place: Place, request: SpawnRequest, door: Door, become_runtime: Callable[[], None]) -> NoReturn:
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
        door.pass_through()
        become_runtime()
    except BaseException:  # noqa: BLE001 - nothing may return into the fork server's frames below
        import traceback  # it costs 6 ms of the platform's start, and is there in a fork by then

        traceback.print_exc()
    finally:
        os._exit(1)


def _wait_for(runtime: int, door: Door, left: Callable[[int], None]) -> int:
    """Return the runtime's wait status once nothing is to be waited for any more.

    External extensions outlive the runtime: `left` tells of its end, and the platform ends them when they are done.
    """
    is_ending = False
    status: int | None = None

    def to_runtime(number: int, _frame: object) -> None:
        if status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(runtime, signal.SIGKILL if number == END_RUNTIME else number)

    def end_all(_number: int, _frame: object) -> None:
        nonlocal is_ending
        is_ending = True
        to_runtime(END_RUNTIME, None)

    wakeup = _wake_up_for_signals()
    for number, handler in ((signal.SIGTERM, to_runtime), (END_RUNTIME, to_runtime), (END_ALL, end_all)):
        signal.signal(number, handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_BACK)
    outlives = door.has_extensions
    while status is None or (outlives and not is_ending):
        door.wait(wakeup)
        for pid, ended in _reaped():
            if pid == runtime:
                status = ended
                if outlives:
                    left(ended)
            elif pid == door.companion:
                outlives = False
                to_runtime(END_RUNTIME, None)  # it, and its extensions, have nobody to ask any more
    return status


def _wake_up_for_signals() -> int:
    """Return a descriptor that can be read when a signal has come."""
    source, wakeup = os.pipe()
    for end in (source, wakeup):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    os.write(wakeup, b"\0")  # for what came before
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


def _end_descendants() -> None:
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
