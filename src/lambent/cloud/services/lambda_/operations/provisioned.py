"""Provisioned concurrency: put, shown, listed and taken away.

https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
"""

from __future__ import annotations

from dataclasses import asdict

from lambent.aws.quotas import CONCURRENT_EXECUTIONS, MINIMUM_UNRESERVED_CONCURRENCY
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.lambda_ import errors, repository
from lambent.cloud.services.lambda_.control import Control, Target, find_function, find_latest, find_version, target_of
from lambent.cloud.services.lambda_.documents import PROVISIONED
from lambent.cloud.services.lambda_.listing import bounds_of
from lambent.cloud.services.lambda_.model.function import LATEST, is_version
from lambent.cloud.services.lambda_.model.provisioned import ProvisionedConfig, shares
from lambent.cloud.services.lambda_.model.snap_start_checks import not_with_snap_start
from lambent.cloud.services.lambda_.provisioning import Provisioning
from lambent.cloud.services.lambda_.rendering import Shape, timestamp
from lambent.cloud.services.lambda_.usage import concurrency_taken
from lambent.cloud.store.unit_of_work import Reader, Transaction
from lambent.dataplane import VersionArn

_LISTED_AT_ONCE = 50


class ProvisionedOperations:
    """Put-, Get-, DeleteProvisionedConcurrencyConfig, ListProvisionedConcurrencyConfigs."""

    def __init__(self, control: Control, provisioning: Provisioning) -> None:
        self._control = control
        self._provisioning = provisioning

    @operation("PutProvisionedConcurrencyConfig")
    async def put_provisioned_concurrency_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Have environments of a version or an alias kept initialized; they come about in the background."""
        target = target_of(context, parameters["FunctionName"], parameters["Qualifier"])
        config = ProvisionedConfig(parameters["ProvisionedConcurrentExecutions"], context.now)
        if target.qualifier == LATEST:
            raise errors.provisioned_unpublished()

        def work(transaction: Transaction) -> None:
            _check_is_there(transaction, target)
            if find_latest(transaction, target).settings.managed is not None:
                raise errors.not_with_managed_instances("provisioned concurrency configurations")
            version = find_version(transaction, target)
            if version.version == LATEST:  # by an alias
                raise errors.provisioned_unpublished()
            if version.has_snapshot:
                raise not_with_snap_start("Provisioned Concurrency")
            configs = repository.provisioned(transaction, target.scope, target.name)
            _check_conflicts(transaction, target, configs)
            others = sum(each.requested for qualifier, each in configs.items() if qualifier != target.qualifier)
            _check_limits(transaction, target, config.requested, others)
            PROVISIONED.put(transaction, target.scope, (target.name, target.qualifier), asdict(config))

        before = self._ready(target, config)
        await self._control.change(target.scope, target.name, work)
        function = self._control.routes.find(target.scope.account, target.scope.region, target.name)
        if function is not None:
            self._provisioning.again(function)
        return _shape(config, before, "IN_PROGRESS")

    @operation("GetProvisionedConcurrencyConfig")
    async def get_provisioned_concurrency_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return how far the provisioned concurrency of a version or an alias is."""
        target = _published(context, parameters)
        read = self._control.read
        _check_is_there(read, target)
        config = repository.provisioned(read, target.scope, target.name).get(target.qualifier or "")
        if config is None:
            raise errors.no_provisioned_concurrency()
        return self._shown(target, config)

    @operation("DeleteProvisionedConcurrencyConfig")
    async def delete_provisioned_concurrency_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Let the environments go as they become free."""
        target = _published(context, parameters)

        def work(transaction: Transaction) -> None:
            _check_is_there(transaction, target)
            PROVISIONED.delete(transaction, target.scope, target.name, target.qualifier)

        await self._control.change(target.scope, target.name, work)
        return {}

    @operation("ListProvisionedConcurrencyConfigs")
    async def list_provisioned_concurrency_configs(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return one page of a function's configurations, by qualifier."""
        target = target_of(context, parameters["FunctionName"])
        find_latest(self._control.read, target)
        bounds = bounds_of(parameters, at_most=_LISTED_AT_ONCE)
        found = PROVISIONED.behind(self._control.read, target.scope, target.name, part=bounds.part())
        listed = bounds.page(list(found), str)
        shown: list[Shape] = []
        for qualifier in listed.items:
            one = Target(target.scope, target.name, qualifier)
            shown.append({"FunctionArn": one.arn, **self._shown(one, ProvisionedConfig(**found[qualifier]))})
        return listed.shape("ProvisionedConcurrencyConfigs", shown)

    def _shown(self, target: Target, config: ProvisionedConfig) -> Shape:
        failure = self._failure(target, config)
        ready = self._ready(target, config)
        if failure is not None:
            return {**_shape(config, ready, "FAILED"), "StatusReason": failure}
        return _shape(config, ready, "READY" if ready >= config.requested else "IN_PROGRESS")

    def _ready(self, target: Target, config: ProvisionedConfig) -> int:
        plane = self._control.dependencies.plane
        return sum(
            min(count, plane.provisioned(VersionArn(f"{function_arn}:{version}")).ready)
            for function_arn, version, count in self._parts(target, config)
        )

    def _failure(self, target: Target, config: ProvisionedConfig) -> str | None:
        function = self._control.routes.find(target.scope.account, target.scope.region, target.name)
        versions = {} if function is None else function.versions
        wanted = [versions[number] for _, number, _ in self._parts(target, config) if number in versions]
        failures = (self._provisioning.failure(version) for version in wanted)
        return next((failure for failure in failures if failure is not None), None)

    def _parts(self, target: Target, config: ProvisionedConfig) -> list[tuple[str, str, int]]:
        qualifier = target.qualifier or ""
        alias = repository.alias(self._control.read, target.scope, target.name, qualifier)
        function_arn = Target(target.scope, target.name).arn
        return [(function_arn, version, count) for version, count in shares(config, alias, qualifier).items() if count]


