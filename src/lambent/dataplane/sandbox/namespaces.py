"""Which namespaces this machine lets us make, found out without making any."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lambent.dataplane.types import IsolationFinding
from lambent.guest import system_calls

USER_ID: Final = 993
"""The user id functions have, that of AWS's sbx_user1051."""
_CAP_SYS_ADMIN: Final = 21
_PROCESS_WEAKNESSES: Final = (
    (
        "hidden files",
        "a function reads and writes what the platform's user can, other functions' code and /tmp included",
    ),
    ("read-only code", "a function can change its own code and layers, for later environments too"),
    ("size of /tmp", "it is a folder of this machine's disk, without a limit of its own"),
    ("hidden processes", "a function sees this machine's processes and can end those of the platform's user"),
    ("user of its own", "a function runs as the platform's user and keeps root's rights where that is root"),
    ("own shared memory", "System V and POSIX shared memory and message queues are this machine's"),
)


@dataclass(frozen=True, slots=True)
class NamespaceMeans:
    """How namespaces can be had here: `needs_user_namespace` where we are not privileged; `reason` if they cannot."""

    can_try: bool
    needs_user_namespace: bool
    reason: str = ""
    remedy: str = ""


def namespace_means(proc: Path = Path("/proc")) -> NamespaceMeans:
    """Return what the kernel's settings say; only the first fork server proves it."""
    if not sys.platform.startswith("linux"):
        return NamespaceMeans(
            can_try=False,
            needs_user_namespace=False,
            reason="namespaces are Linux's",
            remedy="run on Linux for stronger isolation",
        )
    if _is_privileged(proc):
        return NamespaceMeans(can_try=True, needs_user_namespace=False)
    for name, forbidding in (
        ("sys/kernel/unprivileged_userns_clone", "0"),
        ("sys/kernel/apparmor_restrict_unprivileged_userns", "1"),
        ("sys/user/max_user_namespaces", "0"),
    ):
        if _read(proc / name) == forbidding:
            setting = name.removeprefix("sys/").replace("/", ".")
            wanted = {"0": "1", "1": "0"}[forbidding] if "max" not in name else "10000"
            return NamespaceMeans(
                can_try=False,
                needs_user_namespace=True,
                reason=f"{setting} is {forbidding}",
                remedy=f"run as root, or set sysctl {setting}={wanted}",
            )
    return NamespaceMeans(can_try=True, needs_user_namespace=True)


def namespace_finding(means: NamespaceMeans, failure: str | None) -> IsolationFinding:
    """Return the finding on namespaces, `failure` being what the first fork server ran into."""
    reason = failure or means.reason
    holds = means.can_try and failure is None
    by = "a user namespace of our own" if means.needs_user_namespace else "our privileges"
    remedy = means.remedy or "run as root, or outside of a container that forbids mounts"
    return IsolationFinding(
        name="mount and pid namespaces",
        holds=holds,
        reason=f"by {by}" if holds else reason,
        remedy="" if holds else remedy,
    )


def network_finding(means: NamespaceMeans, failure: str | None) -> IsolationFinding:
    """Return whether functions can have a network of their own, which takes namespaces."""
    namespaces = namespace_finding(means, failure)
    reason = "with --network closed; else functions have the machine's" if namespaces.holds else "needs namespaces"
    return IsolationFinding("closed network", namespaces.holds, reason, namespaces.remedy)


def filter_finding(means: NamespaceMeans, failure: str | None, proc: Path = Path("/proc")) -> IsolationFinding:
    """Return whether system calls that open the kernel are refused in namespace isolation."""
    name = "system call filter"
    if not system_calls.program(platform.machine()):
        return IsolationFinding(name, False, f"not made for {platform.machine()}", "run on x86-64 or arm64")  # noqa: FBT003 - the record's own order
    if "errno" not in _read(proc / "sys/kernel/seccomp/actions_avail").split():
        return IsolationFinding(name, False, "the kernel has none", "a kernel with CONFIG_SECCOMP_FILTER")  # noqa: FBT003 - as above
    namespaces = namespace_finding(means, failure)
    return IsolationFinding(name, namespaces.holds, "" if namespaces.holds else "needs namespaces", namespaces.remedy)


def process_weaknesses(remedy: str) -> list[IsolationFinding]:
    """Return what does not hold in process isolation, each with its reason; `remedy` is what would bring more."""
    return [IsolationFinding(name, holds=False, reason=reason, remedy=remedy) for name, reason in _PROCESS_WEAKNESSES]


def _is_privileged(proc: Path) -> bool:
    if os.geteuid() != 0:
        return False
    for line in _read(proc / "self/status").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_SYS_ADMIN & 1)
    return False


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
