"""What the data plane raises for requests that never become an invocation."""

from __future__ import annotations


class DataPlaneError(Exception):
    """The data plane could not do what it was asked."""


class RuntimeUnavailableError(DataPlaneError):
    """Nothing on this machine can run the function's runtime (or, in strict mode, not exactly it)."""

    def __init__(self, runtime: str, reason: str) -> None:
        super().__init__(f"{runtime}: {reason}")
        self.runtime = runtime
        self.reason = reason


class IsolationUnavailableError(DataPlaneError):
    """The isolation level that was demanded does not hold on this machine; the message says why and what would help."""


class SandboxError(DataPlaneError):
    """An execution environment could not be built: the platform's fault, not the function's."""


def as_data_plane_error(error: Exception) -> DataPlaneError:
    """Return an error of ours as it is, and any other as the sandbox's."""
    return error if isinstance(error, DataPlaneError) else SandboxError(f"{type(error).__name__}: {error}")


class PlatformStoppingError(DataPlaneError):
    """The data plane is being stopped: the invocation was not run, or was cut off; a later one may be."""


class UnknownProviderError(DataPlaneError):
    """A version is to be deployed on a capacity provider that is not open."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"the capacity provider {arn} is not open")
