"""Has the data plane keep what provisioned concurrency asks for, whatever else changes about a function."""

from __future__ import annotations

import logging

from lambent.base.tasks import TaskOwner
from lambent.cloud.services.lambda_.dependencies import Dependencies
from lambent.cloud.services.lambda_.model.state import State
from lambent.cloud.services.lambda_.packages import Packages
from lambent.cloud.services.lambda_.routing import FunctionRoute, VersionRoute
from lambent.dataplane import FunctionSpec, PlatformStoppingError, RuntimeUnavailableError, VersionArn

_log = logging.getLogger(__name__)


class Provisioning:
    """Follows the routes; what a version's package needs is made ready before its environments start."""

    def __init__(self, dependencies: Dependencies, packages: Packages) -> None:
        self._plane = dependencies.plane
        self._packages = packages
        self._wanted: dict[VersionArn, int] = {}
        self._failures: dict[VersionArn, str] = {}
        self._tasks = TaskOwner("lambda provisioning", clock=dependencies.clock)

    async def stop(self) -> None:
        """Start nothing more; what is asked for is taken up at the next start."""
        await self._tasks.aclose()

    def changed(self, before: FunctionRoute | None, after: FunctionRoute | None) -> None:
        """Take up a function's change."""
        for number, version in ({} if after is None else after.versions).items():
            count = 0 if after is None or version.state is not State.ACTIVE else after.provisioned.get(number, 0)
            if version.spec is not None and self._wanted.get(version.spec.version_arn, 0) != count:
                self._wanted[version.spec.version_arn] = count
                self._tasks.start(self._provide(version, version.spec), name=version.arn)
        gone = () if before is None else before.versions.keys() - ({} if after is None else after.versions).keys()
        for number in gone:
            if before is not None and (spec := before.versions[number].spec) is not None:
                self._wanted.pop(spec.version_arn, None)  # the data plane retires the version itself

    def again(self, function: FunctionRoute) -> None:
        """Try once more what has failed: somebody has asked for it anew."""
        for version in function.versions.values():
            if self.failure(version) is not None and version.spec is not None:
                self._wanted.pop(version.spec.version_arn, None)
        self.changed(None, function)

    def failure(self, version: VersionRoute) -> str | None:
        """Return why a version's environments do not come about, None where nothing is known to be wrong."""
        if version.spec is None:
            return version.hindrance
        arn = version.spec.version_arn
        return self._failures.get(arn) or self._plane.provisioned(arn).failure

    async def _provide(self, version: VersionRoute, spec: FunctionSpec) -> None:
        for digest in version.digests:
            if not self._packages.is_ready(digest):
                await self._packages.restore(digest)
        self._failures.pop(spec.version_arn, None)
        try:
            self._plane.provision(spec, self._wanted.get(spec.version_arn, 0))
        except RuntimeUnavailableError as error:
            _log.warning("nothing can be provisioned for %s: %s", version.arn, error)
            self._failures[spec.version_arn] = str(error)
        except PlatformStoppingError:
            return  # taken up again after the next start
