"""The platform's faults on purpose; what they are made of is loaded with the first of them, a start need not wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.registry import Registry
from lambent.cloud.framework.routes import Route
from lambent.cloud.gateway.introspection import action_route
from lambent.cloud.protocol.message import Request, Response
from lambent.cloud.store.sqlite_store import SqliteStore

if TYPE_CHECKING:
    from lambent.cloud.gateway.fault_routes import FaultRoutes

_COMPONENT: Final = "faults"  # as the injector knows its table


class DeferredFaults:
    """What `/_lambent/faults` shows, begins and clears."""

    def __init__(
        self, store: SqliteStore, registry: Registry, client: InternalClient, *, clock: Clock, ids: IdSource
    ) -> None:
        self._store = store
        self._registry = registry
        self._client = client
        self._clock = clock
        self._ids = ids
        self._loaded: FaultRoutes | None = None
        self._loading = asyncio.Lock()

    async def start(self) -> None:
        """Go on with the faults of an earlier run; called when services are there, before they take up what is owed."""
        if self._store.has_tables_of(_COMPONENT):
            await self._load()

    async def stop(self) -> None:
        """Strike no more; what has not ended goes on after the next start."""
        if self._loaded is not None:
            await self._loaded.injector.stop()

    def view(self) -> Mapping[str, object]:
        """Return the faults there are, in the order in which they began."""
        return {"faults": []} if self._loaded is None else self._loaded.injector.view()

    def routes(self) -> Sequence[Route]:
        """Return what begins a fault, and what clears some."""
        return (action_route("faults/begin", self._begin), action_route("faults/clear", self._clear))

    async def _begin(self, request: Request) -> Response:
        return await (await self._load()).begin(request)

    async def _clear(self, request: Request) -> Response:
        return await (await self._load()).clear(request)

    async def _load(self) -> FaultRoutes:
        async with self._loading:
            if self._loaded is None:
                self._loaded = (await asyncio.to_thread(self._prepared))()
                await self._loaded.injector.start(is_known=self._store.has_tables_of(_COMPONENT))
        return self._loaded

    def _prepared(self) -> Callable[[], FaultRoutes]:
        """Import what faults are made of; called beside the loop, on which what is returned then makes it."""
        from lambent.cloud.framework.fault_injection.injector import FaultInjector  # noqa: PLC0415 - when it is used
        from lambent.cloud.framework.fault_injection.targets import Targets  # noqa: PLC0415 - as above
        from lambent.cloud.gateway.fault_routes import FaultRoutes  # noqa: PLC0415 - as above

        def make() -> FaultRoutes:
            strikes = self._registry.strikes
            injector = FaultInjector(self._store, self._registry, strikes, clock=self._clock, ids=self._ids)
            return FaultRoutes(injector, Targets(self._registry, self._client))

        return make
