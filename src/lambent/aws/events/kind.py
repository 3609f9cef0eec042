"""A kind of event: what can be said of it, and how it is made of that; pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from lambent.base.identifiers import IdSource

Event = Any  # Any: a JSON value
COMMON: Final[Mapping[str, str]] = {"region": "us-east-1", "account": "000000000000"}
"""What can be said of every event."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Values:
    """What one event is made of: the value of each field, a moment, and where identifiers come from."""

    given: Mapping[str, str]
    ids: IdSource
    now: float

    def __getitem__(self, name: str) -> str:
        return self.given[name]

    def get(self, name: str) -> str:
        """Return the value of a field that not every kind has; "" where this one has none."""
        return self.given.get(name, "")

    @property
    def region(self) -> str:
        """The region it comes from."""
        return self.given["region"]

    @property
    def account(self) -> str:
        """The account it comes from."""
        return self.given["account"]

    @property
    def now_ms(self) -> int:
        """Its moment in milliseconds since the epoch."""
        return int(self.now * 1000)

    def json(self, name: str) -> Event:
        """Return a field that holds JSON, as the value that it is; text that is none stays text."""
        try:
            return json.loads(self.given[name])
        except ValueError:
            return self.given[name]

    def base64(self, name: str) -> str:
        """Return a field's text in base64."""
        return base64.b64encode(self.given[name].encode()).decode()

    def arn(self, service: str, rest: str) -> str:
        """Return an ARN of the event's region and account."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{rest}"

    def time(self, *, milliseconds: bool = True) -> str:
        """Return its moment as ISO 8601 in UTC."""
        text = datetime.fromtimestamp(self.now, UTC).isoformat(timespec="milliseconds" if milliseconds else "seconds")
        return text.replace("+00:00", "Z")

    def log_time(self) -> str:
        """Return its moment as API Gateway writes it: `21/Nov/2026:11:04:20 +0000`."""
        at = datetime.fromtimestamp(self.now, UTC)
        return f"{at:%d}/{_MONTHS[at.month - 1]}/{at:%Y:%H:%M:%S} +0000"

    def digits(self, length: int) -> str:
        """Return so many decimal digits, the first of which is not 0."""
        first = str(1 + int(self.ids.fraction() * 9))
        return first + "".join(str(int(self.ids.fraction() * 10)) for _ in range(length - 1))


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of event. `fields` are what it can be told beside COMMON, with their defaults."""

    source: str
    name: str
    summary: str
    make: Callable[[Values], Event]
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def defaults(self) -> Mapping[str, str]:
        """Every field's default."""
        return {**COMMON, **self.fields}

    def event(self, given: Mapping[str, str], ids: IdSource, now: float) -> Event:
        """Return an event in which `given` takes the place of defaults."""
        return self.make(Values({**self.defaults, **given}, ids, now))
