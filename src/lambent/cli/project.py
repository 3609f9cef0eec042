"""From a path to something deployable: a manifest (ours, Planton's, Python's) or an existing template, checked.

Reading and running files is done here; what they mean is `manifest`'s and `deploy`'s to say.
"""

from __future__ import annotations

import runpy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lambent.base.diagnostics import Diagnostic, has_errors
from lambent.cli.errors import CommandError, ExitCode
from lambent.cli.views import diagnostics as view

if TYPE_CHECKING:
    from lambent.manifest.load import Loaded
    from lambent.manifest.system import System

_NAMES = ("lambent.yaml", "lambent.yml", "lambent.py", "template.yaml", "template.yml", "template.json")


@dataclass(frozen=True, slots=True)
class ProjectRequest:
    """What the options say of the project."""

    path: Path | None = None
    environment: str | None = None
    settings: Sequence[str] = ()
    stack: str | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """A project as read: its file, and either the system it declares or the template it is."""

    file: Path
    text: str
    diagnostics: tuple[Diagnostic, ...]
    system: System | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    stack: str | None = None
    is_template: bool = False
    loaded: Loaded | None = None

    @property
    def region(self) -> str | None:
        """The region that the manifest, or what it brings along, says it belongs in."""
        given = None if self.loaded is None else self.loaded.credentials
        own = None if self.system is None else self.system.region
        return own or (None if given is None else given.region)

    @property
    def stack_name(self) -> str | None:
        """The stack that it is for, None where nothing says it."""
        return self.stack if self.system is None else self.system.stack

    @property
    def base(self) -> Path:
        """The folder that paths are relative to."""
        return self.file.parent


def key_of(request: ProjectRequest, place: str) -> tuple[Path, str] | None:
    """Return the project's file and the digest of all that its template follows from; None for a system in Python."""
    from lambent.deploy.memory import key_of as digest

    file = _find(request.path)
    if file.suffix == ".py":
        return None
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    said = (request.environment or "", request.stack or "", place, *request.settings)
    return file, digest(str(file.resolve()), text, *said)


def read(request: ProjectRequest) -> Project:
    """Read and check the project. Raises CommandError where there is none or its file cannot be read."""
    file = _find(request.path)
    settings = _settings(request.settings)
    if file.suffix == ".py":
        return _from_python(file, request)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}", "Name a file of YAML or JSON.", ExitCode.USAGE) from error
    from lambent.deploy.templates import is_template

    if is_template(text):
        return _from_template(file, text, request, settings)
    return _from_manifest(file, text, request, settings)


def stack_of(request: ProjectRequest) -> tuple[str, Project | None]:
    """Return the name of the stack that is meant, and the project where there is one: --stack alone is enough."""
    if request.stack is not None and request.path is None:
        return request.stack, None
    project = read(request)
    if project.system is not None:
        return project.system.stack, project
    if project.stack is None:
        if not project.is_template:
            require_sound(project)
        raise CommandError(
            f"{project.file} does not say which stack it is for.", "Name it with --stack NAME.", ExitCode.USAGE
        )
    return project.stack, project


def require_sound(project: Project) -> None:
    """Show the project's findings, and end the command where one is an error."""
    view.show(project.diagnostics, {str(project.file): project.text})
    if has_errors(project.diagnostics):
        raise CommandError(
            f"{project.file} has {view.summary(project.diagnostics)}.", "Nothing was changed.", ExitCode.FAILED
        )


def _find(path: Path | None) -> Path:
    folder = path or Path()
    if folder.is_file():
        return folder
    if not folder.is_dir():
        raise CommandError(f"There is no {folder}.", "Name a manifest, a template or a folder.", ExitCode.USAGE)
    found = next((folder / name for name in _NAMES if (folder / name).is_file()), None)
    if found is None:
        raise CommandError(
            f"There is no lambent.yaml and no template.yaml in {folder.resolve()}.",
            "Make a project with `lambent init`, or name its file.",
            ExitCode.USAGE,
        )
    return found


def _settings(given: Sequence[str]) -> dict[str, str]:
    settings: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise CommandError(f"--set {text} names no value.", "Write --set NAME=VALUE.", ExitCode.USAGE)
        settings[name] = value
    return settings


def _from_manifest(file: Path, text: str, request: ProjectRequest, settings: Mapping[str, str]) -> Project:
    from lambent.deploy.preflight import preflight
    from lambent.manifest.load import load

    loaded = load(text, str(file), environment=request.environment, settings=settings)
    found = list(loaded.diagnostics)
    system = loaded.system
    if system is not None:
        if request.stack is not None:
            system = system.model_copy(update={"stack": request.stack})
        found += preflight(system, loaded.sources, file.parent)
    return Project(file, text, tuple(found), system, settings, request.stack, loaded=loaded)


def _from_template(file: Path, text: str, request: ProjectRequest, settings: Mapping[str, str]) -> Project:
    if request.environment is not None:
        raise CommandError(
            "--env is for manifests; a template has no overlays.",
            "Give its parameters with --set NAME=VALUE.",
            ExitCode.USAGE,
        )
    from lambent.deploy.linting import lint

    found = lint(text, file)
    return Project(file, text, tuple(found), None, settings, request.stack, is_template=True)


def _from_python(file: Path, request: ProjectRequest) -> Project:
    """Run the file: `system` in it is the system, or a function of the environment's name and the settings."""
    from lambent.deploy.preflight import preflight
    from lambent.manifest.load import examine
    from lambent.manifest.system import System

    settings = _settings(request.settings)
    try:
        found = runpy.run_path(str(file)).get("system")
        made = found(request.environment, settings) if callable(found) else found
    except Exception as error:  # whatever the user's code raises is told as its error
        raise CommandError(
            f"{file} failed: {type(error).__name__}: {error}", "Run it with python to see where."
        ) from error
    if not isinstance(made, System):
        raise CommandError(
            f"{file} has no `system`.",
            "Let it define `system = System(...)`, or a function `system(environment, settings)` that returns one.",
        )
    system = made if request.stack is None else made.model_copy(update={"stack": request.stack})
    loaded = examine(system, str(file))
    diagnostics = (*loaded.diagnostics, *preflight(system, loaded.sources, file.parent))
    return Project(file, file.read_text(encoding="utf-8"), diagnostics, loaded.system, settings, request.stack)
