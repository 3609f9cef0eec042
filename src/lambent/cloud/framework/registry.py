"""Which services there are, by botocore name, and what they offer besides operations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lambent.cloud.framework.loops import Loop
from lambent.cloud.framework.routes import FrontDoor, Route, View
from lambent.cloud.framework.service import Operation, Service


class Registry:
    """The platform's own services, in the order in which they start."""

    def __init__(self, services: Sequence[Service] = ()) -> None:
        self._services: dict[str, Service] = {}
        self._started: list[Service] = []
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
        self._services[service.name] = service

    def names(self) -> Sequence[str]:
        """Return the botocore names of the services, in their order."""
        return tuple(self._services)

    def service(self, name: str) -> Service | None:
        """Return the service of that botocore name, or None."""
        return self._services.get(name)

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

    async def start(self) -> None:
        """Start every service, in order."""
        for service in self:
            self._started.append(service)
            await service.start()

    async def stop(self) -> None:
        """Stop every service that was started, in the reverse order; raises ExceptionGroup after all had their turn."""
        failures: list[Exception] = []
        while self._started:
            try:
                await self._started.pop().stop()
            except Exception as failure:  # noqa: BLE001 - the others must stop all the same; raised below
                failures.append(failure)
        if failures:
            raise ExceptionGroup("services that did not stop", failures)
