"""Limits on a mapping's numbers and destinations beyond those of the service model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.model.event_source import KAFKAS, SourceKind
from lambent.cloud.services.lambda_.model.mapping_texts import unsupported

_Settings = Mapping[str, Any]  # Any: settings of any kind of source, in AWS's shape

_UNWINDOWED_BATCH = 10
_YOUNGEST_AGE_S, _OLDEST_AGE_S = 60, 604_800
_LEAST_POLLERS_OF_A_QUEUE = 2
_MOST_POLLERS_OF_KAFKA = 2_000
_DESTINATION = re.compile(r"arn:aws[a-zA-Z-]*:(s3:::[^/]+|(sqs|sns):[a-z0-9-]+:\d{12}:[^:/]+)")
_TOPIC = "kafka://"


def check_batches(queue_arn: str, settings: _Settings) -> None:
    """Raise for a window on a FIFO queue, and for batches of a queue that one receiving of messages cannot fill.

    So no FIFO queue gets a batch of more than ten messages either.
    """
    window = settings["MaximumBatchingWindowInSeconds"]
    if window and queue_arn.endswith(".fifo"):
        raise errors.invalid_parameter("Batching window is not supported for FIFO queues")
    if settings["BatchSize"] > _UNWINDOWED_BATCH and not window:
        raise errors.invalid_parameter(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )


def check_record_age(settings: _Settings) -> None:
    """Raise for an age that is neither unlimited nor within AWS's bounds."""
    age = settings.get("MaximumRecordAgeInSeconds", -1)
    if age != -1 and not _YOUNGEST_AGE_S <= age <= _OLDEST_AGE_S:
        raise errors.invalid_parameter(
            "MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)"
        )


def check_scaling(settings: _Settings) -> None:
    """Raise for a queue with both a maximum concurrency and pollers of its own."""
    if "ScalingConfig" in settings and "ProvisionedPollerConfig" in settings:
        raise errors.invalid_parameter("ScalingConfig and ProvisionedPollerConfig cannot be used together.")


def check_pollers(kind: SourceKind, settings: _Settings) -> None:
    """Raise for numbers of pollers that this kind of source cannot have."""
    pollers = settings.get("ProvisionedPollerConfig", {})
    least, most = pollers.get("MinimumPollers"), pollers.get("MaximumPollers")
    if kind is SourceKind.SQS:
        if pollers.get("PollerGroupName"):
            raise unsupported(kind, "PollerGroupName")
        for member, value in (("minimumPollers", least), ("maximumPollers", most)):
            if value is not None and value < _LEAST_POLLERS_OF_A_QUEUE:
                raise _out_of_bounds(member, value, f"greater than or equal to {_LEAST_POLLERS_OF_A_QUEUE}")
    elif most is not None and most > _MOST_POLLERS_OF_KAFKA:
        raise _out_of_bounds("maximumPollers", most, f"less than or equal to {_MOST_POLLERS_OF_KAFKA}")
    if least is not None and most is not None and least > most:
        raise errors.invalid_parameter("MinimumPollers must be less than or equal to MaximumPollers.")


def check_destination(kind: SourceKind, settings: _Settings) -> None:
    """Raise for what cannot take the records that failed: it is a standard queue, a standard topic or a bucket.

    Kafka's may go to another topic of the same cluster, too.
    """
    destination = settings.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    if destination is None or (kind in KAFKAS and destination.startswith(_TOPIC)):
        return
    if not _DESTINATION.fullmatch(destination) or destination.endswith(".fifo"):
        raise errors.invalid_parameter(f"The destination ARN {destination} is invalid.")


def _out_of_bounds(member: str, value: int, bound: str) -> ServiceError:
    return errors.invalid_parameter(
        f"1 validation error detected: Value '{value}' at 'provisionedPollerConfig.{member}' failed to satisfy "
        f"constraint: Member must have value {bound}"
    )
