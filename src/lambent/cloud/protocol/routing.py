"""REST routing: method, path and query to one of a service's operations, by the URI templates of its model."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from urllib.parse import unquote

from lambent.aws.service_models import Operation, ServiceModel, service_model
from lambent.cloud.protocol.http_bindings import split_query
from lambent.cloud.protocol.message import Request

# SDKs append it for the reader of logs; it does not select an operation.
_INFORMATIVE = "x-id"
_PATHS_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class _Route:
    """An operation at a path and method, with the query literals its template demands."""

    name: str
    literals: tuple[tuple[str, str], ...]

    def matches(self, query: Mapping[str, str]) -> bool:
        return all(key in query and (not value or query[key] == value) for key, value in self.literals)


@dataclass(slots=True)
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict)
    label: _Node | None = None
    greedy: _Node | None = None
    ends: dict[str, list[_Route]] = field(default_factory=dict)


class Router:
    """One service's routes, as a tree of path segments."""

    def __init__(self, service: ServiceModel) -> None:
        self._service = service
        self._root = _Node()
        # The same few paths come again and again, most of all those of invocations.
        self._find = functools.lru_cache(maxsize=_PATHS_REMEMBERED)(self._find_uncached)
        for name, method, uri in service.http_bindings:
            self._add(name, method, uri)

    def _add(self, name: str, method: str, uri: str) -> None:
        path, _, query = uri.partition("?")
        node = self._root
        for segment in _segments(path):
            if not segment.startswith("{"):
                node = node.literals.setdefault(segment, _Node())
            elif segment.endswith("+}"):
                node.greedy = node = node.greedy or _Node()
            else:
                node.label = node = node.label or _Node()
        literals = tuple(pair for pair in split_query(query) if pair[0] != _INFORMATIVE)
        node.ends.setdefault(method, []).append(_Route(name, literals))

    def find(self, request: Request) -> Operation | None:
        """Return the operation a request means, or None."""
        found = self._find(request.method, request.path)
        return self._choose(found, request)[0] if isinstance(found, list) else found

    def nearest(self, request: Request) -> Operation | None:
        """Return the operation that a request means but for a part of the query or a header, or None."""
        found = self._find(request.method, request.path)
        return self._choose(found, request)[1] if isinstance(found, list) else found

    def _find_uncached(self, method: str, path: str) -> Operation | list[_Route] | None:
        ends = _walk(self._root, _segments(path), 0, method)
        if ends is None:
            return None
        routes = ends[method]
        is_plain = len(routes) == 1 and not routes[0].literals
        return self._service.operation(routes[0].name) if is_plain else routes

    def _choose(self, routes: list[_Route], request: Request) -> tuple[Operation | None, Operation | None]:
        """Return the operation with the most literals and parts of its own, or the one that lacks some."""
        query = dict(split_query(request.query))
        best: tuple[tuple[int, int, bool], Operation] | None = None
        lacking: tuple[tuple[int, int, bool], Operation] | None = None
        for route in routes:
            operation = self._service.operation(route.name)
            if operation is None or not route.matches(query):
                continue
            own = _distinguishing(operation)
            is_whole = all(key in (query if place == "querystring" else request.headers) for place, key in own)
            rank = (len(route.literals), len(own) if is_whole else -len(own), not operation.is_deprecated)
            if is_whole and (best is None or rank > best[0]):
                best = (rank, operation)
            elif not is_whole and (lacking is None or rank > lacking[0]):
                lacking = (rank, operation)
        # One that lacks something but has more literals is meant all the same: what it lacks is then said.
        if best is not None and (lacking is None or lacking[0][0] <= best[0][0]):
            return best[1], None
        return None, lacking[1] if lacking is not None else None


def _segments(path: str) -> list[str]:
    return path.strip("/").split("/") if path.strip("/") else []


def _walk(node: _Node, segments: list[str], position: int, method: str) -> Mapping[str, list[_Route]] | None:
    # Literals before labels before greedy labels, going back where the more specific way leads nowhere.
    if position == len(segments):
        return node.ends if method in node.ends else None
    segment = segments[position]
    below = node.literals.get(segment)
    if below is None and "%" in segment:
        below = node.literals.get(unquote(segment))
    if below is not None and (found := _walk(below, segments, position + 1, method)) is not None:
        return found
    if node.label is not None and segment and (found := _walk(node.label, segments, position + 1, method)) is not None:
        return found
    return _walk_greedy(node.greedy, segments, position, method) if node.greedy is not None else None


def _walk_greedy(node: _Node, segments: list[str], position: int, method: str) -> Mapping[str, list[_Route]] | None:
    for end in range(len(segments), position, -1):
        if (found := _walk(node, segments, end, method)) is not None:
            return found
    return None


@functools.lru_cache(maxsize=512)
def _distinguishing(operation: Operation) -> AbstractSet[tuple[str, str]]:
    """What a request must carry to mean this one of several operations at one path: required queries and headers."""
    members = operation.input.members if operation.input else {}
    required = operation.input.required if operation.input else ()
    found = {(members[name].location or "", members[name].wire_name or name) for name in required}
    return {
        (place, key if place == "querystring" else key.lower())
        for place, key in found
        if place in {"querystring", "header"}
    }


@functools.cache
def router(service: str) -> Router:
    """Return the routes of a service, made when first asked for."""
    return Router(service_model(service))
