"""What a process of a sandbox may do: user, capabilities, resource limits."""

from __future__ import annotations

import contextlib
import os
import resource

from lambent.guest import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lambent.guest.framing import SpawnRequest

_LOCKED_BYTES = 65_536  # what a function may keep from being swapped out, as on AWS


def limit(request: SpawnRequest) -> None:
    """Set the resource limits of the calling process."""
    for kind, wanted in (
        (resource.RLIMIT_NOFILE, request["files"]),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, _LOCKED_BYTES),
        (getattr(resource, "RLIMIT_NPROC", None), request["processes"]),
    ):
        if kind is not None and wanted is not None:
            _, hard = resource.getrlimit(kind)
            most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(kind, (most, most))


def bound(user_id: int | None) -> None:
    """Let no program this process or its children start have any capability, as whoever they may then be.

    What it has itself it keeps, until it drops it. `user_id` None: stay who we are, as in process isolation.
    """
    if user_id is not None:
        kernel.drop_capabilities()
    kernel.forbid_new_privileges()


def drop(user_id: int | None) -> None:
    """Become `user_id` without any capability, for good; what programs may have was bounded before."""
    if user_id is not None:
        if os.getuid() != user_id:
            os.setgroups([])
            os.setresgid(user_id, user_id, user_id)
            os.setresuid(user_id, user_id, user_id)
        kernel.clear_capability_sets()


def _close_between(kept: list[int]) -> None:
    first = 0
    for number in kept:
        if number > first:
            kernel.close_range(first, number - 1)
        first = number + 1
    kernel.close_range(first)


def close_all_but(kept: set[int]) -> None:
    """Close every descriptor that is not in `kept`."""
    if kernel.IS_LINUX:
        with contextlib.suppress(OSError):  # an older kernel
            _close_between(sorted(kept))
            return
    folder = "/proc/self/fd" if kernel.IS_LINUX else "/dev/fd"
    for name in os.listdir(folder):
        if int(name) not in kept:
            try:
                os.close(int(name))
            except OSError:  # the one that listed the folder
                continue
