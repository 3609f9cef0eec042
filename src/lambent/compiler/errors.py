"""What the compiler refuses: what AWS's CloudFormation could not hold, or what nothing in the manifest says."""

from __future__ import annotations


class CompileError(Exception):
    """The system cannot be told to CloudFormation; `path` is the manifest's place, `advice` what would be right."""

    def __init__(self, message: str, *, advice: str = "", path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
        self.path = path

    def within(self, *path: str | int) -> CompileError:
        """Return this error, at `path` where it knows no place of its own."""
        return self if self.path else CompileError(self.message, advice=self.advice, path=path)