def _published(context: RequestContext, parameters: Parameters) -> Target:
    target = target_of(context, parameters["FunctionName"], parameters["Qualifier"])
    if target.qualifier == LATEST:
        raise errors.invalid_parameter("The function resource provided must be an alias or a published version.")
    return target


def _check_is_there(reader: Reader, target: Target) -> None:
    qualifier = target.qualifier or LATEST
    if is_version(qualifier):
        if repository.version(reader, target.scope, target.name, qualifier) is None:
            raise target.not_found()
    elif repository.alias(reader, target.scope, target.name, qualifier) is None:
        raise errors.alias_not_found(target.scope, target.name, qualifier)


def _check_conflicts(reader: Reader, target: Target, configs: dict[str, ProvisionedConfig]) -> None:
    """Raise ResourceConflictException where a version would be provisioned by its number and by an alias."""
    qualifier = target.qualifier or LATEST
    if is_version(qualifier):
        aliases = repository.aliases(reader, target.scope, target.name)
        if any(alias.version == qualifier and alias.name in configs for alias in aliases):
            raise errors.conflict("Version is pointed by a Provisioned Concurrency alias")
        return
    alias = repository.alias(reader, target.scope, target.name, qualifier)
    if alias is not None and alias.version in configs:
        raise errors.conflict(
            "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
        )


def _check_limits(reader: Reader, target: Target, requested: int, others: int) -> None:
    reserved = find_function(reader, target).reserved_concurrency
    if reserved is not None:
        if requested + others > reserved:
            raise errors.invalid_parameter(
                "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for "
                "function"
            )
        return
    taken = concurrency_taken(reader, target.scope)
    unreserved = CONCURRENT_EXECUTIONS - taken
    own = repository.provisioned(reader, target.scope, target.name).get(target.qualifier or "")
    available = unreserved + (0 if own is None else own.requested)
    if requested > available:
        raise errors.unattributed_invalid_parameter(
            "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency "
            f"[{available}].",
        )
    if available - requested < MINIMUM_UNRESERVED_CONCURRENCY:
        raise errors.unattributed_invalid_parameter(
            "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
            f"minimum value of [{MINIMUM_UNRESERVED_CONCURRENCY}].",
        )


def _shape(config: ProvisionedConfig, ready: int, status: str) -> Shape:
    return {
        "RequestedProvisionedConcurrentExecutions": config.requested,
        "AllocatedProvisionedConcurrentExecutions": ready,
        "AvailableProvisionedConcurrentExecutions": ready,
        "Status": status,
        "LastModified": timestamp(config.last_modified),
    }
