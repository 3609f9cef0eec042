"""What the lock says of some packages and all that they need; pure.

https://docs.npmjs.com/cli/configuring-npm/package-lock-json
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any  # of JSON

JSON = Mapping[str, Any]  # Any: JSON
_MODULES = "node_modules/"


@dataclass(frozen=True, slots=True)
class Selection:
    """A package.json and its package-lock.json, for npm to install."""

    manifest: JSON
    lock: JSON


def select(lock: JSON, names: Iterable[str]) -> Selection:
    """Return what installs these packages, each at the version that the lock has; all of them must be in it."""
    packages = lock["packages"]
    wanted = {name: packages[_MODULES + name]["version"] for name in sorted(names)}
    top = {"name": "aws-sdk", "private": True, "dependencies": wanted}
    places = _needed(packages, wanted)
    kept = {"": top, **{place: packages[place] for place in sorted(places)}}
    return Selection(top, {"name": top["name"], "lockfileVersion": 3, "requires": True, "packages": kept})


def _needed(packages: JSON, names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = [("", name) for name in names]
    while waiting:
        asker, name = waiting.pop()
        place = _place(packages, asker, name)
        if place is not None and place not in found:
            found.add(place)
            waiting += [(place, other) for other in _dependencies(packages[place])]
    return found


def _dependencies(package: JSON) -> Iterator[str]:
    yield from package.get("dependencies", {})
    yield from package.get("optionalDependencies", {})
    yield from package.get("peerDependencies", {})


def _place(packages: JSON, asker: str, name: str) -> str | None:
    """Return where Node.js finds what a package asks for: in its own folder of packages, else in one above."""
    folder = asker
    while True:
        place = f"{folder}/{_MODULES}{name}" if folder else _MODULES + name
        if place in packages:
            return place
        if not folder:
            return None  # a peer that nobody needs
        folder = folder.rpartition(f"/{_MODULES}")[0] if f"/{_MODULES}" in folder else ""
