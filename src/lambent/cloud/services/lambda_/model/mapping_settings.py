"""A request's members become a mapping's settings: AWS's defaults, and the checks that need nothing but the request.

The queue, the stream, the function and its role are other resources: the operations look those up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.model.event_source import (
    ALL_SETTINGS,
    KAFKA_CONFIGS,
    TRAITS,
    Members,
    SourceKind,
)
from lambent.cloud.services.lambda_.model.event_source_mapping import EventSourceMapping
from lambent.cloud.services.lambda_.model.filter_patterns import is_valid_pattern
from lambent.cloud.services.lambda_.model.function import JsonValue
from lambent.cloud.services.lambda_.model.mapping_limits import (
    check_batches,
    check_destination,
    check_pollers,
    check_record_age,
    check_scaling,
)
from lambent.cloud.services.lambda_.model.mapping_texts import missing, unsupported

Settings = dict[str, JsonValue]
_Merged = dict[str, Any]  # Any: settings before they are checked

_FILTER_LIMIT = 5
_DOCUMENTDB = "DocumentDBEventSourceConfig"
# These need no secret: the function's execution role is what authenticates.
_WITHOUT_URI = frozenset({"IAM_AUTH", "IAM_OAUTHBEARER_AUTH"})
# Members that AWS shows only where they say something, and what inside them does.
_CONTENT = {
    "FilterCriteria": "Filters",
    "KMSKeyArn": None,
    "LoggingConfig": "SystemLogLevel",
    "MetricsConfig": "Metrics",
    "ProvisionedPollerConfig": None,
    "ScalingConfig": "MaximumConcurrency",
    "SourceAccessConfigurations": None,
}


def asked_settings(kind: SourceKind, parameters: Members, *, uuid: str, now: float) -> Settings:
    """Return the settings of a new mapping; `uuid` is its own. Raises InvalidParameterValueException as AWS does."""
    traits = TRAITS[kind]
    given = _given(kind, parameters)
    for member in traits.required:
        if not given.get(member):
            raise missing(kind, member)
    if kind is SourceKind.KAFKA and not given["SelfManagedEventSource"].get("Endpoints"):
        raise errors.invalid_parameter("Unrecognized event source.")
    _check_position(kind, parameters, now)
    merged = {**traits.defaults, **given}
    if kind in KAFKA_CONFIGS:
        merged = _of_kafka(KAFKA_CONFIGS[kind], merged, given, uuid)
    if kind is SourceKind.DOCUMENTDB:
        if not given[_DOCUMENTDB].get("DatabaseName"):
            raise missing(kind, "DatabaseName")
        merged[_DOCUMENTDB] = {"FullDocument": "Default", **given[_DOCUMENTDB]}
    return _settled(kind, merged, parameters.get("EventSourceArn"))


def changed_settings(mapping: EventSourceMapping, parameters: Members) -> Settings:
    """Return the settings after an update; members that are given empty are taken away. Raises as `asked_settings`."""
    kind, settings = mapping.kind, mapping.settings
    given = _given(kind, parameters)
    _check_unchangeable(kind, given)
    merged: _Merged = {**settings, **given}
    for config in (*KAFKA_CONFIGS.values(), _DOCUMENTDB):
        if config in given:
            within = {**_mapping(settings.get(config)), **given[config]}
            merged[config] = {name: value for name, value in within.items() if value != {}}
    found = _settled(kind, merged, mapping.source_arn)
    for member in TRAITS[kind].required:
        if member not in found:
            raise missing(kind, member)
    return found


def _given(kind: SourceKind, parameters: Members) -> _Merged:
    """Return the members that a request gives, all of which mean something to this kind of source."""
    if (parameters.get("DestinationConfig") or {}).get("OnSuccess"):
        raise errors.invalid_parameter("Unsupported DestinationConfig parameter for given event source mapping type.")
    given = {name: value for name in ALL_SETTINGS if (value := parameters.get(name)) is not None}
    for member in sorted(given.keys() - TRAITS[kind].settings):
        raise unsupported(kind, member)
    return given


def _check_position(kind: SourceKind, parameters: Members, now: float) -> None:
    position, moment = parameters.get("StartingPosition"), parameters.get("StartingPositionTimestamp")
    if position != "AT_TIMESTAMP":
        if moment is not None:
            raise errors.invalid_parameter("Timestamp only valid with StartingPosition AT_TIMESTAMP")
        return
    if kind is SourceKind.DYNAMODB:
        raise errors.invalid_parameter(f"Unsupported starting position for arn type: {parameters['EventSourceArn']}")
    if moment is None:
        raise missing(kind, "StartingPositionTimestamp")
    if moment < 0:
        raise errors.invalid_parameter(
            "Received Exception while reading from provided stream. class java.lang.Long can not be converted to a "
            "Timestamp"
        )
    if moment > now:
        raise errors.invalid_parameter("StartingPositionTimestamp cannot be in the future.")


def _of_kafka(config: str, merged: _Merged, given: _Merged, uuid: str) -> _Merged:
    """Return a new mapping's settings with its consumer group, as far as its consumption mode has any of them."""
    shown = {"ConsumerGroupId": uuid, **given.get(config, {})}
    if shown.get("ConsumptionMode") != "Queue":
        return {**merged, config: shown}
    for member in ("StartingPosition", "StartingPositionTimestamp"):
        if member in given:
            raise unsupported(SourceKind.KAFKA, member)
    kept = {name: value for name, value in merged.items() if name != "StartingPosition"}
    return {"MaximumRetryAttempts": 0, **kept, config: shown}


