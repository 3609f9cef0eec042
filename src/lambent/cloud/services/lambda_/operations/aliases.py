"""Aliases: names for function versions, with weights between two of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.lambda_ import errors, repository
from lambent.cloud.services.lambda_.control import Control, Target, check_revision, find_function, target_of
from lambent.cloud.services.lambda_.listing import bounds_of
from lambent.cloud.services.lambda_.model.function import LATEST, Alias, FunctionVersion
from lambent.cloud.services.lambda_.rendering import alias_configuration
from lambent.cloud.store.unit_of_work import Reader, Transaction

_LISTED_AT_ONCE = 50


class AliasOperations:
    """CreateAlias, GetAlias, UpdateAlias, DeleteAlias, ListAliases."""

    def __init__(self, control: Control) -> None:
        self._control = control

    @operation("CreateAlias")
    async def create_alias(self, context: RequestContext, parameters: Parameters) -> Result:
        """Create an alias of a version."""
        target = target_of(context, parameters["FunctionName"])
        alias = Alias(
            scope=target.scope,
            function=target.name,
            name=parameters["Name"],
            version=parameters["FunctionVersion"],
            description=parameters.get("Description") or "",
            weights=_weights(parameters) or {},
            revision_id=self._control.new_revision(),
        )

        def work(transaction: Transaction) -> None:
            _check_versions(transaction, target, alias)
            if repository.alias(transaction, target.scope, target.name, alias.name) is not None:
                raise errors.conflict(f"Alias already exists: {alias.arn}")
            repository.put_alias(transaction, alias)

        await self._control.change(target.scope, target.name, work)
        return alias_configuration(alias)

    @operation("GetAlias")
    async def get_alias(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return an alias."""
        target = target_of(context, parameters["FunctionName"])
        found = repository.alias(self._control.read, target.scope, target.name, parameters["Name"])
        if found is None:
            raise errors.alias_not_found(target.scope, target.name, parameters["Name"])
        return alias_configuration(found)

    @operation("UpdateAlias")
    async def update_alias(self, context: RequestContext, parameters: Parameters) -> Result:
        """Change what the request names of an alias."""
        target = target_of(context, parameters["FunctionName"])
        name = parameters["Name"]

        def work(transaction: Transaction) -> Alias:
            find_function(transaction, target)
            current = repository.alias(transaction, target.scope, target.name, name)
            if current is None:
                raise errors.not_found(f"Alias not found: {target.arn}:{name}")
            check_revision(parameters.get("RevisionId"), current.revision_id)
            weights = _weights(parameters)
            changed = replace(
                current,
                version=parameters.get("FunctionVersion") or current.version,
                description=current.description if parameters.get("Description") is None else parameters["Description"],
                weights=current.weights if weights is None else weights,
                revision_id=self._control.new_revision(),
            )
            _check_versions(transaction, target, changed)
            if changed.version == LATEST and name in repository.provisioned(transaction, target.scope, target.name):
                raise errors.provisioned_unpublished()
            repository.put_alias(transaction, changed)
            return changed

        return alias_configuration(await self._control.change(target.scope, target.name, work))

    @operation("DeleteAlias")
    async def delete_alias(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete an alias; one that is not there is no error."""
        target = target_of(context, parameters["FunctionName"])

        def work(transaction: Transaction) -> None:
            find_function(transaction, target)
            repository.delete_alias(transaction, target.scope, target.name, parameters["Name"])

        await self._control.change(target.scope, target.name, work)
        return {}

    @operation("ListAliases")
    async def list_aliases(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return one page of a function's aliases, perhaps only those that lead to one version."""
        target = target_of(context, parameters["FunctionName"])
        find_function(self._control.read, target)
        bounds = bounds_of(parameters, at_most=_LISTED_AT_ONCE)
        found = repository.aliases_behind(
            self._control.read,
            target.scope,
            target.name,
            (bounds.behind, bounds.to_read),
            of_version=parameters.get("FunctionVersion"),
        )
        listed = bounds.page(found, lambda alias: alias.name)
        return listed.shape("Aliases", [alias_configuration(each) for each in listed.items])


def _weights(parameters: Parameters) -> Mapping[str, float] | None:
    """Return the weights a request sets, an empty mapping where it takes them away, None where it says nothing."""
    routing = parameters.get("RoutingConfig")
    return None if routing is None else dict(routing.get("AdditionalVersionWeights") or {})


def _check_versions(reader: Reader, target: Target, alias: Alias) -> None:
    """Raise as AWS does unless the alias can lead to its versions.

    https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
    """
    if len(alias.weights) > 1:
        raise errors.invalid_parameter("Number of items in AdditionalVersionWeights cannot be greater than 1")
    primary = _version(reader, target, alias.version)
    for number in alias.weights:
        if number == alias.version:
            raise errors.invalid_parameter(
                f"Invalid function version {number}. Function version {number} is already included in routing "
                "configuration."
            )
        if alias.version == LATEST:
            raise errors.unattributed_invalid_parameter(
                "$LATEST is not supported for an alias pointing to more than 1 version"
            )
        other = _version(reader, target, number)
        if other.settings.role != primary.settings.role:
            raise errors.invalid_parameter(
                "Both function versions of an alias with routing configuration must have the same execution role."
            )
        if other.settings.dead_letter_target != primary.settings.dead_letter_target:
            raise errors.invalid_parameter(
                "Both function versions of an alias with routing configuration must have the same dead-letter queue "
                "configuration, or none."
            )


def _version(reader: Reader, target: Target, number: str) -> FunctionVersion:
    found = repository.version(reader, target.scope, target.name, number)
    if found is None:
        raise errors.function_not_found(target.scope, target.name, number)
    return found
