"""Reserved concurrency."""

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
from lambent.cloud.services.lambda_.model.function import LATEST
from lambent.cloud.services.lambda_.usage import concurrency_taken
from lambent.cloud.store.unit_of_work import Reader, Transaction


class ConcurrencyOperations:
    """Put-, Get-, DeleteFunctionConcurrency."""

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
            if find_latest(transaction, target).settings.managed is not None:
                raise errors.not_with_managed_instances("reserved concurrency configurations")
            _check_covers_provisioned(transaction, target, wanted)
            others = concurrency_taken(transaction, target.scope, other_than=target.name)
            if wanted and CONCURRENT_EXECUTIONS - others - wanted < MINIMUM_UNRESERVED_CONCURRENCY:
                raise errors.unattributed_invalid_parameter(
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


def _check_covers_provisioned(reader: Reader, target: Target, wanted: int) -> None:
    configs = repository.provisioned(reader, target.scope, target.name).values()
    provisioned = sum(config.requested for config in configs)
    if wanted < provisioned:
        raise errors.invalid_parameter(  # the spaces are AWS's
            f" ReservedConcurrentExecutions  {wanted} should not be lower than function's total provisioned "
            f"concurrency [{provisioned}]."
        )
