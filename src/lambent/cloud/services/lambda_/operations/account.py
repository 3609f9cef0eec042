"""The account's limits and usage, and settings of functions that clients ask for beside their configuration."""

from __future__ import annotations

from dataclasses import replace

from lambent.aws.quotas import (
    CODE_SIZE_UNZIPPED_BYTES,
    CODE_SIZE_ZIPPED_BYTES,
    CODE_STORAGE_BYTES,
    CONCURRENT_EXECUTIONS,
)
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.lambda_ import repository
from lambent.cloud.services.lambda_.control import Control, find_function, refuse_qualifier, target_of
from lambent.cloud.services.lambda_.model.function import Function
from lambent.cloud.services.lambda_.usage import concurrency_taken, usage
from lambent.cloud.store.unit_of_work import Transaction


class AccountOperations:
    """GetAccountSettings, PutFunctionRecursionConfig, GetFunctionRecursionConfig."""

    def __init__(self, control: Control) -> None:
        self._control = control

    @operation("GetAccountSettings")
    async def get_account_settings(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the account's limits in the region and what it uses of them."""
        read = self._control.read
        functions, stored = usage(read, context.scope)
        taken = concurrency_taken(read, context.scope)
        return {
            "AccountLimit": {
                "TotalCodeSize": CODE_STORAGE_BYTES,
                "CodeSizeUnzipped": CODE_SIZE_UNZIPPED_BYTES,
                "CodeSizeZipped": CODE_SIZE_ZIPPED_BYTES,
                "ConcurrentExecutions": CONCURRENT_EXECUTIONS,
                "UnreservedConcurrentExecutions": CONCURRENT_EXECUTIONS - taken,
            },
            "AccountUsage": {
                "TotalCodeSize": stored,
                "FunctionCount": functions,
            },
        }

    @operation("PutFunctionRecursionConfig")
    async def put_function_recursion_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Say what is to happen when the function is found in a loop."""
        target = target_of(context, parameters["FunctionName"])
        refuse_qualifier(target)

        def work(transaction: Transaction) -> Function:
            changed = replace(find_function(transaction, target), recursive_loop=parameters["RecursiveLoop"])
            repository.put_function(transaction, changed)
            return changed

        changed = await self._control.change(target.scope, target.name, work)
        return {"RecursiveLoop": changed.recursive_loop}

    @operation("GetFunctionRecursionConfig")
    async def get_function_recursion_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return what is to happen when the function is found in a loop."""
        target = target_of(context, parameters["FunctionName"])
        return {"RecursiveLoop": find_function(self._control.read, target).recursive_loop}
