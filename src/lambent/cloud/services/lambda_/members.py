"""What becomes of each member of a request: in effect, kept and shown, or refused.

The one place that says so: docs/coverage.md is made from it, and a test holds it against the service model, so that a
member that is new there, or not read here, is noticed. Structures stand here where some of their members are in effect;
what is inside of one that is not is treated as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Treatment(StrEnum):
    """What becomes of a member; the value is what the page says."""

    IN_EFFECT = "in effect"
    KEPT = "kept and shown"
    TAKEN = "accepted, not shown"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Declared:
    """Members of operations or structures that have no effect, and why; names are parted by spaces."""

    treatment: Treatment
    places: str
    members: str
    reason: str


_FUNCTIONS = "CreateFunction UpdateFunctionConfiguration"
_MAPPINGS = "CreateEventSourceMapping UpdateEventSourceMapping"
_POLLING = (
    "BatchSize FilterCriteria ScalingConfig MaximumBatchingWindowInSeconds ParallelizationFactor DestinationConfig "
    "MaximumRecordAgeInSeconds BisectBatchOnFunctionError MaximumRetryAttempts TumblingWindowInSeconds "
    "FunctionResponseTypes ProvisionedPollerConfig"
)
WITHOUT_EFFECT = (
    Declared(
        Treatment.KEPT, _FUNCTIONS, "VpcConfig", "its subnets and groups are looked up; there is no network of theirs"
    ),
    Declared(Treatment.KEPT, _FUNCTIONS, "FileSystemConfigs", "there is no EFS or S3 Files to mount"),
    Declared(Treatment.KEPT, _FUNCTIONS, "KMSKeyArn", "nothing is encrypted; there is nobody to keep it from"),
    Declared(Treatment.KEPT, _FUNCTIONS, "ImageConfig", "container images are not run"),
    Declared(Treatment.KEPT, _FUNCTIONS, "RuntimeConfig", "there is one version of each runtime"),
    Declared(
        Treatment.KEPT,
        _FUNCTIONS,
        "AcceleratorConfig",
        "there are no accelerators; it only lifts the limit of ephemeral storage",
    ),
    Declared(
        Treatment.KEPT,
        _FUNCTIONS,
        "DurableConfig",
        "durable executions are not offered; invoking the function is refused",
    ),
    Declared(
        Treatment.KEPT,
        "CreateFunction",
        "TenancyConfig",
        "tenants are not kept apart; invoking the function for one is refused",
    ),
    Declared(
        Treatment.KEPT,
        "CreateFunction UpdateFunctionCode",
        "Architectures",
        "functions run on the machine's own processor",
    ),
    Declared(Treatment.KEPT, "FunctionCode UpdateFunctionCode", "ImageUri", "container images are not run"),
    Declared(Treatment.TAKEN, "FunctionCode UpdateFunctionCode", "SourceKMSKeyArn", "packages are not encrypted"),
    Declared(
        Treatment.TAKEN,
        "FunctionCode LayerVersionContentInput UpdateFunctionCode",
        "S3ObjectStorageMode",
        "packages are always copied",
    ),
    Declared(
        Treatment.KEPT,
        "PutRuntimeManagementConfig",
        "UpdateRuntimeOn RuntimeVersionArn",
        "there is one version of each runtime",
    ),
    Declared(
        Treatment.KEPT,
        "CreateCodeSigningConfig UpdateCodeSigningConfig",
        "AllowedPublishers",
        "nothing can be signed, so every package is unsigned",
    ),
    Declared(
        Treatment.KEPT,
        "CreateCapacityProvider",
        "PermissionsConfig",
        "the operator role is looked up; none of its permissions is needed",
    ),
    Declared(Treatment.KEPT, "CreateCapacityProvider", "KmsKeyArn", "managed instances have no disks of their own"),
    Declared(
        Treatment.KEPT,
        "CapacityProviderVpcConfig",
        "SecurityGroupIds",
        "looked up, and shown with the instances; there is no network of theirs",
    ),
    Declared(
        Treatment.KEPT,
        _MAPPINGS,
        "LoggingConfig SourceAccessConfigurations AmazonManagedKafkaEventSourceConfig "
        "SelfManagedKafkaEventSourceConfig DocumentDBEventSourceConfig",
        "checked; Kafka, MQ and DocumentDB are not read",
    ),
    Declared(Treatment.KEPT, "ProvisionedPollerConfig", "PollerGroupName", "as above"),
    Declared(Treatment.KEPT, "CreateEventSourceMapping", "Topics Queues SelfManagedEventSource", "as above"),
    Declared(Treatment.KEPT, _MAPPINGS, "KMSKeyArn", "filter criteria are not encrypted"),
    Declared(
        Treatment.KEPT,
        _MAPPINGS,
        "MetricsConfig",
        "events are counted in any case, under `/_lambent/event-source-mappings`",
    ),
    Declared(Treatment.REFUSED, "Invoke InvokeWithResponseStream", "TenantId", "tenants are not kept apart"),
    Declared(Treatment.REFUSED, "Invoke", "DurableExecutionName", "durable executions are not offered"),
)
"""What is not simulated."""

IN_EFFECT = {
    "AddLayerVersionPermission": "LayerName VersionNumber StatementId Action Principal OrganizationId RevisionId",
    "AddPermission": (
        "FunctionName StatementId Action Principal SourceArn FunctionUrlAuthType InvokedViaFunctionUrl "
        "SourceAccount EventSourceToken Qualifier RevisionId PrincipalOrgID"
    ),
    "CreateAlias": "FunctionName Name FunctionVersion Description RoutingConfig",
    "CreateCapacityProvider": (
        "CapacityProviderName VpcConfig InstanceRequirements CapacityProviderScalingConfig Tags PropagateTags "
        "TelemetryConfig"
    ),
    "CreateCodeSigningConfig": "Description CodeSigningPolicies Tags",
    "CreateEventSourceMapping": (
        f"EventSourceArn FunctionName Enabled Tags StartingPosition StartingPositionTimestamp {_POLLING}"
    ),
    "CreateFunction": (
        "FunctionName Runtime Role Handler Code Description Timeout MemorySize Publish PublishTo PackageType "
        "DeadLetterConfig Environment TracingConfig Tags Layers CodeSigningConfigArn EphemeralStorage SnapStart "
        "LoggingConfig CapacityProviderConfig"
    ),
    "CreateFunctionUrlConfig": "FunctionName Qualifier AuthType Cors InvokeMode",
    "DeleteAlias": "FunctionName Name",
    "DeleteCapacityProvider": "CapacityProviderName",
    "DeleteCodeSigningConfig": "CodeSigningConfigArn",
    "DeleteEventSourceMapping": "UUID",
    "DeleteFunction": "FunctionName Qualifier",
    "DeleteFunctionCodeSigningConfig": "FunctionName",
    "DeleteFunctionConcurrency": "FunctionName",
    "DeleteFunctionEventInvokeConfig": "FunctionName Qualifier",
    "DeleteFunctionUrlConfig": "FunctionName Qualifier",
    "DeleteLayerVersion": "LayerName VersionNumber",
    "DeleteProvisionedConcurrencyConfig": "FunctionName Qualifier",
    "DeleteResourcePolicy": "ResourceArn RevisionId",
    "GetAlias": "FunctionName Name",
    "GetCapacityProvider": "CapacityProviderName",
    "GetCodeSigningConfig": "CodeSigningConfigArn",
    "GetEventSourceMapping": "UUID",
    "GetFunction": "FunctionName Qualifier",
    "GetFunctionCodeSigningConfig": "FunctionName",
    "GetFunctionConcurrency": "FunctionName",
    "GetFunctionConfiguration": "FunctionName Qualifier",
    "GetFunctionEventInvokeConfig": "FunctionName Qualifier",
    "GetFunctionRecursionConfig": "FunctionName",
    "GetFunctionScalingConfig": "FunctionName Qualifier",
    "GetFunctionUrlConfig": "FunctionName Qualifier",
    "GetLayerVersion": "LayerName VersionNumber",
    "GetLayerVersionByArn": "Arn",
    "GetLayerVersionPolicy": "LayerName VersionNumber",
    "GetPolicy": "FunctionName Qualifier",
    "GetProvisionedConcurrencyConfig": "FunctionName Qualifier",
    "GetResourcePolicy": "ResourceArn",
    "GetRuntimeManagementConfig": "FunctionName Qualifier",
    "Invoke": "FunctionName InvocationType LogType ClientContext Payload Qualifier",
    "InvokeAsync": "FunctionName InvokeArgs",
    "InvokeWithResponseStream": "FunctionName LogType ClientContext Qualifier Payload InvocationType",
    "ListAliases": "FunctionName FunctionVersion Marker MaxItems",
    "ListCapacityProviders": "State Marker MaxItems",
    "ListCodeSigningConfigs": "Marker MaxItems",
    "ListEventSourceMappings": "EventSourceArn FunctionName Marker MaxItems",
    "ListFunctionEventInvokeConfigs": "FunctionName Marker MaxItems",
    "ListFunctionUrlConfigs": "FunctionName Marker MaxItems",
    "ListFunctionVersionsByCapacityProvider": "CapacityProviderName Marker MaxItems",
    "ListFunctions": "MasterRegion FunctionVersion Marker MaxItems",
    "ListFunctionsByCodeSigningConfig": "CodeSigningConfigArn Marker MaxItems",
    "ListLayerVersions": "CompatibleArchitecture CompatibleRuntime LayerName Marker MaxItems",
    "ListLayers": "CompatibleArchitecture CompatibleRuntime Marker MaxItems",
    "ListProvisionedConcurrencyConfigs": "FunctionName Marker MaxItems",
    "ListTags": "Resource",
    "ListVersionsByFunction": "FunctionName Marker MaxItems",
    "PublishLayerVersion": "LayerName Description Content CompatibleArchitectures CompatibleRuntimes LicenseInfo",
    "PublishVersion": "FunctionName CodeSha256 Description RevisionId PublishTo",
    "PutFunctionCodeSigningConfig": "CodeSigningConfigArn FunctionName",
    "PutFunctionConcurrency": "FunctionName ReservedConcurrentExecutions",
    "PutFunctionEventInvokeConfig": (
        "FunctionName Qualifier MaximumRetryAttempts MaximumEventAgeInSeconds DestinationConfig"
    ),
    "PutFunctionRecursionConfig": "FunctionName RecursiveLoop",
    "PutFunctionScalingConfig": "FunctionName Qualifier FunctionScalingConfig",
    "PutProvisionedConcurrencyConfig": "FunctionName Qualifier ProvisionedConcurrentExecutions",
    "PutResourcePolicy": "ResourceArn Policy RevisionId",
    "PutRuntimeManagementConfig": "FunctionName Qualifier",
    "RemoveLayerVersionPermission": "LayerName VersionNumber StatementId RevisionId",
    "RemovePermission": "FunctionName StatementId Qualifier RevisionId",
    "TagResource": "Resource Tags",
    "UntagResource": "Resource TagKeys",
    "UpdateAlias": "FunctionName Name FunctionVersion Description RoutingConfig RevisionId",
    "UpdateCapacityProvider": "CapacityProviderName CapacityProviderScalingConfig PropagateTags TelemetryConfig",
    "UpdateCodeSigningConfig": "CodeSigningConfigArn Description CodeSigningPolicies",
    "UpdateEventSourceMapping": f"UUID FunctionName Enabled {_POLLING}",
    "UpdateFunctionCode": "FunctionName ZipFile S3Bucket S3Key S3ObjectVersion Publish PublishTo DryRun RevisionId",
    "UpdateFunctionConfiguration": (
        "FunctionName Role Handler Description Timeout MemorySize Environment Runtime DeadLetterConfig "
        "TracingConfig RevisionId Layers EphemeralStorage SnapStart LoggingConfig CapacityProviderConfig"
    ),
    "UpdateFunctionEventInvokeConfig": (
        "FunctionName Qualifier MaximumRetryAttempts MaximumEventAgeInSeconds DestinationConfig"
    ),
    "UpdateFunctionUrlConfig": "FunctionName Qualifier AuthType Cors InvokeMode",
    "AliasRoutingConfiguration": "AdditionalVersionWeights",
    "CapacityProviderScalingConfig": "MaxVCpuCount ScalingMode ScalingPolicies",
    "CapacityProviderTelemetryConfig": "LoggingConfig",
    "CapacityProviderVpcConfig": "SubnetIds",
    "CapacityProviderConfig": "LambdaManagedInstancesCapacityProviderConfig",
    "CodeSigningPolicies": "UntrustedArtifactOnDeployment",
    "Cors": "AllowCredentials AllowHeaders AllowMethods AllowOrigins ExposeHeaders MaxAge",
    "DeadLetterConfig": "TargetArn",
    "DestinationConfig": "OnSuccess OnFailure",
    "Environment": "Variables",
    "EphemeralStorage": "Size",
    "FilterCriteria": "Filters",
    "FunctionCode": "ZipFile S3Bucket S3Key S3ObjectVersion",
    "FunctionScalingConfig": "MinExecutionEnvironments MaxExecutionEnvironments",
    "InstanceRequirements": "Architectures AllowedInstanceTypes ExcludedInstanceTypes",
    "LayerVersionContentInput": "S3Bucket S3Key S3ObjectVersion ZipFile",
    "LoggingConfig": "LogFormat ApplicationLogLevel SystemLogLevel LogGroup",
    "PropagateTags": "Mode ExplicitTags",
    "ProvisionedPollerConfig": "MinimumPollers MaximumPollers",
    "ScalingConfig": "MaximumConcurrency",
    "SnapStart": "ApplyOn",
    "TracingConfig": "Mode",
}
"""All other members, by operation or structure; of those that AWS only keeps and shows, nothing else is promised."""


def treatments(place: str, member: str) -> list[Declared]:
    """Return what is declared of a member of an operation or structure: exactly one thing, or it was forgotten.

    >>> [each.treatment.name for each in treatments("Invoke", "TenantId")]
    ['REFUSED']
    """
    found = [each for each in WITHOUT_EFFECT if place in each.places.split() and member in each.members.split()]
    if member in IN_EFFECT.get(place, "").split():
        found.append(Declared(Treatment.IN_EFFECT, place, member, ""))
    return found
