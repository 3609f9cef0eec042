"""Cross-origin rules of a function URL, and the headers they put on its answers.

A preflight request is answered from the rules alone; the function never sees it. On any other answer the headers stand
beside those that the function sends: https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html#urls-cors
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambent.cloud.services.lambda_.model.function import JsonValue

Header = tuple[str, str]
_ANY = "*"


@dataclass(frozen=True, slots=True)
class Cors:
    """The rules as they were given; None is what nobody said."""

    allow_credentials: bool | None = None
    allow_headers: tuple[str, ...] | None = None
    allow_methods: tuple[str, ...] | None = None
    allow_origins: tuple[str, ...] | None = None
    expose_headers: tuple[str, ...] | None = None
    max_age_s: int | None = None

    @classmethod
    def asked(cls, members: Mapping[str, Any]) -> Cors | None:  # Any: the members of AWS's shape
        """Return the rules of a request; empty ones are none."""
        if not members:
            return None
        return cls(
            allow_credentials=members.get("AllowCredentials"),
            allow_headers=_listed(members.get("AllowHeaders")),
            allow_methods=_listed(members.get("AllowMethods")),
            allow_origins=_listed(members.get("AllowOrigins")),
            expose_headers=_listed(members.get("ExposeHeaders")),
            max_age_s=members.get("MaxAge"),
        )

    def shape(self) -> dict[str, JsonValue]:
        """Return the rules as AWS shows them."""
        members: dict[str, JsonValue] = {}
        for name, values in (
            ("AllowHeaders", self.allow_headers),
            ("AllowMethods", self.allow_methods),
            ("AllowOrigins", self.allow_origins),
            ("ExposeHeaders", self.expose_headers),
        ):
            if values is not None:
                members[name] = list(values)
        if self.allow_credentials is not None:
            members["AllowCredentials"] = self.allow_credentials
        if self.max_age_s is not None:
            members["MaxAge"] = self.max_age_s
        return members

    def answer_headers(self, origin: str) -> list[Header]:
        """Return what goes on the answer to a request of `origin` ("" where it names none).

        >>> Cors(allow_origins=("https://a.example",)).answer_headers("https://a.example")
        [('Access-Control-Allow-Origin', 'https://a.example'), ('Vary', 'Origin')]
        """
        found = self._origin_headers(origin)
        if found and self.expose_headers:
            found.append(("Access-Control-Expose-Headers", ",".join(self.expose_headers)))
        return found

    def preflight_headers(self, origin: str, method: str, headers: str) -> list[Header]:
        """Return what goes on the answer to a preflight request for `method` with `headers`; nothing for a stranger."""
        found = self._origin_headers(origin)
        if not found:
            return []
        if self.allow_headers:
            found.append(("Access-Control-Allow-Headers", self._named(self.allow_headers, headers)))
        if self.allow_methods:
            found.append(("Access-Control-Allow-Methods", self._named(self.allow_methods, method)))
        found.append(("Access-Control-Max-Age", str(self.max_age_s or 0)))
        return found

    def _origin_headers(self, origin: str) -> list[Header]:
        allowed = self.allow_origins or ()
        if not origin or not (_ANY in allowed or origin in allowed):
            return []
        if _ANY in allowed and not self.allow_credentials:
            return [("Access-Control-Allow-Origin", _ANY)]
        found = [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]
        if self.allow_credentials:
            found.append(("Access-Control-Allow-Credentials", "true"))
        return found

    def _named(self, allowed: tuple[str, ...], requested: str) -> str:
        # With credentials browsers take a star for a name, not for anything (https://fetch.spec.whatwg.org).
        if _ANY in allowed:
            return requested if self.allow_credentials and requested else _ANY
        return ",".join(allowed)


def kept_cors(kept: Mapping[str, Any] | None) -> Cors | None:  # Any: JSON of our own writing
    """Return rules that were stored."""
    if kept is None:
        return None
    members: dict[str, Any] = {  # Any: as above
        name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()
    }
    return Cors(**members)


def _listed(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)