def _check_unchangeable(kind: SourceKind, given: _Merged) -> None:
    """Raise for what is said once, when the mapping is created."""
    if kind in KAFKA_CONFIGS:
        config = KAFKA_CONFIGS[kind]
        inside = given.get(config, {})
        for member in ("ConsumerGroupId", "ConsumptionMode"):
            if inside.get(member) is not None:
                raise unsupported(kind, f"{config}.{member[0].lower()}{member[1:]}")
    if kind is SourceKind.DOCUMENTDB:
        fixed = [name for name in ("CollectionName", "DatabaseName") if given.get(_DOCUMENTDB, {}).get(name)]
        if fixed:
            names = ", ".join(f"{name[0].lower()}{name[1:]}" for name in fixed)
            raise errors.invalid_parameter(f"Invalid parameters: {names}")
    if any(each.get("Type") == "VIRTUAL_HOST" for each in given.get("SourceAccessConfigurations", ())):
        raise errors.invalid_parameter("VIRTUAL_HOST cannot be changed after the event source mapping is created.")


def _settled(kind: SourceKind, merged: _Merged, source_arn: str | None) -> Settings:
    """Return settings as they are kept: checked as a whole, without the members that say nothing."""
    found = {name: value for name, value in merged.items() if name not in _CONTENT or _says_something(name, value)}
    if "DestinationConfig" in found:
        destination = (found["DestinationConfig"].get("OnFailure") or {}).get("Destination")
        found["DestinationConfig"] = {"OnFailure": {"Destination": destination} if destination else {}}
        if not destination and "DestinationConfig" not in TRAITS[kind].defaults:
            del found["DestinationConfig"]
    if kind is SourceKind.SQS:
        check_batches(source_arn or "", found)
    check_record_age(found)
    check_scaling(found)
    check_pollers(kind, found)
    check_destination(kind, found)
    _check_consumption(kind, found)
    _check_filters(found)
    _check_metrics(kind, found)
    _check_access(kind, found)
    _check_registry(kind, found)
    return found


def _says_something(name: str, value: Any) -> bool:  # Any: a setting's value
    content = _CONTENT[name]
    return bool(value if content is None else value.get(content))


def _check_consumption(kind: SourceKind, settings: Mapping[str, Any]) -> None:  # Any: settings of any kind
    if settings.get(KAFKA_CONFIGS[SourceKind.KAFKA], {}).get("ConsumptionMode") != "Queue":
        return
    if "MaximumBatchingWindowInSeconds" in settings:
        raise unsupported(kind, "MaximumBatchingWindowInSeconds")
    if settings.get("MaximumRetryAttempts") == -1:
        raise unsupported(kind, "MaximumRetryAttempts")


def _check_filters(settings: Mapping[str, Any]) -> None:  # Any: as above
    filters = settings.get("FilterCriteria", {}).get("Filters", [])
    if len(filters) > _FILTER_LIMIT:
        raise errors.invalid_parameter(f"Number of filters exceeds the limit of {_FILTER_LIMIT}.")
    if not all(is_valid_pattern(each.get("Pattern")) for each in filters):
        raise errors.invalid_parameter("Invalid filter pattern definition.")


def _check_metrics(kind: SourceKind, settings: Mapping[str, Any]) -> None:  # Any: as above
    for metric in settings.get("MetricsConfig", {}).get("Metrics", ()):
        if metric not in TRAITS[kind].metrics:
            raise errors.invalid_parameter(f"Unsupported metric {metric} for given event source mapping type.")


def _check_access(kind: SourceKind, settings: Mapping[str, Any]) -> None:  # Any: as above
    for each in settings.get("SourceAccessConfigurations", ()):
        name = each.get("Type")
        if name not in TRAITS[kind].authentication:
            raise errors.invalid_parameter(
                f"Unsupported source access configuration type {name} for given event source mapping type."
            )
        if not each.get("URI") and name not in _WITHOUT_URI:
            raise missing(kind, "URI")


def _check_registry(kind: SourceKind, settings: Mapping[str, Any]) -> None:  # Any: as above
    if kind not in KAFKA_CONFIGS:
        return
    registry = settings.get(KAFKA_CONFIGS[kind], {}).get("SchemaRegistryConfig")
    if not registry:
        return
    if "ProvisionedPollerConfig" not in settings:
        raise errors.invalid_parameter(
            "SchemaRegistryConfig is only available in Provisioned Mode. To configure Schema Registry, please enable "
            "Provisioned Mode by specifying MinimumPollers in ProvisionedPollerConfig."
        )
    if not registry.get("SchemaValidationConfigs"):
        raise missing(kind, "SchemaValidationConfigs")


def _mapping(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}
