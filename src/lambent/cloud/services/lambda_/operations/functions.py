"""Functions: created, shown, listed and deleted."""

from __future__ import annotations

from dataclasses import replace

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.lambda_ import code_signing, errors, repository
from lambent.cloud.services.lambda_.capacity_providers import check_on_provider
from lambent.cloud.services.lambda_.control import (
    Control,
    Target,
    find_function,
    find_latest,
    find_version,
    target_of,
)
from lambent.cloud.services.lambda_.listing import bounds_of, named_number
from lambent.cloud.services.lambda_.lookups import Lookups
from lambent.cloud.services.lambda_.model.code_signing import check_signable
from lambent.cloud.services.lambda_.model.configure import settings_of_new_function
from lambent.cloud.services.lambda_.model.function import (
    LATEST,
    Function,
    FunctionVersion,
    is_alias_name,
    is_version,
    position,
)
from lambent.cloud.services.lambda_.model.state import PENDING, Event, State, move
from lambent.cloud.services.lambda_.operations.tags import check_tags
from lambent.cloud.services.lambda_.publishing import check_publish_to, publication, publish
from lambent.cloud.services.lambda_.rendering import Shape, code_location, configuration
from lambent.cloud.services.lambda_.runtime_management import configuration_of
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
        """Create a function in state Pending; its first version too, where Publish or PublishTo asks for it."""
        target = _new_target(context, parameters["FunctionName"])
        if parameters.get("CodeSigningConfigArn"):
            code_signing.config_to_bind(self._control.read, target.scope, parameters["CodeSigningConfigArn"])
        tags = parameters.get("Tags") or {}
        check_tags(context, tags, {})
        # Layers and network are looked at before the name.
        looked = await self._sources.looked_up(context, target.scope, parameters)
        if self._control.routes.find(target.scope.account, target.scope.region, target.name) is not None:
            raise _exists(target)
        settings = settings_of_new_function(target.name, parameters, looked)
        check_publish_to(parameters, settings)
        check_on_provider(self._control.read, target.scope, settings)
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
        function = Function(target.scope, target.name, tags=dict(tags))
        asked = publication(parameters, context.now)

        def work(transaction: Transaction) -> list[FunctionVersion]:
            if repository.function(transaction, target.scope, target.name) is not None:
                raise _exists(target)
            check_on_provider(transaction, target.scope, settings)
            repository.put_function(transaction, function)
            _sign(transaction, latest, parameters)
            repository.put_version(transaction, latest)
            created = [latest]
            if asked is not None:
                created.append(publish(transaction, latest, asked, lambda: latest.revision_id))
            transaction.after_commit(lambda: self._control.routes.add(function, created))
            return created

        created = await self._control.dependencies.store.write(work)
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
            "Configuration": configuration_of(self._control.read, version, qualifier=target.qualifier),
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
        read = self._control.read
        return configuration_of(read, find_version(read, target), qualifier=target.qualifier)

    @operation("ListFunctions")
    async def list_functions(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return one page of the functions, or of all their versions."""
        every_version = parameters.get("FunctionVersion") == "ALL"
        master = parameters.get("MasterRegion")
        if master is not None and not every_version:
            raise errors.invalid_parameter(
                f"The combination MasterArn={master} and FunctionVersion=NULL is not supported. Please see our "
                "documentation for valid combinations of ListFunctions options."
            )
        # At most 50 come at once, whatever MaxItems says.
        bounds = bounds_of(parameters, at_most=_LISTED_AT_ONCE)
        read, place = self._control.read, bounds.behind_named_number
        if master not in {None, "ALL"}:
            found = []  # those that Lambda@Edge has replicated from that region: none, for nothing is replicated here
        elif every_version:
            found = repository.all_versions_behind(read, context.scope, place, bounds.to_read)
        else:
            found = repository.latest_behind(read, context.scope, place[0], bounds.to_read)
        listed = bounds.page(found, _place)
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
        if is_alias_name(target.qualifier or LATEST):
            raise errors.invalid_parameter("Deletion of aliases is not currently supported.")

        def work(transaction: Transaction) -> list[FunctionVersion] | None:
            is_managed = find_latest(transaction, target).settings.managed is not None
            versions = _to_be_deleted(transaction, target)
            if is_managed:
                return [_leave(transaction, each) for each in versions if each.status.state is not State.DELETING]
            if target.qualifier is None:
                repository.delete_function(transaction, target.scope, target.name)
            else:
                for each in versions:
                    repository.delete_version(transaction, each)
            return None

        leaving = await self._control.change(target.scope, target.name, work)
        if leaving is None:
            return {"StatusCode": 204}
        for version in leaving:
            self._control.activation.begin(version)
        return {"StatusCode": 202}


def _sign(transaction: Transaction, created: FunctionVersion, parameters: Parameters) -> None:
    """Bind a new function to the configuration it asks for, if that lets it be deployed."""
    arn = parameters.get("CodeSigningConfigArn")
    if arn:
        bound = code_signing.config_to_bind(transaction, created.scope, arn)
        check_signable(created.settings.package_type)
        for artifact in (created.function, *(layer.arn for layer in created.settings.layers)):
            bound.check_unsigned(artifact)
        code_signing.bind(transaction, created.function, bound)


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


def _leave(transaction: Transaction, version: FunctionVersion) -> FunctionVersion:
    leaving = replace(version, status=move(version.status, Event.DELETED))
    repository.put_version(transaction, leaving)
    return leaving


def _to_be_deleted(transaction: Transaction, target: Target) -> list[FunctionVersion]:
    """Return all versions, or the one named; raises ResourceConflictException while aliases refer to that."""
    if target.qualifier is None:
        return repository.versions(transaction, target.scope, target.name)
    version = None
    if is_version(target.qualifier):
        version = repository.version(transaction, target.scope, target.name, target.qualifier)
    if version is None:
        return []  # AWS answers 204 for a version that is not there, or cannot be
    using = [
        alias.name
        for alias in repository.aliases(transaction, target.scope, target.name)
        if version.version == alias.version or version.version in alias.weights
    ]
    if using:
        raise errors.conflict(
            f"Unable to delete version because the following aliases reference it: [{', '.join(using)}]"
        )
    return [version]


def _place(version: FunctionVersion) -> str:
    return named_number(version.function, position(version.version))
