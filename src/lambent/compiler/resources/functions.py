"""Functions themselves."""

from __future__ import annotations

from collections.abc import Iterator

from lambent.compiler.errors import CompileError
from lambent.compiler.intrinsics import Value, resource_att, targets
from lambent.compiler.names import logical_id
from lambent.compiler.references import SECTION_KINDS, publishes
from lambent.compiler.resources.code import DEFAULT_ARCHITECTURE, code_place
from lambent.compiler.resources.networks import vpc_config
from lambent.compiler.resources.parties import party
from lambent.compiler.resources.scope import Emitted, Scope, resource, said
from lambent.manifest.checks.parties import TARGETS
from lambent.manifest.expression import Expression
from lambent.manifest.system import Function, Logs, Managed

DEFAULT_TIMEOUT_S = 3
DEFAULT_MEMORY_MB = 128
_TRACING = {"active": "Active", "passthrough": "PassThrough"}
_FORMATS = {"text": "Text", "json": "JSON"}


def function_resource(scope: Scope, key: str, function: Function) -> Iterator[Emitted]:
    """Yield the function `key`."""
    properties: dict[str, Value] = {
        "FunctionName": scope.references.function_name(key),
        "Description": scope.value(function.description),
        "PackageType": "Image" if function.code.image is not None else None,
        "Code": code_place(scope, function.code),
        "Runtime": function.runtime,
        "Handler": function.handler,
        "Role": scope.references.role_arn(key),
        **_size(function),
        "Layers": scope.references.values(function.layers or ()) or None,
        **_settings(scope, key, function),
        "Tags": scope.tags(function.tags),
    }
    yield (
        logical_id(key, "Function"),
        resource("AWS::Lambda::Function", properties, DependsOn=_dependencies(scope, key, function, properties)),
    )


def _size(function: Function) -> dict[str, Value]:
    # Said even where AWS's default would do: a plan then shows what a function gets, and taking `memory` out of a
    # manifest is a change like any other.
    memory = DEFAULT_MEMORY_MB if function.capacity_provider is None else None
    return {
        "Architectures": [function.architecture or DEFAULT_ARCHITECTURE],
        "MemorySize": memory if function.memory is None else function.memory,
        "Timeout": DEFAULT_TIMEOUT_S if function.timeout is None else function.timeout,
        "EphemeralStorage": None if function.ephemeral_storage is None else {"Size": function.ephemeral_storage},
    }


def _settings(scope: Scope, key: str, function: Function) -> dict[str, Value]:
    variables = {name: scope.references.value_within(key, value) for name, value in function.environment.items()}
    return {
        "Environment": {"Variables": variables} if variables else None,
        "KmsKeyArn": scope.value(function.kms_key),
        "VpcConfig": vpc_config(scope, key, function),
        "TracingConfig": {"Mode": _TRACING[function.tracing]} if function.tracing else None,
        "LoggingConfig": _logging(scope, key, function),
        "DeadLetterConfig": _dead_letter(scope, key, function),
        "SnapStart": {"ApplyOn": "PublishedVersions"} if function.snap_start else None,
        "ReservedConcurrentExecutions": function.reserved_concurrency,
        **_managed(scope, function, function.capacity_provider),
    }


def _dead_letter(scope: Scope, key: str, function: Function) -> Value:
    match function.dead_letter:
        case True:
            return {"TargetArn": resource_att(key, "FunctionDeadLetters", "Arn")}
        case Expression() as target:
            return {"TargetArn": party(scope, target, *TARGETS["dead_letter"]).arn}
        case _:
            return None


def _logging(scope: Scope, key: str, function: Function) -> Value:
    logs = function.logs or Logs()
    # Managed Instances log JSON and refuse text, which is the default elsewhere.
    # https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-monitoring.html
    chosen = logs.format or ("json" if function.capacity_provider is not None else None)
    config = {
        "LogFormat": _FORMATS[chosen] if chosen else None,
        "LogGroup": None if logs.group is None else scope.references.log_group(key),
        "ApplicationLogLevel": logs.level,
        "SystemLogLevel": logs.system_level,
    }
    return said(config) or None


def _managed(scope: Scope, function: Function, managed: Managed | None) -> dict[str, Value]:
    if managed is None:
        return {}
    instances = {
        "CapacityProviderArn": scope.references.value(managed.provider),
        "ExecutionEnvironmentMemoryGiBPerVCpu": managed.memory_per_vcpu,
        "PerExecutionEnvironmentMaxConcurrency": managed.max_concurrency,
    }
    # Published versions cost execution environments, each at least three: where an alias follows a numbered version,
    # that one is scaled, and there is no $LATEST.PUBLISHED beside it.
    published = publishes(function)
    return {
        "CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": said(instances)},
        "FunctionScalingConfig": None if published else scaling(managed),
        "PublishToLatestPublished": not published,
    }


def scaling(managed: Managed) -> Value:
    """Return the bounds of execution environments, None where nothing is said of them."""
    bounds = {
        "MinExecutionEnvironments": managed.min_environments,
        "MaxExecutionEnvironments": managed.max_environments,
    }
    return said(bounds) or None


def _dependencies(scope: Scope, key: str, function: Function, properties: Value) -> Value:
    """Return what has to be there first though no property refers to it: the own log group, and `depends_on`."""
    own = [logical_id(key, "FunctionLogGroup")] if function.logs is None or function.logs.group is None else []
    referred_to = set(targets(properties))
    asked = [_dependency(scope, key, name) for name in function.depends_on]
    needed = [name for name in dict.fromkeys([*own, *asked]) if name not in referred_to]
    return needed[0] if len(needed) == 1 else needed or None


def _dependency(scope: Scope, key: str, name: str) -> str:
    section, _, wanted = name.partition(".")
    if section not in SECTION_KINDS or wanted not in getattr(scope.system, section):
        advice = "Write `roles.NAME`, `functions.NAME` or the like."
        path = ("functions", key, "depends_on")
        raise CompileError(
            f"functions.{key} depends on {name}, which is not in this manifest", advice=advice, path=path
        )
    return logical_id(wanted, SECTION_KINDS[section])
