"""Capacity providers: made, shown, changed, listed and deleted."""

from __future__ import annotations

from dataclasses import replace

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.lambda_ import errors, repository
from lambent.cloud.services.lambda_.capacity_providers import (
    PROVIDERS_PER_ACCOUNT,
    capacity_provider,
    capacity_providers,
    find_provider,
    put_provider,
)
from lambent.cloud.services.lambda_.control import Control
from lambent.cloud.services.lambda_.documents import CAPACITY_PROVIDERS
from lambent.cloud.services.lambda_.listing import bounds_of, named_number
from lambent.cloud.services.lambda_.lookups import Lookups
from lambent.cloud.services.lambda_.model.capacity_provider import (
    CapacityProvider,
    ProviderEvent,
    ProviderState,
    move,
    named,
    new_provider,
)
from lambent.cloud.services.lambda_.model.function import FunctionVersion, position
from lambent.cloud.services.lambda_.operations.tags import check_tags
from lambent.cloud.services.lambda_.provider_lifecycle import ProviderLifecycle
from lambent.cloud.services.lambda_.rendering import Shape, timestamp
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Transaction

_LISTED_AT_ONCE = 50


class CapacityProviderOperations:
    """Create-, Get-, Update-, DeleteCapacityProvider, and the lists of providers and of a provider's versions."""

    def __init__(self, control: Control, lookups: Lookups, lifecycle: ProviderLifecycle) -> None:
        self._control = control
        self._lookups = lookups
        self._lifecycle = lifecycle

    @operation("CreateCapacityProvider")
    async def create_capacity_provider(self, context: RequestContext, parameters: Parameters) -> Result:
        """Make a capacity provider in state Pending."""
        scope, name = named(parameters["CapacityProviderName"], context.scope)
        if scope != context.scope:
            raise errors.access_denied()
        check_tags(context, parameters.get("Tags") or {}, {})
        provider = new_provider(scope, name, parameters, context.now)
        self._check_new(capacity_provider(self._control.read, scope, name))
        places, group = await self._lookups.places(scope, provider.subnets)
        await self._lookups.check_groups(scope, provider.security_groups)
        provider = provider.located(places, group)
        await self._check_operator_role(scope, provider.operator_role)

        def work(transaction: Transaction) -> None:
            self._check_new(capacity_provider(transaction, scope, name))
            if CAPACITY_PROVIDERS.count(transaction, scope) >= PROVIDERS_PER_ACCOUNT:
                raise errors.too_many_providers()
            put_provider(transaction, provider)

        await self._control.dependencies.store.write(work)
        self._lifecycle.begin(provider)
        return _answer(provider)

    @operation("GetCapacityProvider")
    async def get_capacity_provider(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a capacity provider."""
        return _answer(find_provider(self._control.read, context.scope, parameters["CapacityProviderName"]))

    @operation("UpdateCapacityProvider")
    async def update_capacity_provider(self, context: RequestContext, parameters: Parameters) -> Result:
        """Change how a capacity provider scales, tags and logs; the rest of it stays for good."""

        def work(transaction: Transaction) -> CapacityProvider:
            provider = find_provider(transaction, context.scope, parameters["CapacityProviderName"])
            if not provider.state.is_settled:
                raise errors.provider_busy(provider.state)
            changed = provider.updated(parameters, context.now)
            put_provider(transaction, changed)
            return changed

        provider = await self._control.dependencies.store.write(work)
        self._lifecycle.changed(provider)
        return _answer(provider)

    @operation("DeleteCapacityProvider")
    async def delete_capacity_provider(self, context: RequestContext, parameters: Parameters) -> Result:
        """Begin to delete a capacity provider that no function uses; one that is being deleted is no error."""

        def work(transaction: Transaction) -> CapacityProvider:
            provider = find_provider(transaction, context.scope, parameters["CapacityProviderName"])
            if provider.state is ProviderState.DELETING:
                return provider
            users = repository.functions_on_provider(transaction, provider.scope, provider.arn)
            if users:
                raise errors.provider_in_use(provider.arn, users)
            deleting = replace(provider, state=move(provider.state, ProviderEvent.DELETED), last_modified=context.now)
            put_provider(transaction, deleting)
            return deleting

        provider = await self._control.dependencies.store.write(work)
        self._lifecycle.begin(provider)
        return _answer(provider)

    @operation("ListCapacityProviders")
    async def list_capacity_providers(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return one page of the capacity providers, perhaps only those in one state."""
        bounds, state = bounds_of(parameters, at_most=_LISTED_AT_ONCE), parameters.get("State")
        found = capacity_providers(self._control.read, context.scope, bounds.part({"state": state} if state else None))
        listed = bounds.page(found, lambda provider: provider.name)
        return listed.shape("CapacityProviders", [_shape(each) for each in listed.items])

    @operation("ListFunctionVersionsByCapacityProvider")
    async def list_function_versions(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return one page of the published versions that run on a capacity provider."""
        provider = find_provider(self._control.read, context.scope, parameters["CapacityProviderName"])
        bounds = bounds_of(parameters, at_most=_LISTED_AT_ONCE)
        versions = repository.versions_on_provider(
            self._control.read, provider.scope, provider.arn, bounds.behind_named_number, bounds.to_read
        )
        listed = bounds.page(versions, _place)
        shown: list[Shape] = [{"FunctionArn": each.arn, "State": each.status.state} for each in listed.items]
        return {"CapacityProviderArn": provider.arn, **listed.shape("FunctionVersions", shown)}

    def _check_new(self, present: CapacityProvider | None) -> None:
        if present is not None:
            raise errors.conflict(f"Capacity provider already exists: {present.arn}")

    async def _check_operator_role(self, scope: Scope, role_arn: str) -> None:
        try:
            await self._lookups.check_role(scope, role_arn)
        except ServiceError as error:
            if error.code != "InvalidParameterValueException":
                raise
            raise errors.invalid_parameter(
                "The operator role is invalid or doesn't have sufficient permissions. Verify the role and permissions "
                "and try again."
            ) from error


def _answer(provider: CapacityProvider) -> Result:
    return {"CapacityProvider": _shape(provider)}


def _shape(provider: CapacityProvider) -> Shape:
    shape: Shape = {
        "CapacityProviderArn": provider.arn,
        "State": provider.state,
        "VpcConfig": {"SubnetIds": list(provider.subnets), "SecurityGroupIds": list(provider.security_groups)},
        "PermissionsConfig": {"CapacityProviderOperatorRoleArn": provider.operator_role},
        "InstanceRequirements": dict(provider.requirements),
        "CapacityProviderScalingConfig": provider.scaling.shape(),
        "LastModified": timestamp(provider.last_modified),
    }
    optional = {
        "KmsKeyArn": provider.kms_key_arn,
        "PropagateTags": provider.propagate_tags,
        "TelemetryConfig": provider.telemetry,
    }
    return {**shape, **{member: value for member, value in optional.items() if value is not None}}


def _place(version: FunctionVersion) -> str:
    return named_number(version.function, position(version.version))
