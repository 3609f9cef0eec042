"""A launcher and functions written in a test, for tests that look at one sandbox at a time."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import textwrap
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lambent.base.clock import SystemClock
from lambent.dataplane.runtime_api.messages import InitAnswer, InvocationHeaders, Response, RuntimeAnswer
from lambent.dataplane.sandbox.handle import Sandbox
from lambent.dataplane.sandbox.launcher import Launcher
from lambent.dataplane.sandbox.running import RunningSandbox
from lambent.dataplane.sandbox.spec import Limits, SandboxSpec
from lambent.dataplane.types import (
    DataPlaneSettings,
    FunctionArn,
    FunctionSpec,
    IsolationLevel,
    ProcessExit,
    VersionArn,
)

OWN = "python3.11"
PATIENCE_S = 20.0


@dataclass
class Environment:
    """One running environment and the lines it wrote."""

    sandbox: Sandbox
    spec: SandboxSpec
    lines: list[str] = field(default_factory=list)

    async def init(self) -> InitAnswer:
        return await asyncio.wait_for(asyncio.shield(self.sandbox.channel.first_next), PATIENCE_S)

    async def invoke(self, event: object = None, *, request_id: str = "r-1") -> RuntimeAnswer:
        headers = InvocationHeaders(request_id, int(SystemClock().now() * 1000) + 3000, "arn:aws:lambda:x")
        answer = await asyncio.wait_for(self.sandbox.channel.invoke(headers, json.dumps(event).encode()), PATIENCE_S)
        self.sandbox.drain_output()
        return answer

    async def answer(self, event: object = None) -> object:
        """Invoke and return what the handler returned."""
        answer = await self.invoke(event)
        assert isinstance(answer, Response), (answer, self.lines)
        return json.loads(answer.payload)

    async def keeper(self) -> int:
        """Return the process id of the sandbox's keeper."""
        assert isinstance(self.sandbox, RunningSandbox)
        return await self.sandbox.started

    async def exit(self) -> ProcessExit:
        return await asyncio.wait_for(asyncio.shield(self.sandbox.exited), PATIENCE_S)


class Sandboxes:
    """Launches functions given as source text."""

    def __init__(self, launcher: Launcher, folder: Path, others: frozenset[int]) -> None:
        self.launcher = launcher
        self._folder = folder
        self._others = others
        self._numbers = itertools.count()

    def processes(self) -> list[int]:
        """Return the processes that were started for these sandboxes."""
        return [pid for pid in children() if pid not in self._others]

    async def launch(  # noqa: PLR0913 - a test names only what matters to it
        self,
        source: str,
        *,
        runtime: str = OWN,
        limits: Limits | None = None,
        variables: Mapping[str, str] | None = None,
        handler: str = "app.handler",
        layers: tuple[Path, ...] = (),
        reserved: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> Environment:
        number = next(self._numbers)
        code = self._folder / f"code-{number}"
        code.mkdir()
        for name, text in {"app.py": textwrap.dedent(source), **(files or {})}.items():
            (code / name).parent.mkdir(exist_ok=True)
            (code / name).write_text(text)
        code.chmod(0o755)
        spec = FunctionSpec(
            function_arn=FunctionArn("arn"),
            version_arn=VersionArn("arn:$LATEST"),
            revision="1",
            account="000000000000",
            region="eu-west-1",
            function_name="f",
            version="$LATEST",
            runtime=runtime,
            handler=handler,
            role_arn="",
            code=code,
            layers=layers,
            environment=dict(variables or {}),
        )
        environment = {
            "_HANDLER": spec.handler,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": "f",
            "LANG": "en_US.UTF-8",
            "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
            "TZ": ":UTC",
            **spec.environment,
            **(reserved or {}),
        }
        return await self._launch(
            SandboxSpec(
                environment_id=f"environment-{number}",
                function=spec,
                variables=environment,
                interpreter=self.launcher.resolve(runtime),
                isolation=self.launcher.isolation,
                limits=limits or Limits(memory_mb=256, ephemeral_storage_mb=512),
            )
        )

    async def launch_again(self, environment: Environment) -> Environment:
        """Launch the same environment once more, after a reset."""
        return await self._launch(environment.spec)

    async def _launch(self, spec: SandboxSpec) -> Environment:
        sandbox = await self.launcher.launch(spec)
        launched = Environment(sandbox, spec)
        sandbox.on_output(lambda line, _=None: launched.lines.append(line.text))
        return launched


@asynccontextmanager
async def sandboxes(folder: Path, isolation: IsolationLevel) -> AsyncIterator[Sandboxes]:
    settings = DataPlaneSettings(scratch=folder / "scratch", endpoint_url="http://127.0.0.1:1", isolation=isolation)
    launcher = Launcher(settings, real_time=SystemClock())
    others = frozenset(children())
    await launcher.start()
    try:
        yield Sandboxes(launcher, folder, others)
    finally:
        await launcher.stop()


def children() -> list[int]:
    """Return the processes that this one has started, those of other tests' platforms among them."""
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


async def until(claim: Callable[[], object], what: str) -> None:
    """Wait for something that no event tells, such as another process's end; fail after some patience."""
    deadline = time.monotonic() + PATIENCE_S
    while not claim():
        assert time.monotonic() < deadline, what
        await asyncio.wait([asyncio.get_running_loop().create_future()], timeout=0.01)
