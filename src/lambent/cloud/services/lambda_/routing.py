"""Where an invocation goes: functions, versions and aliases in memory, replaced whenever a change is committed.

The invocation path reads these and nothing else: neither SQLite nor an executor (docs/architecture.md). The first use
of a function alone reads it from the tables, so that thousands that nobody uses cost neither time at start nor memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lambent.cloud.services.lambda_ import repository, url_repository
from lambent.cloud.services.lambda_.model.function import (
    LATEST,
    Alias,
    Function,
    FunctionVersion,
    function_arn,
)
from lambent.cloud.services.lambda_.model.invoke_config import InvokeConfig
from lambent.cloud.services.lambda_.model.policy import Policy
from lambent.cloud.services.lambda_.model.provisioned import by_version
from lambent.cloud.services.lambda_.model.state import State, UpdateStatus
from lambent.cloud.services.lambda_.model.url import PATH_PREFIX, FunctionUrl
from lambent.cloud.services.lambda_.packages import Packages
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader
from lambent.dataplane import FunctionArn, FunctionSpec, VersionArn


@dataclass(frozen=True, slots=True)
class VersionRoute:
    """One version as invoking it goes; `spec` is None for what cannot be run here, `digests` what must be unpacked."""

    version: str
    arn: str
    function_arn: FunctionArn
    state: State
    spec: FunctionSpec | None
    digests: tuple[str, ...]
    dead_letter_target: str | None
    system_log_level: str | None
    is_managed: bool = False
    """Whether it runs on Managed Instances."""
    isolates_tenants: bool = False
    """Whether each invocation has to name a tenant, whose environments no other tenant shares."""
    is_durable: bool = False
    """Whether its invocations are durable executions, which checkpoint what they have done."""
    stamp: str = ""
    """What tells whether the version has changed since, as `repository.stamps` tells it."""

    @property
    def hindrance(self) -> str:
        """Why it cannot be run here, where there is no `spec`."""
        if self.isolates_tenants:
            return f"{self.arn} isolates tenants from one another; its tenants are not kept apart here."
        if self.is_durable:
            return f"{self.arn} is durable; durable executions are not offered here."
        return (
            f"{self.arn} is a container image. Running it needs podman or docker, which this platform does not use; it "
            "runs deployment packages of type Zip."
        )


@dataclass(frozen=True, slots=True)
class FunctionRoute:
    """A function with everything that an invocation of it may need."""

    scope: Scope
    name: str
    arn: str
    latest: VersionRoute
    versions: Mapping[str, VersionRoute]
    aliases: Mapping[str, Alias]
    policies: Mapping[str, Policy]
    reserved_concurrency: int | None
    invoke_configs: Mapping[str, InvokeConfig] = field(default_factory=dict)
    provisioned: Mapping[str, int] = field(default_factory=dict)
    """How many environments each version keeps initialized, by its number."""
    urls: Mapping[str, FunctionUrl] = field(default_factory=dict)
    allows_loops: bool = False
    """Whether it may be invoked in a recursive loop."""

    def arn_of(self, qualifier: str | None) -> str:
        """Return the ARN with a qualifier, the function's own without one."""
        return f"{self.arn}:{qualifier}" if qualifier else self.arn


@dataclass(frozen=True, slots=True)
class UrlRoute:
    """Where a function URL leads: to a function's `qualifier`, "" being the function itself."""

    function: FunctionRoute
    qualifier: str
    url: FunctionUrl


