"""The fork servers: one per interpreter and family of runtimes, and some whose interpreter was started with variables.

Some variables Python reads only when it starts. Functions that set them are forked, too, from an interpreter that was
executed with them; until that stands, or where there are enough of them, they are executed afresh.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from lambent.base.tasks import TaskOwner
from lambent.dataplane.errors import SandboxError
from lambent.dataplane.sandbox.spec import Interpreter
from lambent.dataplane.supervision.fork_server import ForkServer, ForkServerSpec, StartVariables

_log = logging.getLogger(__name__)
_MOST_WITH_VARIABLES: Final = 4
"""Each is an interpreter with the SDK's modules loaded, and what stands by."""
_Key = tuple[Path, str, StartVariables]
_Starting = asyncio.Future[ForkServer]


class ForkServers:
    """Starts fork servers when they are first needed, and owns them; `describe` says what one is started with."""

    def __init__(self, describe: Callable[[Interpreter, StartVariables], ForkServerSpec]) -> None:
        self._describe = describe
        self._servers: dict[_Key, _Starting] = {}
        self._tasks = TaskOwner("fork servers")

    async def plain(self, interpreter: Interpreter) -> ForkServer:
        """Return the fork server that serves every function; raises SandboxError where it cannot be started."""
        known = self._servers.get(_key(interpreter, ()))
        if known is not None and not _has_failed(known):
            return await asyncio.shield(known)
        return await self._start(interpreter, (), self._enter(interpreter, ()))

    async def best(self, interpreter: Interpreter, variables: StartVariables) -> ForkServer:
        """Return the fork server that was started with these variables where it is ready, else the plain one.

        In the latter case it is started meanwhile, unless there are as many as there may be. Raises as `plain`.
        """
        if variables:
            known = self._servers.get(_key(interpreter, variables))
            if known is not None and known.done() and not _has_failed(known) and known.result().is_ready:
                return known.result()
            if known is None and sum(bool(key[2]) for key in self._servers) < _MOST_WITH_VARIABLES:
                starting = self._enter(interpreter, variables)
                self._tasks.start(self._try(interpreter, variables, starting), name=" ".join(dict(variables)))
        return await self.plain(interpreter)

    async def stop(self) -> None:
        """End every fork server, and with it what it has started; idempotent."""
        await self._tasks.aclose()
        servers, self._servers = self._servers, {}
        for starting in servers.values():
            with contextlib.suppress(SandboxError, asyncio.CancelledError):
                await (await starting).stop()

    async def _try(self, interpreter: Interpreter, variables: StartVariables, starting: _Starting) -> None:
        # One that fails, or ends, is not tried again: what the interpreter thinks of the values is told by an exec.
        try:
            await self._start(interpreter, variables, starting)
        except SandboxError as error:
            _log.info("no fork server with %s: %s", ", ".join(dict(variables)), error)

    def _enter(self, interpreter: Interpreter, variables: StartVariables) -> _Starting:
        starting: _Starting = asyncio.get_running_loop().create_future()
        self._servers[_key(interpreter, variables)] = starting
        return starting

    async def _start(self, interpreter: Interpreter, variables: StartVariables, starting: _Starting) -> ForkServer:
        try:
            server = await ForkServer.start(self._describe(interpreter, variables))
        except BaseException as error:
            starting.set_exception(error if isinstance(error, SandboxError) else SandboxError("the start was given up"))
            starting.exception()
            raise
        starting.set_result(server)
        return server


def _key(interpreter: Interpreter, variables: StartVariables) -> _Key:
    return interpreter.executable, interpreter.family, variables


def _has_failed(starting: _Starting) -> bool:
    if not starting.done():
        return False
    return starting.cancelled() or starting.exception() is not None or starting.result().ended.done()
