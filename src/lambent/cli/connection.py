"""Talking to the platform on a port: is it there, what does it say, and errors of its APIs as command errors."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lambent.cli import settings
from lambent.cli.errors import CommandError, ExitCode

if TYPE_CHECKING:
    from lambent.aws.clients import Target


# Any: JSON of /_lambent
def ask(port: int, path: str, *, method: str = "GET", timeout_s: float = 5.0) -> Mapping[str, Any] | None:
    """Return what `/_lambent/<path>` answers, or None where no Lambent platform answers on the port."""
    if not _is_open(port):
        return None
    import http.client  # costs 30 ms, which `start` need not spend where nothing listens

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request(method, f"/_lambent/{path}")
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        return None
    try:
        parsed = json.loads(body)
    except ValueError:
        return None
    return cast("Mapping[str, Any]", parsed) if isinstance(parsed, dict) else None  # checked on this line


def tell(
    port: int, path: str, *, method: str = "POST", body: Mapping[str, object] | None = None, timeout_s: float = 5.0
) -> Mapping[str, Any]:  # Any: JSON of /_lambent
    """Have the platform do what `/_lambent/<path>` stands for and return its answer.

    Raises CommandError with the platform's own words where it refuses, or does not answer in time.
    """
    import http.client  # as above

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request(method, f"/_lambent/{path}", json.dumps(body) if body is not None else None)
        answer = connection.getresponse()
        parsed = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CommandError(
            f"The call did not get through: {error}",
            "See whether the platform runs: lambent status",
            ExitCode.NOT_RUNNING,
        ) from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise CommandError(str(parsed.get("message", answer.reason)), str(parsed.get("advice", "")))
    return cast("Mapping[str, Any]", parsed)  # what the platform answers with 200 is an object


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


# Any: JSON of /_lambent
def health(port: int) -> Mapping[str, Any] | None:
    """Return the platform's health, or None where none runs on the port."""
    answer = ask(port, "health")
    return answer if answer is not None and answer.get("name") == "lambent" else None


# Any: JSON of /_lambent
def require_running(port: int) -> Mapping[str, Any]:
    """Return the platform's health, or end the command with what to do."""
    found = health(port)
    if found is None:
        raise CommandError(
            f"No platform runs on {settings.endpoint_url(port)}.",
            f"Start it with: lambent start --detach{'' if port == settings.DEFAULT_PORT else f' --port {port}'}",
            ExitCode.NOT_RUNNING,
        )
    return found


def target(port: int, function: str, region: str | None) -> Target:
    """Return the platform in the region that is asked for; a function's ARN names its own."""
    from lambent.aws.clients import LOCAL_REGION, Target

    named = function.split(":")[3] if function.startswith("arn:") and function.count(":") >= 6 else ""
    return Target.local(settings.endpoint_url(port), region=region or named or LOCAL_REGION)


@contextmanager
def api_errors(*, is_local: bool = True) -> Iterator[None]:
    """Turn the errors of AWS calls, to the platform here or to AWS, into a command error."""
    from lambent.aws.clients import AwsCallError, TargetUnreachableError, aws_errors

    try:
        with aws_errors():
            yield
    except AwsCallError as error:
        raise CommandError(f"{error.operation} failed: {error.message}", f"AWS error code: {error.code}") from error
    except TargetUnreachableError as error:
        advice = "See whether the platform runs: lambent status"
        if not is_local:
            advice = "See whether --profile, --region and the variables of AWS in the environment are what you mean."
        code = ExitCode.NOT_RUNNING if is_local else ExitCode.FAILED
        raise CommandError(f"The call did not get through: {error}", advice, code) from error


def is_alive(pid: int) -> bool:
    """Whether a process is still there (one that has ended but is not reaped yet is not)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state != "Z"
