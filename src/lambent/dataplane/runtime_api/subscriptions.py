"""What an extension subscribes to by the Telemetry API, or by the Logs API before it; pure.

https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-logs-api.html
"""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

Part = TypeVar("Part")

RESERVED_PORT: Final = 9001
TYPES: Final = ("platform", "function", "extension")
_HOSTS: Final = frozenset({"sandbox.localdomain", "sandbox"})
_PATH: Final = re.compile(r"/[!-~]*")
_MANAGED_INSTANCES: Final = "2025-01-29"


class SubscriptionError(Exception):
    """The request is not valid; the message says why."""


@dataclass(frozen=True, slots=True)
class Api:
    """One of the two APIs, and its schema versions; the first is what is meant where none need be told."""

    name: str
    versions: tuple[str, ...]
    is_version_needed: bool


TELEMETRY: Final = Api("Telemetry", ("2022-07-01", "2022-12-13", "2025-01-29"), is_version_needed=True)
LOGS: Final = Api("Logs", ("2020-08-15", "2021-03-18"), is_version_needed=False)
# The least, the most, and what holds where nothing is told.
# https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html#telemetry-api-buffering
_LIMITS: Final[Mapping[str, tuple[int, int, int]]] = {
    "maxItems": (1_000, 10_000, 10_000),
    "maxBytes": (262_144, 1_048_576, 262_144),
    "timeoutMs": (25, 30_000, 1_000),
}


@dataclass(frozen=True, slots=True)
class Buffering:
    """When a batch goes out: at so many events, at so many bytes, or after so long."""

    max_items: int
    max_bytes: int
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class Destination:
    """Where batches go: a port of the sandbox, and for HTTP a path."""

    protocol: str
    port: int
    path: str = "/"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A valid request."""

    api: Api
    version: str
    types: tuple[str, ...]
    destination: Destination
    buffering: Buffering


def subscription(api: Api, body: bytes, *, on_managed_instances: bool = False) -> Subscription:
    """Return what a request asks for; raises SubscriptionError.

    >>> told = {"schemaVersion": "2022-12-13", "types": ["platform"],
    ...         "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/x"}}
    >>> subscription(TELEMETRY, json.dumps(told).encode()).destination
    Destination(protocol='HTTP', port=8080, path='/x')
    """
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SubscriptionError(f"failed to parse JSON: {error}") from error
    if not isinstance(request, dict):
        raise SubscriptionError("the request is no JSON object")
    found = _Found()
    version = found.out(lambda: _version(api, request, on_managed_instances=on_managed_instances))
    destination = found.out(lambda: _destination(request.get("destination")))
    types = found.out(lambda: _types(request))
    buffering = found.out(lambda: _buffering(request))
    if version is None or destination is None or types is None or buffering is None:
        raise SubscriptionError("; ".join(found.problems))
    return Subscription(api, version, types, destination, buffering)


class _Found:
    """Everything that is wrong with a request is told at once, as AWS does."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def out(self, parse: Callable[[], Part]) -> Part | None:
        try:
            return parse()
        except SubscriptionError as problem:
            self.problems.append(str(problem))
            return None


def _version(api: Api, request: Mapping[str, object], *, on_managed_instances: bool) -> str:
    version = request.get("schemaVersion")
    if version is None and not api.is_version_needed:
        return api.versions[0]
    allowed = (_MANAGED_INSTANCES,) if on_managed_instances and api is TELEMETRY else api.versions
    if not isinstance(version, str) or version not in allowed:
        raise SubscriptionError(f"schemaVersion should be one of {', '.join(allowed)}")
    return version


def _types(request: Mapping[str, object]) -> tuple[str, ...]:
    types = request.get("types")
    if not types:
        raise SubscriptionError("types should not be empty")
    if not isinstance(types, list) or any(each not in TYPES for each in types):
        raise SubscriptionError(f"types should be of {', '.join(TYPES)}")
    return tuple(dict.fromkeys(types))


def _destination(told: object) -> Destination:
    if not isinstance(told, dict):
        raise SubscriptionError("destination should not be empty")
    protocol, uri = told.get("protocol"), told.get("URI")
    if protocol not in {"HTTP", "TCP"}:
        raise SubscriptionError("destination protocol should be HTTP or TCP")
    if protocol == "TCP" and "port" in told:
        return Destination("TCP", _port(told["port"]))
    if not isinstance(uri, str) or not uri:
        raise SubscriptionError("URI is not provided" if protocol == "HTTP" else "port is not provided")
    try:
        parts = urllib.parse.urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise SubscriptionError("URI is not valid") from error
    path = parts.path or "/"
    if host not in _HOSTS:
        raise SubscriptionError("URI host should be sandbox.localdomain")
    if protocol == "HTTP" and (parts.scheme != "http" or not _PATH.fullmatch(path)):
        raise SubscriptionError("URI is not valid")
    if port is None:
        raise SubscriptionError("URI port is not provided")
    return Destination(str(protocol), _port(port), path)


def _port(port: object) -> int:
    if not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= 65_535:
        raise SubscriptionError("port should be between 1 and 65535")
    if port == RESERVED_PORT:
        raise SubscriptionError(f"port {RESERVED_PORT} is reserved")
    return port


def _buffering(request: Mapping[str, object]) -> Buffering:
    told = request.get("buffering") or {}
    if not isinstance(told, dict):
        raise SubscriptionError("buffering should be an object")
    return Buffering(*(_limited(told, name) for name in _LIMITS))


def _limited(told: Mapping[str, object], name: str) -> int:
    least, most, usual = _LIMITS[name]
    value = told.get(name, usual)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise SubscriptionError(f"buffering.{name} should be between {least} and {most}")
    return value
