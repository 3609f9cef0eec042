"""A request's members become settings: AWS's defaults, and the checks that need nothing but the request.

Layers, the role and the network are other resources: the operations look those up and hand them in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from lambent.aws.quotas import (
    ENVIRONMENT_VARIABLES_BYTES,
    MANAGED_INSTANCE_MAXIMUM_MEMORY_MB,
    MANAGED_INSTANCE_MAXIMUM_TIMEOUT_S,
    MAXIMUM_EPHEMERAL_STORAGE_MB,
    MAXIMUM_MEMORY_MB,
    MAXIMUM_TIMEOUT_S,
)
from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.model.function import (
    Architecture,
    JsonValue,
    LayerReference,
    Logging,
    PackageType,
    Settings,
)
from lambent.cloud.services.lambda_.model.runtimes import CREATABLE, RETIRED
from lambent.cloud.services.lambda_.model.snap_start_checks import check_snap_start

Members = Mapping[str, Any]  # Any: a request's members, as the framework hands them over

_LAYER_LIMIT = 5

_ENVIRONMENT_ERROR = (
    "Lambda was unable to configure your environment variables because the environment variables you have provided"
)
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
_RESERVED_VARIABLES = frozenset({
    "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR", "AWS_LAMBDA_MAX_CONCURRENCY", "AWS_LAMBDA_METADATA_API", "AWS_LAMBDA_METADATA_TOKEN",
})  # fmt: skip

# Kept and shown as they came; what they ask for is not simulated.
_RECORDED = (
    "FileSystemConfigs", "ImageConfig", "TenancyConfig", "DurableConfig", "RuntimeConfig", "AcceleratorConfig",
    "CapacityProviderConfig",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Looked:
    """What the operation looked up for a request; None where the request says nothing about it."""

    layers: tuple[LayerReference, ...] | None = None
    vpc: Mapping[str, JsonValue] | None = None


def settings_of_new_function(name: str, asked: Members, looked: Looked) -> Settings:
    """Return the settings CreateFunction asks for, with AWS's defaults; raises ServiceError as AWS does."""
    package_type: PackageType = asked.get("PackageType") or "Zip"
    _check_package_type(package_type, asked)
    logging = Logging(group=f"/aws/lambda/{name}")
    if asked.get("CapacityProviderConfig"):
        # Managed Instances log JSON only: what several requests write at a time must be told apart.
        # https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-monitoring.html
        logging = replace(logging, format="JSON", application_level="INFO", system_level="INFO")
    base = Settings(
        role=asked["Role"],
        package_type=package_type,
        logging=logging,
        architecture=_architecture(asked) or "x86_64",
    )
    return changed_settings(name, base, asked, looked)


def changed_settings(name: str, current: Settings, asked: Members, looked: Looked) -> Settings:
    """Return the settings after a request: what it leaves out stays; raises ServiceError as AWS does."""
    _check_limits(asked, is_managed=bool(asked.get("CapacityProviderConfig")) or current.managed is not None)
    if asked.get("Runtime") is not None:
        check_runtime(asked["Runtime"])
    environment = _environment(asked, current)
    dead_letters = asked.get("DeadLetterConfig")
    settings = replace(
        current,
        role=_given(asked, "Role", current.role),
        runtime=_given(asked, "Runtime", current.runtime),
        handler=_given(asked, "Handler", current.handler),
        description=_given(asked, "Description", current.description),
        timeout_s=_given(asked, "Timeout", current.timeout_s),
        memory_mb=_given(asked, "MemorySize", current.memory_mb),
        ephemeral_storage_mb=(asked.get("EphemeralStorage") or {}).get("Size", current.ephemeral_storage_mb),
        environment=environment,
        tracing_mode=(asked.get("TracingConfig") or {}).get("Mode", current.tracing_mode),
        snap_start=(asked.get("SnapStart") or {}).get("ApplyOn", current.snap_start),
        layers=current.layers if looked.layers is None else looked.layers,
        dead_letter_target=(
            current.dead_letter_target if dead_letters is None else dead_letters.get("TargetArn") or None
        ),
        kms_key_arn=current.kms_key_arn if asked.get("KMSKeyArn") is None else asked["KMSKeyArn"] or None,
        logging=_logging(name, current.logging, asked.get("LoggingConfig")),
        recorded=_recorded(current.recorded, asked, looked),
    )
    check_snap_start(settings)
    return settings


