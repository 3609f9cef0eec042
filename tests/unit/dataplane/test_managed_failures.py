"""What a failed init is called in a version's state."""

from __future__ import annotations

import pytest

from lambent.dataplane.environment.companions import ExtensionFailure
from lambent.dataplane.environment.init_phase import InitFailure
from lambent.dataplane.managed import failures
from lambent.dataplane.types import ExitKind, InvocationStatus, ProcessExit


def extension(message: str) -> InitFailure:
    failure = ExtensionFailure("Extension.LaunchError", message)
    return InitFailure(InvocationStatus.ERROR, failure.error_type, extension=failure)


@pytest.mark.parametrize(
    ("failure", "code", "reason"),
    [
        (extension("ErrTooManyExtensions"), "TooManyExtensions", "ErrTooManyExtensions"),
        (
            extension("fork/exec /opt/extensions/a: Permission denied"),
            "PermissionDenied",
            "fork/exec /opt/extensions/a: Permission denied",
        ),
        (extension("exit status 2"), "ExtensionInitError", "exit status 2"),
        (
            InitFailure(InvocationStatus.TIMEOUT, "Sandbox.Timedout"),
            "InitTimeout",
            "The function's init phase timed out.",
        ),
        (
            InitFailure(InvocationStatus.ERROR, "Runtime.ExitError", exit=ProcessExit(ExitKind.OUT_OF_MEMORY, 9)),
            "InitResourceExhausted",
            "The function's workers need more memory to initialize than the function has.",
        ),
        (
            InitFailure(InvocationStatus.ERROR, "Runtime.ExitError", exit=ProcessExit(ExitKind.EXITED, 1)),
            "RuntimeInitError",
            "The function failed to initialize: Runtime.ExitError.",
        ),
        (
            InitFailure(InvocationStatus.ERROR, "Runtime.ImportModuleError", b'{"errorMessage": "no"}'),
            "RuntimeInitError",
            "Runtime.ImportModuleError: no",
        ),
        (
            InitFailure(InvocationStatus.ERROR, "Runtime.InvalidEntrypoint", b"no JSON"),
            "InvalidEntryPoint",
            "The function failed to initialize: Runtime.InvalidEntrypoint.",
        ),
    ],
)
def test_init_that_fails_has_a_state_reason_code(failure: InitFailure, code: str, reason: str) -> None:
    told = failures.of_init(failure)
    assert (told.code, told.reason, told.init) == (f"FunctionError.{code}", reason, failure)
