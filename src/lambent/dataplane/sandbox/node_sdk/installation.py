"""Installs packages of the AWS SDK for Node.js: each once, all or nothing.

A folder `home` holds sets of packages, each with what the one before it had, and a link to the newest: it is swapped at
once, and what runs from an older set goes on with that, for a month.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from lambent.base.clock import Clock
from lambent.base.tasks import OwnedTask, TaskOwner
from lambent.dataplane.sandbox.node_sdk.lock import Selection, select
from lambent.dataplane.sandbox.node_sdk.wanted import missing
from lambent.dataplane.supervision.worker import run_to_its_end

_log = logging.getLogger(__name__)
_LOCK: Final = Path(__file__).parent / "package-lock.json"
_MODULES: Final = "node_modules"
# A function is pending for so long at most; then it goes on, and what it names may still arrive.
_PATIENCE_S: Final = 120.0
# Offline, npm needs seconds to give up: not for each function anew.
_PAUSE_S: Final = 60.0
# No platform tells which set its environments have: one this long superseded is taken to be nobody's.
_KEPT_S: Final = 30 * 86_400.0
_COMMAND: Final = (
    "ci", "--ignore-scripts", "--no-bin-links", "--omit=dev", "--prefer-offline", "--fetch-retries=1", "--no-audit",
    "--no-fund", "--loglevel=error",
)  # fmt: skip


@cache
def version() -> str:
    """Return the name of the link to the newest set of what the lock that lies here has."""
    return hashlib.sha256(_LOCK.read_bytes()).hexdigest()[:16]


def modules_beneath() -> str:
    """Return where packages lie beneath the folder of all sets."""
    return f"{version()}/{_MODULES}"


class NodeSdk:
    """The SDK beneath one folder; used on one event loop. `home` None offers nothing."""

    def __init__(self, home: Path | None, real_time: Clock) -> None:
        self._home = home
        self._real_time = real_time
        self._tasks = TaskOwner("node sdk")
        self._alone = asyncio.Lock()
        self._retry_at = 0.0

    async def offer(self, code: Path, layers: Sequence[Path]) -> None:
        """Return once what a function names is there, as far as it can be; at the latest after two minutes."""
        if self._home is None:
            return
        named = await asyncio.to_thread(missing, code, layers)
        if not named:
            return
        installing: OwnedTask[None] = self._tasks.start(self._install(self._home, named), name="install")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(installing.result(), _PATIENCE_S)

    async def aclose(self) -> None:
        """Give up what is under way; nothing of it is left."""
        await self._tasks.aclose()

    async def _install(self, home: Path, named: frozenset[str]) -> None:
        async with self._alone:
            there, wanted = await asyncio.to_thread(_wanted, home, named)
            if not wanted or self._real_time.monotonic() < self._retry_at:
                return
            _log.info("npm installs %s into %s, once", ", ".join(sorted(wanted)), home)
            npm = shutil.which("npm")
            failure = "there is no npm" if npm is None else await _made(home, npm, there | wanted)
            if failure is not None:
                self._retry_at = self._real_time.monotonic() + _PAUSE_S
                _log.warning("functions must bring %s: %s", ", ".join(sorted(wanted)), failure)
            else:
                await asyncio.to_thread(prune, home, self._real_time.now())


def _wanted(home: Path, named: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Return what is installed, and what of the names is not and can be."""
    there = frozenset(_document(home / version() / "package.json").get("dependencies", {}))
    packages = _document(_LOCK)["packages"]
    wanted = frozenset(name for name in named if f"{_MODULES}/{name}" in packages)
    modules = home / version() / _MODULES
    return there, frozenset(name for name in wanted if not (modules / name).is_dir())


def _document(file: Path) -> dict[str, Any]:  # Any: JSON
    try:
        return dict(json.loads(file.read_bytes()))
    except FileNotFoundError:
        return {}


async def _made(home: Path, npm: str, names: frozenset[str]) -> str | None:
    """Make the set of these packages the newest; return why that failed, or None."""
    try:
        building = await asyncio.to_thread(_begun, home, select(_document(_LOCK), names))
    except OSError as error:
        return str(error)
    try:
        failure = await run_to_its_end([npm, *_COMMAND], building)
        if failure is None:
            await asyncio.to_thread(_finish, building, home)
        return failure
    except OSError as error:
        return str(error)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _begun(home: Path, selection: Selection) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix="building-", dir=home))
    (building / "package.json").write_text(json.dumps(selection.manifest), encoding="utf-8")
    (building / "package-lock.json").write_text(json.dumps(selection.lock), encoding="utf-8")
    return building


def _finish(building: Path, home: Path) -> None:
    # What is for compilers alone is two thirds of it.
    for types in list(building.glob(f"{_MODULES}/**/dist-types")):
        shutil.rmtree(types, ignore_errors=True)
    # Functions run as another user.
    for folder, _, files in os.walk(building):
        Path(folder).chmod(0o755)
        for name in files:
            Path(folder, name).chmod(0o644)
    done = building.with_name(building.name.replace("building-", f"{version()}-"))
    building.rename(done)
    link = building.with_name(f"{building.name}.link")
    link.symlink_to(done.name)
    with contextlib.suppress(FileNotFoundError):
        os.utime(home / version())  # of the set that is superseded now
    link.replace(home / version())


def prune(home: Path, now: float) -> None:
    """Remove what no link names and nobody has touched for a month: superseded sets, and what was never finished."""
    found = list(home.iterdir())
    newest = {each.readlink().name for each in found if each.is_symlink()}
    for folder in found:
        with contextlib.suppress(OSError):  # another platform may be at it, too
            is_old = folder.lstat().st_mtime < now - _KEPT_S
            if is_old and folder.name not in newest and not folder.is_symlink():
                shutil.rmtree(folder)
