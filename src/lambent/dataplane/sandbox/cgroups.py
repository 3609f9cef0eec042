"""Memory, process and CPU limits by control groups, version 1 or 2, and what they say afterwards.

A sandbox's processes move themselves into their group: the opened `tasks` (v1) or `cgroup.procs` (v2) file is passed to
the keeper. CPU is limited from the end of init on; what its quota is, `cpu_share` says.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lambent.dataplane.sandbox.cpu_share import PERIOD_US, quota_us
from lambent.dataplane.sandbox.spec import Limits
from lambent.dataplane.sandbox.template_room import TemplateRoom
from lambent.dataplane.types import IsolationFinding

_ROOT: Final = Path("/sys/fs/cgroup")
_PREFIX: Final = "lambent-"  # then the process id of the platform
_MB: Final = 1_048_576
# In this order: version 1 lets no limit of memory stand above that of memory and swap together.
_MEMORY_LIMITS: Final = {1: ("memory.memsw.limit_in_bytes", "memory.limit_in_bytes"), 2: ("memory.max",)}
_USUAL_SHARES: Final = {1: ("cpu.shares", 1024), 2: ("cpu.weight", 100)}  # what one process of the platform weighs
_CPU_TIME: Final = "cpuacct"
_MOST_WEIGHT: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Hierarchy:
    """One mounted hierarchy with the folder in which our groups go."""

    version: int
    controllers: frozenset[str]
    home: Path

    @property
    def join_file(self) -> str:
        # In version 1, "0" written to `tasks` moves one thread without the lock that moving a process takes; the
        # keeper has one thread. Version 2 moves whole processes only, where memory is controlled.
        return "tasks" if self.version == 1 else "cgroup.procs"


class CgroupError(OSError):
    """A control group could not be made."""


@dataclass(frozen=True, slots=True)
class CpuLimit:
    """The group in which an environment's CPU is limited, and to how much of each period."""

    folder: Path
    version: int
    quota_us: int

    def set(self) -> None:
        """Write the limit."""
        if self.version == 2:
            _write(self.folder / "cpu.max", f"{self.quota_us} {PERIOD_US}")
        else:
            _write(self.folder / "cpu.cfs_period_us", PERIOD_US)
            _write(self.folder / "cpu.cfs_quota_us", self.quota_us)

    def lift(self) -> None:
        """Take it away."""
        if self.version == 2:
            _write(self.folder / "cpu.max", "max")
        else:
            _write(self.folder / "cpu.cfs_quota_us", -1)


@dataclass(frozen=True, slots=True)
class CpuCount:
    """The group in which the kernel counts an environment's CPU time."""

    folder: Path
    version: int

    def used_s(self) -> float | None:
        """Return the seconds used so far; None where the group is gone."""
        with contextlib.suppress(OSError):
            if self.version == 2:
                return _field(self.folder / "cpu.stat", "usage_usec") / 1e6
            return _number(self.folder / "cpuacct.usage") / 1e9
        return None


