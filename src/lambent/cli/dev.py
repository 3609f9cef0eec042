"""A session of `lambent dev`: deploy, watch, give functions what was saved, and show what they log."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from pathlib import Path

from lambent.aws.clients import AwsCallError, Target, TargetUnreachableError
from lambent.base.clock import SystemClock
from lambent.cli import connection, deployment, settings
from lambent.cli import project as projects
from lambent.cli.errors import CommandError
from lambent.cli.neighbours import neighbours, programs
from lambent.cli.project import ProjectRequest
from lambent.cli.targets import Place
from lambent.cli.views import deployment as deployment_view
from lambent.cli.views.dev import DevView, Saved
from lambent.compiler.result import ArchiveWanted, CompiledSystem
from lambent.deploy.dev.log_lines import FunctionLogs
from lambent.deploy.dev.pushed import PushedCode
from lambent.deploy.dev.pushing import Pusher
from lambent.deploy.dev.syntax import faults, line_of
from lambent.deploy.dev.tracebacks import located
from lambent.deploy.dev.watched import Watched
from lambent.deploy.dev.watching import saves
from lambent.deploy.executor import Executor
from lambent.deploy.packaging.archive import ChangedMeanwhileError
from lambent.deploy.planner import Source
from lambent.deploy.stacks import outputs_of

_LOG_LOOK_S = 0.2


class _Deployed:
    """The project as it was deployed last, and what follows from it; replaced as a whole."""

    def __init__(self, target: Target, watched: Watched, pusher: Pusher) -> None:
        self.target = target
        self.watched = watched
        self.pusher = pusher
        base, archives = watched.base, watched.compiled.archives
        names = {one.logical_id: one.name for one in pusher.functions.values()}
        self.names = tuple(names.values())
        self.folders = {
            names[one.logical_id]: (base / one.source).resolve()
            for one in archives
            if one.logical_id in names and one.source
        }


class Session:
    """One run of the command; everything but the logs happens in the caller's thread."""

    def __init__(self, request: ProjectRequest, place: Place, view: DevView) -> None:
        self._request = request
        self._place = place
        self._view = view
        self._clock = SystemClock()
        self._stop = threading.Event()
        self._is_up = False
        self._program_of = programs(place)

    def run(self, *, down: bool) -> None:
        """Work until Ctrl-C; then remove the stack where `down` says so. Raises CommandError where nothing can run."""
        begin_ms = int(self._clock.now() * 1000)
        following = threading.Thread(target=self._follow, args=(begin_ms,), name="logs", daemon=True)
        try:
            with deployment.cache_held():
                self._deploy()
                following.start()
                self._watch()
        except KeyboardInterrupt:
            if not self._is_up:
                raise
            # Else it is the way to end the session.
        finally:
            self._stop.set()
            if following.is_alive():
                following.join()
        self._end(remove=down)

    def _watch(self) -> None:
        """Hear of saves for good; begins anew where a change of the manifest brings other folders."""
        while True:
            roots = self._deployed.watched.roots()
            is_first = True
            for changed in saves(roots):
                if changed:
                    self._changed(changed)
                elif is_first:
                    is_first = False
                    # What was saved between the deployment and the first look.
                    self._push(self._deployed.watched.compiled.archives, ())
                    self._view.ready(roots, self._deployed.names)
                if self._deployed.watched.roots() != roots:
                    break

    def _changed(self, files: Collection[Path]) -> None:
        touched = self._deployed.watched.sort(files)
        if touched.is_structure:
            self._redeploy()
            return
        short = [one for one in touched.functions if self._deployed.pusher.can_push(one)]
        self._push(short, files)
        if len(short) < len(touched.functions):
            self._redeploy()

    def _push(self, archives: Iterable[ArchiveWanted], files: Collection[Path]) -> None:
        """Give functions what their folders hold; where a saved file is no code, they go on as they are."""
        begun = self._clock.monotonic()
        told: set[Path] = set()
        for wanted in archives:
            mine = [one for one in files if _belongs(one, wanted, self._deployed.watched)]
            try:
                with deployment.errors(self._place):
                    is_new = self._is_code(mine, wanted.runtime, told) and self._pushed(wanted)
            except CommandError as error:
                if not isinstance(error.__cause__, ChangedMeanwhileError):  # the save that is under way comes next
                    self._view.failed(error)
                continue
            if is_new:
                name = self._deployed.pusher.functions[wanted.logical_id].name
                own = sorted(str(_seen(one)) for one in mine if one.exists())
                took_ms = (self._clock.monotonic() - begun) * 1000
                self._view.saved(Saved(name, own or [wanted.source], took_ms))

    def _is_code(self, files: Iterable[Path], runtime: str, told: set[Path]) -> bool:
        """Return whether files can be loaded; the first fault of each that cannot is told once."""
        found = list(faults(files, runtime, self._program_of))
        for fault in (one for one in found if one.file not in told):
            told.add(fault.file)
            self._view.syntax(fault, _seen(fault.file))
        return not found

    def _pushed(self, wanted: ArchiveWanted) -> bool:
        pusher = self._deployed.pusher
        return pusher.can_push(wanted) and pusher.push(wanted)

    def _redeploy(self) -> None:
        try:
            self._deploy(again=True)
        except CommandError as error:
            self._view.failed(error)

    def _deploy(self, *, again: bool = False) -> None:
        """Bring the stack to what the project says; raises CommandError, with everything as it was."""
        project = projects.read(self._request)
        projects.require_sound(project)
        target = deployment.target_of(self._place, project, start=not again)
        deployment.straighten(target, project.stack_name, self._place)
        found = deployment.planned(project, target, self._place)
        plan, compiled = found.plan, found.compiled
        assert compiled is not None  # noqa: S101 - a plan that was just made has its system
        executor = Executor(target)
        with deployment.errors(self._place):
            events = executor.follow(plan.stack_name) if found.is_under_way else executor.execute(plan)
            end = deployment_view.follow(events, quiet=self._view.as_json or again)
            deployment.require_success(end, plan.stack_name)
            values = outputs_of(target, plan.stack_name) or {}
            source = Source(project.base, settings.cache_dir(), neighbours(self._place))
            pusher = Pusher(target, compiled, source)
            pusher.known(found.packages)
            self._deployed = _Deployed(target, Watched(project.base, project.file, compiled), pusher)
        self._is_up = True
        if plan.changes or not again:
            self._view.deployed(plan.stack_name, plan.changes, deployment_view.by_manifest(values, plan.output_names))

    def _follow(self, begin_ms: int) -> None:
        """Show what functions log, until the session ends; what the last moment brought is shown as well."""
        logs = FunctionLogs(self._deployed.target, begin_ms)
        is_over = False
        while not is_over:
            is_over = self._stop.wait(_LOG_LOOK_S)
            deployed = self._deployed
            try:
                fresh = logs.fresh(deployed.names)
            except (AwsCallError, TargetUnreachableError):
                continue  # the platform is being stopped or started: the watch tells of what matters
            for line in fresh:
                folder = deployed.folders.get(line.function_name)
                self._view.log(line, located(line.message, folder, line_of, Path.cwd()))

    def _end(self, *, remove: bool) -> None:
        compiled: CompiledSystem = self._deployed.watched.compiled
        if remove:
            connection.require_running(self._place.port)
            with deployment.errors(self._place):
                events = Executor(self._deployed.target).remove(compiled.stack_name)
                end = deployment_view.follow(events, quiet=self._view.as_json)
            deployment.require_success(end, compiled.stack_name)
            PushedCode(settings.cache_dir(), self._deployed.target, compiled.stack_name).forget()
        self._view.ended(compiled.stack_name, removed=remove)


def _belongs(file: Path, wanted: ArchiveWanted, watched: Watched) -> bool:
    return wanted in watched.sort([file]).functions


def _seen(file: Path) -> Path:
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
