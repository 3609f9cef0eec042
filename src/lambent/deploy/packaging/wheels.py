"""Third-party packages of a Python function: the wheels of its runtime and architecture, whatever runs here.

https://docs.aws.amazon.com/lambda/latest/dg/python-package.html#python-package-native-libraries
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from lambent.deploy.errors import DeployError
from lambent.deploy.packaging import programs
from lambent.deploy.packaging.cache import made_once
from lambent.deploy.packaging.installed import is_native, made_portable
from lambent.deploy.packaging.requirement_files import Requirements

_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
# Amazon Linux 2023 (Python 3.12 and later) has glibc 2.34, Amazon Linux 2 has 2.26; manylinux begins with 2.5.
_GLIBC_OF_AL2023, _GLIBC_OF_AL2, _OLDEST_GLIBC = 34, 26, 5
_FIRST_ON_AL2023 = 12


@dataclass(frozen=True, slots=True)
class Declared:
    """The Python that a manifest declares: its version ("3.12"), and Lambda's name of the instruction set."""

    version: str
    architecture: str

    @classmethod
    def of(cls, runtime: str, architecture: str) -> Declared:
        """Return the Python of a runtime. Raises DeployError where it is none."""
        match = re.match(r"python(3\.\d+)\Z", runtime)
        if match is None:
            raise DeployError(
                f"A requirements file is installed for Python runtimes, not for {runtime or 'none'}.",
                "Name a Python runtime (of Node.js: a package.json), or put what is needed into the folder.",
            )
        return cls(match[1], architecture)

    def __str__(self) -> str:
        return f"python{self.version} on {self.architecture}"

    @property
    def key(self) -> str:
        """What tells it from others in the cache."""
        return f"{self.version}\0{self.architecture}"

    def command(self) -> list[str]:
        """Return how pip is called for it: with its markers and its tags, in place of those of the Python here."""
        minor = int(self.version.split(".")[1])
        newest = _GLIBC_OF_AL2023 if minor >= _FIRST_ON_AL2023 else _GLIBC_OF_AL2
        machine = _MACHINES[self.architecture]
        tags = [f"manylinux_2_{glibc}_{machine}" for glibc in range(newest, _OLDEST_GLIBC - 1, -1)]
        command = _pip("lambent.deploy.packaging.pip_elsewhere", json.dumps(self._markers()))
        for tag in [*tags, f"manylinux2014_{machine}"]:  # of 2014, pip knows 2010 and 1 as its elders
            command += ["--platform", tag]
        return [*command, "--implementation", "cp", "--python-version", self.version]

    def _markers(self) -> dict[str, str]:
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.version}.0",
            "os_name": "posix",
            "platform_machine": _MACHINES[self.architecture],
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{self.version}.0",
            "python_version": self.version,
            "sys_platform": "linux",
        }


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The program on this machine that runs a function in place of the declared runtime.

    `name` is for people; `system` is npm's word for the operating system.
    """

    executable: str
    name: str
    architecture: str
    system: str = "linux"

    def __str__(self) -> str:
        return f"{self.name} on {self.architecture}"

    @property
    def key(self) -> str:
        """What tells it from others in the cache."""
        return f"{self.executable}\0{self.name}\0{self.architecture}"

    def command(self) -> list[str]:
        """Return how pip is called for it: that Python says itself what fits it."""
        return [*_pip("pip"), "--python", self.executable, "install"]


@dataclass(frozen=True, slots=True)
class Installed:
    """A folder of packages; `is_native` says that some of it is machine code, of one Python and architecture."""

    folder: Path
    is_native: bool


def install(requirements: Requirements, python: Declared | Neighbour, cache: Path) -> Installed:
    """Return a folder with what the requirements name, made once for each content, Python and architecture.

    Raises DeployError with pip's own words where a package has no wheel for it.
    """
    key = hashlib.sha256(f"{requirements.digest}\0{python.key}".encode()).hexdigest()
    folder = made_once(cache / "wheels" / key[:32], lambda building: _install(requirements, python, building))
    return Installed(folder, is_native(folder))


def _pip(module: str, *before: str) -> list[str]:
    # -P: a file in the function's folder called like a module of pip's must not be taken for it.
    return [sys.executable, "-P", "-m", module, *before]


def _install(requirements: Requirements, python: Declared | Neighbour, target: Path) -> None:
    if importlib.util.find_spec("pip") is None:
        raise DeployError(
            f"There is no pip beside {sys.executable}, so {requirements.file} cannot be installed.",
            f"Add it: {sys.executable} -m ensurepip",
        )
    command = [
        *python.command(), "--quiet", "--disable-pip-version-check", "--no-input", "--no-compile", "--no-user",
        "--no-warn-script-location", "--only-binary=:all:", "--target", str(target),
        "-r", str(requirements.file.absolute()),
    ]  # fmt: skip
    done = programs.run(command, requirements.file.parent)
    if done.code != 0:
        raise DeployError(
            f"{requirements.file} cannot be installed for {python}: {done.words('ERROR')}",
            "What has no wheel for it has to be built elsewhere, and named as a wheel or put into a layer.",
        )
    for folder in target.rglob("__pycache__"):
        shutil.rmtree(folder, ignore_errors=True)
    made_portable(target)
