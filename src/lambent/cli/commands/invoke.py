"""`lambent invoke`: run a function and print its answer."""

from __future__ import annotations

import base64
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lambent.cli import connection, settings
from lambent.cli.errors import CommandError, ExitCode
from lambent.cli.options import Json, Port, Region
from lambent.cli.views import human
from lambent.cli.views import json as json_view

if TYPE_CHECKING:
    from lambent.aws.clients import Target

app = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What Invoke answered; `log_tail` is the last 4 KB the invocation logged."""

    status_code: int
    executed_version: str
    function_error: str | None
    payload: str
    log_tail: str


@app.command(
    epilog="Examples: lambent invoke fibonacci --event '{\"n\": 10}' · lambent invoke fibonacci --event @event.json "
    "--qualifier live · echo '{\"n\": 3}' | lambent invoke fibonacci --event @- · "
    "lambent invoke shop-hello --debug --source src. "
    "Exit code 4: the function answered with an error."
)
def invoke(
    name: Annotated[str, typer.Argument(help="The function: its name or ARN.", metavar="NAME")],
    event: Annotated[
        str, typer.Option("--event", "-e", help="The event: JSON, @FILE to read it from, or @- for standard input.")
    ] = "{}",
    qualifier: Annotated[str | None, typer.Option("--qualifier", "-q", help="A version or an alias.")] = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Wait for a debugger first, in a copy of the function that has 15 minutes.")
    ] = False,
    debug_port: Annotated[
        int | None, typer.Option(help="Where the debugger listens.", show_default="5678, for Node.js 9229")
    ] = None,
    source: Annotated[Path, typer.Option(help="The folder that the code is from, for the debugger.")] = Path(),
    port: Port = None,
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Invoke a function, print its answer on standard output and its log on standard error."""
    payload = _payload(event)
    number = settings.port(port)
    health = connection.require_running(number)
    target = connection.target(number, name, region)
    if debug:
        from lambent.cli.debugging import DebugRequest, debugged, require_reachable

        require_reachable(health)
        request = DebugRequest(name, qualifier, debug_port, source, as_json)
        answer = debugged(target, request, lambda copy: _invoke(target, copy, payload, None))
    else:
        answer = _invoke(target, name, payload, qualifier)
    if as_json:
        json_view.document(_as_document(answer))
    else:
        if answer.log_tail:
            human.note(human.styled(answer.log_tail.rstrip("\n"), "dim", sys.stderr))
        human.line(answer.payload)
    if answer.function_error is not None:
        raise typer.Exit(ExitCode.FUNCTION_ERROR)


def _payload(event: str) -> bytes:
    source = "--event"
    if event.startswith("@"):
        source = event[1:]
        try:
            text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"The event cannot be read: {error}", "Name a file of JSON.", ExitCode.USAGE) from error
    else:
        text = event
    try:
        json.loads(text)
    except ValueError as error:
        raise CommandError(
            f"{source} is not JSON: {error}",
            "Quote it for the shell, or put it into a file and pass --event @FILE.",
            ExitCode.USAGE,
        ) from error
    return text.encode()


def _invoke(target: Target, name: str, payload: bytes, qualifier: str | None) -> Answer:
    client = target.client("lambda")
    where = {"FunctionName": name} if qualifier is None else {"FunctionName": name, "Qualifier": qualifier}
    with connection.api_errors():
        try:
            answer = client.invoke(Payload=payload, LogType="Tail", **where)
        except client.exceptions.InvalidParameterValueException:
            # Lambda Managed Instances hand out no tails: several requests write to one log at a time.
            if "CapacityProviderConfig" not in client.get_function_configuration(**where):
                raise
            answer = client.invoke(Payload=payload, **where)
        except client.exceptions.NoPublishedVersionException as error:
            raise CommandError(str(error.response["Error"]["Message"]), _what_is_published(client, name)) from error
        body: bytes = answer["Payload"].read()
    return Answer(
        status_code=answer["StatusCode"],
        executed_version=answer.get("ExecutedVersion", ""),
        function_error=answer.get("FunctionError"),
        payload=body.decode("utf-8", "replace"),
        log_tail=base64.b64decode(answer.get("LogResult", "")).decode("utf-8", "replace"),
    )


def _what_is_published(client: Any, name: str) -> str:  # Any: AWS's client
    """Return what a function on a capacity provider can be invoked by."""
    aliases = [each["Name"] for each in client.list_aliases(FunctionName=name)["Aliases"]]
    versions = [each["Version"] for each in client.list_versions_by_function(FunctionName=name)["Versions"]]
    known = [*aliases, *(each for each in versions if each != "$LATEST")]
    return f"Add --qualifier {' or '.join(known)}." if known else "Publish a version of it first."


def _as_document(answer: Answer) -> dict[str, object]:
    try:
        payload: object = json.loads(answer.payload)
    except ValueError:
        payload = answer.payload
    return {
        "StatusCode": answer.status_code,
        "ExecutedVersion": answer.executed_version,
        "FunctionError": answer.function_error,
        "Payload": payload,
        "LogTail": answer.log_tail.splitlines(),
    }
