"""A migration from beginning to end: the source is read, the function judged, its manifests made and written."""

from __future__ import annotations

import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lambent.base.diagnostics import Diagnostic
from lambent.cli import connection, deployment, settings
from lambent.cli import project as projects
from lambent.cli.errors import CommandError, ExitCode
from lambent.cli.project import Project, ProjectRequest
from lambent.cli.targets import Place
from lambent.insight.migration.candidate import Candidate, CodePlace, Compute, SourceKind
from lambent.insight.migration.hcl import hcl
from lambent.insight.migration.manifests import Manifests, changed, made_of, moved
from lambent.insight.migration.outcome import Migration
from lambent.insight.migration.readiness import readiness
from lambent.insight.migration.sources.choosing import FunctionChoiceError, SourceUnreadableError
from lambent.insight.migration.steps import Files, plan
from lambent.insight.migration.wanted import Asked, Goal, Provider, goal_of
from lambent.manifest.system import System

if TYPE_CHECKING:
    from lambent.insight.migration.wheels import Resolver

_STACK = "stack:"
_TARGET = "target"


@dataclass(frozen=True, slots=True)
class MigrationRequest:
    """What the options say: which function of which source, what it is to become, and where that is written."""

    function: str
    source: str
    place: Place
    asked: Asked
    project: ProjectRequest = field(default_factory=ProjectRequest)
    code: Path | None = None
    resolves: bool = False
    folder: Path | None = None
    is_written: bool = False
    event: Path | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """A function as its source has it; `project` is the manifest, None for other sources."""

    candidate: Candidate
    project: Project | None = None


@contextmanager
def read(request: MigrationRequest) -> Iterator[Read]:
    """Yield the function that is meant; code that was downloaded for it is there until the end.

    Raises CommandError where the source or the function is not there.
    """
    if request.folder is not None:
        request.folder.mkdir(parents=True, exist_ok=True)  # paths of the manifest are looked up from there
    with tempfile.TemporaryDirectory(prefix="lambent-migrate-") as folder, _source_errors():
        found = _read(request, request.folder or Path(folder))
        if found.candidate.inline and request.code is None:
            found = replace(found, candidate=_laid_out(found.candidate, request, Path(folder)))
        if request.code is not None:
            if not request.code.exists():
                raise CommandError(f"There is no {request.code}.", "Name a folder or a zip.", ExitCode.USAGE)
            requirements = request.code / "requirements.txt"
            code = CodePlace(request.code, requirements if requirements.is_file() else None)
            found = replace(found, candidate=replace(found.candidate, code=code))
        if found.candidate.compute is request.asked.to:
            raise CommandError(
                f"{found.candidate.name} is on {request.asked.to} already.",
                f"Did you mean --to {next(one for one in Compute if one is not request.asked.to)}?",
                ExitCode.USAGE,
            )
        yield found


def migrate(request: MigrationRequest, found: Read) -> Migration:
    """Return how ready the function is, what it becomes and how; nothing is written."""
    candidate = found.candidate
    asked = replace(request.asked, provider=_provider(request.asked, found))
    goal = goal_of(candidate, asked)
    judged = readiness(candidate, goal, _resolver(candidate) if request.resolves else None)
    files = _files(request, found)
    manifests = _manifests(request, found, goal)
    texts = {files.final: manifests.final}
    if found.project is not None and manifests.beside is not None and manifests.switched is not None:
        texts |= {files.beside: manifests.beside, files.switched: manifests.switched}
        texts[files.before] = _moved(request, found, found.project.text)
    elif candidate.source.kind is SourceKind.TERRAFORM:
        texts[f"{goal.name}.tf"] = hcl(candidate, goal)
    before = "" if found.project is None else found.project.text
    checks = _checked(manifests.final, request, found)
    return Migration(judged, plan(candidate, goal, files), texts, files, before, checks)


