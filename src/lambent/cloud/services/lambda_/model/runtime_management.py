"""When a function version moves to a newer version of its runtime.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lambent.cloud.services.lambda_ import errors

Members = Mapping[str, Any]  # Any: a request's members, as the framework hands them over
UpdateMode = Literal["Auto", "FunctionUpdate", "Manual"]


@dataclass(frozen=True, slots=True)
class RuntimeManagement:
    """The update mode of one function version, and the runtime version it is held at (in mode Manual alone)."""

    mode: UpdateMode = "Auto"
    runtime_version_arn: str | None = None


def runtime_management(asked: Members, region: str) -> RuntimeManagement:
    """Return what PutRuntimeManagementConfig asks for; raises InvalidParameterValueException."""
    mode: UpdateMode = asked["UpdateRuntimeOn"]
    arn: str | None = asked.get("RuntimeVersionArn") or None
    if mode != "Manual":
        if arn is not None:
            raise errors.invalid_parameter("RuntimeVersionArn can only be set when UpdateRuntimeOn is Manual.")
        return RuntimeManagement(mode)
    if arn is None:
        raise errors.invalid_parameter("RuntimeVersionArn is required when UpdateRuntimeOn is Manual.")
    if arn.split(":")[3] != region:
        raise errors.invalid_parameter(f"Runtime version {arn} is not in the region of the function ({region}).")
    return RuntimeManagement(mode, arn)


def check_managed(package_type: str) -> None:
    """Raise InvalidParameterValueException for container images, which bring their own runtime."""
    if package_type == "Image":
        raise errors.invalid_parameter(
            "Runtime management is not supported for functions created with container images."
        )