def check_runtime(runtime: str) -> None:
    """Raise InvalidParameterValueException for a runtime that cannot be chosen (any more)."""
    if runtime in RETIRED:
        raise errors.invalid_parameter(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. "
            "We recommend you use a supported runtime while creating or updating functions."
        )
    if runtime not in CREATABLE:
        raise errors.invalid_parameter(
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
            f"[{', '.join(CREATABLE)}] or be a valid ARN"
        )


def check_layer_count(arns: Sequence[str]) -> None:
    """Raise InvalidParameterValueException for more layers than a function may have."""
    if len(arns) > _LAYER_LIMIT:
        raise errors.invalid_parameter(f"Cannot reference more than {_LAYER_LIMIT} layers.")


def _check_package_type(package_type: str, asked: Members) -> None:
    if package_type == "Image":
        if any(asked.get(member) for member in ("Handler", "Runtime", "Layers")):
            raise errors.invalid_parameter(
                "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image."
            )
    elif not asked.get("Runtime") or not asked.get("Handler"):
        raise errors.invalid_parameter(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages."
        )


def _check_limits(asked: Members, *, is_managed: bool) -> None:
    # The model's ranges are wider: they hold for Managed Instances and for functions with accelerators.
    checked = (
        (asked.get("Timeout"), "timeout", MANAGED_INSTANCE_MAXIMUM_TIMEOUT_S if is_managed else MAXIMUM_TIMEOUT_S),
        (
            asked.get("MemorySize"),
            "memorySize",
            MANAGED_INSTANCE_MAXIMUM_MEMORY_MB if is_managed else MAXIMUM_MEMORY_MB,
        ),
        (
            None if asked.get("AcceleratorConfig") else (asked.get("EphemeralStorage") or {}).get("Size"),
            "ephemeralStorage.size",
            MAXIMUM_EPHEMERAL_STORAGE_MB,
        ),
    )
    violations = [
        f"Value '{value}' at '{member}' failed to satisfy constraint: Member must have value less than or equal to "
        f"{limit}"
        for value, member, limit in checked
        if value is not None and value > limit
    ]
    if violations:
        raise errors.validation(*violations)


def _environment(asked: Members, current: Settings) -> Mapping[str, str] | None:
    given = asked.get("Environment")
    if given is None:
        return current.environment
    variables: Mapping[str, str] = given.get("Variables") or {}
    reserved = [name for name in variables if name in _RESERVED_VARIABLES]
    if reserved:
        raise errors.invalid_parameter(
            f"{_ENVIRONMENT_ERROR} contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = orjson.dumps(variables).decode()
    if len(measured.encode()) > ENVIRONMENT_VARIABLES_BYTES:
        raise errors.invalid_parameter(f"{_ENVIRONMENT_ERROR} exceeded the 4KB limit. String measured: {measured}")
    return dict(variables)


def _logging(name: str, current: Logging, given: Members | None) -> Logging:
    if given is None:
        return current
    log_format = given.get("LogFormat") or current.format
    group = given.get("LogGroup") or current.group or f"/aws/lambda/{name}"
    if log_format == "Text":
        if given.get("ApplicationLogLevel") or given.get("SystemLogLevel"):
            raise errors.invalid_parameter(
                'LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel from your request or '
                'change the LogFormat to "JSON" and try again.'
            )
        return Logging(group=group)
    return Logging(
        group=group,
        format="JSON",
        application_level=given.get("ApplicationLogLevel") or current.application_level or "INFO",
        system_level=given.get("SystemLogLevel") or current.system_level or "INFO",
    )


def _recorded(current: Mapping[str, JsonValue], asked: Members, looked: Looked) -> dict[str, JsonValue]:
    recorded = dict(current)
    for member in _RECORDED:
        value = asked.get(member)
        if value is None:
            continue
        if value:
            recorded[member] = value
        else:
            recorded.pop(member, None)
    if looked.vpc is not None:
        recorded["VpcConfig"] = dict(looked.vpc)
    return recorded


def _architecture(asked: Members) -> Architecture | None:
    architectures = asked.get("Architectures")
    return architectures[0] if architectures else None


def _given(asked: Members, member: str, otherwise: Any) -> Any:  # Any: whatever the member's type is
    value = asked.get(member)
    return otherwise if value is None else value
