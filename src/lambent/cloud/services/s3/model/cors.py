"""What a bucket's CORS rules grant a browser's request.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from lambent.cloud.protocol.message import Request

Rule = Mapping[str, Any]  # Any: CORSRule's members

_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser asks: for which origin, which method, with which headers."""

    origin: str
    method: str
    headers: tuple[str, ...] = ()
    is_preflight: bool = False

    @classmethod
    def of(cls, request: Request) -> Asked:
        """Return what a request asks."""
        headers = request.headers
        is_preflight = request.method == "OPTIONS"
        asked = headers.get("access-control-request-headers", "") if is_preflight else ""
        return cls(
            headers["origin"],
            headers.get("access-control-request-method", "") if is_preflight else request.method,
            tuple(each.strip().lower() for each in asked.split(",") if each.strip()),
            is_preflight,
        )


@dataclass(frozen=True, slots=True)
class Granted:
    """The rule that allows a request."""

    rule: Rule
    asked: Asked

    def headers(self) -> list[tuple[str, str]]:
        """Return the headers that tell the browser."""
        rule, asked = self.rule, self.asked
        is_any = "*" in rule["AllowedOrigins"]
        found = [
            ("Access-Control-Allow-Origin", "*" if is_any else asked.origin),
            ("Access-Control-Allow-Methods", ", ".join(rule["AllowedMethods"])),
        ]
        if not is_any:
            found.append(("Access-Control-Allow-Credentials", "true"))
        if asked.headers:
            found.append(("Access-Control-Allow-Headers", ", ".join(asked.headers)))
        if rule.get("ExposeHeaders"):
            found.append(("Access-Control-Expose-Headers", ", ".join(rule["ExposeHeaders"])))
        if asked.is_preflight and rule.get("MaxAgeSeconds") is not None:
            found.append(("Access-Control-Max-Age", str(rule["MaxAgeSeconds"])))
        return [*found, ("Vary", _VARY)]


def granted(rules: Sequence[Rule], asked: Asked) -> Granted | None:
    """Return the first rule that allows what is asked, or None."""
    return next((Granted(rule, asked) for rule in rules if _allows(rule, asked)), None)


def _allows(rule: Rule, asked: Asked) -> bool:
    return (
        any(_matches(pattern, asked.origin) for pattern in rule["AllowedOrigins"])
        and asked.method in rule["AllowedMethods"]
        and all(
            any(_matches(pattern.lower(), header) for pattern in rule.get("AllowedHeaders") or ())
            for header in asked.headers
        )
    )


def _matches(pattern: str, text: str) -> bool:
    # Brackets and question marks are no wildcards here.
    return fnmatchcase(text, pattern.replace("[", "[[]").replace("?", "[?]"))