class Routes:
    """The routing snapshot: one immutable `FunctionRoute` per function that has been used."""

    def __init__(
        self, reader: Reader, packages: Packages, changed: Callable[[FunctionRoute | None, FunctionRoute | None], None]
    ) -> None:
        self._reader = reader
        self._packages = packages
        self._changed = changed
        self._functions: dict[tuple[str, str, str], FunctionRoute] = {}
        self._urls: dict[str, UrlRoute] = {}
        self._orphaned: set[str] = set()
        self.denying: set[tuple[str, str, str]] = set()
        """The functions that a policy keeps somebody from: account, region, name."""

    def load(self) -> None:
        """Read the functions that take concurrency before they are invoked; called once, at start.

        All others are read when they are first invoked or changed, or their URL is called: ten thousand would take
        seconds, and their memory for good.
        """
        self.denying = repository.denying(self._reader)
        for scope, name in repository.holding_concurrency(self._reader):
            self.refresh(scope, name)

    def find(self, account: str, region: str, name: str) -> FunctionRoute | None:
        """Return a function's route, or None; the first time it is read from the tables."""
        found = self._functions.get((account, region, name))
        return self._first_seen(Scope(account, region), name) if found is None else found

    def _first_seen(self, scope: Scope, name: str) -> FunctionRoute | None:
        self.refresh(scope, name)
        return self._functions.get((scope.account, scope.region, name))

    def find_url(self, url_id: str) -> UrlRoute | None:
        """Return where a function URL leads, or None; the first time its function is read from the tables."""
        found = self._urls.get(url_id)
        if found is None and (owner := url_repository.owner_of(self._reader, url_id)) is not None:
            self.refresh(*owner)
            found = self._urls.get(url_id)
        return found

    def is_orphaned(self, url_id: str) -> bool:
        """Whether the alias of a function URL was deleted under it since the platform started."""
        return url_id in self._orphaned

    def view(self) -> Mapping[str, object]:
        """Return the functions, versions and aliases that can be invoked, as the tables have them."""
        shown: dict[str, dict[str, Any]] = {}  # Any: JSON
        for scope in repository.scopes(self._reader):
            found: dict[str, dict[str, Any]] = {  # Any: as above
                function.name: {
                    "versions": {},
                    "aliases": {},
                    "reservedConcurrency": function.reserved_concurrency,
                    "urls": {},
                }
                for function in repository.functions(self._reader, scope)
            }
            for name, version, state in repository.states(self._reader, scope):
                found[name]["versions"][version] = state
            for name, alias, target in repository.targets(self._reader, scope):
                found[name]["aliases"][alias] = target
            shown |= {function_arn(scope, name): one for name, one in found.items()}
        for arn, qualifier, url_id in url_repository.all_urls(self._reader):
            shown[arn]["urls"][qualifier] = f"{PATH_PREFIX}{url_id}/"
        return shown

    def refresh(self, scope: Scope, name: str) -> None:
        """Read one function anew: called on the loop after each commit that touched it."""
        function = repository.function(self._reader, scope, name)
        before = self._functions.get((scope.account, scope.region, name))
        if function is None and before is None:
            return  # it never was, or is gone unseen
        self._replace((scope.account, scope.region, name), None if function is None else self._route(function, before))

    def add(self, function: Function, versions: Sequence[FunctionVersion]) -> None:
        """Take up a function that has just been created, as it was committed."""
        found = {version.version: version_route(version, self._packages) for version in versions}
        route = FunctionRoute(
            scope=function.scope,
            name=function.name,
            arn=function.arn,
            latest=found[LATEST],
            versions=found,
            aliases={},
            policies={},
            reserved_concurrency=None,
        )
        self._replace((function.scope.account, function.scope.region, function.name), route)

    def replace_version(self, version: FunctionVersion) -> None:
        """Take up one version of a function that is there, as it was committed."""
        scope = version.scope
        before = self._functions.get((scope.account, scope.region, version.function))
        if before is None:
            return  # deleted in the same commit, or not read yet
        versions = {**before.versions, version.version: self._version_route(version, before)}
        after = replace(before, versions=versions, latest=versions[LATEST])
        self._replace((scope.account, scope.region, version.function), after)

    def _replace(self, key: tuple[str, str, str], after: FunctionRoute | None) -> None:
        before = self._functions.get(key)
        if after is None:
            self._functions.pop(key, None)
        else:
            self._functions[key] = after
        self._replace_urls(before, after)
        if after is not None and any(policy.denies for policy in after.policies.values()):
            self.denying.add(key)
        else:
            self.denying.discard(key)
        self._changed(before, after)

    def _replace_urls(self, before: FunctionRoute | None, after: FunctionRoute | None) -> None:
        for qualifier, url in before.urls.items() if before is not None else ():
            self._urls.pop(url.url_id, None)
            if after is not None and qualifier and qualifier not in after.aliases:
                self._orphaned.add(url.url_id)
        if after is not None:
            self._urls.update({url.url_id: UrlRoute(after, qualifier, url) for qualifier, url in after.urls.items()})

    def _route(self, function: Function, before: FunctionRoute | None) -> FunctionRoute:
        found = self._versions(function, before)
        aliases = {each.name: each for each in repository.aliases(self._reader, function.scope, function.name)}
        return FunctionRoute(
            scope=function.scope,
            name=function.name,
            arn=function.arn,
            latest=found[LATEST],
            versions=found,
            aliases=aliases,
            policies=repository.policies(self._reader, function.scope, function.name),
            reserved_concurrency=function.reserved_concurrency,
            invoke_configs=repository.invoke_configs(self._reader, function.scope, function.name),
            provisioned=by_version(repository.provisioned(self._reader, function.scope, function.name), aliases),
            urls=url_repository.urls(self._reader, function.scope, function.name),
            allows_loops=function.recursive_loop == "Allow",
        )

    def _versions(self, function: Function, before: FunctionRoute | None) -> dict[str, VersionRoute]:
        """Return a function's versions: of hundreds that were published, a change touches one or two."""
        scope, name = function.scope, function.name
        if before is None:
            read = repository.versions(self._reader, scope, name)
            return {version.version: version_route(version, self._packages) for version in read}
        found = {}
        for label, stamp in repository.stamps(self._reader, scope, name):
            known = before.versions.get(label)
            if known is not None and known.stamp == stamp:
                found[label] = known
            elif (version := repository.version(self._reader, scope, name, label)) is not None:
                found[label] = self._version_route(version, before)
        return found

    def _version_route(self, version: FunctionVersion, before: FunctionRoute) -> VersionRoute:
        # While an update is in progress the old code and settings serve; on Managed Instances, where it failed, too.
        old = before.versions.get(version.version)
        has_failed = version.status.update is UpdateStatus.FAILED and version.status.state is State.ACTIVE
        if version.status.update is UpdateStatus.IN_PROGRESS or (has_failed and version.settings.managed is not None):
            return old or version_route(version, self._packages)
        return version_route(version, self._packages)


