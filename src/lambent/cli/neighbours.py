"""Who runs a function on this machine, where that is not the declared runtime: machine code is packaged for it."""

from __future__ import annotations

import platform
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lambent.cli.targets import Place
    from lambent.deploy.packaging.package import Neighbours
    from lambent.deploy.packaging.wheels import Neighbour

# Lambda's names of what operating systems call their machine.
_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def neighbours(place: Place) -> Neighbours | None:
    """Return who runs what on the platform here; None for AWS, which runs everything as it is declared."""
    return _neighbour if place.is_local else None


@cache
def program(runtime: str) -> str | None:
    """Return the program that runs a runtime on this machine, or None."""
    from lambent import assembly  # as below

    return next((one.interpreter for one in assembly.diagnose().runtimes if one.runtime == runtime), None)


def _neighbour(runtime: str, architecture: str) -> Neighbour | None:
    from lambent.deploy.packaging.wheels import Neighbour

    here = _ARCHITECTURES.get(platform.machine().lower(), architecture)
    system = platform.system().lower()
    fits = here == architecture and system == "linux"
    if runtime.startswith("nodejs"):
        return None if fits else Neighbour("node", "Node.js", here, system)
    from lambent import assembly  # half a second, which plain Python code is spared

    found = next((one for one in assembly.diagnose().runtimes if one.runtime == runtime), None)
    if found is None or found.interpreter is None or (found.is_exact and fits):
        return None
    return Neighbour(found.interpreter, f"Python {found.version}", here, system)
