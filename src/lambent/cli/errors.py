"""What a command raises to end with a message, advice and an exit code."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the shell is told. 2 is also what a wrong command line ends with."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_RUNNING = 3
    FUNCTION_ERROR = 4
    INTERRUPTED = 130


class CommandError(Exception):
    """A command cannot go on: what happened, and what to do about it."""

    def __init__(self, message: str, advice: str = "", exit_code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
        self.exit_code = exit_code
