"""What a test needs from the machine: a skip with its reason where that is missing, a failure on CI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parent.parent


def on_ci() -> bool:
    """Whether this run is the one that decides: there, nothing may be skipped for want of a tool."""
    return os.environ.get("CI", "").lower() in {"1", "true"}  # noqa: TID251 - set by the machine, read only here


def missing(what: str) -> NoReturn:
    """End the test: failed on CI, skipped elsewhere, `what` being the reason."""
    if on_ci():
        pytest.fail(f"CI must have {what}", pytrace=False)
    pytest.skip(f"needs {what}")


def process_environment(**changes: str | None) -> dict[str, str]:
    """Return this process's environment for a child, with `changes` made; None removes a variable."""
    merged = {**os.environ, **changes}  # noqa: TID251 - tests start programs as a user's shell would
    return {name: value for name, value in merged.items() if value is not None}


def require_tool(name: str) -> Path:
    """Return where the program `name` is; PATH decides, after the folder of the running interpreter."""
    beside_us = str(Path(sys.executable).parent)
    found = shutil.which(name, path=beside_us) or shutil.which(name)
    return Path(found) if found else missing(f"the program {name}")


def optional_tool(name: str, variable: str) -> Path:
    """Return where a program is that this project can do without: `variable` names it, or PATH has it.

    Where neither does, the test is skipped, on CI as well: it is too much to install for a test.
    """
    named = os.environ.get(variable)  # noqa: TID251 - the user's word where a program is, as TF_PLUGIN_MIRROR
    found = named or shutil.which(name)
    if found is None:
        pytest.skip(f"needs the program {name} on PATH, or its place in {variable}")
    return Path(found)


def require_python(version: str) -> Path:
    """Return an interpreter of exactly `version` ("3.12"), found as users have them: PATH, pyenv, uv."""
    found = _find_python(version)
    return found or missing(f"Python {version}")


def require_namespaces() -> None:
    """Return where the kernel lets us make mount and pid namespaces."""
    if not _can_unshare():
        missing("mount and pid namespaces")


@cache
def _find_python(version: str) -> Path | None:
    home = Path.home()
    candidates = [shutil.which(f"python{version}")]
    for pattern in (f".pyenv/versions/{version}*/bin", f".local/share/uv/python/*-{version}*/bin"):
        candidates += [str(folder / f"python{version}") for folder in sorted(home.glob(pattern), reverse=True)]
    for candidate in filter(None, candidates):
        if (found := _interpreter(Path(candidate), version)) is not None:
            return found
    return None


def _interpreter(candidate: Path, version: str) -> Path | None:
    # A version manager's shim exists for versions that are not chosen, too: only running it tells.
    if not candidate.exists():
        return None
    code = "import sys; print('%d.%d' % sys.version_info[:2]); print(sys.executable)"
    ran = subprocess.run([candidate, "-I", "-c", code], capture_output=True, text=True, timeout=20, check=False)
    lines = ran.stdout.splitlines()
    return Path(lines[1]) if ran.returncode == 0 and lines[:1] == [version] else None


@cache
def _can_unshare() -> bool:
    program = shutil.which("unshare")
    if program is None:
        return False
    as_user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = [program, *as_user, "--mount", "--pid", "--fork", "true"]
    return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0
