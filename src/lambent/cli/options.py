"""Options that several commands share, each said once; a command takes them one by one, or in groups.

A group is a frozen dataclass: a command that is marked `grouped` has a parameter for each of its fields on the command
line, in the group's place, and is called with the group.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from lambent.cli import targets
from lambent.cli.targets import Place, TargetName

if TYPE_CHECKING:
    from lambent.cli.project import ProjectRequest

Port = Annotated[
    int | None, typer.Option("--port", "-p", help="The platform's port.", show_default="$LAMBENT_PORT or 4566")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Region = Annotated[str | None, typer.Option("--region", help="The AWS region.", show_default="us-east-1")]
_Path = Annotated[
    Path | None,
    typer.Argument(
        help="A manifest, a CloudFormation or SAM template, or a folder with one.",
        show_default="lambent.yaml or template.yaml here",
    ),
]
_Environment = Annotated[
    str | None, typer.Option("--env", "-e", help="The environment whose overlay is laid over the manifest.")
]
_Settings = Annotated[
    list[str] | None, typer.Option("--set", "-s", metavar="NAME=VALUE", help="A parameter's value; may be repeated.")
]
_Stack = Annotated[str | None, typer.Option("--stack", help="The stack's name, in place of the manifest's.")]
_Target = Annotated[
    TargetName | None,
    typer.Option("--target", "-t", help="Where: the platform here, or AWS.", show_default="$LAMBENT_TARGET or local"),
]
_Region = Annotated[
    str | None, typer.Option("--region", help="The AWS region.", show_default="the manifest's, then the target's")
]
_Profile = Annotated[
    str | None, typer.Option("--profile", help="The AWS profile with the credentials; --target aws only.")
]


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """Which manifest or template is meant, and what is said of its contents."""

    path: _Path = None
    environment: _Environment = None
    settings: _Settings = None

    def request(self) -> ProjectRequest:
        """Return what the options say of the project."""
        from lambent.cli.project import ProjectRequest

        return ProjectRequest(self.path, self.environment, self.settings or ())


@dataclass(frozen=True, slots=True)
class ProjectOptions(SourceOptions):
    """Which project is meant, and which stack it is for."""

    stack: _Stack = None

    @property
    def is_given(self) -> bool:
        """Whether any of them was given."""
        return bool(self.path is not None or self.environment or self.settings or self.stack)

    def request(self) -> ProjectRequest:
        """Return what the options say of the project."""
        return dataclasses.replace(SourceOptions.request(self), stack=self.stack)


@dataclass(frozen=True, slots=True)
class PlaceOptions:
    """Where the command works."""

    target: _Target = None
    port: Port = None
    region: _Region = None
    profile: _Profile = None

    def place(self) -> Place:
        """Return the place that the options and the environment name; raises CommandError for what does not fit."""
        return targets.place(self.target, self.port, self.region, self.profile)


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command as typer takes it: with the fields of its groups as parameters, in the groups' places."""
    signature = inspect.signature(command, eval_str=True)
    groups = {name: one.annotation for name, one in signature.parameters.items() if _is_group(one.annotation)}
    parameters = [one for parameter in signature.parameters.values() for one in _parameters(parameter)]

    @functools.wraps(command)
    def called(**given: object) -> None:
        made = {
            name: group(**{field.name: given.pop(field.name) for field in dataclasses.fields(group)})
            for name, group in groups.items()
        }
        command(**made, **given)

    vars(called)["__signature__"] = signature.replace(parameters=parameters)
    called.__annotations__ = {one.name: one.annotation for one in parameters}
    return called


def _is_group(annotation: object) -> bool:
    return dataclasses.is_dataclass(annotation)


def _parameters(parameter: inspect.Parameter) -> Iterator[inspect.Parameter]:
    if not _is_group(parameter.annotation):
        yield parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        return
    hints: Mapping[str, Any] = get_type_hints(parameter.annotation, include_extras=True)  # Any: what annotations are
    for field in dataclasses.fields(parameter.annotation):
        default = inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default
        yield inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hints[field.name]
        )
