"""Parameters that the service model allows: values of every shape, as often as can be of things that exist."""

from __future__ import annotations

from typing import Any

from tests.generated.chance import Chance
from tests.generated.known import Known, value_of
from tests.generated.patterns import text_of

Parameters = dict[str, Any]  # Any: values of any shape; bytes for blobs
_LIKELY = 0.12
_SELDOM = 0.03
# Most requests are plain, so that they succeed; some say more than they need, or anything at all.
_DENSITIES = (1.0, 1.0, 1.0, 4.0)
_MEANT = (0.97, 0.97, 0.97, 0.6)
_LONGEST = 24
# Without these nearly every request of the kind would be refused, and so reach nothing behind the model.
_USUAL = {
    "CreateFunction": {"Runtime", "Handler"},
    "CreateFunction.Code": {"ZipFile"},
    "UpdateFunctionCode": {"ZipFile"},
    "PublishLayerVersion.Content": {"ZipFile"},
    "CreateEventSourceMapping": {"EventSourceArn"},
    "UpdateAlias": {"FunctionVersion"},
    "Invoke": {"InvocationType"},
    "PutFunctionEventInvokeConfig": {"MaximumRetryAttempts"},
    "PutFunctionScalingConfig": {"FunctionScalingConfig"},
}
# What mostly has to exist elsewhere, or changes what a function is.
_UNUSUAL = {
    "AcceleratorConfig", "CapacityProviderConfig", "CodeSigningConfigArn", "DeadLetterConfig", "DurableConfig",
    "DurableExecutionName", "FileSystemConfigs", "ImageConfig", "ImageUri", "KMSKeyArn", "KmsKeyArn", "PackageType",
    "PublishTo", "RevisionId", "RuntimeConfig", "S3Bucket", "S3Key", "S3ObjectStorageMode", "S3ObjectVersion",
    "SnapStart", "SourceKMSKeyArn", "TenancyConfig", "TenantId", "VpcConfig", "CodeSha256", "Marker", "Topics",
    "AmazonManagedKafkaEventSourceConfig", "SelfManagedKafkaEventSourceConfig", "SelfManagedEventSource", "Queues",
    "DocumentDBEventSourceConfig", "ProvisionedPollerConfig", "StartingPositionTimestamp", "MasterRegion",
}  # fmt: skip
# What no queue takes, and only queues can be mapped in the generated account.
_OF_STREAMS = {
    "BisectBatchOnFunctionError", "DestinationConfig", "LoggingConfig", "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts", "ParallelizationFactor", "SourceAccessConfigurations", "StartingPosition",
    "TumblingWindowInSeconds",
}  # fmt: skip


class Values:
    """Makes the parameters of one operation."""

    def __init__(self, operation: Any, known: Known, chance: Chance) -> None:  # Any: botocore's OperationModel
        self._operation: str = operation.name
        self._shape = operation.input_shape
        self._known = known
        self._chance = chance
        self._density = chance.one_of(_DENSITIES)
        self._meant = chance.one_of(_MEANT)

    def parameters(self) -> Parameters:
        return {} if self._shape is None else self._structure(self._shape, self._operation)

    def _structure(self, shape: Any, path: str) -> Parameters:  # Any: botocore's shapes have attributes by type
        found: Parameters = {}
        for name, member in shape.members.items():
            if name not in shape.required_members and not self._chance.happens(_likelihood(path, name) * self._density):
                continue
            value = self._member(name, member, path)
            if value is not None:
                found[name] = value
        return found

    def _member(self, name: str, member: Any, path: str) -> Any:  # Any: as above
        if self._chance.happens(self._meant):
            meant = value_of(name, path, self._known, self._chance)
            if meant is not None:
                return meant
        return self.value(member, f"{path}.{name}")

    def value(self, shape: Any, path: str) -> Any:  # Any: as above
        """Return any value that the shape allows."""
        kind = shape.type_name
        if kind == "structure":
            return self._structure(shape, path)
        if kind == "list":
            least = int(shape.metadata.get("min", 0))
            most = min(int(shape.metadata.get("max", 2)), least + 2)
            made = [self.value(shape.member, path) for _ in range(self._chance.between(least, most))]
            return [each for each in made if each is not None]
        if kind == "map":
            least = int(shape.metadata.get("min", 0))
            keys = [self.value(shape.key, path) for _ in range(self._chance.between(least, least + 2))]
            return {key: self.value(shape.value, path) for key in keys if key is not None}
        return self._scalar(shape)

    def _scalar(self, shape: Any) -> Any:  # Any: as above
        kind, chance = shape.type_name, self._chance
        if kind == "string":
            return self._text(shape)
        if kind in {"integer", "long"}:
            least = int(shape.metadata.get("min", 0))
            most = int(shape.metadata.get("max", least + 1000))
            return chance.one_of([least, most, chance.between(least, most)])
        if kind == "double":
            least_, most_ = float(shape.metadata.get("min", 0)), float(shape.metadata.get("max", 1))
            return least_ + chance.fraction() * (most_ - least_)
        if kind == "boolean":
            return chance.happens(0.5)
        if kind == "timestamp":
            return chance.between(0, 2_000_000_000)
        return bytes(chance.between(0, 255) for _ in range(chance.between(0, 40)))

    def _text(self, shape: Any) -> str | None:  # Any: as above
        chance, metadata = self._chance, shape.metadata
        if getattr(shape, "enum", None):
            return str(chance.one_of(shape.enum))
        least = int(metadata.get("min", 0))
        most = int(metadata.get("max", _LONGEST))
        if metadata.get("pattern"):
            return text_of(metadata["pattern"], chance, least=least, most=most)
        length = chance.between(least, max(least, min(most, _LONGEST)))
        return "".join(chance.one_of("abc XYZ019-_./:ä☃") for _ in range(length))


def _likelihood(path: str, name: str) -> float:
    if name in _USUAL.get(path, ()):
        return 0.97
    is_unusual = name in _UNUSUAL or (path.endswith("EventSourceMapping") and name in _OF_STREAMS)
    return _SELDOM if is_unusual else _LIKELY
