"""A capacity provider's own log: what becomes of its instances, delivered to CloudWatch Logs behind the events."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lambent.base.clock import Clock
from lambent.base.tasks import TaskOwner
from lambent.cloud.errors import ServiceError
from lambent.cloud.services.lambda_.log_delivery import LogBatch, LogDelivery
from lambent.cloud.services.lambda_.model.capacity_log import LoggedEvent, LogSettings, by_stream, log_settings
from lambent.cloud.services.lambda_.model.capacity_provider import CapacityProvider, named
from lambent.cloud.store.scope import Scope
from lambent.dataplane import Instance, InstanceEvent, InstanceEventKind, ProviderSpec

_log = logging.getLogger(__name__)
FindProvider = Callable[[Scope, str], CapacityProvider | None]
NoteLaunch = Callable[[CapacityProvider, Instance], None]


class SystemLog:
    """The data plane's observer of instances. `attach` and `stop` are called by the Lambda service."""

    def __init__(self, delivery: LogDelivery, clock: Clock) -> None:
        self._delivery = delivery
        self._find: FindProvider | None = None
        self._note_launch: NoteLaunch | None = None
        self._waiting: list[tuple[Scope, str, LoggedEvent]] = []
        self._tasks = TaskOwner("capacity providers' logs", clock=clock)
        self._is_delivering = self._has_stopped = False

    def attach(self, find: FindProvider, note_launch: NoteLaunch) -> None:
        """Say where capacity providers' settings are found, and who is told of instances that are being launched."""
        self._find = find
        self._note_launch = note_launch

    async def flush(self) -> None:
        """Deliver what has been told so far."""
        await self._deliver()

    async def stop(self) -> None:
        """Deliver what has been told, and end; what is told later waits for `flush`."""
        self._has_stopped = True
        await self._tasks.aclose()
        await self._deliver()

    def instance_changed(self, provider: ProviderSpec, event: InstanceEvent) -> None:
        """Note what became of an instance, as far as the capacity provider's level lets it through."""
        scope, name = named(provider.arn, Scope("", ""))
        # Read now: a provider that is deleted tells of its instances' ends, and is gone after them.
        kept = None if self._find is None else self._find(scope, name)
        if kept is not None and self._note_launch is not None and event.kind is InstanceEventKind.LAUNCHING:
            self._note_launch(kept, event.instance)
        settings: LogSettings = log_settings(name, None if kept is None else kept.telemetry)
        logged = LoggedEvent(
            event.kind,
            provider.arn,
            event.instance.instance_id,
            event.instance.instance_type,
            event.instance.subnet.zone,
            event.at,
            event.cause or None,
        )
        if not settings.passes(logged):
            return
        self._waiting.append((scope, settings.group, logged))
        if not self._is_delivering and not self._has_stopped:
            self._is_delivering = True
            self._tasks.start(self._deliver_later(), name="delivery")

    async def _deliver_later(self) -> None:
        try:
            await self._deliver()
        finally:
            self._is_delivering = False

    async def _deliver(self) -> None:
        while self._waiting:
            events, self._waiting = self._waiting, []
            for scope, group in dict.fromkeys((scope, group) for scope, group, _ in events):
                told = [event for of, to, event in events if (of, to) == (scope, group)]
                for stream, lines in by_stream(told).items():
                    try:
                        await self._delivery.put(LogBatch(scope, group, stream, lines))
                    except ServiceError as error:
                        _log.warning("%s took nothing for %s: %s", group, stream, error)
