"""Which program on this machine stands for which managed runtime.

Installations of Python say their version in their folder's name or in their program's: nothing is executed to find out.
The search happens on first use, not when the platform starts.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from lambent.dataplane.errors import RuntimeUnavailableError
from lambent.dataplane.sandbox import nodes
from lambent.dataplane.sandbox.spec import OWN_BOOTSTRAP, Interpreter
from lambent.dataplane.types import RuntimeInfo

RUNTIMES: Final = tuple(f"python3.{minor}" for minor in range(9, 15))
# The function brings what runs it, a program called bootstrap; a Python of ours serves it.
_BROUGHT: Final = ("provided.al2", "provided.al2023")
_OLDEST: Final = 9
_NEWEST: Final = 14
_PROGRAM: Final = re.compile(r"python3\.(\d+)$")
_FOLDER_VERSION: Final = re.compile(r"(?:^|cpython-)3\.(\d+)(?:\.(\d+))?(?![\d.]*(?:a|b|rc|t\b|-dev))")


@dataclass(frozen=True, slots=True)
class _Installation:
    minor: int
    patch: int | None
    executable: Path
    prefix: Path

    @property
    def version(self) -> str:
        return f"3.{self.minor}" if self.patch is None else f"3.{self.minor}.{self.patch}"


class Interpreters:
    """The interpreters of this machine, found when first asked for."""

    def __init__(self, home: Path | None = None, folders: Sequence[Path] | None = None) -> None:
        self._home = home
        self._folders = folders
        self._found: dict[int, _Installation] | None = None
        self._nodes: Mapping[int, nodes.NodeInstallation] | None = None

    def resolve(self, runtime: str, *, strict: bool) -> Interpreter:
        """Return the interpreter for `runtime`: its exact minor version, else the nearest one with a notice.

        Raises RuntimeUnavailableError where there is none or, if strict, none of exactly that version.
        """
        if runtime in _BROUGHT:
            host = self.resolve(RUNTIMES[-1], strict=False)
            return replace(host, runtime=runtime, is_exact=True, notice=None, host=host)
        if (major := nodes.major_of(runtime)) is not None:
            return self._node(runtime, major, strict=strict)
        wanted = _PROGRAM.fullmatch(runtime)
        if wanted is None:
            raise RuntimeUnavailableError(
                runtime, "this runtime is not run here; those of Python and Node.js, and provided ones, are"
            )
        minor = int(wanted[1])
        found = self._installations()
        if exact := found.get(minor):
            return _interpreter(runtime, exact)
        if not found:
            raise RuntimeUnavailableError(runtime, "no Python from 3.9 to 3.14 was found; install one with pyenv or uv")
        # The nearest version; of two as near, the newer: syntax it lacks is rarer than syntax it has.
        nearest = min(found.values(), key=lambda installation: (abs(installation.minor - minor), -installation.minor))
        if strict:
            raise RuntimeUnavailableError(
                runtime, f"Python 3.{minor} is not installed, and strict runtimes forbid {nearest.version} in its stead"
            )
        notice = f"{runtime} is run by Python {nearest.version}: no Python 3.{minor} was found here"
        return replace(_interpreter(runtime, nearest), is_exact=False, notice=notice)

    def list(self) -> list[RuntimeInfo]:
        """Return every runtime that is known here, and what would run it."""
        return [self._info(runtime) for runtime in (*RUNTIMES, *nodes.RUNTIMES, *_BROUGHT)]

    def _node(self, runtime: str, major: int, *, strict: bool) -> Interpreter:
        if self._nodes is None:
            folders = self._folders if self._folders is not None else (*_program_folders(), *_usual_folders())
            self._nodes = nodes.installations(self._home or Path.home(), folders)
        found = nodes.nearest(self._nodes, major)
        if found is None:
            raise RuntimeUnavailableError(runtime, "no Node.js from version 18 on was found; install one")
        is_exact = found.version[0] == major
        if strict and not is_exact:
            raise RuntimeUnavailableError(
                runtime, f"Node.js {major} is not installed, and strict runtimes forbid {found.text} in its stead"
            )
        notice = None if is_exact else f"{runtime} is run by Node.js {found.text}: no Node.js {major} was found here"
        host = self.resolve(RUNTIMES[-1], strict=False)
        return Interpreter(runtime, found.executable, found.prefix, found.text, is_exact, notice, host)

    def _info(self, runtime: str) -> RuntimeInfo:
        try:
            found = self.resolve(runtime, strict=False)
        except RuntimeUnavailableError as error:
            return RuntimeInfo(runtime, None, None, is_exact=False, notice=error.reason)
        if found.family == "provided":
            return RuntimeInfo(runtime, OWN_BOOTSTRAP, None, is_exact=True)
        return RuntimeInfo(runtime, str(found.executable), found.version, found.is_exact, found.notice)

    def _installations(self) -> dict[int, _Installation]:
        if self._found is None:
            self._found = {}
            for installation in self._search():
                if _OLDEST <= installation.minor <= _NEWEST:
                    self._found.setdefault(installation.minor, installation)
        return self._found

    def _search(self) -> Iterator[_Installation]:
        home = self._home or Path.home()
        yield from _versioned(home / ".pyenv/versions")
        yield from _versioned(home / ".local/share/uv/python")
        for folder in self._folders if self._folders is not None else _usual_folders():
            yield from _programs(folder)


def _usual_folders() -> tuple[Path, ...]:
    # Our own interpreter's folder comes first: it is there and works. Then where systems install.
    own = Path(sys.base_prefix) / "bin"
    return (own, Path("/usr/local/bin"), Path("/usr/bin"), Path("/opt/homebrew/bin"))


def _program_folders() -> tuple[Path, ...]:
    return tuple(Path(folder) for folder in os.get_exec_path() if folder.startswith("/"))


def _versioned(parent: Path) -> Iterator[_Installation]:
    """Yield installations whose folder carries the full version, newest first."""
    if not parent.is_dir():
        return
    found = []
    for folder in parent.iterdir():
        named = _FOLDER_VERSION.match(folder.name)
        if named is None:
            continue
        executable = folder / f"bin/python3.{named[1]}"
        if executable.exists():
            found.append(_installation(executable, int(named[1]), named[2] and int(named[2])))
    yield from sorted(found, key=lambda each: (each.minor, each.patch or 0), reverse=True)


def _programs(folder: Path) -> Iterator[_Installation]:
    """Yield the interpreters among the programs of `folder`; a version manager's shims (scripts) are none."""
    for program in sorted(folder.glob("python3.*")) if folder.is_dir() else ():
        named = _PROGRAM.fullmatch(program.name)
        if named is not None and not _is_script(program):
            yield _installation(program, int(named[1]), None)


def _is_script(program: Path) -> bool:
    try:
        with program.open("rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return True


def _installation(executable: Path, minor: int, patch: int | str | None) -> _Installation:
    real = executable.resolve()
    return _Installation(minor, patch if isinstance(patch, int) else None, real, real.parent.parent)


def _interpreter(runtime: str, found: _Installation) -> Interpreter:
    return Interpreter(runtime, found.executable, found.prefix, found.version, is_exact=True)
