"""Capacity providers as they are kept, and which versions of functions run on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lambent.cloud.services.lambda_ import errors, repository
from lambent.cloud.services.lambda_.documents import CAPACITY_PROVIDERS, SCALING_CONFIGS, WHOLE, Document, Part
from lambent.cloud.services.lambda_.model.capacity_provider import (
    CapacityProvider,
    Place,
    ProviderState,
    Scaling,
    named,
    provider_arn,
)
from lambent.cloud.services.lambda_.model.function import FunctionVersion, Settings
from lambent.cloud.services.lambda_.model.managed_checks import check_managed
from lambent.cloud.services.lambda_.model.scaling_config import ScalingConfig, VersionScaling
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Transaction

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-quotas.html
PROVIDERS_PER_ACCOUNT = 1_000
VERSIONS_PER_PROVIDER = 100


def capacity_providers(reader: Reader, scope: Scope, part: Part = WHOLE) -> list[CapacityProvider]:
    """Return part of the scope's capacity providers by name."""
    found = CAPACITY_PROVIDERS.behind(reader, scope, part=part)
    return [_provider(scope, name, document) for name, document in found.items()]


def every_capacity_provider(reader: Reader) -> list[CapacityProvider]:
    """Return the capacity providers of all accounts and regions."""
    found = CAPACITY_PROVIDERS.every(reader)
    return [_provider(scope, name, document) for scope, (name,), document in found]


def capacity_provider(reader: Reader, scope: Scope, name: str) -> CapacityProvider | None:
    """Return one capacity provider, or None."""
    document = CAPACITY_PROVIDERS.one(reader, scope, name)
    return None if document is None else _provider(scope, name, document)


def find_provider(reader: Reader, scope: Scope, name_or_arn: str) -> CapacityProvider:
    """Return the capacity provider that a request of `scope` names; raises ResourceNotFoundException."""
    owner, name = named(name_or_arn, scope)
    found = capacity_provider(reader, owner, name) if owner == scope else None
    if found is None:
        raise errors.capacity_provider_not_found(provider_arn(owner, name))
    return found


def unsettled_providers(reader: Reader) -> list[CapacityProvider]:
    """Return the capacity providers whose creation or deletion was under way when the platform stopped."""
    names = CAPACITY_PROVIDERS.keys_in(
        reader,
        "lambda_capacity_providers_unsettled",
        "json_extract(document, '$.state') NOT IN ('Active', 'Failed')",
    )
    found = [capacity_provider(reader, scope, name) for scope, (name,) in names]
    return [provider for provider in found if provider is not None]


def put_provider(transaction: Transaction, value: CapacityProvider) -> None:
    """Add the capacity provider or replace it."""
    document = {
        "state": value.state,
        "subnets": value.subnets,
        "security_groups": value.security_groups,
        "operator_role": value.operator_role,
        "requirements": dict(value.requirements),
        "scaling": value.scaling,
        "last_modified": value.last_modified,
        "kms_key_arn": value.kms_key_arn,
        "propagate_tags": value.propagate_tags,
        "telemetry": value.telemetry,
        "tags": dict(value.tags),
        "places": tuple(value.places),
        "default_group": value.default_group,
    }
    CAPACITY_PROVIDERS.put(transaction, value.scope, (value.name,), document)


def delete_provider(transaction: Transaction, value: CapacityProvider) -> None:
    """Remove the capacity provider."""
    CAPACITY_PROVIDERS.delete(transaction, value.scope, value.name)


def check_on_provider(reader: Reader, scope: Scope, settings: Settings) -> None:
    """Raise as AWS does unless a function with these settings can be put on its capacity provider, if it has one."""
    managed = settings.managed
    if managed is None:
        return
    provider = find_provider(reader, scope, managed.provider_arn)
    check_managed(settings)
    if provider.state is not ProviderState.ACTIVE:
        raise errors.provider_busy(provider.state)
    if provider.architecture != settings.architecture:
        raise errors.invalid_parameter(
            f"The function's architecture {settings.architecture} doesn't match the capacity provider's architecture "
            f"{provider.architecture}."
        )


def version_scaling(reader: Reader, version: FunctionVersion) -> VersionScaling:
    """Return how a version scales: what is in effect, and what was asked for and is not yet."""
    document = SCALING_CONFIGS.one(reader, version.scope, version.function, version.version) or {}
    return VersionScaling(_scaling_config(document.get("applied")), _scaling_config(document.get("requested")))


def put_version_scaling(transaction: Transaction, version: FunctionVersion, value: VersionScaling) -> None:
    """Keep how a version scales."""
    SCALING_CONFIGS.put(transaction, version.scope, (version.function, version.version), value)


def versions_to_scale(reader: Reader) -> list[FunctionVersion]:
    """Return the versions whose scaling was asked for and not in effect yet when the platform stopped."""
    waiting = SCALING_CONFIGS.keys_in(
        reader, "lambda_scaling_requested", "json_extract(document, '$.requested') IS NOT NULL"
    )
    found = [repository.version(reader, scope, function, version) for scope, (function, version) in waiting]
    return [version for version in found if version is not None and version.status.is_settled]


def tags(reader: Reader, scope: Scope, arn: str) -> Mapping[str, str]:
    """Return the tags of the capacity provider of that ARN; raises ResourceNotFoundException."""
    return find_provider(reader, scope, arn).tags


def put_tags(transaction: Transaction, scope: Scope, arn: str, value: Mapping[str, str]) -> None:
    """Replace the tags of the capacity provider of that ARN; raises ResourceNotFoundException."""
    put_provider(transaction, replace(find_provider(transaction, scope, arn), tags=dict(value)))


def _provider(scope: Scope, name: str, document: Document) -> CapacityProvider:
    kept: dict[str, Any] = dict(document)  # Any: JSON of our own writing
    scaling = Scaling(**kept.pop("scaling"))
    places = tuple(Place(**each) for each in kept.pop("places", ()))
    return CapacityProvider(scope, name, ProviderState(kept.pop("state")), scaling=scaling, places=places, **kept)


def _scaling_config(kept: Mapping[str, int] | None) -> ScalingConfig | None:
    return None if kept is None else ScalingConfig(**kept)
