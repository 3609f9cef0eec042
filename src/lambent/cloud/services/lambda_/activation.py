"""How a new or changed version becomes active: its code and runtime are made ready, then its state moves on.

A version on Managed Instances is also put to sleep, and deleted, in the background.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from lambent.base.tasks import TaskOwner
from lambent.cloud.services.lambda_ import repository
from lambent.cloud.services.lambda_.capacity_providers import (
    put_version_scaling,
    version_scaling,
    versions_to_scale,
)
from lambent.cloud.services.lambda_.dependencies import Dependencies
from lambent.cloud.services.lambda_.managed.deployments import ManagedDeployments, is_serving
from lambent.cloud.services.lambda_.managed.served import keep_served
from lambent.cloud.services.lambda_.model.function import LATEST, FunctionVersion
from lambent.cloud.services.lambda_.model.scaling_config import NONE_AT_ALL
from lambent.cloud.services.lambda_.model.state import Event, State, move
from lambent.cloud.services.lambda_.packages import Packages
from lambent.cloud.services.lambda_.routing import Routes, version_route
from lambent.cloud.store.unit_of_work import Transaction
from lambent.dataplane import DataPlaneError, FunctionSpec, PlatformStoppingError, RuntimeUnavailableError, VersionArn

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a version could not be made ready, in AWS's words."""

    reason: str
    code: str = "InternalError"


# What CloudFormation repeats where a version with SnapStart does not stabilize.
_INIT_FAILED = Problem("An error occurred during function initialization.", "FunctionError")


class Activation:
    """Prepares versions in the background and commits what became of it."""

    def __init__(
        self, dependencies: Dependencies, packages: Packages, routes: Routes, deployments: ManagedDeployments
    ) -> None:
        self._dependencies = dependencies
        self._packages = packages
        self._deployments = deployments
        self._routes = routes
        self._tasks = TaskOwner("lambda activation", clock=dependencies.clock)

    def resume(self) -> None:
        """Take up what was under way when the platform stopped."""
        read = self._dependencies.store.read
        for version in (*repository.unsettled(read), *versions_to_scale(read)):
            self.begin(version)

    def begin(self, version: FunctionVersion) -> None:
        """Prepare a version just committed as pending or in progress, or bring its scaling or its end about."""
        self._tasks.start(self._activate(version), name=version.arn)

    async def stop(self) -> None:
        """Give up what is under way; `resume` takes it up again."""
        await self._tasks.aclose()

    async def _activate(self, version: FunctionVersion) -> None:
        if version.status.state is State.DELETING:
            await self._dependencies.store.write(lambda transaction: self._delete(transaction, version))
            return
        try:
            problem = await self._bring_about(version)
        except PlatformStoppingError:
            return  # taken up again after the next start
        await self._dependencies.store.write(lambda transaction: self._settle(transaction, version, problem))

    async def _bring_about(self, version: FunctionVersion) -> Problem | None:
        """Make true what a version's state, or its scaling, asks for; return why that failed, or None."""
        requested = version_scaling(self._dependencies.store.read, version).requested
        if version.status.state is State.DEACTIVATING:
            # What runs or waits comes to its end; nothing new is let in.
            await self._deployments.bound(version, requested or NONE_AT_ALL)
            self._dependencies.plane.retire(VersionArn(version.arn))
            return None
        if requested is not None and is_serving(version):
            await self._deployments.bound(version, requested)
            return None
        return await self._prepare(version)

    async def _prepare(self, version: FunctionVersion) -> Problem | None:
        """Make everything ready; return why that failed, or None."""
        route = version_route(version, self._packages)
        for digest in route.digests:
            if not self._packages.is_ready(digest):
                await self._packages.restore(digest)
        if route.spec is None:
            return None
        try:
            await self._dependencies.plane.prepare(route.spec)
            if route.spec.snap_start and (failure := await self._dependencies.plane.snapshot(route.spec)) is not None:
                _log.warning("the init of %s failed: %s", version.arn, failure.error_type)
                return _INIT_FAILED
            return await self._deploy(version, route.spec)
        except RuntimeUnavailableError as error:
            # The function exists and can be configured all the same; invoking it says what is missing.
            _log.warning("%s cannot run here: %s", version.arn, error)
        except PlatformStoppingError:
            raise
        except DataPlaneError as error:
            _log.error("%s could not be prepared: %s", version.arn, error)
            return Problem(str(error))
        return None

    async def _deploy(self, version: FunctionVersion, spec: FunctionSpec) -> Problem | None:
        """Have a published version on a capacity provider served, unless it sleeps; return why it is not, or None."""
        if version.version == LATEST or version.status.state is State.DEACTIVATED:
            return None
        failure = await self._deployments.deploy(version, spec)
        if failure is None:
            return None
        # After a restart in the middle of a publication what was there before does not serve yet.
        await self._deployments.deploy_served(version)
        _log.warning("%s could not be deployed: %s", version.arn, failure.code)
        return Problem(failure.reason, failure.code)

    def _settle(self, transaction: Transaction, version: FunctionVersion, problem: Problem | None) -> None:
        current = repository.version(transaction, version.scope, version.function, version.version)
        if current is None or current.status.state is State.DELETING:
            return  # deleted meanwhile
        if problem is None and current.settings.managed is not None and current.version != LATEST:
            scaling = version_scaling(transaction, current)
            put_version_scaling(transaction, current, scaling.settled())
        if current.status.is_settled:
            return
        event = _event(current) if problem is None else Event.PREPARATION_FAILED
        reason, code = (None, None) if problem is None else (problem.reason, problem.code)
        status = move(current.status, event, reason=reason, reason_code=code)
        # AWS gives a new revision id when a version becomes active, too.
        settled = replace(current, status=status, revision_id=self._dependencies.ids.uuid())
        repository.put_version(transaction, settled)
        if problem is None and settled.settings.managed is not None:
            keep_served(transaction, settled)
        transaction.after_commit(lambda: self._routes.replace_version(settled))

    def _delete(self, transaction: Transaction, version: FunctionVersion) -> None:
        current = repository.version(transaction, version.scope, version.function, version.version)
        if current is None or current.status.state is not State.DELETING:
            return  # gone already, and perhaps created again
        if version.version == LATEST:
            repository.delete_function(transaction, version.scope, version.function)
        else:
            repository.delete_version(transaction, current)
        transaction.after_commit(lambda: self._routes.refresh(version.scope, version.function))


def _event(version: FunctionVersion) -> Event:
    """Return what has happened to a version whose preparation came off."""
    if version.status.state is State.DEACTIVATING:
        return Event.DRAINED
    is_unpublished = version.version == LATEST and version.settings.managed is not None
    return Event.PREPARED_TO_PUBLISH if is_unpublished else Event.PREPARED
