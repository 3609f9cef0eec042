"""What a check is given: a function with its defaults, where it stands, and how to say what is wrong."""

from __future__ import annotations

from dataclasses import dataclass

from lambent.base.diagnostics import Diagnostic
from lambent.manifest.checks.rules import RULES
from lambent.manifest.expression import Expression
from lambent.manifest.sources import Sources


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the manifest, and what lies beneath it."""

    sources: Sources
    path: tuple[str | int, ...]

    def found(self, rule: str, message: str, advice: str, *inside: str | int, key: bool = False) -> Diagnostic:
        """Return a finding of a rule, at what lies `inside` this place, or in the defaults where it was said there."""
        path = (*self.path, *inside)
        if path not in self.sources.values and inside and ("defaults", *inside) in self.sources.values:
            path = ("defaults", *inside)
        return RULES[rule].found(message, self.sources.span(*path, key=key), advice)

    def called(self, *inside: str) -> str:
        """Return what a manifest calls what stands `inside`: its own key."""
        return inside[-1]


def literal(expression: Expression | None) -> str | None:
    """Return the text, or None where it is only known later."""
    return None if expression is None else expression.literal


def constraint(value: object, member: str, rule: str) -> str:
    """Return AWS's message for a value that its service model forbids."""
    return f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {rule}"


def bounds(value: float, member: str, least: float, most: float) -> str | None:
    """Return AWS's message where a number is out of its bounds, else None."""
    if value < least:
        return constraint(value, member, f"Member must have value greater than or equal to {least}")
    if value > most:
        return constraint(value, member, f"Member must have value less than or equal to {most}")
    return None
