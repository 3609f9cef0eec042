"""Reserved concurrency, and what can be asked about provisioned concurrency."""

from __future__ import annotations

from dataclasses import replace

from lambent.aws.quotas import CONCURRENT_EXECUTIONS, MINIMUM_UNRESERVED_CONCURRENCY
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.lambda_ import errors, repository
from lambent.cloud.services.lambda_.control import (
    Control,
    Target,
    find_function,
    find_latest,
    refuse_qualifier,
    target_of,
)
from lambent.cloud.services.lambda_.model.function import LATEST, is_version
from lambent.cloud.store.unit_of_work import Transaction


class ConcurrencyOperations:
    """Put-, Get-, DeleteFunctionConcurrency; GetProvisionedConcurrencyConfig, ListProvisionedConcurrencyConfigs.

    No provisioned concurrency can be put here, so nothing ever has any.
    """

    def __init__(self, control: Control) -> None:
        self._control = control

    @operation("PutFunctionConcurrency")
    async def put_function_concurrency(self, context: RequestContext, parameters: Parameters) -> Result:
        """Reserve concurrency for a function; 0 stops it altogether."""
        target = target_of(context, parameters["FunctionName"])
        refuse_qualifier(target)
        wanted: int = parameters["ReservedConcurrentExecutions"]

        def work(transaction: Transaction) -> None:
            function = repository.function(transaction, target.scope, target.name)
            if function is None:
                raise errors.function_not_found(target.scope, target.name, LATEST)
            others = repository.reserved_in(transaction, target.scope, other_than=target.name)
            if wanted and CONCURRENT_EXECUTIONS - others - wanted < MINIMUM_UNRESERVED_CONCURRENCY:
                raise errors.invalid_parameter(
                    "Specified ReservedConcurrentExecutions for function decreases account's "
                    f"UnreservedConcurrentExecution below its minimum value of [{MINIMUM_UNRESERVED_CONCURRENCY}]."
                )
            repository.put_function(transaction, replace(function, reserved_concurrency=wanted))

        await self._control.change(target.scope, target.name, work)
        return {"ReservedConcurrentExecutions": wanted}

    @operation("GetFunctionConcurrency")
    async def get_function_concurrency(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a function's reserved concurrency; nothing where none is reserved."""
        target = target_of(context, parameters["FunctionName"])
        refuse_qualifier(target)
        reserved = find_function(self._control.read, target).reserved_concurrency
        return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}

    @operation("DeleteFunctionConcurrency")
    async def delete_function_concurrency(self, context: RequestContext, parameters: Parameters) -> Result:
        """Give a function's reserved concurrency back to the account."""
        target = target_of(context, parameters["FunctionName"])
        refuse_qualifier(target)

        def work(transaction: Transaction) -> None:
            function = find_function(transaction, target)
            repository.put_function(transaction, replace(function, reserved_concurrency=None))

        await self._control.change(target.scope, target.name, work)
        return {}

    @operation("GetProvisionedConcurrencyConfig")
    async def get_provisioned_concurrency_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Raise ProvisionedConcurrencyConfigNotFoundException, or what AWS says of a wrong qualifier."""
        target = target_of(context, parameters["FunctionName"], parameters["Qualifier"])
        self._check_provisionable(target)
        raise errors.no_provisioned_concurrency()

    @operation("ListProvisionedConcurrencyConfigs")
    async def list_provisioned_concurrency_configs(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return no configurations."""
        find_latest(self._control.read, target_of(context, parameters["FunctionName"]))
        return {"ProvisionedConcurrencyConfigs": []}

    def _check_provisionable(self, target: Target) -> None:
        qualifier = target.qualifier or LATEST
        if qualifier == LATEST:
            raise errors.invalid_parameter("The function resource provided must be an alias or a published version.")
        read = self._control.read
        if is_version(qualifier):
            if repository.version(read, target.scope, target.name, qualifier) is None:
                raise target.not_found()
        elif repository.alias(read, target.scope, target.name, qualifier) is None:
            raise errors.alias_not_found(target.scope, target.name, qualifier)
