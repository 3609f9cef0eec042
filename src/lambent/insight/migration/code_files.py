"""A function's code as text: the files of a folder, a zip or one file, and what vendored packages say of themselves."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from lambent.insight.migration.candidate import CodePlace

_SOURCES = frozenset({".py", ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"})
_METADATA = frozenset({"WHEEL", "METADATA", "RECORD", "top_level.txt"})
_SKIPPED = frozenset({".git", ".venv", "venv", "__pycache__", ".mypy_cache", ".pytest_cache", ".aws-sam", "cdk.out"})
# Sources beyond it are generated: a bundle of a whole application.
_MOST_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CodeFiles:
    """The files of a function by their paths in it, with slashes.

    `texts` has its sources and its packages' metadata; `names` all files; `shown` says under which path people find
    them: beneath the folder as it was named, or within the zip.
    """

    texts: Mapping[str, str]
    names: frozenset[str]
    root: str = ""
    requirements: str = ""
    requirements_file: str = ""
    unreadable: Mapping[str, str] = field(default_factory=dict)

    def shown(self, name: str) -> str:
        """Return the path under which people find a file."""
        return f"{self.root}/{name}" if self.root else name


class CodeUnreadableError(Exception):
    """The code is not there, or no zip."""


def read_code(place: CodePlace) -> CodeFiles:
    """Return the code. Raises CodeUnreadableError."""
    try:
        if place.path.is_dir():
            found = _of_folder(place.path)
        elif zipfile.is_zipfile(place.path):
            found = _of_archive(place.path)
        elif place.path.is_file() and place.path.suffix in _SOURCES:
            text = place.path.read_text(encoding="utf-8", errors="replace")
            return CodeFiles({place.path.name: text}, frozenset({place.path.name}), _folder(place.path.parent))
        else:
            raise CodeUnreadableError(f"there is no folder and no zip {place.path}")
    except (OSError, zipfile.BadZipFile) as error:
        raise CodeUnreadableError(f"{place.path} cannot be read: {error}") from error
    return _with_requirements(found, place)


def _with_requirements(found: CodeFiles, place: CodePlace) -> CodeFiles:
    if place.requirements is None or not place.requirements.is_file():
        return found
    text = place.requirements.read_text(encoding="utf-8", errors="replace")
    return CodeFiles(found.texts, found.names, found.root, text, str(place.requirements))


def _folder(path: Path) -> str:
    return "" if path == Path() else path.as_posix()


def _of_folder(folder: Path) -> CodeFiles:
    texts: dict[str, str] = {}
    names: set[str] = set()
    for path in _walked(folder):
        name = path.relative_to(folder).as_posix()
        names.add(name)
        if _is_wanted(name) and path.stat().st_size <= _MOST_BYTES:
            texts[name] = path.read_text(encoding="utf-8", errors="replace")
    return CodeFiles(texts, frozenset(names), _folder(folder))


def _walked(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            if path.name not in _SKIPPED:
                yield from _walked(path)
        elif path.is_file():
            yield path


def _of_archive(path: Path) -> CodeFiles:
    texts: dict[str, str] = {}
    with zipfile.ZipFile(path) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        for info in infos:
            if _is_wanted(info.filename) and info.file_size <= _MOST_BYTES:
                texts[info.filename] = archive.read(info).decode("utf-8", errors="replace")
    return CodeFiles(texts, frozenset(info.filename for info in infos), path.as_posix())


def _is_wanted(name: str) -> bool:
    path = PurePosixPath(name)
    if path.parent.name.endswith(".dist-info"):
        return path.name in _METADATA
    return path.suffix in _SOURCES and "node_modules" not in path.parts


def vendored_names(files: CodeFiles) -> frozenset[str]:
    """Return the modules and packages at the top that were installed there: what their metadata lists."""
    found: set[str] = set()
    for name, text in files.texts.items():
        path = PurePosixPath(name)
        base = path.parent.parent
        if path.name == "RECORD":
            listed = (line.split(",")[0].split("/")[0] for line in text.splitlines() if line)
        elif path.name == "top_level.txt":
            listed = (line.strip() for line in text.splitlines())
        else:
            continue
        found.update(str(base / one.removesuffix(".py")) for one in listed if one and not one.startswith(".."))
    return frozenset(found)
