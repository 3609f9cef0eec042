"""What a sandbox is made from: interpreter, limits, directories and the whole environment of the process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lambent.dataplane.types import FunctionSpec, InitializationType, IsolationLevel

OWN_BOOTSTRAP: Final = "the function's own bootstrap"
MANAGED_FILES: Final = 4096
"""How many files an environment on Managed Instances may have open:
https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-quotas.html"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A program found on this machine that stands for a managed runtime, or serves one that the function brings.

    `version` is the full version it reports, or its minor version where only that is known. `notice` is set where a
    neighbour stands in for the version that the runtime names. `host` is the Python whose fork server makes the
    sandboxes of a runtime that is none itself.
    """

    runtime: str
    executable: Path
    prefix: Path
    version: str
    is_exact: bool
    notice: str | None = None
    host: Interpreter | None = None

    @property
    def family(self) -> str:
        """The runtime's name without its version: python, nodejs, or provided."""
        return self.runtime.rstrip("0123456789.x") if not self.runtime.startswith("provided") else "provided"

    @property
    def description(self) -> str:
        """What runs the function's code, for people: not the Python that serves a provided runtime its API."""
        return OWN_BOOTSTRAP if self.family == "provided" else f"{self.executable} ({self.version})"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one execution environment may use.

    Files and processes are AWS's fixed quotas: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    Where `vcpus` is None, CPU comes with the memory.
    """

    memory_mb: int
    ephemeral_storage_mb: int = 512
    processes: int = 1024
    files: int = 1024
    vcpus: float | None = None


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """One execution environment to be started.

    `variables` is the complete environment of the process; the sandbox adds only what depends on where things stand:
    LAMBDA_TASK_ROOT, LAMBDA_RUNTIME_DIR and, in process isolation, TMPDIR and the PATH's first entry. `notices` are
    told beside the sandbox's own.
    """

    environment_id: str
    function: FunctionSpec
    variables: Mapping[str, str]
    interpreter: Interpreter
    isolation: IsolationLevel
    limits: Limits
    initialization_type: InitializationType = InitializationType.ON_DEMAND
    notices: tuple[str, ...] = ()
