"""What every mapping of the manifest is made of, and the forms in which lists, durations and texts may be written."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from lambent.manifest.expression import Expression


class Node(BaseModel):
    """A mapping of the manifest: its keys are the fields, and there are no others."""

    # Every command that reads a manifest pays for this module's import: validators are built when they are first used,
    # and the fields' docstrings are collected by `schema` alone (pydantic's own way of reading them costs 25 ms).
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


def _one_as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _seconds(value: object) -> object:
    """Read `30`, `30s`, `5m`, `2h`, `1d` as seconds."""
    if isinstance(value, str) and value[:-1].isdigit() and value[-1:] in _UNITS:
        return int(value[:-1]) * _UNITS[value[-1]]
    return value


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

Texts = Annotated[tuple[Expression, ...], BeforeValidator(_one_as_list), Field(strict=False)]
Words = Annotated[tuple[str, ...], BeforeValidator(_one_as_list), Field(strict=False)]
Seconds = Annotated[int, BeforeValidator(_seconds)]
Tags = dict[str, Expression]
# In this order: an expression takes `true` for text.
DeadLetter = Annotated[bool | Expression, Field(union_mode="left_to_right")]
Document = dict[str, Any]  # Any: an IAM policy document; strings in it may hold references


class Retry(Node):
    """How asynchronous invocations are tried again."""

    attempts: int | None = None
    """Further attempts after an error, 0 to 2."""
    max_age: Seconds | None = None
    """How long an event may wait, 60 s to 6 h."""
