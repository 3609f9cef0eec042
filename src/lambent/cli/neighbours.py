"""Who runs a function on this machine, where that is not the declared runtime: machine code is packaged for it."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lambent.cli import connection

if TYPE_CHECKING:
    from lambent.cli.targets import Place
    from lambent.deploy.packaging.package import Neighbours
    from lambent.deploy.packaging.wheels import Neighbour

# Lambda's names of what operating systems call their machine.
_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def neighbours(place: Place) -> Neighbours | None:
    """Return who runs what on the platform here; None for AWS, which runs everything as it is declared."""
    if not place.is_local:
        return None
    known: dict[str, Mapping[str, Any]] = {}  # Any: JSON

    def neighbour(runtime: str, architecture: str) -> Neighbour | None:
        if not known and not runtime.startswith("nodejs"):
            known.update(_runtimes_of(place.port))
        return _neighbour(runtime, architecture, known.get(runtime))

    return neighbour


def programs(place: Place) -> Callable[[str], str | None]:
    """Return what says which program runs a runtime here, or None; the platform is asked once."""
    known: dict[str, str] = {}

    def program(runtime: str) -> str | None:
        if not known:
            found = _runtimes_of(place.port).items()
            known.update({name: str(one["interpreter"]) for name, one in found if one["interpreter"]})
        return known.get(runtime)

    return program


def _runtimes_of(port: int) -> Mapping[str, Mapping[str, Any]]:  # Any: JSON
    # The platform runs by now, and knows: to look for interpreters ourselves would cost half a second of imports.
    answer = connection.ask(port, "runtimes", timeout_s=30.0) or {}
    return {one["runtime"]: one for one in answer.get("runtimes", ())}


def _neighbour(runtime: str, architecture: str, found: Mapping[str, Any] | None) -> Neighbour | None:  # Any: JSON
    from lambent.deploy.packaging.wheels import Neighbour

    here = _ARCHITECTURES.get(platform.machine().lower(), architecture)
    system = platform.system().lower()
    fits = here == architecture and system == "linux"
    if runtime.startswith("nodejs"):
        return None if fits else Neighbour("node", "Node.js", here, system)
    if found is None or found["version"] is None or (found["is_exact"] and fits):
        return None  # nothing runs it here, or what the function brings does: nobody can package that for it
    return Neighbour(found["interpreter"], f"Python {found['version']}", here, system)
