"""Which records a mapping's filter criteria let through: those that any of its patterns matches.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from lambent.aws.event_pattern import EVENT_SOURCE_MAPPING, EventPattern

Record = Mapping[str, Any]  # Any: JSON


class Filters:
    """The patterns of a mapping."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [EventPattern.parse(text, EVENT_SOURCE_MAPPING) for text in patterns]

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self._patterns)

    def match_message(self, record: Record) -> bool:
        """Whether a message of a queue goes through: its body is compared as JSON where it is an object."""
        return self._match({**record, "body": _as_json(record["body"])}) if self._patterns else True

    def match_change(self, record: Record) -> bool:
        """Whether a record of a table's stream goes through."""
        return self._match(record) if self._patterns else True

    def match_data(self, record: Record) -> bool:
        """Whether a record of a Kinesis stream goes through: `data` is compared as what it encodes."""
        if not self._patterns:
            return True
        about = record["kinesis"]
        plain = {name: value for name, value in record.items() if name != "kinesis"}
        return self._match({**plain, **about, "data": _as_json(_decoded(about["data"]))})

    def _match(self, record: Record) -> bool:
        return any(pattern.matches(record) for pattern in self._patterns)


def filters_of(settings: Mapping[str, Any]) -> Filters:  # Any: a mapping's settings
    """Return the filters of a mapping."""
    return Filters([each["Pattern"] for each in settings.get("FilterCriteria", {}).get("Filters", ())])


def _as_json(text: str) -> Any:  # Any: JSON
    """Return the object that a text encodes, or the text where it encodes none."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return value if isinstance(value, dict | list) else text


def _decoded(data: str) -> str:
    try:
        return base64.b64decode(data).decode()
    except (binascii.Error, UnicodeDecodeError):
        return data
