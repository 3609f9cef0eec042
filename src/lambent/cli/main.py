"""The command table, exit codes, and the one place where errors become a message and advice."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from lambent.cli.errors import CommandError, ExitCode

# A command's module is imported only when it runs (or its help is shown): `lambent env` should not pay for boto3.
COMMANDS = {
    "start": "Start the platform.",
    "stop": "Stop the platform.",
    "status": "Say whether the platform runs, and what runs on it.",
    "doctor": "Say which runtimes and which isolation this machine offers, and what would help.",
    "env": "Print the variables that point any AWS tool at the platform.",
    "init": "Make a project that runs as it is.",
    "check": "Check a manifest or a template against AWS's rules, offline.",
    "plan": "Show what `up` would do.",
    "up": "Deploy a project, here or on AWS.",
    "dev": "Deploy a project, and run what is saved as soon as it is saved.",
    "down": "Remove what `up` deployed.",
    "outputs": "Print a stack's outputs.",
    "diff": "Say what is not as it was deployed.",
    "bootstrap": "Make the bucket that code is uploaded to.",
    "migrate": "Move a function to Managed Instances, or back: is it ready, and which way leads there.",
    "invoke": "Invoke a function and print its answer.",
    "event": "Print an event as one of AWS's services sends it.",
    "logs": "Print a function's logs.",
    "clock": "See and move a platform's virtual clock.",
    "fault": "Have functions and sources of events fail on purpose, for a while.",
}


# After "\b" (a backspace, not the letter) the lines stay as they are.
_HELP = """Build, run and understand AWS Lambda systems, here and on AWS.

\b
lambent init shop && cd shop      a project with one function
lambent up                        check it, start the platform, deploy to it
lambent invoke shop-hello --event '{"name": "you"}'
lambent up --target aws           the very same on AWS
eval "$(lambent env)"             point boto3, the AWS CLI, Terraform … at the platform
"""


class _Table(TyperGroup):
    """The commands, each loaded when asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # Any: typer keeps its Context class private
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # Any: as above
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"lambent.cli.commands.{cmd_name}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        command.short_help = COMMANDS[cmd_name]
        return command


app = typer.Typer(
    name="lambent",
    cls=_Table,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        from lambent import __version__

        typer.echo(f"lambent {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=False, help=_HELP)
def lambent(
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Print the version."),
) -> None:
    """Say what there is; each command is in a module of its own."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code."""
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        app(args=None if arguments is None else list(arguments), standalone_mode=True, prog_name="lambent")
    except CommandError as error:
        return _explain(error)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has gone: not an error, but Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else ExitCode.OK
    return ExitCode.OK


def _explain(error: CommandError) -> int:
    from lambent.cli.views import human

    human.error(error.message, error.advice)
    return error.exit_code
