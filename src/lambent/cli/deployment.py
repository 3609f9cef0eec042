"""What the commands that deploy have in common: a project and a place become a compiled system and a target."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import typer

from lambent.cli import connection, launching, settings
from lambent.cli import project as projects
from lambent.cli.errors import CommandError, ExitCode
from lambent.cli.neighbours import neighbours
from lambent.cli.project import Project, ProjectRequest
from lambent.cli.targets import Place
from lambent.cli.views import human

if TYPE_CHECKING:
    from lambent.aws.clients import Target
    from lambent.compiler.result import CompiledSystem
    from lambent.deploy.packaging.package import Package
    from lambent.deploy.plan import Plan
    from lambent.deploy.progress import StackDone
    from lambent.manifest.system import System


def target_of(place: Place, project: Project | None, *, start: bool = False) -> Target:
    """Return where calls go; with `start`, a local platform is started where none runs, otherwise one must run."""
    if place.is_local and start:
        _ensure_running(place.port)
    elif place.is_local:
        connection.require_running(place.port)
    target = _target_in(place, place.region or (None if project is None else project.region))
    given = None if project is None or project.loaded is None else project.loaded.credentials
    if place.is_local or given is None:
        return target
    return target.with_credentials(given.access_key_id, given.secret_access_key, given.session_token)


def compiled(project: Project, target: Target, place: Place) -> CompiledSystem:
    """Return the project, which is sound, as CloudFormation understands it."""
    if project.system is None:
        from lambent.deploy.templates import compile_template

        if project.stack is None:
            raise CommandError(
                "A template does not say which stack it is for.", "Name it with --stack NAME.", ExitCode.USAGE
            )
        with deploy_errors():
            return compile_template(project.text, project.base, stack_name=project.stack, parameters=project.settings)
    from lambent.compiler.compile import compile_system
    from lambent.compiler.errors import CompileError
    from lambent.deploy.discovery import discover
    from lambent.deploy.provider_networks import provider_networks

    try:
        with errors(place):
            vpcs = discover(project.system, target)
            networks = provider_networks(project.system, target)
        return compile_system(project.system, vpcs=vpcs, networks=networks, settings=project.settings)
    except CompileError as error:
        where = None if project.loaded is None else project.loaded.sources.span(*error.path)
        raise CommandError(f"{where}: {error.message}" if where else error.message, error.advice) from error


@contextmanager
def cache_held() -> Iterator[Callable[[], None]]:
    """Hold the cache of packages while a project is deployed; yield what removes what was not used for a month."""
    from lambent.base.clock import SystemClock
    from lambent.deploy.packaging.pruning import held

    with held(settings.cache_dir()) as prune:
        yield lambda: prune(SystemClock().now())


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan; `is_under_way` says that the stack is being brought to this very state already."""

    plan: Plan
    is_under_way: bool = False
    compiled: CompiledSystem | None = None
    packages: Mapping[str, Package] = field(default_factory=dict)


def planned(project: Project, target: Target, place: Place) -> Planned:
    """Return what is to be done for a project, which is sound."""
    from lambent.deploy.bootstrap import bootstrap
    from lambent.deploy.compute_types import refuse_other_compute_type
    from lambent.deploy.plan import Plan
    from lambent.deploy.planner import Planner, Source

    system = compiled(project, target, place)
    planner = Planner(target, make_bucket=bootstrap if place.is_local else None)
    with errors(place):
        networks = _spread_over_zones(project, system, target)
        prepared = planner.prepare(system, Source(project.base, settings.cache_dir(), neighbours(place)))
        if planner.is_under_way(prepared):
            names = dict(system.output_names)
            plan = Plan(system.stack_name, None, is_new=False, output_names=names)
            return Planned(plan, is_under_way=True, compiled=system, packages=prepared.packages)
        found = planner.plan(prepared)
        refuse_other_compute_type(found, planner.forget)
    if not found.is_empty:
        found = replace(found, notices=(*found.notices, *networks))
    return Planned(found, compiled=system, packages=prepared.packages)


