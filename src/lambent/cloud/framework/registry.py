"""Which services there are, by botocore name, and what they offer besides operations."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from lambent.base.tasks import shielded
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.faults.strikes import NEVER, Strikes
from lambent.cloud.framework.loops import Loop
from lambent.cloud.framework.routes import Claim, FrontDoor, Route, View
from lambent.cloud.framework.service import Operation, Service
from lambent.cloud.protocol.message import Request, Response

_log = logging.getLogger(__name__)
_UNAVAILABLE = Response(503, (("Content-Type", "text/plain"),), b"The service could not be started; see the log.")


@dataclass(frozen=True, slots=True)
class Deferral:
    """Services that wait to be used: `load` imports them, beside the loop, and returns what then makes them on it.

    What they answer besides operations is known before: `claims` are their front doors, `paths` the methods and paths
    of their routes, `views` what their views show meanwhile.
    """

    names: tuple[str, ...]
    load: Callable[[], Callable[[], Sequence[Service]]]
    claims: tuple[Claim, ...] = ()
    paths: tuple[tuple[str, str], ...] = ()
    views: Mapping[str, View] = field(default_factory=dict)


class Registry:
    """The platform's own services, in the order in which they start."""

    def __init__(self, services: Sequence[Service] = (), strikes: Strikes = NEVER) -> None:
        self.strikes = strikes
        """The faults on purpose that every service is exposed to."""
        self._parts: list[Service | Deferral] = []
        self._services: dict[str, Service] = {}
        self._deferred: dict[str, Deferral] = {}
        self._waking: dict[str, asyncio.Lock] = {}
        self._started: list[Service] = []
        self._begin: Callable[[Sequence[Loop]], None] | None = None
        self._doors: tuple[FrontDoor, ...] | None = None
        self._has_stopped = False
        for service in services:
            self.add(service)

    @property
    def parts(self) -> Sequence[Service | Deferral]:
        """The services in their order, and in their places those that still wait to be used."""
        return tuple(self._parts)

    def __iter__(self) -> Iterator[Service]:
        return iter([part for part in self._parts if isinstance(part, Service)])

    def __contains__(self, service: str) -> bool:
        return service in self._services

    def add(self, service: Service) -> None:
        """Add a service behind those already there, which is how one that calls others can be made after them.

        Raises ValueError where its name is taken.
        """
        self._enter(service)
        self._parts.append(service)

    def defer(self, deferral: Deferral) -> None:
        """Have services loaded when one of them is first asked for, by `wake`; their place is behind those there."""
        self._parts.append(deferral)
        self._deferred.update(dict.fromkeys(deferral.names, deferral))
        lock = asyncio.Lock()
        self._waking.update(dict.fromkeys(deferral.names, lock))
        self._doors = None

    def names(self) -> Sequence[str]:
        """Return the botocore names of the services in their order, whether they have been used or not."""
        parts = ((part.name,) if isinstance(part, Service) else part.names for part in self._parts)
        return tuple(name for names in parts for name in names)

    def service(self, name: str) -> Service | None:
        """Return the service of that botocore name, or None: also where it waits to be used."""
        return self._services.get(name)

    async def wake(self, name: str) -> Service | None:
        """Return the service of that name, loaded and started if it has waited for that; None where there is none.

        Raises ServiceError (ServiceUnavailable) once the platform is stopping, and whatever kept it from starting;
        the next call tries again.
        """
        if name not in self._deferred:
            return self._services.get(name)
        async with self._waking[name]:
            if self._has_stopped:
                raise ServiceError("ServiceUnavailable", "The platform is stopping.", status=503)
            if name in self._deferred:  # else another request has woken it meanwhile
                await shielded(self._wake(self._deferred[name]))
        return self._services[name]

    async def _wake(self, deferral: Deferral) -> None:
        try:
            made = (await asyncio.to_thread(deferral.load))()
            for service in made:
                self._started.append(service)
                await service.start()
        except Exception:
            _log.exception("%s could not be made ready for its first use", " and ".join(deferral.names))
            raise
        gc.freeze()  # what was loaded stays until the end: the collector need not go through it again and again
        for service in made:
            self._enter(service)
        at = self._parts.index(deferral)
        self._parts[at : at + 1] = made
        for name in deferral.names:
            del self._deferred[name]
        if self._begin is not None:
            self._begin([loop for service in made for loop in service.loops()])

    def _enter(self, service: Service) -> None:
        if service.name in self._services:
            raise ValueError(f"there are two services called {service.name}")
        service.expose_to(self.strikes)
        self._services[service.name] = service
        self._doors = None

    def operation(self, service: str, operation: str) -> Operation | None:
        """Return our implementation of an operation, or None where there is none."""
        found = self._services.get(service)
        return None if found is None else found.operations().get(operation)

    def routes(self) -> Sequence[Route]:
        """Return every service's own paths beneath `/_lambent/`; those of one that waits to be used wake it."""
        found: list[Route] = []
        for part in self._parts:
            if isinstance(part, Service):
                found += part.routes()
            else:
                woken = partial(self._at_route, part)
                found += (Route(method, path, woken) for method, path in part.paths)
        return found

    def front_doors(self) -> Sequence[FrontDoor]:
        """Return every service's front doors, in the order in which they are asked; as with `routes`."""
        if self._doors is None:
            self._doors = tuple(door for part in self._parts for door in self._doors_of(part))
        return self._doors

    def views(self) -> dict[str, View]:
        """Return every service's views by name; raises ValueError where two bear the same."""
        found: dict[str, View] = {}
        for part in self._parts:
            for name, view in (part.views() if isinstance(part, Service) else part.views).items():
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
        """Stop every service that was started, those behind others first, whenever they were woken.

        Raises ExceptionGroup after all had their turn.
        """
        failures: list[Exception] = []
        self._has_stopped = True
        for waking in self._waking.values():
            async with waking:
                pass  # what is just being woken is stopped with the others
        places = {service.name: place for place, service in enumerate(self)}
        # One that could not be started has no place: others have not come to know it.
        self._started.sort(key=lambda service: places.get(service.name, len(places)))
        while self._started:
            try:
                await self._started.pop().stop()
            except Exception as failure:  # noqa: BLE001 - the others must stop all the same; raised below
                failures.append(failure)
        if failures:
            raise ExceptionGroup("services that did not stop", failures)

    def _doors_of(self, part: Service | Deferral) -> Sequence[FrontDoor]:
        if isinstance(part, Service):
            return part.front_doors()
        return [claim.door(partial(self._at_door, part, claim.name)) for claim in part.claims]

    async def _at_door(self, deferral: Deferral, name: str, request: Request) -> Response:
        """Answer a request at the door of services that have waited for it."""
        if not await self._is_woken(deferral):
            return _UNAVAILABLE
        door = next(door for door in self.front_doors() if door.name == name)
        return await door.answer(request)

    async def _at_route(self, deferral: Deferral, request: Request) -> Response:
        """Answer a request for a path of services that have waited for it."""
        if not await self._is_woken(deferral):
            return _UNAVAILABLE
        route = next(route for route in self.routes() if route.matches(request.method, request.path))
        return await route.answer(request)

    async def _is_woken(self, deferral: Deferral) -> bool:
        """Return whether services are there to be asked, now that they are asked for."""
        try:
            await self.wake(deferral.names[0])
        except Exception:  # noqa: BLE001 - `wake` has logged it
            return False
        return True
