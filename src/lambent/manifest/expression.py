"""Text with references in it: `${functions.resize.arn}`, `${stacks.network.subnet}`, `${aws.region}`, `${ssm:/path}`.

`$${` stands for a literal `${`. References to parameters are gone before the model is built, but for secret ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

_TOKEN = re.compile(r"\$\$\{|\$\{([^}]*)\}|\$\{")
_RESOURCE = re.compile(r"[a-z_]+(\.[A-Za-z0-9_-]+){1,3}\Z")
_LOOKUP = re.compile(r"(ssm|secret):[^\s{}$]+\Z")


@dataclass(frozen=True, slots=True)
class Reference:
    """What stands between `${` and `}`: `path` for `functions.resize.arn`, or a `lookup` (`ssm`, `secret`) of `key`."""

    path: tuple[str, ...] = ()
    lookup: str = ""
    key: str = ""

    def __str__(self) -> str:
        return f"{self.lookup}:{self.key}" if self.lookup else ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Expression:
    """Literal text and references, in order. Text without references has one literal part, empty text none."""

    parts: tuple[str | Reference, ...]

    @property
    def literal(self) -> str | None:
        """The whole text where it has no reference, else None."""
        return "".join(str(part) for part in self.parts) if not any(self.references()) else None

    @property
    def sole_reference(self) -> Reference | None:
        """The reference that is all of it, else None."""
        only = self.parts[0] if len(self.parts) == 1 else None
        return only if isinstance(only, Reference) else None

    def references(self) -> Iterator[Reference]:
        """Yield the references, in order."""
        yield from (part for part in self.parts if isinstance(part, Reference))

    def __str__(self) -> str:
        return "".join(part.replace("${", "$${") if isinstance(part, str) else f"${{{part}}}" for part in self.parts)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # Any: pydantic's
        return core_schema.no_info_plain_validator_function(_validate, serialization=core_schema.to_string_ser_schema())

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string"}


def parse_expression(text: str) -> Expression:
    """Return the parts of `text`. Raises ValueError, saying what is wrong, for a reference that is none."""
    parts: list[str | Reference] = []
    literal, end = "", 0
    for token in _TOKEN.finditer(text):
        literal += text[end : token.start()]
        end = token.end()
        if token.group() == "$${":
            literal += "${"
            continue
        if token.group(1) is None:
            raise ValueError(f"the reference that begins at character {token.start() + 1} has no closing brace")
        if literal:
            parts.append(literal)
        parts.append(_reference(token.group(1).strip()))
        literal = ""
    literal += text[end:]
    if literal:
        parts.append(literal)
    return Expression(tuple(parts))


def _reference(text: str) -> Reference:
    if _LOOKUP.match(text):
        lookup, _, key = text.partition(":")
        return Reference(lookup=lookup, key=key)
    if _RESOURCE.match(text):
        return Reference(path=tuple(text.split(".")))
    raise ValueError(f"${{{text}}} is no reference")


def _validate(value: object) -> Expression:
    if isinstance(value, Expression):
        return value
    # YAML reads 10 and true as what they look like; where text is wanted, AWS wants their text.
    if isinstance(value, bool):
        value = "true" if value else "false"
    if isinstance(value, int | float):
        value = str(value)
    if not isinstance(value, str):
        raise PydanticCustomError("text_type", "Input should be text")
    try:
        return parse_expression(value)
    except ValueError as error:
        raise PydanticCustomError("bad_reference", "{reason}", {"reason": str(error)}) from error
