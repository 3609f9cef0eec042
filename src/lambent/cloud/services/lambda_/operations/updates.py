"""Functions changed: UpdateFunctionCode and UpdateFunctionConfiguration."""

from __future__ import annotations

from dataclasses import replace

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.lambda_ import errors, repository
from lambent.cloud.services.lambda_.capacity_providers import check_on_provider
from lambent.cloud.services.lambda_.code_signing import check_unsigned
from lambent.cloud.services.lambda_.control import Control, check_revision, find_latest, target_of
from lambent.cloud.services.lambda_.lookups import Lookups
from lambent.cloud.services.lambda_.model.configure import changed_settings
from lambent.cloud.services.lambda_.model.function import FunctionVersion, PackageType
from lambent.cloud.services.lambda_.model.state import Event, State, move
from lambent.cloud.services.lambda_.publishing import check_publish_to, publication, publish
from lambent.cloud.services.lambda_.runtime_management import configuration_of
from lambent.cloud.services.lambda_.sources import Sources
from lambent.cloud.store.unit_of_work import Transaction


class UpdateOperations:
    """UpdateFunctionCode, UpdateFunctionConfiguration."""

    def __init__(self, control: Control, sources: Sources, lookups: Lookups) -> None:
        self._control = control
        self._sources = sources
        self._lookups = lookups

    @operation("UpdateFunctionCode")
    async def update_function_code(self, context: RequestContext, parameters: Parameters) -> Result:
        """Replace the code of `$LATEST`; publish a version of it, or only check, where the request says so."""
        target = target_of(context, parameters["FunctionName"])
        current = find_latest(self._control.read, target)
        _check_may_change(current, parameters)
        _check_source(parameters, current.settings.package_type)
        check_publish_to(parameters, current.settings)
        code = await self._sources.code(target.scope, parameters, current.settings.package_type)
        architectures = parameters.get("Architectures")

        def changed(latest: FunctionVersion) -> FunctionVersion:
            settings = latest.settings
            if architectures:
                settings = replace(settings, architecture=architectures[0])
            return self._changed(replace(latest, code=code, settings=settings), context.now)

        check_unsigned(self._control.read, target.scope, target.name, current.function_arn)
        check_on_provider(self._control.read, target.scope, changed(current).settings)
        if parameters.get("DryRun"):
            shown = replace(changed(current), status=current.status, revision_id=current.revision_id)
            return configuration_of(self._control.read, shown)
        asked = publication(parameters, context.now)

        def work(transaction: Transaction) -> list[FunctionVersion]:
            latest = find_latest(transaction, target)
            _check_may_change(latest, parameters)
            check_unsigned(transaction, target.scope, target.name, latest.function_arn)
            latest = changed(latest)
            check_on_provider(transaction, target.scope, latest.settings)
            repository.put_version(transaction, latest)
            return [latest, *([publish(transaction, latest, asked, self._control.new_revision)] if asked else [])]

        written = await self._control.change(target.scope, target.name, work)
        for version in written:
            self._control.activation.begin(version)
        last = written[-1]
        return configuration_of(self._control.read, last, qualifier=last.version if asked else None)

    @operation("UpdateFunctionConfiguration")
    async def update_function_configuration(self, context: RequestContext, parameters: Parameters) -> Result:
        """Change settings of `$LATEST`; what the request leaves out stays."""
        target = target_of(context, parameters["FunctionName"])
        current = find_latest(self._control.read, target)
        _check_may_change(current, parameters)
        if parameters.get("CapacityProviderConfig") and current.settings.managed is None:
            raise errors.invalid_parameter("CapacityProviderConfig isn't supported for Lambda Default functions")
        looked = await self._sources.looked_up(context, target.scope, parameters)
        # The checks come before the look-ups.
        wanted = changed_settings(target.name, current.settings, parameters, looked)
        check_on_provider(self._control.read, target.scope, wanted)
        if parameters.get("Role") and parameters["Role"] != current.settings.role:
            await self._lookups.check_role(target.scope, parameters["Role"])

        def work(transaction: Transaction) -> FunctionVersion:
            latest = find_latest(transaction, target)
            _check_may_change(latest, parameters)
            check_unsigned(transaction, target.scope, target.name, *(layer.arn for layer in looked.layers or ()))
            settings = changed_settings(target.name, latest.settings, parameters, looked)
            check_on_provider(transaction, target.scope, settings)
            changed = self._changed(replace(latest, settings=settings), context.now)
            repository.put_version(transaction, changed)
            return changed

        changed = await self._control.change(target.scope, target.name, work)
        self._control.activation.begin(changed)
        return configuration_of(self._control.read, changed)

    def _changed(self, version: FunctionVersion, now: float) -> FunctionVersion:
        return replace(
            version,
            status=move(version.status, Event.CHANGED),
            revision_id=self._control.new_revision(),
            last_modified=now,
        )


def _check_may_change(latest: FunctionVersion, parameters: Parameters) -> None:
    check_revision(parameters.get("RevisionId"), latest.revision_id)
    if latest.status.state in {State.FAILED, State.PENDING, State.DELETING}:
        raise errors.not_active(latest.status.state)
    if not latest.status.is_settled:
        raise errors.update_in_progress(latest.function_arn)


def _check_source(parameters: Parameters, package_type: PackageType) -> None:
    if package_type == "Image" and not parameters.get("ImageUri"):
        raise errors.invalid_parameter("Please provide ImageUri when updating a function with packageType Image.")
    if package_type == "Zip" and parameters.get("ImageUri"):
        raise errors.invalid_parameter("Please don't provide ImageUri when updating a function with packageType Zip.")
