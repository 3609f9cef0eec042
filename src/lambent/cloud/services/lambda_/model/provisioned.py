"""Provisioned concurrency as it was asked for: of a version, or of an alias and thus of the versions it leads to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lambent.cloud.services.lambda_.model.function import Alias


@dataclass(frozen=True, slots=True)
class ProvisionedConfig:
    """How many environments are to be kept initialized."""

    requested: int
    last_modified: float


def by_version(configs: Mapping[str, ProvisionedConfig], aliases: Mapping[str, Alias]) -> dict[str, int]:
    """Return how many environments each version is to keep; an alias with weights shares by them.

    >>> from lambent.cloud.store.scope import Scope
    >>> alias = Alias(Scope("1", "r"), "f", "live", "1", "", {"2": 0.25}, "")
    >>> by_version({"live": ProvisionedConfig(10, 0.0), "3": ProvisionedConfig(1, 0.0)}, {"live": alias})
    {'2': 2, '1': 8, '3': 1}
    """
    found: dict[str, int] = {}
    for qualifier, config in configs.items():
        for version, count in shares(config, aliases.get(qualifier), qualifier).items():
            found[version] = found.get(version, 0) + count
    return found


def shares(config: ProvisionedConfig, alias: Alias | None, qualifier: str) -> dict[str, int]:
    """Return how many environments of each version one configuration asks for."""
    if alias is None:
        return {qualifier: config.requested}
    found = {version: int(config.requested * weight) for version, weight in alias.weights.items()}
    found[alias.version] = config.requested - sum(found.values())
    return found
