"""Which Node.js on this machine stands for which managed runtime.

Installations say their version in their folder's name, or in the header that is installed beside the program. A program
without either is asked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lambent.dataplane.supervision.inquiry import said_by

RUNTIMES: Final = ("nodejs18.x", "nodejs20.x", "nodejs22.x", "nodejs24.x")
_OLDEST: Final = 18
_FOLDER: Final = re.compile(r"v?(\d+)\.(\d+)\.(\d+)$")
_HEADER: Final = re.compile(r"#define NODE_(MAJOR|MINOR|PATCH)_VERSION (\d+)")
# Where version managers keep theirs: nvm, fnm, volta, nodenv, asdf, mise.
_MANAGED: Final = (
    (".nvm/versions/node", "bin/node"),
    (".local/share/fnm/node-versions", "installation/bin/node"),
    (".volta/tools/image/node", "bin/node"),
    (".nodenv/versions", "bin/node"),
    (".asdf/installs/nodejs", "bin/node"),
    (".local/share/mise/installs/node", "bin/node"),
)


@dataclass(frozen=True, slots=True)
class NodeInstallation:
    """One Node.js: its version's numbers, its program, and the folder that all of it lies in."""

    version: tuple[int, int, int]
    executable: Path
    prefix: Path

    @property
    def text(self) -> str:
        """The version as it is written."""
        return ".".join(map(str, self.version))


def major_of(runtime: str) -> int | None:
    """Return the major version that a runtime's name asks for, None where it is none of Node.js.

    >>> major_of("nodejs22.x"), major_of("python3.13")
    (22, None)
    """
    named = re.fullmatch(r"nodejs(\d+)\.x", runtime)
    return None if named is None else int(named[1])


def installations(home: Path, folders: Sequence[Path]) -> Mapping[int, NodeInstallation]:
    """Return the newest Node.js of each major version; those of version managers go before those of `folders`."""
    found: dict[int, NodeInstallation] = {}
    for one in (*_managed(home), *_installed(folders)):
        known = found.get(one.version[0])
        if one.version[0] >= _OLDEST and (known is None or one.version > known.version):
            found[one.version[0]] = one
    return found


def nearest(found: Mapping[int, NodeInstallation], major: int) -> NodeInstallation | None:
    """Return the installation nearest to a major version; of two as near, the newer."""
    return min(found.values(), key=lambda one: (abs(one.version[0] - major), -one.version[0]), default=None)


def _managed(home: Path) -> Iterator[NodeInstallation]:
    for folder, program in _MANAGED:
        parent = home / folder
        for version in parent.iterdir() if parent.is_dir() else ():
            named = _FOLDER.fullmatch(version.name)
            executable = version / program
            if named is not None and os.access(executable, os.X_OK):
                numbers = (int(named[1]), int(named[2]), int(named[3]))
                yield NodeInstallation(numbers, executable, executable.parent.parent)


def _installed(folders: Sequence[Path]) -> Iterator[NodeInstallation]:
    for folder in folders:
        for name in ("node", "nodejs"):
            program = folder / name
            if not os.access(program, os.X_OK):
                continue
            real = program.resolve()
            prefix = real.parent.parent
            version = _version_beside(prefix) or _version_said(real)
            if version is not None:
                yield NodeInstallation(version, real, prefix)


def _version_beside(prefix: Path) -> tuple[int, int, int] | None:
    for folder in ("include/node", "include/nodejs/src"):
        try:
            header = (prefix / folder / "node_version.h").read_text(encoding="utf-8")
        except OSError:
            continue
        numbers = dict(_HEADER.findall(header))
        if len(numbers) == 3:
            return int(numbers["MAJOR"]), int(numbers["MINOR"]), int(numbers["PATCH"])
    return None


def _version_said(program: Path) -> tuple[int, int, int] | None:
    # Some 40 ms, once: distributions put the headers into a package of their own.
    named = _FOLDER.fullmatch((said_by(program, "--version") or "").strip())
    return None if named is None else (int(named[1]), int(named[2]), int(named[3]))
