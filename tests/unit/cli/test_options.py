"""Options that commands share: said once, the same everywhere, and handed over in groups."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from lambent.cli.errors import CommandError
from lambent.cli.main import COMMANDS
from lambent.cli.options import Json, PlaceOptions, ProjectOptions, SourceOptions, grouped
from lambent.cli.targets import TargetName

PROJECT = ["path", "environment", "settings", "stack"]
PLACE = ["target", "port", "region", "profile"]


def parameters(command: str) -> dict[str, Any]:  # Any: typer keeps its classes of parameters private
    """Return a command's parameters by name, in their order."""
    app = importlib.import_module(f"lambent.cli.commands.{command}").app
    return {str(one.name): one for one in typer.main.get_command(app).params}


@pytest.mark.parametrize("command", ["up", "plan", "down", "diff", "outputs"])
def test_commands_of_a_project_take_the_same_options_in_the_same_order(command: str) -> None:
    names = list(parameters(command))
    assert [name for name in names if name in PROJECT] == PROJECT
    assert [name for name in names if name in PLACE] == PLACE


def test_an_option_of_several_commands_says_the_same_in_each() -> None:
    said: dict[str, set[tuple[object, ...]]] = {}
    for command in ("up", "plan", "down", "diff", "outputs", "check", "bootstrap"):
        for name, one in parameters(command).items():
            told = (tuple(one.opts), getattr(one, "help", None), one.type.name, str(one.show_default))
            said.setdefault(name, set()).add(told)
    assert {name for name, ways in said.items() if len(ways) > 1} == set()


def test_every_command_has_help_with_examples() -> None:
    for command in set(COMMANDS) - {"clock"}:
        app = importlib.import_module(f"lambent.cli.commands.{command}").app
        assert f"lambent {command}" in str(typer.main.get_command(app).epilog)


def run(*arguments: str) -> list[object]:
    """Run a command that has each group and an option between them; return what it was called with."""
    seen: list[object] = []
    app = typer.Typer()

    @app.command()
    @grouped
    def act(*, chosen: ProjectOptions, as_json: Json = False, where: PlaceOptions) -> None:
        """Act."""
        seen.extend((chosen, as_json, where))

    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 0, done.output
    return seen


def test_a_command_gets_its_options_in_groups() -> None:
    assert run() == [ProjectOptions(), False, PlaceOptions()]
    arguments = ("shop", "--env", "prod", "-s", "a=b", "-s", "c=d", "--json", "--stack", "x", "-t", "aws", "-p", "7")
    assert run(*arguments) == [
        ProjectOptions(Path("shop"), "prod", ["a=b", "c=d"], "x"),
        True,
        PlaceOptions(TargetName.AWS, 7),
    ]


def test_options_become_a_request() -> None:
    request = ProjectOptions(Path("shop"), "prod", ["a=b"], "x").request()
    assert (request.path, request.environment, request.settings, request.stack) == (Path("shop"), "prod", ["a=b"], "x")
    assert SourceOptions(None, "prod").request().settings == ()
    assert not ProjectOptions().is_given
    assert all(one.is_given for one in (ProjectOptions(Path()), ProjectOptions(None, None, ["a=b"])))


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (PlaceOptions(TargetName.LOCAL, profile="work"), "--profile is for --target aws."),
        (PlaceOptions(TargetName.AWS, 4567), "--port is for --target local."),
    ],
)
def test_options_that_do_not_fit_together_are_refused(where: PlaceOptions, words: str) -> None:
    with pytest.raises(CommandError, match=re.escape(words)):
        where.place()


@pytest.mark.parametrize("kind", ["throttle", "error", "latency", "crash", "duplicate", "reorder"])
def test_what_a_group_needs_must_be_given(kind: str) -> None:
    app = importlib.import_module("lambent.cli.commands.fault").app
    done = CliRunner().invoke(app, [kind])
    assert (done.exit_code, "Missing argument 'TARGET'" in done.output) == (2, True)
