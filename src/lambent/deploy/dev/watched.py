"""Which parts of a project a changed file belongs to; pure but for looking where links lead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lambent.compiler.result import ArchiveKind, ArchiveWanted, CompiledSystem

_TEMPLATES = frozenset({".yaml", ".yml", ".json", ".template"})
# What decides about a function's packages, wherever packaging finds it (deploy/packaging/parts.py).
_NODE_FILES = frozenset({"package.json", "package-lock.json", "npm-shrinkwrap.json"})


@dataclass(frozen=True, slots=True)
class Touched:
    """What changed files mean: functions whose code is to be packaged anew, or a change of the system itself.

    `is_structure` says that the manifest, a layer or something nested changed, which only a change set can bring about.
    """

    functions: tuple[ArchiveWanted, ...] = ()
    is_structure: bool = False


@dataclass(frozen=True, slots=True)
class Watched:
    """A deployed project's files: `manifest` and what `compiled` packages, beneath `base`."""

    base: Path
    manifest: Path
    compiled: CompiledSystem

    def roots(self) -> tuple[Path, ...]:
        """Return the folders to watch, none within another."""
        wanted = [_real(self.base), *(self._source(one) for one in self.compiled.archives)]
        folders = {one if one.is_dir() else one.parent for one in wanted if one.exists()}
        return tuple(sorted(one for one in folders if not any(one.is_relative_to(two) for two in folders - {one})))

    def sort(self, changed: Iterable[Path]) -> Touched:
        """Return what changed files, by their real paths, mean.

        >>> Watched(Path("/p"), Path("/p/lambent.yaml"), CompiledSystem("shop", {})).sort([Path("/p/lambent.yaml")])
        Touched(functions=(), is_structure=True)
        """
        files = list(changed)
        own = {_real(one) for one in (self.manifest, *(self.base / name for name in self.compiled.included))}
        if not own.isdisjoint(files) or any(self._is_nested(file) for file in files):
            return Touched(is_structure=True)
        touched = [one for one in self.compiled.archives if any(self._feeds(file, one) for file in files)]
        if any(one.kind is ArchiveKind.LAYER for one in touched):
            return Touched(is_structure=True)
        return Touched(tuple(touched))

    def _is_nested(self, file: Path) -> bool:
        return any(_nests(file, self.base, one.folder, one.system) for one in self.compiled.nested)

    def _feeds(self, file: Path, wanted: ArchiveWanted) -> bool:
        return any(file == place or file.is_relative_to(place) for place in self._places(wanted))

    def _places(self, wanted: ArchiveWanted) -> Iterator[Path]:
        if wanted.source:
            yield self._source(wanted)
        if not wanted.requirements:
            return
        named = _real(self.base / wanted.requirements)
        yield named
        if named.name in _NODE_FILES:
            yield from (named.parent / name for name in _NODE_FILES)

    def _source(self, wanted: ArchiveWanted) -> Path:
        return _real(self.base / wanted.source) if wanted.source else _real(self.base)


def _nests(file: Path, base: Path, folder: str, system: CompiledSystem) -> bool:
    """Return whether a file is a nested template, or anything that one packages."""
    own = _real(base / folder)
    if file.parent == own and file.suffix in _TEMPLATES:
        return True
    if any(one.source and file.is_relative_to(_real(own / one.source)) for one in system.archives):
        return True
    return any(_nests(file, own, one.folder, one.system) for one in system.nested)


def _real(path: Path) -> Path:
    return path.resolve()
