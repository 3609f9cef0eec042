"""Which resource a trigger, a grant or a target speaks of: `jobs`, `queues.jobs`, `${queues.jobs}`, or an ARN."""

from __future__ import annotations

from collections.abc import Sequence

from lambent.manifest.expression import Expression
from lambent.manifest.system import System
from lambent.manifest.words import did_you_mean

SERVICES = {
    "functions": "lambda", "queues": "sqs", "topics": "sns", "buses": "events", "buckets": "s3", "tables": "dynamodb",
    "keys": "kms",
}  # fmt: skip
"""The sections of a manifest whose resources can be spoken of so, and their services' names in ARNs."""


class UnknownPartyError(Exception):
    """There is no such resource; `advice` says what to write instead."""

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


def find(system: System, expression: Expression, sections: Sequence[str]) -> tuple[str, str] | None:
    """Return section and key of the resource of `sections` that is meant; None for one that is not in the manifest.

    Raises UnknownPartyError for a name that none of them has, or that several have.
    """
    reference = expression.sole_reference
    if reference is not None:
        section, key, *attribute = (*reference.path, "", "")[:3] if not reference.lookup else ("", "", "")
        is_whole = attribute in ([""], ["arn"], ["name"])
        return (section, key) if section in sections and is_whole and key in getattr(system, section) else None
    text = expression.literal
    if text is None or text.startswith("arn:"):
        return None
    section, dot, key = text.partition(".")
    if dot and section in sections and key in getattr(system, section):
        return section, key
    having = [section for section in sections if text in getattr(system, section)]
    if len(having) == 1:
        return having[0], text
    if having:
        ways = " or ".join(f"`{section}.{text}`" for section in having)
        raise UnknownPartyError(f"{' and '.join(having)} both have `{text}`", f"Write {ways}.")
    known = [key for section in sections for key in getattr(system, section)]
    listed = f"There are {', '.join(known)}." if known else f"Declare it under `{sections[0]}`, or write its ARN."
    raise UnknownPartyError(
        f"there is no `{text}` in {' or '.join(sections)}", did_you_mean(text, known, otherwise=listed)
    )
