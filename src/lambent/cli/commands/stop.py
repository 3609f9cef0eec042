"""`lambent stop`: end the platform on a port."""

from __future__ import annotations

import typer

from lambent.cli import connection, settings, waiting
from lambent.cli.errors import CommandError
from lambent.cli.options import Port
from lambent.cli.views import human

_PATIENCE_S = 15.0
_LOOK_EVERY_S = 0.05

app = typer.Typer(add_completion=False)


@app.command(epilog="Examples: lambent stop · lambent stop --port 4567")
def stop(port: Port = None) -> None:
    """Stop the platform: requests under way finish, execution environments are shut down, state stays on disk."""
    number = settings.port(port)
    running = connection.require_running(number)
    connection.ask(number, "stop", method="POST")
    pid = int(running["pid"])
    if not waiting.until(lambda: not connection.is_alive(pid), patience_s=_PATIENCE_S, every_s=_LOOK_EVERY_S):
        raise CommandError(
            f"The platform (process {pid}) is still stopping after {_PATIENCE_S:.0f} s.",
            f"See its log, or end it with: kill -9 {pid}",
        )
    human.line(f"Stopped the platform on {settings.endpoint_url(number)}.")
