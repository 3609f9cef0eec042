"""Why a version could not be deployed on a capacity provider, as the version's state says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import orjson

from lambent.dataplane.capacity.types import CapacityShortage
from lambent.dataplane.environment.init_phase import InitFailure
from lambent.dataplane.types import ExitKind, InvocationStatus

_BY_ERROR_TYPE: Final = {
    "Runtime.InvalidEntrypoint": "InvalidEntryPoint",
    "Runtime.InvalidWorkingDir": "InvalidWorkingDirectory",
    "Runtime.OutOfMemory": "InitResourceExhausted",
}
_SHORTAGES: Final = {
    CapacityShortage.VCPU_LIMIT: "The capacity provider has reached its maximum number of vCPUs.",
    CapacityShortage.INSUFFICIENT: "There is no capacity for the instance types that the capacity provider allows.",
}


@dataclass(frozen=True, slots=True)
class DeployFailure:
    """Why a deployment does not serve: `code` is a function's StateReasonCode, `reason` what is behind it.

    https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html
    """

    code: str
    reason: str
    init: InitFailure | None = None


def of_shortage(shortage: CapacityShortage) -> DeployFailure:
    """Return the failure where there is no room for the environments."""
    return DeployFailure(shortage.value, _SHORTAGES[shortage])


def of_init(failure: InitFailure) -> DeployFailure:
    """Return the failure where an environment did not come to the end of its init.

    >>> of_init(InitFailure(InvocationStatus.TIMEOUT, "Sandbox.Timedout")).code
    'FunctionError.InitTimeout'
    """
    return DeployFailure(f"FunctionError.{_kind(failure)}", _reason(failure), failure)


def _kind(failure: InitFailure) -> str:
    if failure.extension is not None:
        return _kind_of_extension(failure.extension.message)
    if failure.status is InvocationStatus.TIMEOUT:
        return "InitTimeout"
    if failure.exit is not None and failure.exit.kind is ExitKind.OUT_OF_MEMORY:
        return "InitResourceExhausted"
    return _BY_ERROR_TYPE.get(failure.error_type, "RuntimeInitError")


def _kind_of_extension(message: str) -> str:
    if "ErrTooManyExtensions" in message:
        return "TooManyExtensions"
    return "PermissionDenied" if "ermission denied" in message else "ExtensionInitError"


def _reason(failure: InitFailure) -> str:
    if failure.extension is not None:
        return failure.extension.message
    if failure.status is InvocationStatus.TIMEOUT:
        return "The function's init phase timed out."
    if failure.payload is not None:
        try:
            report = orjson.loads(failure.payload)
        except ValueError:
            report = None
        if isinstance(report, dict) and isinstance(report.get("errorMessage"), str):
            return f"{failure.error_type}: {report['errorMessage']}"
    if failure.exit is not None and failure.exit.kind is ExitKind.OUT_OF_MEMORY:
        return "The function's workers need more memory to initialize than the function has."
    return f"The function failed to initialize: {failure.error_type}."
