"""What Managed Instances measure, once a minute, and how CloudWatch comes by it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import service_principal
from lambent.cloud.services.lambda_.dependencies import Dependencies
from lambent.cloud.services.lambda_.lookups import HOST
from lambent.cloud.services.lambda_.managed.activity import Activity, Version, version_of
from lambent.cloud.services.lambda_.model.capacity_metrics import (
    NAMESPACE,
    Datum,
    InstanceMeasures,
    Served,
    Used,
    environment_data,
    finished_data,
    instance_data,
    throttle_data,
)
from lambent.cloud.services.lambda_.model.capacity_provider import named
from lambent.cloud.store.scope import Scope
from lambent.dataplane import CapacityThrottle, FunctionSpec, InstanceUse, ProviderStatus

_log = logging.getLogger(__name__)
PERIOD_S = 60.0
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
_DATA_AT_ONCE = 1_000
# As long as AWS keeps data of a minute:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
_MOST_MINUTES = 15 * 24 * 60
Series = Callable[[], Iterator[Datum]]
Minute = list[Series]


class ManagedMetrics:
    """Counts throttled requests and looks at capacity once a minute; CloudWatch gets that when somebody asks it.

    To hand every minute over would keep moto running beside a platform that nobody watches, and cost a virtual day half
    a minute.
    """

    def __init__(self, dependencies: Dependencies, activity: Activity) -> None:
        self._dependencies = dependencies
        self._activity = activity
        self._throttles: dict[Version, Counter[str]] = {}
        self._minutes: dict[Scope, deque[Minute]] = {}
        self._turn = asyncio.Lock()

    def throttled(self, spec: FunctionSpec, reason: CapacityThrottle) -> None:
        """Count a request that was refused for want of capacity."""
        self._throttles.setdefault(version_of(spec), Counter())[str(reason)] += 1

    async def look(self) -> None:
        """Keep what was measured in the minute that is over."""
        now = self._dependencies.clock.now()
        measured: dict[Scope, list[Series]] = {}
        for scope, series in (*self._capacity(now), *self._requests(now)):
            measured.setdefault(scope, []).append(series)
        for scope, its in measured.items():
            self._minutes.setdefault(scope, deque(maxlen=_MOST_MINUTES)).append(its)

    async def deliver(self, scope: Scope) -> None:
        """Put what was measured in an account and region into CloudWatch; what it does not take is kept."""
        minutes = self._minutes.get(scope)
        async with self._turn:
            while minutes:
                taken, data = _first_of(minutes)
                for begin in range(0, len(data), _DATA_AT_ONCE):
                    if not await self._put(scope, data[begin : begin + _DATA_AT_ONCE]):
                        minutes.extendleft(reversed(taken))
                        return

    def _requests(self, now: float) -> Iterator[tuple[Scope, Series]]:
        for (scope, function, version), finished in self._activity.take_finished().items():
            yield scope, partial(finished_data, function, version, finished, now)
        counted, self._throttles = self._throttles, {}
        for (scope, function, version), reasons in counted.items():
            yield scope, partial(throttle_data, function, version, reasons, now)

    def _capacity(self, now: float) -> Iterator[tuple[Scope, Series]]:
        peaks = self._activity.take_most()
        for status in self._dependencies.plane.capacity():
            scope, name = named(status.provider.arn, Scope("", ""))
            if not status.use and not status.environments:
                continue
            yield scope, partial(instance_data, name, [instance_measures(each) for each in status.use], now)
            yield scope, partial(environment_data, name, self._served(status, peaks), used(status), now)

    def _served(self, status: ProviderStatus, peaks: Mapping[str, int]) -> list[Served]:
        """Return how many requests environments of a capacity provider served; `peaks` are the most at once."""
        return [
            Served(
                function=each.spec.function_name,
                version=each.spec.version,
                most=max(each.busy_slots, peaks.get(each.environment_id, 0)),
                slots=each.slots,
            )
            for each in self._dependencies.plane.environments()
            if each.place is not None and each.place.provider_arn == status.provider.arn
        ]

    async def _put(self, scope: Scope, data: list[Datum]) -> bool:
        principal, asked = service_principal(HOST, scope), {"Namespace": NAMESPACE, "MetricData": data}
        try:
            await self._dependencies.client.call("cloudwatch", "PutMetricData", asked, scope=scope, principal=principal)
        except ServiceError as error:
            _log.warning("CloudWatch does not take metrics of Managed Instances: %s", error)
            return False
        return True


def _first_of(minutes: deque[Minute]) -> tuple[list[Minute], list[Datum]]:
    """Take away as many minutes as CloudWatch takes at once, one at least, and return them with their data."""
    taken: list[Minute] = []
    data: list[Datum] = []
    while minutes:
        its = [datum for series in minutes[0] for datum in series()]
        if data and len(data) + len(its) > _DATA_AT_ONCE:
            break
        taken.append(minutes.popleft())
        data += its
    return taken, data


def instance_measures(use: InstanceUse) -> InstanceMeasures:
    """Return how much of an instance is taken and used: what its execution environments do, of what they may have."""
    return InstanceMeasures(
        instance_type=use.instance.instance_type,
        cpu=use.cpu,
        memory=use.memory,
        vcpus=use.vcpus,
        vcpus_allocated=use.vcpus_allocated,
        memory_mb=use.memory_mb,
        memory_allocated_mb=use.memory_allocated_mb,
    )


def used(status: ProviderStatus) -> list[Used]:
    """Return what the environments that serve use."""
    return [
        Used(deployed.spec.function_name, deployed.spec.version, each.cpu, each.memory)
        for each in status.environments
        for deployed in [status.deployments.get(each.deployment)]
        if deployed is not None and each.state.serves
    ]
