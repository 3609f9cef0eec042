"""`lambent migrate`: what moving a function to Managed Instances, or back, takes; whether it is ready; and the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lambent.cli.errors import CommandError, ExitCode
from lambent.cli.options import Json, PlaceOptions, grouped
from lambent.cli.views import json as json_view
from lambent.insight.migration.candidate import Compute

if TYPE_CHECKING:
    from lambent.cli.migration import MigrationRequest, Read
    from lambent.insight.migration.proof import ProofReport
    from lambent.insight.migration.wanted import Asked, Goal

app = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Where the function is read from."""

    source: Annotated[
        str,
        typer.Option(
            "--from",
            "-f",
            metavar="SOURCE",
            help="A manifest, a template, a Terraform state, stack:NAME, or target.",
            show_default="lambent.yaml or template.yaml here",
        ),
    ] = ""
    environment: Annotated[str | None, typer.Option("--env", help="The environment whose overlay is laid over.")] = None
    settings: Annotated[
        list[str] | None, typer.Option("--set", "-s", metavar="NAME=VALUE", help="A parameter's value.")
    ] = None
    code: Annotated[Path | None, typer.Option("--code", help="The code, where the source does not have it here.")] = (
        None
    )


@dataclass(frozen=True, slots=True)
class GoalOptions:
    """What the function becomes; what is not given is recommended."""

    provider: Annotated[
        str | None,
        typer.Option("--capacity-provider", metavar="NAME", help="One that is there: its key, name or ARN."),
    ] = None
    subnets: Annotated[str | None, typer.Option(metavar="A,B", help="Subnets of a new capacity provider.")] = None
    vpc: Annotated[str | None, typer.Option(metavar="ID", help="The VPC of a new one, in place of subnets.")] = None
    security_groups: Annotated[str | None, typer.Option(metavar="A,B", help="Security groups of a new one.")] = None
    max_vcpus: Annotated[int | None, typer.Option(help="vCPUs of a new one at most.", show_default="400")] = None
    runtime: Annotated[str | None, typer.Option(help="The runtime that it gets.")] = None
    memory: Annotated[int | None, typer.Option(help="The memory that it gets, in MB.")] = None
    memory_per_vcpu: Annotated[int | None, typer.Option(help="GiB for each vCPU: 2, 4 or 8.")] = None
    max_concurrency: Annotated[int | None, typer.Option(help="Requests that an environment takes at a time.")] = None
    architecture: Annotated[str | None, typer.Option(help="x86_64 or arm64.")] = None
    name: Annotated[str | None, typer.Option("--name", help="The new function's name.")] = None

    def asked(self, to: Compute) -> Asked:
        """Return what is asked for."""
        from lambent.insight.migration.wanted import Asked, Provider

        if self.architecture not in {None, "x86_64", "arm64"}:
            raise CommandError(
                f"{self.architecture} is no architecture.", "Write x86_64 or arm64, in small letters.", ExitCode.USAGE
            )
        groups = _listed(self.security_groups)
        provider = Provider(
            self.provider or "", "instances", _listed(self.subnets), self.vpc or "", groups, self.max_vcpus
        )
        return Asked(
            to,
            provider,
            self.runtime,
            self.memory,
            self.memory_per_vcpu,
            self.max_concurrency,
            self.architecture,
            self.name,
        )


@dataclass(frozen=True, slots=True)
class ProvingOptions:
    """How the function is proved."""

    prove: Annotated[bool, typer.Option("--prove", help="Run it here under both models, and compare.")] = False
    events: Annotated[
        list[Path] | None, typer.Option("--event", "-e", help="A sample event, or a folder of them; proves with them.")
    ] = None
    concurrency: Annotated[int, typer.Option(min=1, help="Requests at a time at most.")] = 16
    seconds: Annotated[float, typer.Option(help="How long it is measured.")] = 20.0
    variables: Annotated[
        list[str] | None,
        typer.Option(
            "--variable", metavar="NAME=VALUE", help="A variable that it has in the proof, in place of its own."
        ),
    ] = None
    resolve: Annotated[bool, typer.Option("--resolve", help="Ask pip's index for wheels of the new runtime.")] = False


@dataclass(frozen=True, slots=True)
class WritingOptions:
    """Where the result goes."""

    write: Annotated[bool, typer.Option("--write", help="Write the manifests, over the one that is there.")] = False
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="DIR", help="Write them into a folder.")] = None


