"""Function versions: published and listed."""

from __future__ import annotations

from dataclasses import replace

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.lambda_ import errors, repository
from lambent.cloud.services.lambda_.control import Control, check_revision, find_function, find_latest, target_of
from lambent.cloud.services.lambda_.listing import marked_page
from lambent.cloud.services.lambda_.model.function import LATEST, FunctionVersion
from lambent.cloud.services.lambda_.model.state import State
from lambent.cloud.services.lambda_.rendering import configuration
from lambent.cloud.store.unit_of_work import Transaction

_LISTED_AT_ONCE = 50


class VersionOperations:
    """PublishVersion, ListVersionsByFunction."""

    def __init__(self, control: Control) -> None:
        self._control = control

    @operation("PublishVersion")
    async def publish_version(self, context: RequestContext, parameters: Parameters) -> Result:
        """Freeze `$LATEST` as the next version; where nothing has changed since the last one, return that one."""
        target = target_of(context, parameters["FunctionName"])
        if parameters.get("PublishTo"):
            raise errors.invalid_parameter("PublishTo isn't supported for Lambda Default functions")

        def work(transaction: Transaction) -> FunctionVersion:
            function = find_function(transaction, target)
            latest = find_latest(transaction, target)
            _check_may_publish(latest, parameters)
            last = repository.versions(transaction, target.scope, target.name)[-1]
            if last.version != LATEST and last.source == latest.fingerprint():
                return last
            version = latest.published(
                function.next_version,
                revision_id=self._control.new_revision(),
                description=parameters.get("Description"),
                now=context.now,
            )
            repository.put_version(transaction, version)
            # Publishing gives $LATEST a new revision, too.
            repository.put_version(transaction, replace(latest, revision_id=self._control.new_revision()))
            repository.put_function(transaction, replace(function, next_version=function.next_version + 1))
            return version

        version = await self._control.change(target.scope, target.name, work)
        return configuration(version, qualifier=version.version)

    @operation("ListVersionsByFunction")
    async def list_versions_by_function(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return one page of a function's versions, `$LATEST` first."""
        target = target_of(context, parameters["FunctionName"])
        find_function(self._control.read, target)
        versions = repository.versions(self._control.read, target.scope, target.name)
        listed = marked_page(versions, _position, parameters, at_most=_LISTED_AT_ONCE)
        return listed.shape(
            "Versions", [configuration(each, qualifier=each.version, in_list=True) for each in listed.items]
        )


def _check_may_publish(latest: FunctionVersion, parameters: Parameters) -> None:
    check_revision(parameters.get("RevisionId"), latest.revision_id)
    if latest.status.state is not State.ACTIVE:
        raise errors.not_active(latest.status.state)
    if not latest.status.is_settled:
        raise errors.update_in_progress(latest.function_arn)
    expected = parameters.get("CodeSha256")
    if expected and expected != latest.code.sha256:
        raise errors.invalid_parameter(
            f"CodeSHA256 ({expected}) is different from current CodeSHA256 in $LATEST ({latest.code.sha256}). "
            "Please try again with the CodeSHA256 in $LATEST."
        )


def _position(version: FunctionVersion) -> str:
    return f"{0 if version.version == LATEST else int(version.version):019d}"
