"""Which services there are, by botocore name, and what they offer besides operations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lambent.cloud.framework.faults.strikes import NEVER, Strikes
from lambent.cloud.framework.loops import Loop
from lambent.cloud.framework.routes import FrontDoor, Route, View
from lambent.cloud.framework.service import Operation, Service


@dataclass(frozen=True, slots=True)
class Deferral:
    """Services that wait to be used: `load` imports them, beside the loop, and returns what then makes them on it.

    They have neither front doors, paths nor views, which would have to be there before.
    """

    names: tuple[str, ...]
    load: Callable[[], Callable[[], Sequence[Service]]]


class Registry:
    """The platform's own services, in the order in which they start."""

    def __init__(self, services: Sequence[Service] = (), strikes: Strikes = NEVER) -> None:
        self.strikes = strikes
        """The faults on purpose that every service is exposed to."""
        self._services: dict[str, Service] = {}
        self._deferred: dict[str, Deferral] = {}
        self._started: list[Service] = []
        self._waking = asyncio.Lock()
        self._begin: Callable[[Sequence[Loop]], None] | None = None
        for service in services:
            self.add(service)

    def __iter__(self) -> Iterator[Service]:
        return iter(self._services.values())

    def __contains__(self, service: str) -> bool:
        return service in self._services

    def add(self, service: Service) -> None:
        """Add a service behind those already there, which is how one that calls others can be made after them.

        Raises ValueError where its name is taken.
        """
        if service.name in self._services:
            raise ValueError(f"there are two services called {service.name}")
        service.expose_to(self.strikes)
        self._services[service.name] = service

    def defer(self, deferral: Deferral) -> None:
        """Have services loaded when one of them is first asked for, by `wake`."""
        self._deferred.update(dict.fromkeys(deferral.names, deferral))

    def names(self) -> Sequence[str]:
        """Return the botocore names of the services, in their order; those that wait to be used come last."""
        return (*self._services, *self._deferred)

    def service(self, name: str) -> Service | None:
        """Return the service of that botocore name, or None: also where it waits to be used."""
        return self._services.get(name)

    async def wake(self, name: str) -> Service | None:
        """Return the service of that name, loaded and started if it has waited for that; None where there is none."""
        if name not in self._deferred:
            return self._services.get(name)
        async with self._waking:
            deferral = self._deferred.get(name)
            if deferral is not None:  # else another request has woken it meanwhile
                made = await asyncio.to_thread(deferral.load)
                for service in made():
                    self._started.append(service)
                    await service.start()
                    self.add(service)
                    if self._begin is not None:
                        self._begin(service.loops())
                for each in deferral.names:
                    del self._deferred[each]
        return self._services[name]

    def operation(self, service: str, operation: str) -> Operation | None:
        """Return our implementation of an operation, or None where there is none."""
        found = self._services.get(service)
        return None if found is None else found.operations().get(operation)

    def routes(self) -> Sequence[Route]:
        """Return every service's own paths beneath `/_lambent/`."""
        return [route for service in self for route in service.routes()]

    def front_doors(self) -> Sequence[FrontDoor]:
        """Return every service's front doors, in the order in which they are asked."""
        return [door for service in self for door in service.front_doors()]

    def views(self) -> dict[str, View]:
        """Return every service's views by name; raises ValueError where two bear the same."""
        found: dict[str, View] = {}
        for service in self:
            for name, view in service.views().items():
                if name in found:
                    raise ValueError(f"there are two views called {name}")
                found[name] = view
        return found

    def loops(self) -> Sequence[Loop]:
        """Return every service's periodic work."""
        return [loop for service in self for loop in service.loops()]

    def begin_loops(self, begin: Callable[[Sequence[Loop]], None]) -> None:
        """Have every service's periodic work begun, also that of services that are woken later."""
        begin(self.loops())
        self._begin = begin

    async def start(self) -> None:
        """Start every service, in order."""
        for service in self:
            self._started.append(service)
            await service.start()

    async def stop(self) -> None:
        """Stop every service that was started, in the reverse order; raises ExceptionGroup after all had their turn."""
        failures: list[Exception] = []
        self._deferred.clear()
        while self._started:
            try:
                await self._started.pop().stop()
            except Exception as failure:  # noqa: BLE001 - the others must stop all the same; raised below
                failures.append(failure)
        if failures:
            raise ExceptionGroup("services that did not stop", failures)