@dataclass(slots=True)
class Cgroup:
    """The groups of one sandbox, one per hierarchy in use."""

    folders: tuple[Path, ...]
    join: tuple[int, ...]
    _peak: int | None
    _memory: Path | None
    _version: int
    _cpu: CpuLimit | None = None
    _count: CpuCount | None = None
    _oom_kills_before: int = 0
    _room: TemplateRoom | None = None
    _raised_to_mb: int = 0

    def joined(self) -> None:
        """Close the descriptors that were passed to the keeper."""
        for descriptor in self.join:
            os.close(descriptor)
        self.join = ()

    def make_room(self, forks: int) -> None:
        """As the group of a template, let it hold what so many forks of it, and those that stand by, are charged to it.

        Once made, the room stays.
        """
        if self._memory is None:
            return
        if self._room is None:
            limit = _number(self._memory / _MEMORY_LIMITS[self._version][-1])
            self._room = TemplateRoom(limit // _MB, -(-_field(self._memory / "memory.stat", "shmem") // _MB))
        limit_mb = self._room.limit_mb(forks)
        if limit_mb > self._raised_to_mb:
            self._raised_to_mb = limit_mb
            for name in _MEMORY_LIMITS[self._version]:
                with contextlib.suppress(OSError):  # it has ended meanwhile, or the kernel does not account for swap
                    _write(self._memory / name, limit_mb * _MB)

    def peak_mb(self) -> int | None:
        """Return the most memory used so far in MB, rounded up; None where the kernel keeps no such number."""
        if self._peak is None:
            return None
        return -(-int(os.pread(self._peak, 32, 0)) // _MB)

    def memory_mb(self) -> int | None:
        """Return the memory in use now in MB, rounded up, without the cache of files; None where none is counted."""
        if self._memory is None:
            return None
        with contextlib.suppress(OSError):
            is_first = self._version == 1
            used = _number(self._memory / ("memory.usage_in_bytes" if is_first else "memory.current"))
            cached = _field(self._memory / "memory.stat", "total_inactive_file" if is_first else "inactive_file")
            return max(0, -(-(used - cached) // _MB))
        return None

    def cpu_s(self) -> float | None:
        """Return the CPU time used so far in seconds; None where the kernel does not count it here."""
        return None if self._count is None else self._count.used_s()

    def limit_cpu(self) -> None:
        """Hold the environment to its share of CPU from now on; without effect where CPU is not limited."""
        if self._cpu is not None:
            with contextlib.suppress(OSError):  # it has ended meanwhile, or a group above ours allows less
                self._cpu.set()

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel ended a process of the present runtime for want of memory."""
        return self._oom_kills() > self._oom_kills_before

    def is_filled_by_files(self) -> bool:
        """Whether files in /tmp, which is memory, take more than half of what the environment may use."""
        if self._memory is None:
            return False
        limit = _number(self._memory / ("memory.limit_in_bytes" if self._version == 1 else "memory.max"))
        return 2 * _field(self._memory / "memory.stat", "shmem") > limit

    def begin_anew(self) -> None:
        """Let another runtime initialize: CPU without limit, and memory counted anew."""
        if self._cpu is not None:
            with contextlib.suppress(FileNotFoundError):  # as above
                self._cpu.lift()
        self._oom_kills_before = self._oom_kills()
        if self._memory is None or self._peak is None:
            return
        with contextlib.suppress(OSError):  # version 2 learned it in Linux 6.12; before, the highest ever stays
            if self._version == 1:
                _write(self._memory / "memory.max_usage_in_bytes", 0)
            else:
                # The reset holds for the descriptor by which it was asked for.
                anew = os.open(self._memory / "memory.peak", os.O_RDWR | os.O_CLOEXEC)
                os.write(anew, b"0")
                os.close(self._peak)
                self._peak = anew

    def _oom_kills(self) -> int:
        if self._memory is None:
            return 0
        return _field(self._memory / ("memory.oom_control" if self._version == 1 else "memory.events"), "oom_kill")

    def remove(self) -> bool:
        """Remove the groups and return whether they are gone: not while a process of theirs is still ending.

        May be called again, until it says so. Afterwards nothing can be read here.
        """
        self.joined()
        if self._peak is not None:
            os.close(self._peak)
            self._peak = None
        self.folders = tuple(folder for folder in self.folders if not _is_gone(folder))
        return not self.folders


class Cgroups:
    """Makes groups under a folder of ours in each hierarchy we may write to.

    The folder is named by the process that owns it and by `place`, since one process may run several platforms, each
    of which removes its own folder at its end.
    """

    def __init__(
        self,
        owner: int,
        place: str,
        *,
        limits_cpu: bool = True,
        root: Path = _ROOT,
        membership: Path = Path("/proc/self/cgroup"),
    ) -> None:
        self._owner = f"{_PREFIX}{owner}-{hashlib.sha256(place.encode()).hexdigest()[:8]}"
        self._hierarchies: dict[str, _Hierarchy] = {}
        self._reasons: dict[str, str] = {}
        self._busy: list[Cgroup] = []
        self._cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._controllers = ("memory", "pids", *(("cpu",) if limits_cpu else ()))
        for controller in self._controllers:
            self._find(controller, root, membership)
        # Version 2 counts in every group, and knows no such controller.
        self._find(_CPU_TIME, root, membership)

    @property
    def limits_memory(self) -> bool:
        """Whether memory is limited by the kernel here."""
        return "memory" in self._hierarchies

    @property
    def limits_processes(self) -> bool:
        """Whether the number of processes is limited per environment here."""
        return "pids" in self._hierarchies

    def findings(self) -> list[IsolationFinding]:
        """Return for each controller whether it can be used, and if not, why."""
        return [
            IsolationFinding(
                name=f"cgroup {controller} limit",
                holds=controller in self._hierarchies,
                reason=self._reasons.get(controller, ""),
                remedy=""
                if controller in self._hierarchies
                else "run as root, or delegate a control group to this user",
            )
            for controller in self._controllers
        ]

    def create(self, name: str, limits: Limits) -> Cgroup | None:
        """Make the groups of one sandbox, or return None where no hierarchy can be used; raises CgroupError."""
        cpu, quota = self._hierarchies.get("cpu"), quota_us(limits.memory_mb, self._cpus, limits.vcpus)
        # What takes time to set up is for those whose CPU somebody asks for: environments of Managed Instances.
        needless = {"cpu" if quota is None else None, _CPU_TIME if limits.vcpus is None else None}
        used = [each for controller, each in self._hierarchies.items() if controller not in needless]
        homes = {hierarchy.home: hierarchy for hierarchy in used}
        if not homes:
            return None
        folders, join = [], []
        try:
            for home, hierarchy in homes.items():
                folder = home / name
                folder.mkdir()
                folders.append(folder)
                _write_limits(folder, hierarchy, limits)
                join.append(os.open(folder / hierarchy.join_file, os.O_WRONLY | os.O_CLOEXEC))
        except OSError as error:
            Cgroup(tuple(folders), tuple(join), None, None, 1).remove()
            raise CgroupError(error.errno, error.strerror, str(error.filename)) from error
        memory = self._hierarchies.get("memory")
        place = memory.home / name if memory else None
        version = memory.version if memory else 1
        cpu_limit = CpuLimit(cpu.home / name, cpu.version, quota) if cpu is not None and quota is not None else None
        peak, count = _open_peak(place, version), self._count(name, folders)
        return Cgroup(tuple(folders), tuple(join), peak, place, version, cpu_limit, count)

    def _count(self, name: str, folders: list[Path]) -> CpuCount | None:
        counting = self._hierarchies.get(_CPU_TIME)
        if counting is not None:
            folder = counting.home / name
            return CpuCount(folder, 1) if folder in folders else None
        second = {hierarchy.home / name for hierarchy in self._hierarchies.values() if hierarchy.version == 2}
        return next((CpuCount(each, 2) for each in folders if each in second), None)

    def discard(self, group: Cgroup) -> None:
        """Remove the groups of a sandbox that has ended, now or, where the kernel is not done with it, later."""
        self._busy = [each for each in (*self._busy, group) if not each.remove()]

    def remove(self) -> bool:
        """Remove our folders once no sandbox is left, and return whether they are gone; idempotent."""
        self._busy = [each for each in self._busy if not each.remove()]
        if self._busy:
            return False
        for hierarchy in self._hierarchies.values():
            with contextlib.suppress(OSError):
                hierarchy.home.rmdir()
        return True

    def sweep(self) -> None:
        """Remove the groups of platforms that were killed."""
        for hierarchy in self._hierarchies.values():
            for home in hierarchy.home.parent.glob(f"{_PREFIX}*"):
                owner = home.name.removeprefix(_PREFIX).partition("-")[0]
                if not owner.isdecimal() or Path(f"/proc/{owner}").exists():
                    continue
                with contextlib.suppress(OSError):  # another platform may be sweeping, too
                    for group in home.iterdir():
                        if group.is_dir():
                            group.rmdir()
                    home.rmdir()

    def establish(self) -> None:
        """Make our folder in each hierarchy; one where that fails is left aside, with the reason."""
        for controller, hierarchy in list(self._hierarchies.items()):
            try:
                _establish(hierarchy)
                if controller == "cpu":
                    _weigh(hierarchy, self._cpus)
            except OSError as error:
                self._reasons[controller] = str(error)
                del self._hierarchies[controller]

    def _find(self, controller: str, root: Path, membership: Path) -> None:
        try:
            version, parent = _membership(controller, root, membership)
            if not os.access(parent, os.W_OK):
                raise PermissionError(errno.EACCES, "no right to make groups", str(parent))
        except (OSError, LookupError) as error:
            self._reasons[controller] = str(error)
            return
        home = parent.resolve() / self._owner  # two controllers of one hierarchy may have a name each for it
        sharing = [name for name, each in self._hierarchies.items() if each.home == home]
        hierarchy = _Hierarchy(version, frozenset({controller, *sharing}), home)
        self._hierarchies.update(dict.fromkeys((controller, *sharing), hierarchy))


def _establish(hierarchy: _Hierarchy) -> None:
    if hierarchy.version == 2:
        # A group has the controllers that its parent enables for subgroups.
        wanted = " ".join(f"+{controller}" for controller in sorted(hierarchy.controllers))
        parent = hierarchy.home.parent
        enabled = set((parent / "cgroup.subtree_control").read_text(encoding="ascii").split())
        if not hierarchy.controllers <= enabled:
            (parent / "cgroup.subtree_control").write_text(wanted, encoding="ascii")
        hierarchy.home.mkdir(exist_ok=True)
        (hierarchy.home / "cgroup.subtree_control").write_text(wanted, encoding="ascii")
    else:
        hierarchy.home.mkdir(exist_ok=True)


def _weigh(hierarchy: _Hierarchy, cpus: int) -> None:
    # All environments together weigh as much as the platform would on every CPU: it must neither starve nor be starved.
    name, usual = _USUAL_SHARES[hierarchy.version]
    _write(hierarchy.home / name, min(usual * cpus, _MOST_WEIGHT) if hierarchy.version == 2 else usual * cpus)


def _membership(controller: str, root: Path, membership: Path) -> tuple[int, Path]:
    """Return the version and our own group's folder in the hierarchy that has `controller`."""
    unified = None
    for line in membership.read_text(encoding="ascii").splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            return 1, _existing(root / controller, path)
        if not names:
            unified = path
    if unified is None or not (root / "cgroup.controllers").exists():
        raise LookupError(f"no control group hierarchy has the {controller} controller")
    own = _existing(root, unified)
    # Version 2 forbids processes beside subgroups, so ours go beside our own group, unless that is the root.
    parent = own if own == root else own.parent
    if controller not in _text(parent / "cgroup.controllers").split():
        raise LookupError(f"the {controller} controller is not delegated to {parent}")
    return 2, parent


def _existing(mount: Path, path: str) -> Path:
    # In a container the path may be that of the host, of which only the mount's root is seen.
    folder = mount / path.lstrip("/")
    return folder if folder.is_dir() else mount


def _is_gone(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True


def _write_limits(folder: Path, hierarchy: _Hierarchy, limits: Limits) -> None:
    memory = limits.memory_mb * _MB
    if "memory" in hierarchy.controllers:
        if hierarchy.version == 1:
            _write(folder / "memory.limit_in_bytes", memory)
            with contextlib.suppress(OSError):  # kernels without swap accounting
                _write(folder / "memory.memsw.limit_in_bytes", memory)
        else:
            _write(folder / "memory.max", memory)
            with contextlib.suppress(OSError):
                _write(folder / "memory.swap.max", 0)
    if "pids" in hierarchy.controllers:
        _write(folder / "pids.max", limits.processes)


def _field(path: Path, name: str) -> int:
    with contextlib.suppress(OSError):
        for line in path.read_text(encoding="ascii").splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0


def _text(path: Path) -> str:
    return path.read_text(encoding="ascii")


def _number(path: Path) -> int:
    return int(path.read_text(encoding="ascii"))


def _write(path: Path, value: int | str) -> None:
    # Not by pathlib, which takes four times as long: an environment's start waits for several of these.
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
    try:
        os.write(descriptor, str(value).encode("ascii"))
    finally:
        os.close(descriptor)


def _open_peak(folder: Path | None, version: int) -> int | None:
    if folder is None:
        return None
    for name in ("memory.max_usage_in_bytes",) if version == 1 else ("memory.peak", "memory.current"):
        with contextlib.suppress(OSError):
            return os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC)
    return None
