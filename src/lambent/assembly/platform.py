"""A whole platform: what it is made of, in the order in which it starts.

A data directory holds, and nothing else of the platform lies outside it:

    lock          held by the platform that has it open; its process id
    lambent.db    every service's tables, with SQLite's -wal and -shm beside it
    blobs/        function code and other bytes, by digest
    scratch/      what running needs and a restart does not, emptied at every start:
                  packages/ (unpacked code, by digest) and what the data plane puts beside it (sandboxes)

With `data_dir=None` there is no database file, and blobs and scratch lie in a temporary directory that goes with the
platform; one that a killed platform left is removed by the next that starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import os
import resource
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lambent import __version__
from lambent.assembly.faults import DeferredFaults
from lambent.assembly.foundation import Foundation
from lambent.assembly.home import TemporaryHome
from lambent.assembly.settings import Settings, StartError
from lambent.base.clock import Clock, SystemClock, VirtualClock
from lambent.base.identifiers import IdSource, SeededIds, SystemIds
from lambent.base.tasks import TaskOwner, let_others_run
from lambent.cloud.bridge.bridge import Bridge
from lambent.cloud.bridge.coverage import Coverage
from lambent.cloud.bridge.journal import COMPONENT as BRIDGE
from lambent.cloud.bridge.journal import SCHEMA as BRIDGE_SCHEMA
from lambent.cloud.bridge.journal import Journal
from lambent.cloud.framework.faults.strikes import Strikes
from lambent.cloud.framework.identity import CredentialDirectory
from lambent.cloud.framework.internal_client import InternalClient, RegistryClient
from lambent.cloud.framework.loops import start_loops
from lambent.cloud.framework.registry import Deferral, Registry
from lambent.cloud.framework.routes import Route, View
from lambent.cloud.gateway.clock_routes import ClockRoutes
from lambent.cloud.gateway.introspection import PREFIX, Introspection, action_route, json_response
from lambent.cloud.gateway.pipeline import Parts, Pipeline
from lambent.cloud.gateway.server import HttpServer, PortInUseError
from lambent.cloud.protocol.message import Request, Response
from lambent.cloud.services.lambda_.log_delivery import LogDelivery
from lambent.cloud.services.lambda_.managed.system_log import SystemLog
from lambent.cloud.services.lambda_.reporting import Reporting
from lambent.cloud.services.lambda_.role_credentials import RoleCredentials
from lambent.cloud.store.blobs import Blobs
from lambent.cloud.store.errors import StoreError
from lambent.cloud.store.files import Files
from lambent.cloud.store.sqlite_store import SqliteStore, memory_store, store_in
from lambent.dataplane import DataPlane, DataPlaneSettings, IsolationLevel, IsolationUnavailableError, known_runtimes

if TYPE_CHECKING:
    from lambent.assembly.services import OwnServices

_log = logging.getLogger(__name__)


class Platform:
    """A whole platform on one port: `start`, then `stop`, on one event loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock: Clock = VirtualClock() if settings.virtual_time else SystemClock()
        self.ids: IdSource = SystemIds() if settings.seed is None else SeededIds(settings.seed)
        self.registry = Registry(strikes=Strikes(self.clock, self.ids))
        self.stop_requested = asyncio.Event()
        self._real_time = SystemClock()
        self._started_at = self._real_time.monotonic()
        self._port: int | None = None
        self._is_ready = False
        self._plane: DataPlane | None = None
        self._release = contextlib.AsyncExitStack()

    @property
    def port(self) -> int:
        """The port it listens on; raises RuntimeError before `start`."""
        if self._port is None:
            raise RuntimeError("the platform has not been started")
        return self._port

    @property
    def endpoint_url(self) -> str:
        """Where AWS clients find it."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Return once requests are answered; raises StartError, having released everything."""
        try:
            async with contextlib.AsyncExitStack() as release:
                await self._start(release)
                self._release = release.pop_all()
        except PortInUseError as error:
            raise StartError(
                f"Port {error.port} of 127.0.0.1 is in use.", "Stop what listens there, or choose another with --port."
            ) from error
        except (StoreError, IsolationUnavailableError) as error:
            raise StartError(str(error)) from error
        self._is_ready = True
        _log.info("ready on %s after %.0f ms", self.endpoint_url, 1000 * self._uptime_s())

    async def stop(self) -> None:
        """Answer what is under way within the grace, then end everything in the reverse order of its start."""
        self._is_ready = False
        await self._release.aclose()
        _log.info("stopped")

    async def _start(self, release: contextlib.AsyncExitStack) -> None:
        # The server needs its port before the services that tell functions of it, and must listen after them.
        server = HttpServer(platform_clock=self.clock)
        release.push_async_callback(server.stop, self.settings.stop_grace_s)
        self._port = await server.reserve(self.settings.port)
        home = self._home(release)
        store = self._open_store(home)
        release.push_async_callback(store.close)
        blobs = Blobs(home / "blobs", durable=self.settings.data_dir is not None)
        release.push_async_callback(blobs.close)
        files = Files(home / "objects", durable=self.settings.data_dir is not None)
        bridge = Bridge(Journal(store, blobs), Coverage(), self.ids)
        release.push_async_callback(bridge.stop)
        client = RegistryClient(self.registry, bridge, clock=self.clock, ids=self.ids, host=f"127.0.0.1:{self.port}")
        delivery = LogDelivery(client)
        reporting, system_log = Reporting(delivery, self._real_time), SystemLog(delivery, self.clock)
        plane = self._plane = self._data_plane(self._plane_settings(home, server), client, reporting, system_log)
        # Runs after the data plane has stopped: what functions wrote while it did is delivered too.
        release.push_async_callback(reporting.flush)
        release.push_async_callback(system_log.flush)
        release.push_async_callback(plane.stop)
        foundation = Foundation(
            store=store,
            blobs=blobs,
            files=files,
            client=client,
            clock=self.clock,
            ids=self.ids,
            plane=plane,
            fallback=bridge,
            reporting=reporting,
            system_log=system_log,
            packages=home / "scratch" / "packages",
            port=self.port,
        )
        own = await _services_beside(plane, foundation)
        for part in own.parts:
            if isinstance(part, Deferral):
                self.registry.defer(part)
            else:
                self.registry.add(part)
        await store.migrate(BRIDGE, [BRIDGE_SCHEMA])
        faults = DeferredFaults(store, self.registry, client, clock=self.clock, ids=self.ids)
        release.push_async_callback(faults.stop)
        # Stopped before the data plane, so that asynchronous invocations cut off by the end are tried again.
        release.push_async_callback(self.registry.stop)
        # Before the services take up what is owed: what was to be struck before a restart is struck after it.
        await faults.start()
        await self.registry.start()
        store.start_delivery()
        loops = TaskOwner("service loops", clock=self.clock)
        release.push_async_callback(loops.aclose)
        self.registry.begin_loops(partial(start_loops, loops, self.clock))
        # Last to start, so first to stop: no request meets a service that is not there.
        release.push_async_callback(server.stop, self.settings.stop_grace_s)
        pipeline = self._pipeline(own.directory, bridge, faults)
        await server.serve(pipeline.answer, pipeline.streams)

    def _pipeline(self, directory: CredentialDirectory, bridge: Bridge, faults: DeferredFaults) -> Pipeline:
        parts = Parts(
            registry=self.registry,
            directory=directory,
            introspection=self._introspection(faults),
            fallback=bridge,
            clock=self.clock,
            ids=self.ids,
        )
        return Pipeline(parts)

    def _data_plane(
        self, settings: DataPlaneSettings, client: InternalClient, reporting: Reporting, system_log: SystemLog
    ) -> DataPlane:
        return DataPlane(
            settings,
            clock=self.clock,
            ids=self.ids,
            credentials=RoleCredentials(client),
            observer=reporting,
            capacity_observer=system_log,
        )

    def _plane_settings(self, home: Path, server: HttpServer) -> DataPlaneSettings:
        settings = self.settings
        return DataPlaneSettings(
            scratch=home / "scratch",
            endpoint_url=self.endpoint_url,
            isolation=None if settings.isolation is None else IsolationLevel(settings.isolation),
            strict_runtimes=settings.strict_runtimes,
            limits_cpu=settings.limits_cpu,
            endpoint_server=server.serve_also if settings.closed_network else None,
            account_concurrency=settings.account_concurrency,
            idle_expiry_s=settings.idle_expiry_s,
            lifetime_s=settings.environment_lifetime_s,
            instance_launch_s=settings.instance_launch_s,
            first_instance_launch_s=settings.first_instance_launch_s,
            node_sdk=None if settings.cache_dir is None else settings.cache_dir / "node-sdk",
        )

    def _home(self, release: contextlib.AsyncExitStack) -> Path:
        """Return the directory for blobs and scratch: the data directory, or a temporary one that goes at the end."""
        if self.settings.data_dir is not None:
            return self.settings.data_dir
        temporary = TemporaryHome.make()
        release.callback(temporary.remove)
        return temporary.path

    def _open_store(self, home: Path) -> SqliteStore:
        return memory_store(self.clock) if self.settings.data_dir is None else store_in(home, self.clock)

    def _introspection(self, faults: DeferredFaults) -> Introspection:
        clock = ClockRoutes(self.clock)
        views: dict[str, View] = {
            "health": self._health,
            "environments": self._environments,
            "settings": self._settings_view,
            "clock": clock.view,
            "faults": faults.view,
        }
        routes = [*self._routes(), *clock.routes(), *faults.routes()]
        return Introspection(lambda: {**views, **self.registry.views()}, lambda: [*routes, *self.registry.routes()])

    def _routes(self) -> list[Route]:
        return [action_route("stop", self._stop), Route("GET", f"{PREFIX}runtimes", self._runtimes)]

    async def _runtimes(self, _request: Request) -> Response:
        # In a thread: the search looks into many folders, and may have to ask a program for its version.
        found = await asyncio.to_thread(known_runtimes)
        return json_response(200, {"runtimes": [dataclasses.asdict(one) for one in found]})

    def _health(self) -> Mapping[str, object]:
        data_dir = self.settings.data_dir
        return {
            "name": "lambent",
            "version": __version__,
            "status": "ready" if self._is_ready else "starting",
            "ready": self._is_ready,
            "pid": os.getpid(),
            "uptime_s": round(self._uptime_s(), 3),
            "memory_mb": _resident_mb(),
            "tasks": len(asyncio.all_tasks()),
            "services": list(self.registry.names()),
            "data_dir": None if data_dir is None else str(data_dir),
            "isolation": None if self._plane is None else self._plane.isolation.value,
            "network": "closed" if self.settings.closed_network else "open",
        }

    def _environments(self) -> Mapping[str, object]:
        statuses = [] if self._plane is None else self._plane.environments()
        now = self.clock.now()
        return {
            "environments": [
                {
                    "environment_id": status.environment_id,
                    "initialization_type": None if status.info is None else status.info.initialization_type.value,
                    "function_name": status.spec.function_name,
                    "function_arn": status.spec.function_arn,
                    "version": status.spec.version,
                    "runtime": status.spec.runtime,
                    "state": status.state.value,
                    "age_s": round(now - status.since, 3),
                    "slots": status.slots,
                    "busy_slots": status.busy_slots,
                    "interpreter": None if status.info is None else status.info.interpreter,
                    "started_by": None if status.info is None else status.info.started_by,
                    "isolation": None if status.info is None else status.info.isolation.value,
                    "log_stream": None if status.info is None else status.info.log_stream,
                    "instance": None if status.place is None else dataclasses.asdict(status.place),
                    "notices": [] if status.info is None else list(status.info.notices),
                }
                for status in statuses
            ]
        }

    def _settings_view(self) -> Mapping[str, object]:
        view = dataclasses.asdict(self.settings)
        folders = {name: view[name] and str(view[name]) for name in ("data_dir", "cache_dir")}
        return {**view, **folders, "port": self.port}

    async def _stop(self, request: Request) -> Response:
        self.stop_requested.set()
        return json_response(200, {"status": "stopping"})

    def _uptime_s(self) -> float:
        return self._real_time.monotonic() - self._started_at


async def _services_beside(plane: DataPlane, foundation: Foundation) -> OwnServices:
    """Start the data plane, and load the services meanwhile; raises what either does.

    Loading them takes a third of a start, and starting the data plane is mostly to wait for an interpreter of its own.
    """
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(plane.start())
            await let_others_run()
            from lambent.assembly.services import own_services  # noqa: PLC0415 - now that another process is at work

            return own_services(foundation)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None


def _resident_mb() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:  # not Linux: the peak is the next best
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak // (1024 * 1024)
    return pages * resource.getpagesize() // (1024 * 1024)
