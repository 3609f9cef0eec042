"""How a new or changed version becomes active: its code and runtime are made ready, then its state moves on."""

from __future__ import annotations

import logging
from dataclasses import replace

from lambent.base.tasks import TaskOwner
from lambent.cloud.services.lambda_ import repository
from lambent.cloud.services.lambda_.dependencies import Dependencies
from lambent.cloud.services.lambda_.model.function import FunctionVersion
from lambent.cloud.services.lambda_.model.state import Event, move
from lambent.cloud.services.lambda_.packages import Packages
from lambent.cloud.services.lambda_.routing import Routes, version_route
from lambent.cloud.store.unit_of_work import Transaction
from lambent.dataplane import DataPlaneError, PlatformStoppingError, RuntimeUnavailableError

_log = logging.getLogger(__name__)


class Activation:
    """Prepares versions in the background and commits what became of it."""

    def __init__(self, dependencies: Dependencies, packages: Packages, routes: Routes) -> None:
        self._dependencies = dependencies
        self._packages = packages
        self._routes = routes
        self._tasks = TaskOwner("lambda activation", clock=dependencies.clock)

    def resume(self) -> None:
        """Take up what was under way when the platform stopped."""
        for version in repository.unsettled(self._dependencies.store.read):
            self.begin(version)

    def begin(self, version: FunctionVersion) -> None:
        """Prepare a version that has just been committed as pending or in progress."""
        self._tasks.start(self._activate(version), name=version.arn)

    async def stop(self) -> None:
        """Give up what is under way; `resume` takes it up again."""
        await self._tasks.aclose()

    async def _activate(self, version: FunctionVersion) -> None:
        try:
            problem = await self._prepare(version)
        except PlatformStoppingError:
            return  # taken up again after the next start
        await self._dependencies.store.write(lambda transaction: self._settle(transaction, version, problem))

    async def _prepare(self, version: FunctionVersion) -> str | None:
        """Make everything ready; return why that failed, or None."""
        route = version_route(version, self._packages)
        for digest in route.digests:
            if not self._packages.is_ready(digest):
                await self._packages.restore(digest)
        if route.spec is None:
            return None
        try:
            await self._dependencies.plane.prepare(route.spec)
        except RuntimeUnavailableError as error:
            # The function exists and can be configured all the same; invoking it says what is missing.
            _log.warning("%s cannot run here: %s", version.arn, error)
        except PlatformStoppingError:
            raise
        except DataPlaneError as error:
            _log.error("%s could not be prepared: %s", version.arn, error)
            return str(error)
        return None

    def _settle(self, transaction: Transaction, version: FunctionVersion, problem: str | None) -> None:
        current = repository.version(transaction, version.scope, version.function, version.version)
        if current is None or current.status.is_settled:
            return  # deleted meanwhile
        event = Event.PREPARED if problem is None else Event.PREPARATION_FAILED
        status = move(current.status, event, reason=problem, reason_code=None if problem is None else "InternalError")
        # AWS gives a new revision id when a version becomes active, too.
        settled = replace(current, status=status, revision_id=self._dependencies.ids.uuid())
        repository.put_version(transaction, settled)
        transaction.after_commit(lambda: self._routes.replace_version(settled))
