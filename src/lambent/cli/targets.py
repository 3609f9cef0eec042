"""Where a command works: the platform on this machine, or AWS. An endpoint and credentials are all that differs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lambent.cli import settings
from lambent.cli.errors import CommandError, ExitCode


class TargetName(StrEnum):
    """What a command may work on."""

    LOCAL = "local"
    AWS = "aws"


@dataclass(frozen=True, slots=True)
class Place:
    """What the options say of the target."""

    name: TargetName
    port: int
    region: str | None = None
    profile: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether it is the platform on this machine."""
        return self.name is TargetName.LOCAL


def place(name: TargetName | None, port: int | None, region: str | None, profile: str | None) -> Place:
    """Return the place that the options and the environment name; raises CommandError for options that do not fit."""
    chosen = name or _from_environment()
    if chosen is TargetName.LOCAL and profile is not None:
        raise CommandError("--profile is for --target aws.", "Leave it out, or add --target aws.", ExitCode.USAGE)
    if chosen is TargetName.AWS and port is not None:
        raise CommandError("--port is for --target local.", "Leave one of them out.", ExitCode.USAGE)
    return Place(chosen, settings.port(port), region, profile)


def _from_environment() -> TargetName:
    named = settings.target()
    try:
        return TargetName(named)
    except ValueError:
        raise CommandError(f"LAMBENT_TARGET is {named!r}", "Set it to local or aws.", ExitCode.USAGE) from None
