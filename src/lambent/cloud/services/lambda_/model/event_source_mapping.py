"""Event source mappings as values: their states, the moves between them, and what AWS shows of them.

https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from lambent.aws.arn import FunctionIdentifier
from lambent.cloud.services.lambda_.model.event_source import KAFKAS, TRAITS, SourceKind
from lambent.cloud.services.lambda_.model.function import JsonValue
from lambent.cloud.services.lambda_.model.state import IllegalMove
from lambent.cloud.store.scope import Scope


class MappingState(StrEnum):
    """Whether a mapping polls its source, or is on the way to or from it."""

    CREATING = "Creating"
    ENABLING = "Enabling"
    ENABLED = "Enabled"
    DISABLING = "Disabling"
    DISABLED = "Disabled"
    UPDATING = "Updating"
    DELETING = "Deleting"

    @property
    def is_settled(self) -> bool:
        """Whether nothing is under way: only then may the mapping be changed or deleted."""
        return self in {MappingState.ENABLED, MappingState.DISABLED}


class MappingEvent(StrEnum):
    """What can happen to a mapping."""

    ENABLE = "enable"
    DISABLE = "disable"
    CHANGE = "change"
    DELETE = "delete"
    SETTLE = "settle"


_MOVES: Mapping[tuple[MappingState, MappingEvent], MappingState] = {
    (MappingState.ENABLED, MappingEvent.CHANGE): MappingState.UPDATING,
    (MappingState.ENABLED, MappingEvent.ENABLE): MappingState.UPDATING,
    (MappingState.ENABLED, MappingEvent.DISABLE): MappingState.DISABLING,
    (MappingState.ENABLED, MappingEvent.DELETE): MappingState.DELETING,
    (MappingState.DISABLED, MappingEvent.CHANGE): MappingState.UPDATING,
    (MappingState.DISABLED, MappingEvent.DISABLE): MappingState.UPDATING,
    (MappingState.DISABLED, MappingEvent.ENABLE): MappingState.ENABLING,
    (MappingState.DISABLED, MappingEvent.DELETE): MappingState.DELETING,
    (MappingState.CREATING, MappingEvent.SETTLE): MappingState.ENABLED,
    (MappingState.ENABLING, MappingEvent.SETTLE): MappingState.ENABLED,
    (MappingState.DISABLING, MappingEvent.SETTLE): MappingState.DISABLED,
}


@dataclass(frozen=True, slots=True)
class EventSourceMapping:
    """A mapping. `function_arn` has the qualifier it was given; `settings` are its own members in AWS's shape.

    `result` is what its last processing came to; None where AWS tells nothing of it.
    """

    scope: Scope
    uuid: str
    kind: SourceKind
    function_arn: str
    settings: Mapping[str, JsonValue]
    state: MappingState
    is_enabled: bool
    last_modified: float
    result: str | None = None
    source_arn: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """The mapping's own ARN."""
        scope = self.scope
        return f"arn:{scope.partition}:lambda:{scope.region}:{scope.account}:event-source-mapping:{self.uuid}"

    @property
    def function(self) -> FunctionIdentifier:
        """The function, version or alias it invokes."""
        return FunctionIdentifier.parse(self.function_arn)

    @property
    def servers(self) -> tuple[str, ...]:
        """The bootstrap servers of a self-managed Kafka cluster; empty for all other sources."""
        endpoints = _inside(self.settings.get("SelfManagedEventSource"), "Endpoints")
        servers = _inside(endpoints, "KAFKA_BOOTSTRAP_SERVERS")
        return tuple(str(each) for each in servers) if isinstance(servers, list) else ()

    def moved(self, event: MappingEvent, now: float) -> EventSourceMapping:
        """Return the mapping after `event`; raises IllegalMove if it cannot happen in its state."""
        if self.state is MappingState.UPDATING and event is MappingEvent.SETTLE:
            state = MappingState.ENABLED if self.is_enabled else MappingState.DISABLED
        else:
            found = _MOVES.get((self.state, event))
            if found is None:
                raise IllegalMove(f"{event} in {self.state}")
            state = found
        is_enabled = {MappingEvent.ENABLE: True, MappingEvent.DISABLE: False}.get(event, self.is_enabled)
        return replace(self, state=state, is_enabled=is_enabled, last_modified=now)

    def conflict_with(self, other: EventSourceMapping) -> str | None:
        """Return AWS's words for two mappings of one source to one function, `other` being there already."""
        if self.function_arn != other.function_arn or self.kind is not other.kind:
            return None
        if not self._reads_as(other):
            return None
        tail = f"already exists. Please update or delete the existing mapping with UUID {other.uuid}"
        name = self.function.name
        if self.kind is SourceKind.SQS:
            return f'An event source mapping with SQS arn (" {self.source_arn} ") and function (" {name} ") {tail}'
        if self.kind in {SourceKind.KINESIS, SourceKind.DYNAMODB}:
            return f'The event source arn (" {self.source_arn} ") and function (" {name} ") provided mapping {tail}'
        source = ",".join(self.servers) or self.source_arn
        which = f', topics ("{",".join(self._names("Topics"))}")' if self.kind in KAFKAS else ""
        return f'An event source mapping with event source ("{source}"), function ("{self.function_arn}"){which} {tail}'

    def shape(self, *, in_list: bool = False) -> dict[str, JsonValue]:
        """Return an EventSourceMappingConfiguration; listings leave out filter criteria that are encrypted."""
        shape: dict[str, JsonValue] = dict(self.settings)
        if in_list and "KMSKeyArn" in shape:
            shape.pop("FilterCriteria", None)
        shape["UUID"] = self.uuid
        shape["EventSourceMappingArn"] = self.arn
        shape["FunctionArn"] = self.function_arn
        shape["LastModified"] = self.last_modified
        shape["State"] = str(self.state)
        shape["StateTransitionReason"] = TRAITS[self.kind].reason
        if self.source_arn is not None:
            shape["EventSourceArn"] = self.source_arn
        if self.result is not None:
            shape["LastProcessingResult"] = self.result
        return shape

    def _reads_as(self, other: EventSourceMapping) -> bool:
        """Whether both read the same records."""
        same_source = self.source_arn == other.source_arn and (
            self.kind is not SourceKind.KAFKA or not set(self.servers).isdisjoint(other.servers)
        )
        return (
            same_source
            and all(self.settings.get(member) == other.settings.get(member) for member in ("Topics", "Queues"))
            and self._collection() == other._collection()
        )

    def _collection(self) -> tuple[JsonValue, JsonValue]:
        config = self.settings.get("DocumentDBEventSourceConfig")
        return _inside(config, "DatabaseName"), _inside(config, "CollectionName")

    def _names(self, member: str) -> list[str]:
        names = self.settings.get(member)
        return [str(each) for each in names] if isinstance(names, list) else []


def _inside(value: JsonValue, member: str) -> JsonValue:
    return value.get(member) if isinstance(value, dict) else None
