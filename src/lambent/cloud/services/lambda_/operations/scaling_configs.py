"""How many execution environments a version on Managed Instances keeps: put and shown."""

from __future__ import annotations

from dataclasses import replace

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.lambda_ import errors, repository
from lambent.cloud.services.lambda_.capacity_providers import put_version_scaling, version_scaling
from lambent.cloud.services.lambda_.control import Control, Target, find_latest, find_version, target_of
from lambent.cloud.services.lambda_.model.function import FunctionVersion
from lambent.cloud.services.lambda_.model.scaling_config import ScalingConfig
from lambent.cloud.services.lambda_.model.state import Event, State, Status, move
from lambent.cloud.store.unit_of_work import Reader, Transaction


class ScalingConfigOperations:
    """PutFunctionScalingConfig, GetFunctionScalingConfig."""

    def __init__(self, control: Control) -> None:
        self._control = control

    @operation("PutFunctionScalingConfig")
    async def put_function_scaling_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Ask for bounds of a version's execution environments; 0 and 0 deactivate it, others activate it again."""
        target = target_of(context, parameters["FunctionName"], parameters["Qualifier"])

        def work(transaction: Transaction) -> FunctionVersion:
            version = _find_managed(transaction, target)
            if version.status.state in {State.PENDING, State.DEACTIVATING, State.DELETING, State.FAILED}:
                raise errors.not_active(version.status.state)
            if not version.status.is_settled:
                raise errors.update_in_progress(version.arn)
            wanted = ScalingConfig.of(parameters.get("FunctionScalingConfig"))
            scaling = version_scaling(transaction, version)
            put_version_scaling(transaction, version, replace(scaling, requested=wanted))
            status = _scaled(version.status, wanted)
            if status == version.status:
                return version
            changed = replace(version, status=status, revision_id=self._control.new_revision())
            repository.put_version(transaction, changed)
            return changed

        version = await self._control.change(target.scope, target.name, work)
        self._control.activation.begin(version)
        return {"FunctionState": version.status.state}

    @operation("GetFunctionScalingConfig")
    async def get_function_scaling_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a version's bounds: those in effect, and those asked for while they are not in effect yet."""
        target = target_of(context, parameters["FunctionName"], parameters["Qualifier"])
        version = _find_managed(self._control.read, target)
        scaling = version_scaling(self._control.read, version)
        shape: dict[str, object] = {"FunctionArn": version.function_arn}
        if scaling.applied is not None:
            shape["AppliedFunctionScalingConfig"] = scaling.applied.shape()
        if scaling.requested is not None:
            shape["RequestedFunctionScalingConfig"] = scaling.requested.shape()
        return shape


def _find_managed(reader: Reader, target: Target) -> FunctionVersion:
    """Return the version; raises AccessDeniedException, as AWS does, where the function has no capacity provider."""
    if find_latest(reader, target).settings.managed is None:
        raise errors.access_denied(
            "The function provided by the arn does not contain a capacity provider configuration"
        )
    return find_version(reader, target)


def _scaled(status: Status, wanted: ScalingConfig) -> Status:
    if wanted.is_zero and status.state is State.ACTIVE:
        return move(status, Event.SCALED_TO_ZERO)
    if not wanted.is_zero and status.state is State.DEACTIVATED:
        return move(status, Event.SCALED_UP)
    return status
