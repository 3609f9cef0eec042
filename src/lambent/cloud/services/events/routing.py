"""Which rules and archives an event concerns: the patterns of each bus, indexed in memory once it gets events.

The index is made of the store's rows when a bus gets its first event, and kept true by the commits that change rules.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from lambent.aws.event_pattern import EventPattern, PatternIndex
from lambent.base.tasks import let_others_run
from lambent.cloud.services.events import archive_repository, repository
from lambent.cloud.services.events.event import Event
from lambent.cloud.services.events.model import Archive, Rule, Target, named_by, rule_arn
from lambent.cloud.services.events.repository import ALL, Span
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Store

_ROWS_AT_ONCE = 50
BusKey = tuple[Scope, str]


@dataclass(frozen=True, slots=True)
class Route:
    """A target of a rule, with what its deliveries carry of both, as JSON."""

    rule: str
    target: Target
    is_bus: bool
    told: bytes


@dataclass(frozen=True, slots=True)
class Concern:
    """What an event concerns: where it goes, and which archives keep it."""

    routes: Sequence[Route]
    archives: Sequence[int]


class _BusRoutes:
    """The enabled rules of one bus, and its archives."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._rules: PatternIndex[str] = PatternIndex()
        self._routes: dict[str, Sequence[Route]] = {}
        self._archives: PatternIndex[int] = PatternIndex()
        self._keeping_all: set[int] = set()
        self._archive_ids: dict[str, int] = {}

    def put_rule(self, rule: Rule) -> None:
        self.forget_rule(rule.name)
        if rule.pattern is None or not rule.is_enabled or not rule.targets:
            return
        self._rules.add(rule.name, EventPattern.parse(rule.pattern))
        self._routes[rule.name] = routes_of(self._scope, rule)

    def forget_rule(self, name: str) -> None:
        self._rules.remove(name)
        self._routes.pop(name, None)

    def put_archive(self, archive: Archive, archive_id: int) -> None:
        self.forget_archive(archive.name)
        self._archive_ids[archive.name] = archive_id
        if archive.pattern is None:
            self._keeping_all.add(archive_id)
        else:
            self._archives.add(archive_id, EventPattern.parse(archive.pattern))

    def forget_archive(self, name: str) -> None:
        known = self._archive_ids.pop(name, None)
        if known is not None:
            self._archives.remove(known)
            self._keeping_all.discard(known)

    def concern(self, event: Event) -> Concern:
        routes = [route for name in self._rules.matching(event) for route in self._routes[name]]
        # What a replay brings is in an archive already.
        if "replay-name" in event or not self._archive_ids:
            return Concern(routes, ())
        return Concern(routes, [*self._keeping_all, *self._archives.matching(event)])


class Routing:
    """The routes of every bus that has had events."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._buses: dict[BusKey, _BusRoutes] = {}
        self._loading: dict[BusKey, tuple[_BusRoutes, asyncio.Event]] = {}

    async def ready(self, scope: Scope, bus: str) -> None:
        """Return once the bus's rules are indexed; with thousands that takes a while, in which others have turns."""
        key = scope, bus
        while key not in self._buses:
            under_way = self._loading.get(key)
            if under_way is not None:
                await under_way[1].wait()
                continue
            routes, is_done = self._loading[key] = _BusRoutes(scope), asyncio.Event()
            try:
                await self._load(routes, scope, bus)
                self._buses[key] = routes
            finally:
                del self._loading[key]
                is_done.set()

    def concern(self, scope: Scope, bus: str, event: Event) -> Concern:
        """Return what an event concerns on a bus that is ready; nothing where the bus has just been deleted."""
        routes = self._buses.get((scope, bus))
        return Concern((), ()) if routes is None else routes.concern(event)

    def rule_changed(self, scope: Scope, bus: str, name: str) -> None:
        """Take up a rule as it is now; called when a commit has changed it."""
        routes = self._known(scope, bus)
        if routes is None:
            return
        rule = repository.rule(self._store.read, scope, bus, name)
        if rule is None:
            routes.forget_rule(name)
        else:
            routes.put_rule(rule)

    def archive_changed(self, scope: Scope, bus: str, name: str) -> None:
        """Take up an archive as it is now; called when a commit has changed it."""
        routes = self._known(scope, bus)
        if routes is None:
            return
        archive = repository.resource(self._store.read, scope, Archive, name)
        if archive is None:
            routes.forget_archive(name)
        else:
            routes.put_archive(archive, archive_repository.content(self._store.read, scope, name).id)

    def bus_deleted(self, scope: Scope, bus: str) -> None:
        """Forget a bus."""
        self._buses.pop((scope, bus), None)

    def _known(self, scope: Scope, bus: str) -> _BusRoutes | None:
        under_way = self._loading.get((scope, bus))
        return self._buses.get((scope, bus)) if under_way is None else under_way[0]

    async def _load(self, routes: _BusRoutes, scope: Scope, bus: str) -> None:
        """Index what the store has, some rows at a time; what changes meanwhile is taken up as it does."""
        for archive in repository.resources(self._store.read, scope, Archive, ALL):
            if archive.bus == bus:
                routes.put_archive(archive, archive_repository.content(self._store.read, scope, archive.name).id)
        after = ""
        while rules := repository.rules(self._store.read, scope, bus, Span(after=after, limit=_ROWS_AT_ONCE)):
            for rule in rules:
                routes.put_rule(rule)
            after = rules[-1].name
            if len(rules) == _ROWS_AT_ONCE:
                await let_others_run()


def routes_of(scope: Scope, rule: Rule) -> Sequence[Route]:
    """Return where a rule's events go."""
    arn = rule_arn(scope, rule.bus, rule.name)
    return [_route(scope, arn, target) for target in rule.targets]


def _route(scope: Scope, rule: str, target: Target) -> Route:
    named = named_by(target["Arn"])
    told = orjson.dumps({"scope": dataclasses.asdict(scope), "rule": rule, "target": target})
    return Route(rule, target, named is not None and named.kind == "event-bus", told)
