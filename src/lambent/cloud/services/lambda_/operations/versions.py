"""Function versions: published and listed."""

from __future__ import annotations

from dataclasses import replace

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.lambda_ import errors, repository
from lambent.cloud.services.lambda_.control import Control, check_revision, find_function, find_latest, target_of
from lambent.cloud.services.lambda_.listing import bounds_of, numbered
from lambent.cloud.services.lambda_.model.function import FunctionVersion, position
from lambent.cloud.services.lambda_.model.state import State
from lambent.cloud.services.lambda_.publishing import Publication, check_publish_to, last_published, publish
from lambent.cloud.services.lambda_.rendering import configuration
from lambent.cloud.services.lambda_.runtime_management import configuration_of
from lambent.cloud.store.unit_of_work import Transaction

_LISTED_AT_ONCE = 50


class VersionOperations:
    """PublishVersion, ListVersionsByFunction."""

    def __init__(self, control: Control) -> None:
        self._control = control

    @operation("PublishVersion")
    async def publish_version(self, context: RequestContext, parameters: Parameters) -> Result:
        """Freeze `$LATEST` as the next version, or as `$LATEST.PUBLISHED`; where nothing has changed, return the last.

        On Managed Instances the version is Pending until it has capacity.
        """
        target = target_of(context, parameters["FunctionName"])
        asked = Publication(context.now, bool(parameters.get("PublishTo")), parameters.get("Description"))

        def work(transaction: Transaction) -> FunctionVersion:
            latest = find_latest(transaction, target)
            check_publish_to(parameters, latest.settings)
            _check_may_publish(latest, parameters)
            last = last_published(transaction, latest, asked)
            if last is not None:
                return last
            version = publish(transaction, latest, asked, self._control.new_revision)
            # Publishing gives $LATEST a new revision, too.
            repository.put_version(transaction, replace(latest, revision_id=self._control.new_revision()))
            return version

        version = await self._control.change(target.scope, target.name, work)
        if not version.status.is_settled:
            self._control.activation.begin(version)
        return configuration_of(self._control.read, version, qualifier=version.version)

    @operation("ListVersionsByFunction")
    async def list_versions_by_function(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return one page of a function's versions, `$LATEST` first."""
        target = target_of(context, parameters["FunctionName"])
        find_function(self._control.read, target)
        bounds = bounds_of(parameters, at_most=_LISTED_AT_ONCE)
        found = repository.versions_behind(
            self._control.read, target.scope, target.name, bounds.behind_number, bounds.to_read
        )
        listed = bounds.page(found, _place)
        return listed.shape(
            "Versions", [configuration(each, qualifier=each.version, in_list=True) for each in listed.items]
        )


def _check_may_publish(latest: FunctionVersion, parameters: Parameters) -> None:
    check_revision(parameters.get("RevisionId"), latest.revision_id)
    if latest.status.state not in {State.ACTIVE, State.ACTIVE_NON_INVOCABLE}:
        raise errors.not_active(latest.status.state)
    if not latest.status.is_settled:
        raise errors.update_in_progress(latest.function_arn)
    expected = parameters.get("CodeSha256")
    if expected and expected != latest.code.sha256:
        raise errors.invalid_parameter(
            f"CodeSHA256 ({expected}) is different from current CodeSHA256 in $LATEST ({latest.code.sha256}). "
            "Please try again with the CodeSHA256 in $LATEST."
        )


def _place(version: FunctionVersion) -> str:
    return numbered(position(version.version))