def _spread_over_zones(project: Project, system: CompiledSystem, target: Target) -> list[str]:
    """Return where the instances of capacity providers will be, in words.

    Raises DeployError for a manifest whose providers are of one zone; of a template, which AWS takes as it is, that is
    told and no more.
    """
    from lambent.deploy.egress import without_egress
    from lambent.deploy.errors import DeployError
    from lambent.deploy.zones import spreads_or_reason

    found = spreads_or_reason(system, target)
    if isinstance(found, str):
        return [found]
    for one in found:
        if one.problem and not project.is_template:
            advice = "Instances are spread over zones: name subnets in two of one VPC, or a `vpc` to find them in."
            raise DeployError(one.problem, advice)
    where = [one.problem or f"{one.logical_id} launches instances in {one.told}" for one in found]
    return [*where, *without_egress(found, target)]


def looked_at(project: Project, target: Target, place: Place, *, throw_away: bool = False) -> Plan:
    """Return what would be done for a project, for a look; `throw_away` removes its change set again.

    Its findings are shown, and an error among them ends the command.
    """
    from lambent.deploy.planner import Planner

    projects.require_sound(project)
    found = planned(project, target, place)
    if found.is_under_way:
        message = f"Stack {found.plan.stack_name} is being brought to this very state already."
        raise CommandError(message, "Follow it with: lambent up")
    if throw_away and found.plan.change_set_id is not None:
        with errors(place):
            Planner(target).forget(found.plan)
    return found.plan


def unchanged(request: ProjectRequest, place: Place) -> tuple[CompiledSystem, Target] | None:
    """Return a project that is deployed already, just as it is; None where that is not certain.

    It is told by what was remembered at its last deployment: the manifest is not even read.
    """
    known = projects.key_of(request, repr(place))
    if known is None:
        return None
    from lambent.aws.clients import AwsCallError, TargetUnreachableError
    from lambent.deploy.errors import DeployError
    from lambent.deploy.memory import recall

    kept = recall(settings.cache_dir(), known[1])
    if kept is None:
        return None
    system, region = kept
    from lambent.deploy.planner import Planner, Source

    if place.is_local and connection.health(place.port) is None:
        return None  # rather than to try it several times
    target = _target_in(place, region)
    from lambent.deploy.dev.pushed import PushedCode

    if PushedCode(settings.cache_dir(), target, system.stack_name).read():
        return None  # functions run what `lambent dev` gave them, whatever their stack says
    planner = Planner(target)
    try:
        prepared = planner.prepare(system, Source(known[0].parent, settings.cache_dir(), neighbours(place)))
        return (system, target) if planner.is_deployed(prepared) else None
    except (AwsCallError, TargetUnreachableError, DeployError):
        return None  # whatever it is, the long way tells it well


def straighten(target: Target, stack_name: str | None, place: Place) -> list[str]:
    """Undo what `lambent dev` put into a stack's functions, so that what follows begins at what the stack says.

    Returns the functions that were given their stack's code again.
    """
    if stack_name is None or not place.is_local:
        return []
    from lambent.deploy.dev.pushed import PushedCode

    with errors(place):
        return PushedCode(settings.cache_dir(), target, stack_name).straighten()


def remember(request: ProjectRequest, place: Place, project: Project, planned: Planned) -> None:
    """Keep what was deployed for `unchanged`; not where that would keep a secret, or depends on more than its file."""
    from lambent.deploy.memory import remember as keep

    known = projects.key_of(request, repr(place))
    brings = project.loaded is not None and project.loaded.credentials is not None
    looks_up = project.system is not None and _looks_up(project.system)
    system = planned.compiled
    if (
        known is None
        or system is None
        or brings
        or looks_up
        or system.nested
        or system.included
        or _has_secrets(system)
    ):
        return
    keep(settings.cache_dir(), known[1], system, place.region or project.region)


