"""Which transforms a template declares: at its top, and with Fn::Transform inside.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/transform-section-structure.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from lambent.template.document import TemplateError, Value, read_transforms

SAM: Final = "AWS::Serverless-2016-10-31"
LANGUAGE: Final = "AWS::LanguageExtensions"
INCLUDE: Final = "AWS::Include"
NESTED: Final = "Fn::Transform"


@dataclass(frozen=True, slots=True)
class Transform:
    """One transform as a template asks for it."""

    name: str
    parameters: Mapping[str, Value] = field(default_factory=dict)


def at_top(document: Mapping[str, Value]) -> list[Transform]:
    """Return the transforms of the whole template, in their order. Raises TemplateError."""
    return [_transform(one) for one in read_transforms(document)]


def of_part(argument: Value) -> list[Transform]:
    """Return the transforms that one Fn::Transform asks for. Raises TemplateError."""
    return [_transform(one) for one in (argument if isinstance(argument, list) else [argument])]


def names(document: Mapping[str, Value]) -> list[str]:
    """Return the names of all transforms, each once: the top's, then those inside. Raises TemplateError."""
    found = [one.name for one in at_top(document)] + [one.name for one in _inside(document)]
    return list(dict.fromkeys(found))


def _inside(value: Value) -> Iterator[Transform]:
    if isinstance(value, list):
        for one in value:
            yield from _inside(one)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if key == NESTED:
                yield from of_part(inner)
            else:
                yield from _inside(inner)


def _transform(one: Value) -> Transform:
    if isinstance(one, str):
        return Transform(one)
    name = one.get("Name") if isinstance(one, Mapping) else None
    if not isinstance(name, str):
        raise TemplateError("Key Name of transform definition must be a string.")
    parameters = one.get("Parameters") or {}
    if not isinstance(parameters, Mapping):
        raise TemplateError("Key Parameters of transform definition must be a map.")
    return Transform(name, parameters)
