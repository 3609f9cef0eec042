"""Reads the data files of AWS's policies for the operations that need them: once, and away from the event loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Operation, Parameters, Result
from lambent.cloud.services.iam import policy_repository

_ALL = frozenset({"ListPolicies", "CreateServiceLinkedRole"})  # know a policy by its name, or list every one
_NAMING = ("PolicyArn", "PermissionsBoundary")


class PolicyFiles:
    """One thread, from the first operation on that wants a policy of AWS's which is not read yet."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None

    def before(self, name: str, operation: Operation) -> Operation:
        """Return the operation of that name, which now finds read what it needs: reading takes up to 0.2 s."""
        of_all = name in _ALL

        async def prepared(context: RequestContext, parameters: Parameters) -> Result:
            for arn in [None] if of_all else [parameters[each] for each in _NAMING if parameters.get(each)]:
                if not policy_repository.is_at_hand(arn):
                    await self._read(arn)
            return await operation(context, parameters)

        return prepared

    async def stop(self) -> None:
        """End the thread, after what it is at."""
        if self._thread is not None:
            await asyncio.to_thread(self._thread.shutdown)
            self._thread = None

    async def _read(self, arn: str | None) -> None:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="iam-policy-files")
        await asyncio.get_running_loop().run_in_executor(self._thread, policy_repository.read_files, arn)