def write(migration: Migration, folder: Path) -> list[Path]:
    """Write the files and return them. Raises CommandError where that cannot be done."""
    written = []
    final = folder / migration.files.final
    if not migration.before and final.exists() and not _is_made(final, migration):
        raise CommandError(f"There is a {final} already.", "Name another folder with --out.", ExitCode.USAGE)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in migration.texts.items():
            (folder / name).write_text(text, encoding="utf-8")
            written.append(folder / name)
    except OSError as error:
        raise CommandError(f"The files cannot be written: {error}", "Name another folder.", ExitCode.USAGE) from error
    return written


def _is_made(file: Path, migration: Migration) -> bool:
    """Return whether a manifest is one that was written for this migration before."""
    first = migration.final.partition("\n")[0]
    return file.read_text(encoding="utf-8", errors="replace").startswith(first)


@contextmanager
def _source_errors() -> Iterator[None]:
    try:
        yield
    except FunctionChoiceError as error:
        raise CommandError(error.message, error.advice, ExitCode.USAGE) from error
    except SourceUnreadableError as error:
        advice = "Name a manifest, a template, a Terraform state, stack:NAME or target."
        raise CommandError(str(error), advice, ExitCode.USAGE) from error


def _read(request: MigrationRequest, folder: Path) -> Read:
    if request.source == _TARGET or request.source.startswith(_STACK):
        return Read(_of_target(request, folder))
    path = Path(request.source) if request.source else None
    if path is not None and path.is_file():
        from lambent.insight.migration.sources.terraform import is_state, of_state

        text = path.read_text(encoding="utf-8", errors="replace")
        if is_state(text) or path.suffix == ".tfstate":
            return Read(of_state(text, str(path), request.function, path.parent))
    return _of_project(request, path)


def _of_project(request: MigrationRequest, path: Path | None) -> Read:
    project = projects.read(replace(request.project, path=path))
    if project.is_template:
        from lambent.insight.migration.sources.template import of_template

        return Read(of_template(project.text, str(project.file), request.function, project.base, project.settings))
    if project.system is None or project.loaded is None:
        projects.require_sound(project)
        raise CommandError(f"{project.file} cannot be read.", "See `lambent check`.")
    from lambent.insight.migration.sources.manifest import of_system

    candidate = of_system(project.system, request.function, project.loaded.sources, project.base)
    # The text of a system in Python, or of a Planton manifest, is not ours to change.
    is_said = ("functions", candidate.source.address) in project.loaded.sources.keys
    is_ours = project.file.suffix in {".yaml", ".yml"} and is_said
    if not is_ours:
        kind = replace(candidate.source, kind=SourceKind.TEMPLATE)
        return Read(replace(candidate, source=kind))
    return Read(candidate, project)


def _laid_out(candidate: Candidate, request: MigrationRequest, folder: Path) -> Candidate:
    """Return the function with the code that stands in its template as a file, as Lambda lays it out.

    Raises CommandError where another file is in its place.
    """
    base = request.folder or (Path() if request.is_written else folder)
    file = base / candidate.source.address / f"index.{'py' if candidate.language == 'python' else 'js'}"
    if file.exists() and file.read_text(encoding="utf-8", errors="replace") != candidate.inline:
        raise CommandError(f"There is a {file} already.", "Name another folder with --out.", ExitCode.USAGE)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(candidate.inline, encoding="utf-8")
    return replace(candidate, code=CodePlace(file.parent))


def _of_target(request: MigrationRequest, folder: Path) -> Candidate:
    from lambent.insight.migration.sources.target import of_stack, of_target

    target = deployment.target_of(request.place, None)
    with connection.api_errors(is_local=request.place.is_local):
        if request.source == _TARGET:
            candidate, url = of_target(target, request.function, request.place.name.value)
        else:
            candidate, url = of_stack(target, request.source.removeprefix(_STACK), request.function)
    if not url:
        return candidate
    return replace(candidate, code=CodePlace(_downloaded(url, folder / f"{candidate.name}.zip")))