def _looks_up(system: System) -> bool:
    """Return whether the template depends on what a target has in its networks."""
    from lambent.compiler.compile import networks_wanted

    functions = (*system.functions.values(), system.defaults)
    discovers = any(function.vpc is not None and function.vpc.discover is not None for function in functions)
    return discovers or bool(networks_wanted(system))


def _has_secrets(system: CompiledSystem) -> bool:
    declared = system.template.get("Parameters") or {}
    return any(str(one.get("NoEcho", "")).lower() == "true" for one in declared.values())


def output_names(project: Project | None) -> dict[str, str]:
    """Return what the manifest calls each output of its template."""
    if project is None or project.system is None:
        return {}
    from lambent.compiler.names import pascal

    return {pascal(name): name for name in project.system.outputs}


def told(place: Place) -> str:
    """Return the target in words; an endpoint that the surroundings put in AWS's place is named."""
    if place.is_local:
        return settings.endpoint_url(place.port)
    other = settings.other_endpoint()
    return f"{f'{other} (AWS_ENDPOINT_URL)' if other else 'AWS'}{f' ({place.region})' if place.region else ''}"


def _target_in(place: Place, region: str | None) -> Target:
    from lambent.aws.clients import LOCAL_REGION, Target

    if place.is_local:
        return Target.local(settings.endpoint_url(place.port), region=region or LOCAL_REGION)
    _require_elsewhere()
    return Target.aws(region=region, profile=place.profile)


def _require_elsewhere() -> None:
    """End the command where calls that are meant for AWS would come to a platform on this machine."""
    from urllib.parse import urlsplit

    other = urlsplit(settings.other_endpoint() or "")
    try:
        port = other.port or 80
    except ValueError:
        return  # no address at all, which the call itself tells well
    if other.hostname not in {"127.0.0.1", "localhost", "::1"} or connection.health(port) is None:
        return
    raise CommandError(
        f"AWS_ENDPOINT_URL sends all calls to {other.geturl()}: the platform on this machine, not AWS.",
        "Take out what `lambent env` set: unset AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY "
        "AWS_EC2_METADATA_DISABLED. Or leave out --target aws.",
        ExitCode.USAGE,
    )


def agree(question: str) -> None:
    """Ask, and end the command where the answer is not yes or nobody can answer."""
    if not sys.stdin.isatty():
        raise CommandError(f"{question} Nobody is there to answer.", "Say it with --yes.", ExitCode.USAGE)
    if not typer.confirm(question):
        raise CommandError("Nothing was changed.", "", ExitCode.FAILED)


def require_success(end: StackDone | None, name: str) -> None:
    """End the command with the first cause where a deployment did not arrive."""
    if end is None or end.is_success:
        return
    if end.cause is None:
        raise CommandError(f"Stack {name} is in {end.status}: {end.reason or 'no reason given'}")
    where = f"{end.cause.logical_id} ({end.cause.type})"
    advice = f"Stack {name} is in {end.status}."
    if end.cause.type == "AWS::S3::Bucket" and end.status == "DELETE_FAILED":
        advice += " What lies in its buckets is deleted with it by: lambent down --empty-buckets"
    raise CommandError(f"{where} failed: {end.cause.reason}", advice)


@contextmanager
def errors(place: Place) -> Iterator[None]:
    """Turn what deployment and AWS raise into a command error."""
    with connection.api_errors(is_local=place.is_local), deploy_errors():
        yield


@contextmanager
def deploy_errors() -> Iterator[None]:
    """Turn what deployment raises into a command error."""
    from lambent.deploy.errors import DeployError

    try:
        yield
    except DeployError as error:
        raise CommandError(error.message, error.advice) from error


def _ensure_running(port: int) -> None:
    started = launching.ensure(port)
    if started is not None:
        human.note(f"Started the platform on {started.endpoint_url}; `lambent stop` ends it.")
