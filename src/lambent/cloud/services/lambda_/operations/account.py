"""The account's limits and usage, and settings of functions that clients ask for beside their configuration."""

from __future__ import annotations

from lambent.aws.quotas import (
    CODE_SIZE_UNZIPPED_BYTES,
    CODE_SIZE_ZIPPED_BYTES,
    CODE_STORAGE_BYTES,
    CONCURRENT_EXECUTIONS,
)
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.lambda_ import repository
from lambent.cloud.services.lambda_.control import Control, find_function, find_version, target_of
from lambent.cloud.services.lambda_.layers import code_in_use
from lambent.cloud.services.lambda_.rendering import Shape


class AccountOperations:
    """GetAccountSettings, GetFunctionCodeSigningConfig, GetFunctionRecursionConfig, GetRuntimeManagementConfig.

    Code signing configurations cannot be made here, so no function has one.
    """

    def __init__(self, control: Control) -> None:
        self._control = control

    @operation("GetAccountSettings")
    async def get_account_settings(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the account's limits in the region and what it uses of them."""
        read = self._control.read
        versions = repository.all_versions(read, context.scope, only_latest=False)
        stored = sum(version.code.size for version in versions) + code_in_use(read, context.scope)
        reserved = repository.reserved_in(read, context.scope)
        return {
            "AccountLimit": {
                "TotalCodeSize": CODE_STORAGE_BYTES,
                "CodeSizeUnzipped": CODE_SIZE_UNZIPPED_BYTES,
                "CodeSizeZipped": CODE_SIZE_ZIPPED_BYTES,
                "ConcurrentExecutions": CONCURRENT_EXECUTIONS,
                "UnreservedConcurrentExecutions": CONCURRENT_EXECUTIONS - reserved,
            },
            "AccountUsage": {
                "TotalCodeSize": stored,
                "FunctionCount": len({version.function for version in versions}),
            },
        }

    @operation("GetFunctionCodeSigningConfig")
    async def get_function_code_signing_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return what AWS returns for a function without a code signing configuration: nothing."""
        find_function(self._control.read, target_of(context, parameters["FunctionName"]))
        return {}

    @operation("GetFunctionRecursionConfig")
    async def get_function_recursion_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return what is to happen when the function is found in a loop."""
        target = target_of(context, parameters["FunctionName"])
        return {"RecursiveLoop": find_function(self._control.read, target).recursive_loop}

    @operation("GetRuntimeManagementConfig")
    async def get_runtime_management_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return when the runtime is updated: automatically, as for every function that nobody set otherwise."""
        target = target_of(context, parameters["FunctionName"], parameters.get("Qualifier"))
        version = find_version(self._control.read, target)
        shape: Shape = {"UpdateRuntimeOn": "Auto", "FunctionArn": version.arn}
        return shape
