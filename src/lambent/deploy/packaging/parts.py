"""What goes into an archive: its own files, and the packages that they need, each in the place where Lambda looks.

https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from lambent.compiler.result import ArchiveKind, ArchiveWanted
from lambent.deploy.errors import DeployError
from lambent.deploy.packaging import programs, requirement_files, wheels
from lambent.deploy.packaging.archive import NOTHING_IGNORED, Entry, entries
from lambent.deploy.packaging.ignore import Ignored, Rule
from lambent.deploy.packaging.node_modules import Machine, modules
from lambent.deploy.packaging.node_project import MANIFEST, MODULES, Project
from lambent.deploy.packaging.wheels import Declared, Neighbour

_LAYER_FOLDERS = frozenset({"python", "nodejs", "lib", "bin", "java", "ruby", "extensions", "dotnetcore"})
_REQUIREMENTS = "requirements.txt"
# What says of a folder that something has to be compiled or installed first, by how runtimes begin.
_SOURCES = (
    ("java", "pom.xml"), ("java", "build.gradle"), ("java", "build.gradle.kts"), ("dotnet", "*.csproj"),
    ("dotnet", "*.fsproj"), ("ruby", "Gemfile"), ("go", "go.mod"), ("provided", "go.mod"), ("provided", "Cargo.toml"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where paths of a manifest begin, and where what was built is kept."""

    base: Path
    cache: Path

    def path(self, named: str) -> Path:
        """Return a path of the manifest. Raises DeployError where there is nothing."""
        found = self.base / named
        if not found.exists():
            raise DeployError(f"There is no {found}.", "Paths are relative to the manifest's folder.")
        return found


@dataclass(frozen=True, slots=True)
class Parts:
    """The files of an archive; `is_native` says that some fit one Python or architecture only."""

    files: tuple[Entry, ...]
    is_native: bool = False
    notices: tuple[str, ...] = ()


def gathered(wanted: ArchiveWanted, place: Place, here: Neighbour | None = None) -> Parts:
    """Return what is packaged; with `here`, the packages are those of the Python that runs the function here.

    A function's own files hide those of its packages. Raises DeployError where something is not there.
    """
    source = place.path(wanted.source) if wanted.source else None
    if wanted.runtime.startswith("nodejs"):
        project = _project(wanted, place, source)
        found = _node_packages(project, wanted, place, here)
        own = [] if source is None else _own_files(source, wanted, skip_modules=project is not None)
    else:
        found = _python_packages(wanted, place, source, here)
        own = [] if source is None else _own_files(source, wanted)
    return Parts(tuple(_together(found.files, own)), found.is_native, found.notices)


def _own_files(source: Path, wanted: ArchiveWanted, *, skip_modules: bool = False) -> list[Entry]:
    if source.is_file():
        return [Entry.of(source.name, source)]
    beneath = _beneath(source, wanted)
    if not skip_modules:
        return entries(source, beneath=beneath)
    # What is installed there is packaged by what its lock says of it, not as files of the folder.
    is_laid_out = wanted.kind is ArchiveKind.LAYER and (source / "nodejs").is_dir()
    own = Ignored.from_lines([f"/{'nodejs/' if is_laid_out else ''}{MODULES}/"])
    return entries(source, beneath=beneath, ignored=_both(Ignored.of(source), own.rules))


def _both(first: Ignored, more: tuple[Rule, ...]) -> Ignored:
    return Ignored((*first.rules, *more))


def _beneath(source: Path, wanted: ArchiveWanted) -> str:
    """Return where a folder's files are put: a layer that is not laid out as /opt is, goes where its runtime looks."""
    if wanted.kind is not ArchiveKind.LAYER or any((source / name).is_dir() for name in _LAYER_FOLDERS):
        return ""
    if wanted.runtime.startswith("python"):
        return "python/"
    if wanted.runtime.startswith("nodejs"):
        return "nodejs/" if (source / MANIFEST).is_file() else f"nodejs/{MODULES}/"
    return ""


