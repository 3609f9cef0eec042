"""When functions move to newer versions of their runtimes."""

from __future__ import annotations

from dataclasses import replace

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.lambda_ import errors, repository
from lambent.cloud.services.lambda_.control import Control, Target, find_version, target_of
from lambent.cloud.services.lambda_.model.function import FunctionVersion, is_version
from lambent.cloud.services.lambda_.model.runtime_management import (
    RuntimeManagement,
    check_managed,
    runtime_management,
)
from lambent.cloud.services.lambda_.rendering import Shape
from lambent.cloud.services.lambda_.runtime_management import management_of, put_management
from lambent.cloud.store.unit_of_work import Reader, Transaction


class RuntimeManagementOperations:
    """PutRuntimeManagementConfig and GetRuntimeManagementConfig."""

    def __init__(self, control: Control) -> None:
        self._control = control

    @operation("PutRuntimeManagementConfig")
    async def put_runtime_management_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Set when the runtime of `$LATEST` or of a published version is updated."""
        target = target_of(context, parameters["FunctionName"], parameters.get("Qualifier"))
        wanted = runtime_management(parameters, target.scope.region)

        def work(transaction: Transaction) -> FunctionVersion:
            version = _managed(transaction, target)
            if not version.status.is_settled:
                raise errors.update_in_progress(version.function_arn)
            put_management(transaction, version, wanted)
            changed = replace(version, revision_id=self._control.new_revision())
            repository.put_version(transaction, changed)
            return changed

        return _shape(await self._control.change(target.scope, target.name, work), wanted)

    @operation("GetRuntimeManagementConfig")
    async def get_runtime_management_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return when the runtime is updated: automatically, where nobody has set it otherwise."""
        target = target_of(context, parameters["FunctionName"], parameters.get("Qualifier"))
        version = _managed(self._control.read, target)
        return _shape(version, management_of(self._control.read, version))


def _managed(reader: Reader, target: Target) -> FunctionVersion:
    if target.qualifier is not None and not is_version(target.qualifier):
        raise errors.invalid_parameter(
            "Runtime management is not supported for aliases. Please specify $LATEST or a published version."
        )
    version = find_version(reader, target)
    check_managed(version.settings.package_type)
    return version


def _shape(version: FunctionVersion, management: RuntimeManagement) -> Shape:
    shape: Shape = {"UpdateRuntimeOn": management.mode, "FunctionArn": version.arn}
    if management.runtime_version_arn is not None:
        shape["RuntimeVersionArn"] = management.runtime_version_arn
    return shape
