"""Event sources as the platform starts with them: what reads them is loaded once there is a mapping to poll for.

It is a sixth of what Lambda would cost to import, which a platform without mappings should not pay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from lambent.cloud.services.lambda_ import mapping_repository
from lambent.cloud.services.lambda_.dependencies import Dependencies
from lambent.cloud.services.lambda_.invocation import Invoker
from lambent.cloud.services.lambda_.model.event_source_mapping import EventSourceMapping
from lambent.cloud.services.lambda_.routing import Routes
from lambent.cloud.services.lambda_.tracing import Loops

if TYPE_CHECKING:
    from lambent.cloud.services.lambda_.event_sources.poller import Pollers

_FIRST = ("", "", "")


class Polling:
    """Polls for mappings, from when there is the first; as `mappings.Polling` has it."""

    def __init__(self, dependencies: Dependencies, routes: Routes, invoker: Invoker, loops: Loops) -> None:
        self._dependencies = dependencies
        self._make = partial(_made, dependencies, routes, invoker, loops)
        self._loading = asyncio.Lock()
        self._loaded: Pollers | None = None
        self._has_stopped = False

    def resume(self) -> None:
        """Take up the enabled mappings, in the background, if there are any."""
        if mapping_repository.enabled_behind(self._dependencies.store.read, _FIRST, 1):
            self._loaded = self._make()
            self._loaded.resume()

    async def stop(self) -> None:
        """End all polling."""
        self._has_stopped = True
        if self._loaded is not None:
            await self._loaded.stop()

    async def begin(self, mapping: EventSourceMapping) -> None:
        """Poll a mapping's source from now on; return once it is, or was found not to be readable."""
        async with self._loading:
            if self._loaded is None and not self._has_stopped:
                await asyncio.to_thread(_load)  # beside the loop, which has requests to answer
                self._loaded = self._make()
        if self._loaded is not None:
            await self._loaded.begin(mapping)

    def end(self, uuid: str) -> None:
        """Poll no more for a mapping; what was received is handled in the background."""
        if self._loaded is not None:
            self._loaded.end(uuid)

    def forget(self, uuid: str) -> None:
        """Forget a mapping that is gone."""
        if self._loaded is not None:
            self._loaded.forget(uuid)

    def view(self) -> Mapping[str, object]:
        """Return what was done for each mapping since the platform started, by the names of AWS's metrics."""
        return {} if self._loaded is None else self._loaded.view()


def _load() -> type[Pollers]:
    from lambent.cloud.services.lambda_.event_sources.poller import Pollers  # noqa: PLC0415 - see above

    return Pollers


def _made(dependencies: Dependencies, routes: Routes, invoker: Invoker, loops: Loops) -> Pollers:
    from lambent.cloud.services.lambda_.event_sources.delivery import Delivery  # noqa: PLC0415 - as above

    return _load()(dependencies, Delivery(dependencies, routes, invoker, loops))
