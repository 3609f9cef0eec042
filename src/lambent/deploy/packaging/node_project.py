"""A folder with a package.json, as npm sees it: what it depends on, what its lock says, and what is installed there.

https://docs.npmjs.com/cli/configuring-npm/package-lock-json
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambent.deploy.errors import DeployError

MANIFEST = "package.json"
MODULES = "node_modules"
# What a bundle can be made of, in the order in which it is looked for.
SOURCES = (".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".jsx")
_LOCKS = ("npm-shrinkwrap.json", "package-lock.json")  # npm prefers the first
_INSTALLED = ".package-lock.json"


@dataclass(frozen=True, slots=True)
class Project:
    """A project of npm's: its folder, the names that it needs in production, its lock where it has one.

    `is_developed_with_packages` says that it needs others for its development.
    """

    folder: Path
    needed: tuple[str, ...]
    lock: Path | None
    is_developed_with_packages: bool = False

    @classmethod
    def of(cls, folder: Path) -> Project | None:
        """Return the project in a folder, or None where there is no package.json."""
        file = folder / MANIFEST
        if not file.is_file():
            return None
        body = _document(file)
        lock = next((folder / name for name in _LOCKS if (folder / name).is_file()), None)
        return cls(folder, tuple(_mapping(body.get("dependencies"))), lock, bool(_mapping(body.get("devDependencies"))))

    @property
    def missing(self) -> list[str]:
        """The names that it needs and that are not installed in its node_modules."""
        return [name for name in self.needed if not (self.folder / MODULES / name / MANIFEST).is_file()]

    def local(self) -> Iterator[Path]:
        """Yield the folders and tarballs on this machine that the lock names."""
        for place, one in self._locked():
            resolved = str(one.get("resolved", ""))
            if one.get("link") is True or resolved.startswith("file:"):
                path = self.folder / resolved.removeprefix("file:")
                if not path.exists():
                    raise DeployError(f"{self.lock}: there is no {path}, which is {place}.", "Run `npm install` anew.")
                yield Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links, which npm does not

    def is_native(self) -> bool:
        """Return whether the lock has packages for one system or architecture only."""
        return any("cpu" in one or "libc" in one for _, one in self._locked() if not one.get("dev"))

    def with_install_scripts(self) -> list[str]:
        """Return the packages in production that would run a program when they are installed."""
        return sorted(
            place.rpartition(f"{MODULES}/")[2]
            for place, one in self._locked()
            if one.get("hasInstallScript") is True and not one.get("dev") and not one.get("optional")
        )

    def for_development(self) -> list[str] | None:
        """Return the folders in node_modules that are there for development only; None where npm has not noted it."""
        file = self.folder / MODULES / _INSTALLED
        if not file.is_file():
            return None
        return [place for place, one in _packages(_document(file)) if one.get("dev") or one.get("devOptional")]

    def _locked(self) -> Iterator[tuple[str, Mapping[str, Any]]]:  # Any: JSON
        return iter(()) if self.lock is None else _packages(_document(self.lock))


def _packages(lock: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:  # Any: JSON
    for place, one in _mapping(lock.get("packages")).items():
        if place and isinstance(one, Mapping):
            yield place, one


def _document(file: Path) -> Mapping[str, Any]:  # Any: JSON
    try:
        return _mapping(json.loads(file.read_text(encoding="utf-8-sig")))
    except (OSError, ValueError) as error:
        raise DeployError(f"{file} cannot be read: {error}", "It is an object in JSON.") from error


def _mapping(value: object) -> Mapping[str, Any]:  # Any: JSON
    return value if isinstance(value, Mapping) else {}