@app.command(
    epilog="Examples: lambent migrate fibonacci --to managed-instances --subnets subnet-a,subnet-b · "
    "lambent migrate fibonacci --to managed-instances --event event.json --write · "
    "lambent migrate fibonacci --to managed-instances --from terraform.tfstate -o migrated · "
    "lambent migrate fibonacci --to on-demand --from target. "
    "Exit code 1: something blocks it, or its proof does not clear it."
)
@grouped
def migrate(
    *,
    function: Annotated[str, typer.Argument(help="The function: its key, name or address.", metavar="FUNCTION")],
    to: Annotated[Compute, typer.Option("--to", help="The compute type that it is to have.")],
    origin: ReadOptions,
    goal: GoalOptions,
    proving: ProvingOptions,
    writing: WritingOptions,
    where: PlaceOptions,
    as_json: Json = False,
) -> None:
    """Say what moving a function to Managed Instances takes, or back: is it ready, and which way leads there."""
    from lambent.cli import migration as migrations
    from lambent.cli.views import migration as view

    request = _request(function, origin, goal.asked(to), where, writing, proving)
    with migrations.read(request) as found:
        migration = migrations.migrate(request, found)
        report = _proved(found, migration.readiness.goal, proving, as_json=as_json)
        if report is not None:
            migration = migrations.migrate(_as_measured(request, report), found)
        folder = _folder(writing, found)
        written = migrations.write(migration, folder) if folder is not None else []
    if as_json:
        json_view.document(view.document(migration, written) | ({} if report is None else {"proof": _document(report)}))
    else:
        view.show(migration, written)
        if report is not None:
            from lambent.cli.views import proof as proof_view

            proof_view.show(report)
    from lambent.insight.migration.proof import Verdict

    if not migration.is_ready or (report is not None and report.verdict is not Verdict.CLEARED):
        raise typer.Exit(ExitCode.FAILED)


def _request(
    function: str,
    origin: ReadOptions,
    asked: Asked,
    where: PlaceOptions,
    writing: WritingOptions,
    proving: ProvingOptions,
) -> MigrationRequest:
    from lambent.cli.migration import MigrationRequest
    from lambent.cli.project import ProjectRequest

    if writing.write and writing.out is not None:
        raise CommandError("--write and --out exclude each other.", "Leave one of them out.", ExitCode.USAGE)
    folder = writing.out
    if writing.write and (origin.source == "target" or origin.source.startswith("stack:")):
        folder = Path()
    events = proving.events or []
    event = next((one for one in events if one.is_file()), None)
    return MigrationRequest(
        function,
        origin.source,
        where.place(),
        asked,
        ProjectRequest(environment=origin.environment, settings=origin.settings or ()),
        origin.code,
        proving.resolve,
        folder,
        writing.write,
        event,
    )


def _folder(writing: WritingOptions, found: Read) -> Path | None:
    if writing.out is not None or not writing.write:
        return writing.out
    return Path() if found.project is None else found.project.base


def _proved(found: Read, goal: Goal, proving: ProvingOptions, *, as_json: bool) -> ProofReport | None:
    """Run the proof where it is asked for."""
    if not proving.prove and not proving.events:
        return None
    from lambent.cli.migration_proof import ProofOptions, run_proof
    from lambent.cli.views import human

    options = ProofOptions(
        events=tuple(proving.events or ()),
        concurrency=proving.concurrency,
        seconds=proving.seconds,
        runtime=goal.runtime if goal.to is Compute.MANAGED_INSTANCES else None,
        memory_mb=goal.memory_mb if goal.to is Compute.MANAGED_INSTANCES else None,
        memory_per_vcpu=float(goal.memory_per_vcpu),
        environment=dict(_variable(one) for one in proving.variables or ()),
        project=found.project,
        say=(lambda _: None) if as_json else human.note,
    )
    return run_proof(found.candidate, options)


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise CommandError(f"{text} is no variable.", "Write --variable NAME=VALUE.", ExitCode.USAGE)
    return name, value


def _as_measured(request: MigrationRequest, report: ProofReport) -> MigrationRequest:
    """Return the request with what the proof recommends, where the user asks for nothing else."""
    from dataclasses import replace

    asked, found = request.asked, report.recommendation
    if found is None or asked.to is not Compute.MANAGED_INSTANCES:
        return request
    if asked.memory_mb is not None or asked.max_concurrency is not None:
        return request
    ratio = asked.memory_per_vcpu or int(report.memory_per_vcpu)
    measured = replace(
        asked,
        memory_mb=found.memory_mb,
        max_concurrency=found.max_concurrency,
        memory_per_vcpu=ratio,
        measured=f"measured: {found.why}",
    )
    return replace(request, asked=measured)


def _document(report: ProofReport) -> dict[str, object]:
    from lambent.cli.views import proof as proof_view

    return proof_view.document(report)


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(one.strip() for one in (text or "").split(",") if one.strip())
