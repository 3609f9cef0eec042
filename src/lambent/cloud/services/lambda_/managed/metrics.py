"""What Managed Instances measure, once a minute, as metrics in CloudWatch."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping

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


class ManagedMetrics:
    """Counts throttled requests, looks at capacity once a minute, and puts both into CloudWatch."""

    def __init__(self, dependencies: Dependencies, activity: Activity) -> None:
        self._dependencies = dependencies
        self._activity = activity
        self._throttles: dict[Version, Counter[str]] = {}

    def throttled(self, spec: FunctionSpec, reason: CapacityThrottle) -> None:
        """Count a request that was refused for want of capacity."""
        self._throttles.setdefault(version_of(spec), Counter())[str(reason)] += 1

    async def put(self) -> None:
        """Put the minute that is over into CloudWatch."""
        now = self._dependencies.clock.now()
        data: dict[Scope, list[Datum]] = {}
        for scope, datum in (*self._capacity(now), *self._requests(now)):
            data.setdefault(scope, []).append(datum)
        for scope, its in data.items():
            for begin in range(0, len(its), _DATA_AT_ONCE):
                await self._put(scope, its[begin : begin + _DATA_AT_ONCE])

    def _requests(self, now: float) -> Iterator[tuple[Scope, Datum]]:
        for (scope, function, version), finished in self._activity.take_finished().items():
            for datum in finished_data(function, version, finished, now):
                yield scope, datum
        counted, self._throttles = self._throttles, {}
        for (scope, function, version), reasons in counted.items():
            for datum in throttle_data(function, version, reasons, now):
                yield scope, datum

    def _capacity(self, now: float) -> Iterator[tuple[Scope, Datum]]:
        peaks = self._activity.take_most()
        for status in self._dependencies.plane.capacity():
            scope, name = named(status.provider.arn, Scope("", ""))
            data = (
                *instance_data(name, [instance_measures(each) for each in status.use], now),
                *environment_data(name, self._served(status, peaks), used(status), now),
            )
            for datum in data:
                yield scope, datum

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

    async def _put(self, scope: Scope, data: list[Datum]) -> None:
        principal, asked = service_principal(HOST, scope), {"Namespace": NAMESPACE, "MetricData": data}
        try:
            await self._dependencies.client.call("cloudwatch", "PutMetricData", asked, scope=scope, principal=principal)
        except ServiceError as error:
            _log.warning("metrics of Managed Instances were lost: %s", error)


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
