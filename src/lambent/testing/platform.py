"""A whole platform inside a test: on a free port, in a thread with its own event loop, gone when the test is done."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict, TypeVar, Unpack

import uvloop

from lambent.assembly import Platform, Settings
from lambent.base.clock import VirtualClock
from lambent.testing.builders import create_function
from lambent.testing.clients import Clients
from lambent.testing.clock import PlatformClock
from lambent.testing.faults import PlatformFaults

T = TypeVar("T")
_PATIENCE_S = 30.0


class LocalPlatform:
    """A running platform, as a test in another thread uses it; made by `local_platform`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._running: Future[tuple[Platform, asyncio.AbstractEventLoop]] = Future()
        self._ended: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="lambent platform", daemon=True)
        self._clients: Clients | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._running.result(_PATIENCE_S)[0].port

    @property
    def endpoint_url(self) -> str:
        """Where AWS clients find it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def clock(self) -> PlatformClock:
        """The platform's clock, to be moved; raises RuntimeError unless it was started with `virtual_time=True`."""
        platform, loop = self._running.result(_PATIENCE_S)
        if not isinstance(platform.clock, VirtualClock):
            raise RuntimeError(  # noqa: TRY004 - its settings are wrong, not a type
                "the platform runs in real time; start it with local_platform(virtual_time=True)"
            )
        return PlatformClock(platform.clock, loop)

    @property
    def faults(self) -> PlatformFaults:
        """Its faults on purpose: throttles, errors, latencies, crashes, duplicates, lost order."""
        return PlatformFaults(self.port)

    def client(self, service: str, *, account: str = "000000000000", region: str = "us-east-1") -> Any:  # Any: as boto3
        """Return a boto3 client of `service`, which makes no second attempts; it is closed with the platform."""
        if self._clients is None:
            self._clients = Clients(self.endpoint_url)
        return self._clients.get(service, account=account, region=region)

    def create_function(
        self, name: str, code: bytes, *, account: str = "000000000000", region: str = "us-east-1", **parameters: object
    ) -> Mapping[str, Any]:  # Any: the members of AWS's shape
        """Create a function of a zip archive and a role it may run as; return its configuration once it is Active."""
        functions = self.client("lambda", account=account, region=region)
        roles = self.client("iam", account=account)
        return create_function(functions, roles, name, code, **parameters)

    def on_loop(self, action: Callable[[Platform], Awaitable[T]], *, patience_s: float = _PATIENCE_S) -> T:
        """Carry out `action` on the platform's own loop and return its result; raises what it raises."""
        platform, loop = self._running.result(_PATIENCE_S)

        async def act() -> T:
            return await action(platform)

        return asyncio.run_coroutine_threadsafe(act(), loop).result(patience_s)

    def start(self) -> None:
        """Return once the platform answers; raises StartError."""
        self._thread.start()
        self._running.result(_PATIENCE_S)

    def stop(self) -> None:
        """End the platform and wait for it; raises what stopping it raised."""
        if self._clients is not None:
            self._clients.close()
        if self._running.exception(_PATIENCE_S) is None and not self._ended.done():
            platform, loop = self._running.result()
            loop.call_soon_threadsafe(platform.stop_requested.set)
        self._ended.result(_PATIENCE_S)
        self._thread.join(_PATIENCE_S)

    def _run(self) -> None:
        try:
            uvloop.run(self._main())
        except BaseException as failure:  # noqa: BLE001 - whatever ended the thread is raised where it is awaited
            if not self._running.done():
                self._running.set_exception(failure)
                self._ended.set_result(None)
            else:
                self._ended.set_exception(failure)
        else:
            self._ended.set_result(None)

    async def _main(self) -> None:
        platform = Platform(self._settings)
        await platform.start()
        try:
            self._running.set_result((platform, asyncio.get_running_loop()))
            await platform.stop_requested.wait()
        finally:
            await platform.stop()


class Choices(TypedDict, total=False):
    """What a test may say of its platform; as in `Settings`."""

    port: int
    data_dir: Path | None
    isolation: str | None
    strict_runtimes: bool
    limits_cpu: bool
    closed_network: bool
    virtual_time: bool
    seed: int | None
    account_concurrency: int
    idle_expiry_s: float
    environment_lifetime_s: float
    instance_launch_s: float
    first_instance_launch_s: float
    stop_grace_s: float
    cache_dir: Path | None


@contextmanager
def local_platform(**choices: Unpack[Choices]) -> Iterator[LocalPlatform]:
    """Run a platform for as long as the context lasts: in memory and on a free port unless `choices` say otherwise.

    `virtual_time=True, seed=1` gives it a clock that `clock` moves, and the same identifiers in every run. When it
    returns, nothing of the platform is left: no thread, no process, no port, no file.
    """
    running = LocalPlatform(replace(Settings(port=0), **choices))
    running.start()
    try:
        yield running
    finally:
        running.stop()
