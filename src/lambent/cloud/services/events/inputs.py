"""What a target gets of an event: all of it, a constant, a part of it, or a template filled in from it.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from lambent.cloud.services.events.event import Event, moment_text
from lambent.cloud.services.events.model import Target

PLACEHOLDER = re.compile(r"<([\w.\-]+)>")
PREDEFINED = frozenset(
    {
        "aws.events.event",
        "aws.events.event.ingestion-time",
        "aws.events.event.json",
        "aws.events.rule-arn",
        "aws.events.rule-name",
    }
)
_PATH = re.compile(r"\$(?:\.[\w\-]+|\.\*|\[(?:\d+|\*|'[^']+'|\"[^\"]+\")\])*")
_STEP = re.compile(r"\.([\w\-]+)|\[(\d+)\]|\['([^']+)'\]|\[\"([^\"]+)\"\]|(\.\*|\[\*\])")
_MISSING = object()
Json = Any  # Any: a value of JSON


class InvalidInputError(ValueError):
    """A template filled in is not JSON: the target is sent nothing."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """An event that is on its way to a target: by which rule, and when it came in."""

    event: Event
    rule: str
    accepted_at: float


def is_path(text: str) -> bool:
    """Whether a text is a JSON path of the kind that rules take: members by name, elements by index.

    >>> is_path("$.detail.items[0].name"), is_path("detail")
    (True, False)
    """
    return _PATH.fullmatch(text) is not None


def input_of(target: Target, occasion: Occasion) -> str:
    """Return the text that a target is sent; raises InvalidInputError."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        found = at_path(occasion.event, target["InputPath"])
        return _json(None if found is _MISSING else found)
    if "InputTransformer" in target:
        return _transformed(target["InputTransformer"], occasion)
    return _json(occasion.event)


def at_path(value: Json, path: str) -> Json:
    """Return what a JSON path leads to within a value; a marker of its own where it leads nowhere."""
    for step in _STEP.finditer(path):
        name = step[1] or step[3] or step[4]
        if step[5]:
            value = list(value.values()) if isinstance(value, Mapping) else value
            if not isinstance(value, list):
                return _MISSING
        elif step[2] is not None:
            index = int(step[2])
            if not isinstance(value, list) or index >= len(value):
                return _MISSING
            value = value[index]
        elif isinstance(value, Mapping) and name in value:
            value = value[name]
        else:
            return _MISSING
    return value


def _transformed(transformer: Mapping[str, Any], occasion: Occasion) -> str:  # Any: InputTransformer's members
    template: str = transformer["InputTemplate"]
    values = {name: at_path(occasion.event, path) for name, path in transformer.get("InputPathsMap", {}).items()}
    values |= _predefined(occasion)
    is_json = template.lstrip()[:1] in {"{", "["}
    quotes = _quoted_places(template)

    def fill(found: re.Match[str]) -> str:
        value = values.get(found[1], _MISSING)
        return _quoted(value) if quotes[found.start()] else _bare(value, is_json=is_json)

    filled = PLACEHOLDER.sub(fill, template)
    if not is_json:
        return filled
    try:
        return _json(orjson.loads(filled))
    except orjson.JSONDecodeError as error:
        raise InvalidInputError("The input that the template makes is not valid JSON.") from error


def _predefined(occasion: Occasion) -> dict[str, Json]:
    return {
        "aws.events.event": {name: value for name, value in occasion.event.items() if name != "detail"},
        "aws.events.event.ingestion-time": moment_text(occasion.accepted_at),
        "aws.events.event.json": occasion.event,
        "aws.events.rule-arn": occasion.rule,
        "aws.events.rule-name": occasion.rule.rpartition("/")[2],
    }


def _bare(value: Json, *, is_json: bool) -> str:
    """Return a value where the template has its placeholder by itself: as JSON, or in a text as it reads."""
    if value is _MISSING:
        return '""' if is_json else ""
    return value if isinstance(value, str) and not is_json else _json(value)


def _quoted(value: Json) -> str:
    """Return a value within quotes of the template: what is not text loses the quotes that it has itself."""
    if value is _MISSING:
        return ""
    text = value if isinstance(value, str) else _json(value).replace('\\"', "").replace('"', "")
    return _json(text)[1:-1]


def _quoted_places(template: str) -> list[bool]:
    """Return of each character whether it stands within a string of JSON."""
    places, is_within, is_escaped = [], False, False
    for char in template:
        places.append(is_within)
        if is_escaped:
            is_escaped = False
        elif char == "\\":
            is_escaped = is_within
        elif char == '"':
            is_within = not is_within
    return places


def _json(value: Json) -> str:
    return orjson.dumps(value).decode()