def _python_packages(wanted: ArchiveWanted, place: Place, source: Path | None, here: Neighbour | None) -> Parts:
    file = _requirements(wanted, place, source)
    if file is None:
        return Parts((), notices=_unread(wanted, source))
    if file.name == MANIFEST:
        raise DeployError(f"{file} is for Node.js functions, not for {wanted.runtime or 'none'}.", "Name its runtime.")
    read = requirement_files.read(file)
    if read.is_empty:
        return Parts(())
    found = wheels.install(read, here or Declared.of(wanted.runtime, wanted.architecture), place.cache)
    beneath = "python/" if wanted.kind is ArchiveKind.LAYER else ""
    return Parts(tuple(entries(found.folder, beneath=beneath, ignored=NOTHING_IGNORED)), found.is_native)


def _requirements(wanted: ArchiveWanted, place: Place, source: Path | None) -> Path | None:
    if wanted.requirements:
        return place.path(wanted.requirements)
    if source is None or not wanted.runtime.startswith("python"):
        return None
    folders = (source, source / "python") if wanted.kind is ArchiveKind.LAYER else (source,)
    return next((folder / _REQUIREMENTS for folder in folders if (folder / _REQUIREMENTS).is_file()), None)


def _unread(wanted: ArchiveWanted, source: Path | None) -> tuple[str, ...]:
    """Return notices of files that name dependencies which nobody packages."""
    if source is None or not source.is_dir():
        return ()
    found = [file for start, name in _SOURCES if wanted.runtime.startswith(start) for file in source.glob(name)]
    if found and not (source / "bootstrap").exists():
        return (f"{wanted.logical_id}: what {found[0]} builds is not built here; the folder is packaged as it is.",)
    file = source / _REQUIREMENTS
    if not wanted.runtime and file.is_file():
        return (f"{wanted.logical_id}: its runtime is not known here, so what {file} names is not packaged.",)
    file = source / "pyproject.toml"
    if not (wanted.runtime.startswith("python") and file.is_file() and _has_dependencies(file)):
        return ()
    return (f"{wanted.logical_id}: what {file} depends on is not packaged; write it to a requirements.txt beside it.",)


def _has_dependencies(project: Path) -> bool:
    import tomllib  # noqa: PLC0415 - few folders have such a file

    try:
        return bool(tomllib.loads(project.read_text(encoding="utf-8")).get("project", {}).get("dependencies"))
    except (OSError, ValueError):
        return False  # a file that is not ours to judge


def _project(wanted: ArchiveWanted, place: Place, source: Path | None) -> Project | None:
    if wanted.requirements:
        file = place.path(wanted.requirements)
        if file.name != MANIFEST:
            raise DeployError(f"{file} is no {MANIFEST}, which {wanted.runtime} takes.", "Name the project's own.")
        return Project.of(file.parent)
    if source is None or not source.is_dir():
        return None
    is_layer = wanted.kind is ArchiveKind.LAYER
    folders = (source, source / "nodejs") if is_layer else (source,)
    return next((found for folder in folders if (found := Project.of(folder)) is not None), None)


def _node_packages(project: Project | None, wanted: ArchiveWanted, place: Place, here: Neighbour | None) -> Parts:
    if project is None:
        return Parts(())
    machine = Machine(wanted.architecture) if here is None else Machine(here.architecture, here.system)
    found = modules(project, machine, place.cache, programs.on_path("npm"))
    beneath = "nodejs/" if wanted.kind is ArchiveKind.LAYER else ""
    # Node.js reads in it whether files are ES modules, wherever the project was compiled to.
    manifest = Entry.of(MANIFEST, project.folder / MANIFEST)
    files = tuple(replace(one, name=beneath + one.name) for one in (manifest, *found.files))
    return Parts(files, found.is_native, found.notices)


def _together(below: Iterable[Entry], above: Iterable[Entry]) -> list[Entry]:
    """Return the entries of both by name; the function's own files hide those of its packages."""
    found = {entry.name: entry for entry in below} | {entry.name: entry for entry in above}
    return [found[name] for name in sorted(found)]
