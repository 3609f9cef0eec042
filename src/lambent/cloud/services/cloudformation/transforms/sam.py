"""The SAM transform, seen from the platform: a worker process, started on first use."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Sequence
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.template.document import TemplateError

Values = dict[str, Any]  # Any: JSON-shaped values of a template
_LIMIT = 16 << 20
_STOP_S = 3.0
_ANSWER_S = 60.0
_COMMAND = (sys.executable, "-m", "lambent.cloud.services.cloudformation.transforms.worker")


class SamWorker:
    """One translator process; templates take turns."""

    def __init__(self, *, command: Sequence[str] = _COMMAND, limit_s: float = _ANSWER_S) -> None:
        self._command = command
        self._limit_s = limit_s
        self._child: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def transform(self, template: Values, parameters: Values, *, region: str, partition: str) -> Values:
        """Return the template without SAM's resources. Raises TemplateError in the translator's words."""
        request = {"template": template, "parameters": parameters, "region": region, "partition": partition}
        async with self._turn:
            try:
                async with asyncio.timeout(self._limit_s):
                    answer = await self._exchange(request)
            except TimeoutError:
                await self._kill()
                raise TemplateError(
                    f"Transform AWS::Serverless-2016-10-31 failed with: "
                    f"the translator gave no answer within {self._limit_s:g} seconds."
                ) from None
            except BaseException:
                # Cut off in the middle, its answer would be taken for that of the next caller.
                await self.stop()
                raise
        if "error" in answer:
            raise TemplateError(f"Transform AWS::Serverless-2016-10-31 failed with: {answer['error']}")
        found: Values = answer["template"]
        return found

    async def _kill(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()

    async def stop(self) -> None:
        """End the process, if there is one."""
        child, self._child = self._child, None
        if child is None or child.returncode is not None:
            return
        assert child.stdin is not None  # noqa: S101 - it was given a pipe
        child.stdin.close()
        try:
            await asyncio.wait_for(child.wait(), _STOP_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()

    async def _exchange(self, request: Values) -> Values:
        child = self._child
        if child is None or child.returncode is not None:
            child = self._child = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LIMIT,
                start_new_session=True,
            )
        assert child.stdin is not None and child.stdout is not None  # noqa: S101, PT018 - it was given pipes
        child.stdin.write(json.dumps(request).encode() + b"\n")
        await child.stdin.drain()
        line = await child.stdout.readline()
        if not line:
            self._child = None
            raise ServiceError("InternalFailure", "The process of the SAM transform ended.", status=500)
        answer: Values = json.loads(line)
        return answer