def version_route(version: FunctionVersion, packages: Packages) -> VersionRoute:
    """Return how a version is invoked."""
    settings = version.settings
    digests = (version.code.digest, *(layer.digest for layer in settings.layers)) if version.code.digest else ()
    isolates_tenants, is_durable = "TenancyConfig" in settings.recorded, "DurableConfig" in settings.recorded
    return VersionRoute(
        version=version.version,
        arn=version.arn,
        function_arn=FunctionArn(version.function_arn),
        state=version.status.state,
        spec=_spec(version, packages) if digests and not (isolates_tenants or is_durable) else None,
        digests=digests,
        dead_letter_target=settings.dead_letter_target,
        system_log_level=settings.logging.system_level,
        is_managed=settings.managed is not None,
        isolates_tenants=isolates_tenants,
        is_durable=is_durable,
        stamp=repository.stamp_of(version),
    )


def _spec(version: FunctionVersion, packages: Packages) -> FunctionSpec:
    settings = version.settings
    return FunctionSpec(
        function_arn=FunctionArn(version.function_arn),
        version_arn=VersionArn(version.arn),
        # Not the RevisionId, which also changes when nothing that runs does (a permission, an activation).
        revision=version.fingerprint(),
        account=version.scope.account,
        region=version.scope.region,
        function_name=version.function,
        version=version.version,
        runtime=settings.runtime or "",
        handler=settings.handler or "",
        role_arn=settings.role,
        code=packages.path(version.code.digest),
        layers=tuple(packages.path(layer.digest) for layer in settings.layers),
        environment=settings.environment or {},
        architecture=settings.architecture,
        memory_mb=settings.memory_mb,
        timeout_s=settings.timeout_s,
        ephemeral_storage_mb=settings.ephemeral_storage_mb,
        log_group=settings.logging.group,
        log_format=settings.logging.format,
        application_log_level=settings.logging.application_level,
        tracing_active=settings.tracing_mode == "Active",
        snap_start=version.has_snapshot,
        slots=1 if settings.managed is None else settings.managed.max_concurrency,
        is_managed=settings.managed is not None,
        vcpus=None if settings.managed is None else settings.managed.vcpus,
    )
