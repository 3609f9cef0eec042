"""`lambent env`: the variables that point any AWS tool at the platform."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from lambent.cli import settings
from lambent.cli.errors import CommandError, ExitCode
from lambent.cli.options import Json, Port
from lambent.cli.views import human
from lambent.cli.views import json as json_view

app = typer.Typer(add_completion=False)


class Shell(StrEnum):
    """How a shell sets a variable."""

    SH = "sh"
    FISH = "fish"
    POWERSHELL = "powershell"


_ASSIGNMENTS = {
    Shell.SH: "export {name}={value}",
    Shell.FISH: "set -gx {name} {value}",
    Shell.POWERSHELL: '$env:{name} = "{value}"',
}


@app.command(epilog='Examples: eval "$(lambent env)" · lambent env --shell fish | source · lambent env --json')
def env(
    port: Port = None,
    shell: Annotated[Shell, typer.Option(help="The shell that will read it.")] = Shell.SH,
    account: Annotated[str, typer.Option(help="The account to act in: any 12 digits.")] = "000000000000",
    region: Annotated[str, typer.Option(help="The region to act in.")] = "us-east-1",
    as_json: Json = False,
) -> None:
    """Print the variables that point boto3, the AWS CLI, Terraform and every SDK at the platform."""
    if len(account) != 12 or not account.isdigit():
        raise CommandError(f"{account!r} is no account id", "Name it with 12 digits.", ExitCode.USAGE)
    variables = {
        "AWS_ENDPOINT_URL": settings.endpoint_url(settings.port(port)),
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        # Without it, tools may wait for an instance metadata service that does not exist here.
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    if as_json:
        json_view.document(variables)
        return
    for name, value in variables.items():
        human.line(_ASSIGNMENTS[shell].format(name=name, value=value))
