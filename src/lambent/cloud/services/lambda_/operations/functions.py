"""Functions: created, shown, listed and deleted."""

from __future__ import annotations

from dataclasses import replace

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.lambda_ import errors, repository
from lambent.cloud.services.lambda_.control import Control, Target, find_function, find_version, target_of
from lambent.cloud.services.lambda_.listing import marked_page
from lambent.cloud.services.lambda_.lookups import Lookups
from lambent.cloud.services.lambda_.model.configure import settings_of_new_function
from lambent.cloud.services.lambda_.model.function import LATEST, Function, FunctionVersion, is_version
from lambent.cloud.services.lambda_.model.state import PENDING
from lambent.cloud.services.lambda_.operations.tags import check_tags
from lambent.cloud.services.lambda_.rendering import Shape, code_location, configuration
from lambent.cloud.services.lambda_.sources import Sources
from lambent.cloud.store.unit_of_work import Transaction

_NAME_LIMIT = 64
_LISTED_AT_ONCE = 50


class FunctionOperations:
    """CreateFunction, GetFunction, GetFunctionConfiguration, ListFunctions, DeleteFunction."""

    def __init__(self, control: Control, sources: Sources, lookups: Lookups) -> None:
        self._control = control
        self._sources = sources
        self._lookups = lookups

    @operation("CreateFunction")
    async def create_function(self, context: RequestContext, parameters: Parameters) -> Result:
        """Create a function in state Pending; its first version too, where Publish asks for it."""
        target = _new_target(context, parameters["FunctionName"])
        check_what_is_not_there(parameters)
        tags = parameters.get("Tags") or {}
        check_tags(context, tags, {})
        if self._control.routes.find(target.scope.account, target.scope.region, target.name) is not None:
            raise _exists(target)
        looked = await self._sources.looked_up(target.scope, parameters)
        settings = settings_of_new_function(target.name, parameters, looked)
        await self._lookups.check_role(target.scope, settings.role)
        code = await self._sources.code(target.scope, parameters["Code"], settings.package_type)
        latest = FunctionVersion(
            scope=target.scope,
            function=target.name,
            version=LATEST,
            settings=settings,
            code=code,
            status=PENDING,
            revision_id=self._control.new_revision(),
            last_modified=context.now,
        )
        created = [latest]
        if parameters.get("Publish"):
            created.append(latest.published(1, revision_id=latest.revision_id, description=None, now=context.now))
        function = Function(target.scope, target.name, next_version=len(created), tags=dict(tags))

        def work(transaction: Transaction) -> None:
            if repository.function(transaction, target.scope, target.name) is not None:
                raise _exists(target)
            repository.put_function(transaction, function)
            for version in created:
                repository.put_version(transaction, version)
            transaction.after_commit(lambda: self._control.routes.add(function, created))

        await self._control.dependencies.store.write(work)
        for version in created:
            self._control.activation.begin(version)
        # With Publish, AWS answers with the new version under the function's own ARN.
        return configuration(created[-1])

    @operation("GetFunction")
    async def get_function(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a version's configuration, where its code is, and the function's tags and reserved concurrency."""
        target = target_of(context, parameters["FunctionName"], parameters.get("Qualifier"))
        version = find_version(self._control.read, target)
        function = find_function(self._control.read, target)
        answer: Shape = {
            "Configuration": configuration(version, qualifier=target.qualifier),
            "Code": code_location(version.code, context.host),
        }
        if function.tags:
            answer["Tags"] = dict(function.tags)
        if function.reserved_concurrency is not None:
            answer["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved_concurrency}
        return answer

    @operation("GetFunctionConfiguration")
    async def get_function_configuration(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a version's configuration."""
        target = target_of(context, parameters["FunctionName"], parameters.get("Qualifier"))
        return configuration(find_version(self._control.read, target), qualifier=target.qualifier)

    @operation("ListFunctions")
    async def list_functions(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return one page of the functions, or of all their versions."""
        every_version = parameters.get("FunctionVersion") == "ALL"
        versions = repository.all_versions(self._control.read, context.scope, only_latest=not every_version)
        # At most 50 come at once, whatever MaxItems says.
        listed = marked_page(versions, _position, parameters, at_most=_LISTED_AT_ONCE)
        return listed.shape(
            "Functions",
            [
                configuration(each, qualifier=each.version if every_version else None, in_list=True)
                for each in listed.items
            ],
        )

    @operation("DeleteFunction")
    async def delete_function(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete a function with everything that belongs to it, or one published version."""
        target = target_of(context, parameters["FunctionName"], parameters.get("Qualifier"))
        if target.qualifier == LATEST:
            raise errors.invalid_parameter("$LATEST version cannot be deleted without deleting the function.")
        if target.qualifier is not None and not is_version(target.qualifier):
            raise errors.invalid_parameter("Deletion of aliases is not currently supported.")

        def work(transaction: Transaction) -> None:
            find_function(transaction, target)
            if target.qualifier is None:
                repository.delete_function(transaction, target.scope, target.name)
            else:
                _delete_version(transaction, target)

        await self._control.change(target.scope, target.name, work)
        return {"StatusCode": 204}


def check_what_is_not_there(parameters: Parameters) -> None:
    """Raise as AWS does for references to resources of kinds of which there are none here."""
    signing = parameters.get("CodeSigningConfigArn")
    if signing:
        raise errors.no_code_signing_config(signing)
    provider = parameters.get("CapacityProviderConfig")
    if provider:
        arn = provider["LambdaManagedInstancesCapacityProviderConfig"]["CapacityProviderArn"]
        raise errors.not_found(f"Capacity provider not found: {arn}")
    if parameters.get("PublishTo"):
        raise errors.invalid_parameter("PublishTo isn't supported for Lambda Default functions")


def _new_target(context: RequestContext, function_name: str) -> Target:
    target = target_of(context, function_name)
    if len(target.name) > _NAME_LIMIT:
        raise errors.invalid_parameter(
            f"1 validation error detected: Value '{target.name}' at 'functionName' failed to satisfy constraint: "
            f"Member must have length less than or equal to {_NAME_LIMIT}"
        )
    if target.scope != context.scope:
        raise errors.access_denied()
    return replace(target, qualifier=None)


def _exists(target: Target) -> Exception:
    return errors.conflict(f"Function already exist: {target.name}")


def _delete_version(transaction: Transaction, target: Target) -> None:
    version = repository.version(transaction, target.scope, target.name, target.qualifier or LATEST)
    if version is None:
        return  # AWS answers 204 for a version that is not there
    using = [
        alias.name
        for alias in repository.aliases(transaction, target.scope, target.name)
        if version.version == alias.version or version.version in alias.weights
    ]
    if using:
        raise errors.conflict(
            f"Unable to delete version because the following aliases reference it: [{', '.join(using)}]"
        )
    repository.delete_version(transaction, version)


def _position(version: FunctionVersion) -> str:
    number = 0 if version.version == LATEST else int(version.version)
    return f"{version.function}\x00{number:019d}"
