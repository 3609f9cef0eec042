"""What an execution environment leans on, and how it shows itself to others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.base.tasks import TaskOwner
from lambent.dataplane.lifecycle import EnvironmentState
from lambent.dataplane.sandbox.handle import Sandbox
from lambent.dataplane.sandbox.spec import Interpreter, SandboxSpec
from lambent.dataplane.types import (
    CredentialSource,
    DataPlaneSettings,
    EnvironmentInfo,
    FunctionSpec,
    InstancePlace,
    IsolationLevel,
    Observer,
)

Argument = TypeVar("Argument")


class SandboxLauncher(Protocol):
    """What starts sandboxes: `sandbox.launcher.Launcher`, or a scripted one in tests."""

    @property
    def isolation(self) -> IsolationLevel:
        """The isolation that environments get."""

    async def start(self) -> None:
        """Make ready to launch."""

    async def stop(self) -> None:
        """End whatever was launched and remove what was made."""

    def resolve(self, runtime: str, *, strict: bool = False) -> Interpreter:
        """Return what runs `runtime`; raises RuntimeUnavailableError."""

    async def prepare(self, spec: FunctionSpec) -> None:
        """Have ready what starts this function quickly."""

    async def launch(self, spec: SandboxSpec) -> Sandbox:
        """Start one environment; raises SandboxError."""

    async def restore(self, template: Sandbox, spec: SandboxSpec, shared_mb: int) -> Sandbox:
        """Start one environment as a fork of a template; raises SandboxError."""

    def restored_from(self, template: Sandbox) -> Sequence[Sandbox]:
        """Return the environments restored from a template that have not ended."""


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """See to it that the call is not made."""


class Timers(Protocol):
    """What ends invocations in time: an event loop, or a manual one in tests."""

    def call_later(self, delay: float, callback: Callable[[Argument], None], argument: Argument, /) -> Timer:
        """Call back after `delay` seconds of real time, unless the timer is cancelled."""


@dataclass(frozen=True, slots=True)
class Host:
    """What every environment leans on. `clock` is the platform's; `real_time` measures what handlers see.

    `launch` starts a sandbox as its specification says: afresh, or from a snapshot.
    """

    settings: DataPlaneSettings
    launcher: SandboxLauncher
    launch: Callable[[SandboxSpec], Awaitable[Sandbox]]
    credentials: CredentialSource
    observer: Observer
    clock: Clock
    real_time: Clock
    ids: IdSource
    tasks: TaskOwner
    timers: Timers


@dataclass(frozen=True, slots=True)
class EnvironmentStatus:
    """An environment as introspection shows it; `info` is None until its sandbox is built, `since` is platform time."""

    environment_id: str
    spec: FunctionSpec
    state: EnvironmentState
    since: float
    slots: int
    busy_slots: int
    info: EnvironmentInfo | None
    place: InstancePlace | None = None
    """Where it runs, on Managed Instances."""
