"""The CloudWatch service: whoever asks for metrics has those of our own services, too.

They measure by themselves, and hand it over when it is asked for; the bridge answers (docs/decisions/0022).
"""

from __future__ import annotations

from typing import ClassVar

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.metrics import DeliverMetrics
from lambent.cloud.framework.service import LeftToFallback, Operation, Parameters, Result, Service

_READING = ("GetMetricData", "GetMetricStatistics", "GetMetricWidgetImage", "ListMetrics")


class CloudWatchService(Service):
    """What of CloudWatch reads metrics."""

    name: ClassVar[str] = "cloudwatch"

    def __init__(self, *sources: DeliverMetrics) -> None:
        super().__init__(dict.fromkeys(_READING, self._reading()))
        self._sources = sources

    def _reading(self) -> Operation:
        async def read(context: RequestContext, _parameters: Parameters) -> Result:
            for deliver in self._sources:
                await deliver(context.scope)
            raise LeftToFallback

        return read
