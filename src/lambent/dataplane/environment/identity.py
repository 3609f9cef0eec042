"""What an execution environment keeps for life, whatever runs in its sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from lambent.dataplane.environment.host import Host
from lambent.dataplane.sandbox.handle import Sandbox
from lambent.dataplane.sandbox.spec import MANAGED_FILES, Interpreter, Limits, SandboxSpec
from lambent.dataplane.sandbox.variables import environment_variables
from lambent.dataplane.types import EnvironmentInfo, FunctionSpec, InitializationType, IsolationLevel


@dataclass(frozen=True, slots=True)
class Identity:
    """An environment's names, the function it is for and what runs that: the same before and after every reset."""

    environment_id: str
    log_stream: str
    spec: FunctionSpec
    initialization_type: InitializationType
    interpreter: Interpreter
    isolation: IsolationLevel

    async def variables(self, host: Host) -> dict[str, str]:
        """Return the variables of the environment for a launch, with new credentials."""
        credentials = await host.credentials.issue(self.spec)
        endpoint_url = host.settings.endpoint_url
        return environment_variables(self.spec, credentials, self.log_stream, endpoint_url, self.initialization_type)

    def sandbox(self, variables: Mapping[str, str]) -> SandboxSpec:
        """Return what its next sandbox is made from."""
        spec = self.spec
        limits = Limits(spec.memory_mb, spec.ephemeral_storage_mb, vcpus=spec.vcpus)
        return SandboxSpec(
            environment_id=self.environment_id,
            function=spec,
            variables=variables,
            interpreter=self.interpreter,
            isolation=self.isolation,
            limits=replace(limits, files=MANAGED_FILES) if spec.is_managed else limits,
            initialization_type=self.initialization_type,
        )

    def info(self, sandbox: Sandbox, init_phase: Literal["init", "invoke"] = "init") -> EnvironmentInfo:
        """Return how others see the environment while this sandbox serves it."""
        return EnvironmentInfo(
            environment_id=self.environment_id,
            spec=self.spec,
            log_stream=self.log_stream,
            initialization_type=self.initialization_type,
            isolation=self.isolation,
            interpreter=self.interpreter.description,
            started_by=sandbox.started_by,
            notices=sandbox.notices,
            init_phase=init_phase,
        )


def new_identity(
    spec: FunctionSpec, interpreter: Interpreter, initialization_type: InitializationType, host: Host
) -> Identity:
    """Return the identity of an environment that begins now."""
    environment_id = host.ids.hex(32)
    begun = datetime.fromtimestamp(host.real_time.now(), UTC)
    log_stream = f"{begun:%Y/%m/%d}/[{spec.version}]{environment_id}"
    return Identity(environment_id, log_stream, spec, initialization_type, interpreter, host.launcher.isolation)
