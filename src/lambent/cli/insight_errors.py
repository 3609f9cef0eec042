"""What insight refuses, as errors of commands: one mapping for all that ask it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lambent.cli.errors import CommandError, ExitCode
from lambent.insight.figures import InsightError
from lambent.insight.measure import NoTrafficError


@contextmanager
def insight_errors() -> Iterator[None]:
    """Turn what insight refuses into a command error: wrong usage, or what the target was asked in vain."""
    try:
        yield
    except NoTrafficError as error:
        raise CommandError(error.message, error.advice) from error
    except InsightError as error:
        raise CommandError(error.message, error.advice, ExitCode.USAGE) from error
