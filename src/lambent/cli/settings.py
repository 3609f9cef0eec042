"""Flags and environment variables → settings, once: the only place where the CLI reads its surroundings.

A flag wins over its environment variable, which wins over the default:
`LAMBENT_PORT` (4566), `LAMBENT_DATA` (`$XDG_DATA_HOME/lambent/<port>`), `LAMBENT_ISOLATION` (auto),
`LAMBENT_TARGET` (local), `LAMBENT_DEBUGPY` (the project's environment).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TextIO

from lambent.cli.errors import CommandError, ExitCode

DEFAULT_PORT = 4566


def port(flag: int | None) -> int:
    """Return the platform's port."""
    if flag is not None:
        return flag
    text = os.environ.get("LAMBENT_PORT", "")
    if not text:
        return DEFAULT_PORT
    if not text.isdigit() or not 0 <= int(text) <= 65535:
        raise CommandError(
            f"LAMBENT_PORT is {text!r}, which is no port number", "Set it to a number up to 65535.", ExitCode.USAGE
        )
    return int(text)


def data_dir(flag: Path | None, port_number: int) -> Path:
    """Return where the platform on a port keeps its state, so that two platforms on two ports do not share one."""
    if flag is not None:
        return flag
    if named := os.environ.get("LAMBENT_DATA"):
        return Path(named)
    return _xdg("XDG_DATA_HOME", ".local/share") / "lambent" / str(port_number)


def cache_dir() -> Path:
    """Return where packages that were built are kept."""
    return _xdg("XDG_CACHE_HOME", ".cache") / "lambent"


def log_file(port_number: int) -> Path:
    """Return where a detached platform writes what it would have shown."""
    return _xdg("XDG_STATE_HOME", ".local/state") / "lambent" / f"{port_number}.log"


def isolation(flag: str | None) -> str:
    """Return the isolation level asked for: auto, namespace or process."""
    return flag or os.environ.get("LAMBENT_ISOLATION") or "auto"


def target() -> str:
    """Return the target of deployments that no flag names: local or aws."""
    return os.environ.get("LAMBENT_TARGET") or "local"


def other_endpoint() -> str | None:
    """Return where the surroundings send every AWS call in place of AWS; None where they do not."""
    return os.environ.get("AWS_ENDPOINT_URL") or None


def debugpy() -> Path | None:
    """Return the folder that has the package debugpy, where the surroundings name one."""
    named = os.environ.get("LAMBENT_DEBUGPY")
    return Path(named) if named else None


def virtual_env() -> Path | None:
    """Return the Python environment that is active in the shell, or None."""
    named = os.environ.get("VIRTUAL_ENV")
    return Path(named) if named else None


def endpoint_url(port_number: int) -> str:
    """Return the platform's address. An IP address, not a name: SDKs then put bucket names into the path."""
    return f"http://127.0.0.1:{port_number}"


def child_environment() -> dict[str, str]:
    """Return what a detached platform inherits."""
    return dict(os.environ)


def _xdg(variable: str, fallback: str) -> Path:
    named = os.environ.get(variable)
    return Path(named) if named else Path.home() / fallback


def wants_colour(stream: TextIO) -> bool:
    """Whether a stream is a terminal whose owner has not asked for plain text (https://no-color.org)."""
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