def _downloaded(url: str, path: Path) -> Path:
    """Return the path of the code, as GetFunction's link has it."""
    if not url.startswith(("http://", "https://")):
        raise CommandError(f"The code's link is none: {url}", "Name the code with --code.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - checked above
            path.write_bytes(answer.read())
    except OSError as error:
        raise CommandError(f"The code cannot be downloaded: {error}", "Name it with --code.") from error
    return path


def _provider(asked: Asked, found: Read) -> Provider:
    """Return the capacity provider: one of the manifest by its key, its only one, or what is asked for."""
    provider = asked.provider
    system = None if found.project is None else found.project.system
    known: Sequence[str] = () if system is None else tuple(system.capacity_providers)
    if provider.existing in known:
        return replace(provider, existing=f"${{capacity_providers.{provider.existing}}}")
    is_new = bool(provider.existing or provider.subnets or provider.vpc)
    if asked.to is Compute.ON_DEMAND or is_new:
        return provider
    if len(known) == 1:
        return replace(provider, existing=f"${{capacity_providers.{known[0]}}}")
    vpc = found.candidate.vpc
    if vpc is not None and len(vpc.subnets) > 1:
        return replace(provider, subnets=vpc.subnets, security_groups=vpc.security_groups)
    return replace(provider, vpc="default")


def _files(request: MigrationRequest, found: Read) -> Files:
    event = "event.json" if request.event is None else str(request.event)
    target = request.place.name.value
    if found.project is None:
        return Files(final="lambent.yaml", event=event, target=target)
    stem = found.project.file.name.rpartition(".")[0]
    return Files(
        final=found.project.file.name,
        beside=f"{stem}.beside.yaml",
        switched=f"{stem}.switched.yaml",
        before=f"{stem}.before.yaml",
        event=event,
        target=target,
    )


def _manifests(request: MigrationRequest, found: Read, goal: Goal) -> Manifests:
    if found.project is None:
        return made_of(found.candidate, goal, _base(request, found))
    made = changed(found.project.text, str(found.project.file), found.candidate, goal)
    return Manifests(
        _moved(request, found, made.final),
        _moved(request, found, made.beside or ""),
        _moved(request, found, made.switched or ""),
    )


def _base(request: MigrationRequest, found: Read) -> Path:
    """Return the folder that the written manifest is in, and its paths are relative to."""
    if request.folder is not None:
        return request.folder
    if found.project is not None:
        return found.project.base
    code = found.candidate.code
    is_of_target = found.candidate.source.kind in {SourceKind.TARGET, SourceKind.STACK}
    is_made_here = request.code is None and (is_of_target or (found.candidate.inline and not request.is_written))
    return code.path.parent if code is not None and is_made_here else Path()


def _moved(request: MigrationRequest, found: Read, text: str) -> str:
    if request.folder is None or found.project is None:
        return text
    return moved(text, str(found.project.file), found.project.base, request.folder)


def _checked(text: str, request: MigrationRequest, found: Read) -> tuple[Diagnostic, ...]:
    """Return what `lambent check` says of the final manifest."""
    from lambent.deploy.preflight import preflight
    from lambent.manifest.load import load

    base = _base(request, found)
    asked = request.project
    given = dict(one.partition("=")[::2] for one in asked.settings)
    loaded = load(text, "lambent.yaml", environment=asked.environment, settings=given)
    system: System | None = loaded.system
    named = [] if system is None else preflight(system, loaded.sources, base)
    return (*loaded.diagnostics, *named)


def _resolver(candidate: Candidate) -> Resolver:
    """Return what asks pip whether the requirements have wheels; pip asks the index that it is configured with."""

    def resolve(runtime: str, architecture: str) -> str | None:
        from lambent.deploy.errors import DeployError
        from lambent.deploy.packaging.requirement_files import read as read_requirements
        from lambent.deploy.packaging.wheels import Declared, install

        file = None if candidate.code is None else candidate.code.requirements
        if file is None:
            return None
        try:
            install(read_requirements(file), Declared.of(runtime, architecture), settings.cache_dir())
        except DeployError as error:
            return error.message
        return None

    return resolve
