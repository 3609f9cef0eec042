"""How AWS words what a mapping's source does not take, or lacks.

The pollers of queues and streams, and those of brokers and databases, are two services: each has its own words.
"""

from __future__ import annotations

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.model.event_source import STREAMS, SourceKind


def unsupported(kind: SourceKind, member: str) -> ServiceError:
    """A member that means nothing to this kind of source."""
    if kind is SourceKind.SQS and member.startswith("StartingPosition"):
        return errors.invalid_parameter("StartingPosition is not valid for SQS event sources.")
    shown = member if kind is SourceKind.SQS or kind in STREAMS else f"'{_camel(member)}'"
    return errors.invalid_parameter(f"Unsupported {shown} parameter for given event source mapping type.")


def missing(kind: SourceKind, member: str) -> ServiceError:
    """A member that this kind of source needs."""
    if kind in STREAMS:
        return errors.invalid_parameter(
            f"1 validation error detected: Value null at '{_camel(member)}' failed to satisfy constraint: "
            "Member must not be null."
        )
    return errors.invalid_parameter(f"Required '{_camel(member)}' parameter is missing.")


def _camel(member: str) -> str:
    return "uri" if member == "URI" else f"{member[0].lower()}{member[1:]}"
