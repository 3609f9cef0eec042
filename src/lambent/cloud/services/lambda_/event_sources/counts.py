"""What mappings did, counted: the facts behind AWS's metrics of event source mappings.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html#event-source-mapping-metrics
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Counts:
    """The records of one mapping since the platform started, by what became of them."""

    polled: int = 0
    filtered_out: int = 0
    invoked: int = 0
    failed: int = 0
    dropped: int = 0
    delivered_on_failure: int = 0
    deleted: int = 0

    def shape(self) -> dict[str, int]:
        """Return the counts by the names of AWS's metrics."""
        return {_METRICS[name]: count for name, count in asdict(self).items()}


_METRICS = {
    "polled": "PolledEventCount",
    "filtered_out": "FilteredOutEventCount",
    "invoked": "InvokedEventCount",
    "failed": "FailedInvokeEventCount",
    "dropped": "DroppedEventCount",
    "delivered_on_failure": "OnFailureDestinationDeliveredEventCount",
    "deleted": "DeletedEventCount",
}
