"""What is left of a faulty document: judged as well, so that one mistake does not hide the others.

What does not have the right form is taken out, and what it belonged to is not judged by rules any more: no finding may
come of what was taken out. What others refer to stays, so that references are judged everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from lambent.manifest.parse import document_path
from lambent.manifest.sources import Path
from lambent.manifest.system import System

Value = Any  # Any: text, numbers, booleans, None, lists and mappings of them
# What stands for a resource that lacks what it must have, by its section.
_STAND_INS: Mapping[str, Mapping[str, str]] = {
    "functions": {"code": "."}, "outputs": {"value": ""}, "parameters": {}, "layers": {}, "roles": {},
    "log_groups": {}, "keys": {}, "capacity_providers": {},
}  # fmt: skip
# Taking a leaf out may show that more is wrong; a stand-in is sound, so that a few rounds are enough.
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Remainder:
    """A system without what was wrong with it; `unjudged` are the parts that something was taken out of."""

    system: System
    unjudged: frozenset[Path]

    @property
    def has_all_sections(self) -> bool:
        """Whether no section may be missing: a key that is none at the top was probably meant as one."""
        return all(len(path) > 1 or path[0] in System.model_fields for path in self.unjudged)


def remainder(document: Mapping[str, Value]) -> Remainder | None:
    """Return what is left of a document that is no system, or None where too little is."""
    left: dict[str, Value] = _copied(document)
    unjudged: set[Path] = set()
    for _ in range(_ROUNDS):
        try:
            return Remainder(System.model_validate(left), frozenset(unjudged))
        except ValidationError as error:
            faults = {(document_path(one["loc"], left), one["type"] == "missing") for one in error.errors()}
        for path, is_missing in sorted(faults, key=lambda fault: (fault[1], -len(fault[0]))):
            if not path or (len(path) == 1 and path[0] in _STAND_INS):
                return None  # without a whole section, references to it would all be found wrong
            unjudged.add(path[:2] if path[0] in _STAND_INS else path[:1])
            _mend(left, path, is_missing=is_missing)
    return None


def _mend(left: dict[str, Value], path: Path, *, is_missing: bool) -> None:
    section = str(path[0])
    if path == ("stack",):
        left["stack"] = "stack"
    elif section in _STAND_INS and (is_missing or len(path) == 2):
        left[section][path[1]] = dict(_STAND_INS[section])
    else:
        _drop(left, path)


def _drop(left: dict[str, Value], path: Path) -> None:
    """Take out what stands at a path, or the innermost thing around it that is there and is no part of a list."""
    around: dict[str, Value] = left
    for depth, part in enumerate(path):
        inner = around.get(str(part))
        if isinstance(inner, dict) and path[depth + 1 : depth + 2] and path[depth + 1] in inner:
            around = inner
            continue
        # A resource itself stays, since others may refer to it: what was wrong inside of it is out already.
        if depth != 1 or path[0] not in _STAND_INS:
            around.pop(str(part), None)
        return


def _copied(value: Value) -> Value:
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    return value
