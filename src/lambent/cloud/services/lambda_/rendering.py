"""Model values as AWS shows them: what is present, and what is absent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lambent.cloud.services.lambda_.model.function import Alias, Code, FunctionVersion, Settings
from lambent.cloud.services.lambda_.model.runtimes import version_arn
from lambent.cloud.services.lambda_.model.state import Status

Shape = dict[str, Any]  # Any: a botocore-shaped structure

CODE_PATH = "/_lambent/lambda/packages/"


def configuration(
    version: FunctionVersion, *, qualifier: str | None = None, in_list: bool = False, held_at: str | None = None
) -> Shape:
    """Return a FunctionConfiguration; its ARN carries the caller's `qualifier`. Listings leave the states out.

    `held_at` is the runtime version that the version is held at, if any: it is then shown instead of the one in use.
    """
    settings, code = version.settings, version.code
    arn = version.function_arn
    shape: Shape = {
        "FunctionName": version.function,
        "FunctionArn": arn if qualifier is None else f"{arn}:{qualifier}",
        "Role": settings.role,
        "CodeSize": code.size,
        "Description": settings.description,
        "Timeout": settings.timeout_s,
        "MemorySize": settings.memory_mb,
        "LastModified": timestamp(version.last_modified),
        "CodeSha256": code.sha256,
        "Version": version.version,
        "TracingConfig": {"Mode": settings.tracing_mode},
        "RevisionId": version.revision_id,
        "PackageType": settings.package_type,
        "Architectures": [settings.architecture],
        "EphemeralStorage": {"Size": settings.ephemeral_storage_mb},
        "SnapStart": {"ApplyOn": settings.snap_start, "OptimizationStatus": "On" if version.has_snapshot else "Off"},
        "LoggingConfig": _logging(settings),
    }
    shape.update(_optional(settings))
    if settings.managed is not None:
        del shape["SnapStart"]  # nor does AWS show one
    if not in_list:
        shape.update(_states(version.status))
        if settings.runtime is not None:
            partition, region = version.scope.partition, version.scope.region
            in_use = version_arn(partition, region, settings.runtime)
            shape["RuntimeVersionConfig"] = {"RuntimeVersionArn": held_at or in_use}
    return shape


def code_location(code: Code, host: str) -> Shape:
    """Return GetFunction's Code: where the package can be fetched from."""
    if code.image_uri is not None:
        repository = code.image_uri.partition("@")[0].rpartition(":")[0] or code.image_uri
        return {
            "RepositoryType": "ECR",
            "ImageUri": code.image_uri,
            "ResolvedImageUri": f"{repository}@sha256:{code.sha256}",
        }
    return {"RepositoryType": "S3", "Location": package_url(code, host)}


def package_url(code: Code, host: str) -> str:
    """Return where a package can be downloaded: a path of this platform."""
    return f"http://{host}{CODE_PATH}{code.digest}"


def alias_configuration(alias: Alias) -> Shape:
    """Return an AliasConfiguration; one without weights has no RoutingConfig."""
    shape: Shape = {
        "AliasArn": alias.arn,
        "Name": alias.name,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RevisionId": alias.revision_id,
    }
    if alias.weights:
        shape["RoutingConfig"] = {"AdditionalVersionWeights": dict(alias.weights)}
    return shape


def timestamp(moment: float) -> str:
    """Return a moment as Lambda writes it: `2026-11-20T08:30:00.000+0000`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(moment * 1000) % 1000:03d}+0000"


def _logging(settings: Settings) -> Shape:
    logging = settings.logging
    shape: Shape = {"LogFormat": logging.format, "LogGroup": logging.group}
    if logging.format == "JSON":
        shape["ApplicationLogLevel"] = logging.application_level
        shape["SystemLogLevel"] = logging.system_level
    return shape


def _optional(settings: Settings) -> Shape:
    shape: Shape = {}
    if settings.runtime is not None:
        shape["Runtime"] = settings.runtime
    if settings.handler is not None:
        shape["Handler"] = settings.handler
    if settings.environment is not None:
        shape["Environment"] = {"Variables": dict(settings.environment)}
    if settings.dead_letter_target is not None:
        shape["DeadLetterConfig"] = {"TargetArn": settings.dead_letter_target}
    if settings.kms_key_arn is not None:
        shape["KMSKeyArn"] = settings.kms_key_arn
    if settings.layers:
        shape["Layers"] = [{"Arn": layer.arn, "CodeSize": layer.code_size} for layer in settings.layers]
    for member, value in settings.recorded.items():
        if member == "ImageConfig":
            shape["ImageConfigResponse"] = {"ImageConfig": value}
        elif member == "CapacityProviderConfig" and settings.managed is not None:
            shape[member] = settings.managed.shape()
        else:
            shape[member] = value
    return shape


def _states(status: Status) -> Shape:
    members = {
        "State": status.state,
        "StateReason": status.reason,
        "StateReasonCode": status.reason_code,
        "LastUpdateStatus": status.update,
        "LastUpdateStatusReason": status.update_reason,
        "LastUpdateStatusReasonCode": status.update_reason_code,
    }
    return {member: str(value) for member, value in members.items() if value is not None}
