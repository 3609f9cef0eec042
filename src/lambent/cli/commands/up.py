"""`lambent up`: deploy a project."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lambent.cli import deployment
from lambent.cli import project as projects
from lambent.cli.errors import CommandError, ExitCode
from lambent.cli.options import Json, PlaceOptions, ProjectOptions, Yes, grouped
from lambent.cli.views import human
from lambent.cli.views import json as json_view

if TYPE_CHECKING:
    from lambent.aws.clients import Target
    from lambent.cli.targets import Place
    from lambent.compiler.result import CompiledSystem
    from lambent.deploy.plan import Plan

app = typer.Typer(add_completion=False)


@app.command(
    epilog="Examples: lambent up · lambent up shop --env prod --set log_level=DEBUG · lambent up template.yaml "
    "--stack shop · lambent up --target aws --profile work · lambent up --plan release.plan. "
    "Exit code 1: it failed, and was rolled back."
)
@grouped
def up(
    *,
    chosen: ProjectOptions,
    saved: Annotated[
        Path | None, typer.Option("--plan", help="Carry out a plan that `lambent plan --out` saved, and nothing else.")
    ] = None,
    yes: Yes = False,
    where: PlaceOptions,
    as_json: Json = False,
) -> None:
    """Deploy a project: check, package, plan, carry out, show the outputs. Starts the platform if none runs."""
    place = where.place()
    if saved is not None:
        if chosen.is_given:
            raise CommandError("--plan goes without a project.", "The plan says everything.", ExitCode.USAGE)
        plan = _saved(saved)
        there = replace(place, region=place.region or plan.region)
        _carry_out(plan, deployment.target_of(there, None, start=True), there, yes=yes, as_json=as_json)
        return
    request = chosen.request()
    if (known := deployment.unchanged(request, place)) is not None:
        system, goal = known
        _carry_out(_nothing_to_do(system), goal, place, yes=yes, as_json=as_json)
        return
    project = projects.read(request)
    projects.require_sound(project)
    goal = deployment.target_of(place, project, start=True)
    deployment.straighten(goal, project.stack_name, place)
    with deployment.cache_held() as prune:
        found = deployment.planned(project, goal, place)
        if found.is_under_way:
            _follow(found.plan, goal, place, as_json=as_json)
            return
        _carry_out(found.plan, goal, place, yes=yes, as_json=as_json)
        deployment.remember(request, place, project, found)
        prune()


def _nothing_to_do(system: CompiledSystem) -> Plan:
    from lambent.deploy.plan import Plan

    return Plan(system.stack_name, None, is_new=False, output_names=system.output_names)


def _saved(file: Path) -> Plan:
    from lambent.deploy.plan import from_json

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"The plan cannot be read: {error}", "Save one with `lambent plan --out FILE`.") from error
    with deployment.deploy_errors():
        return from_json(text)


def _carry_out(plan: Plan, target: Target, place: Place, *, yes: bool, as_json: bool) -> None:
    from lambent.cli.views import deployment as view
    from lambent.cli.views import plan as plan_view
    from lambent.deploy.executor import Executor
    from lambent.deploy.stacks import outputs_of

    for notice in plan.notices:
        human.note(f"{human.styled('note:', 'cyan', sys.stderr)} {notice}")
    if plan.is_empty:
        with deployment.errors(place):
            values = view.by_manifest(outputs_of(target, plan.stack_name) or {}, plan.output_names)
        _told(plan, values, "is deployed as the project says: nothing was done", changed=False, as_json=as_json)
        return
    if plan.destroys and not yes and not place.is_local:
        plan_view.show(plan, deployment.told(place))
        deployment.agree("Carry it out?")
    elif not as_json:
        plan_view.code(plan)
    with deployment.errors(place):
        end = view.follow(Executor(target).execute(plan), quiet=as_json)
    deployment.require_success(end, plan.stack_name)
    assert end is not None  # noqa: S101 - a plan that is not empty has an end
    values = view.by_manifest(end.outputs, plan.output_names)
    what = f"is up after {end.took_s:.2f} s ({plan_view.summary(plan)})"
    _told(plan, values, what, changed=True, as_json=as_json)


def _follow(plan: Plan, target: Target, place: Place, *, as_json: bool) -> None:
    from lambent.cli.views import deployment as view
    from lambent.deploy.executor import Executor

    human.note(f"Stack {plan.stack_name} is being brought to this very state already; following.")
    with deployment.errors(place):
        end = view.follow(Executor(target).follow(plan.stack_name), quiet=as_json)
    deployment.require_success(end, plan.stack_name)
    assert end is not None  # noqa: S101 - what is followed has an end
    _told(plan, view.by_manifest(end.outputs, plan.output_names), "is up", changed=True, as_json=as_json)


def _told(plan: Plan, values: dict[str, str], what: str, *, changed: bool, as_json: bool) -> None:
    if as_json:
        json_view.document({"stack": plan.stack_name, "changed": changed, "outputs": values})
        return
    from lambent.cli.views import deployment as view

    human.note(f"Stack {human.styled(plan.stack_name, 'bold', sys.stderr)} {what}.")
    view.outputs(values)
