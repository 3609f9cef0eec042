"""Published versions, and the aliases that follow them."""

from __future__ import annotations

from collections.abc import Iterator

from lambent.compiler.intrinsics import Value, resource_att, resource_ref
from lambent.compiler.names import logical_id
from lambent.compiler.references import publishes
from lambent.compiler.resources.functions import scaling
from lambent.compiler.resources.scope import RETAINED, Emitted, Scope, resource
from lambent.compiler.result import VersionWanted
from lambent.manifest.system import Alias, Function


def version_and_alias(scope: Scope, key: str, function: Function) -> Iterator[Emitted]:
    """Yield the version that function `key` publishes, and its alias, where it has them."""
    if not publishes(function):
        return
    yield logical_id(key, "FunctionVersion"), _version(key, function)
    if function.alias is not None:
        yield logical_id(key, "FunctionAlias"), _alias(scope, key, function, function.alias)


def versions_wanted(scope: Scope) -> Iterator[VersionWanted]:
    """Yield the versions whose logical ids are to change with what they freeze."""
    for key, function in scope.functions.items():
        if publishes(function):
            yield VersionWanted(logical_id(key, "FunctionVersion"), logical_id(key, "Function"))


def _version(key: str, function: Function) -> Value:
    managed = function.capacity_provider
    on_version = function.provisioned_concurrency if function.alias is None else None
    properties = {
        "FunctionName": resource_ref(key, "Function"),
        "ProvisionedConcurrencyConfig": _provisioned(on_version),
        "FunctionScalingConfig": None if managed is None else scaling(managed),
    }
    # An old version stays, for its callers and for alias weights, unless it would go on holding paid capacity.
    holds_capacity = on_version is not None or (managed is not None and not (function.alias and function.alias.weights))
    return resource("AWS::Lambda::Version", properties, **({} if holds_capacity else RETAINED))


def _alias(scope: Scope, key: str, function: Function, alias: Alias) -> Value:
    weights = [
        {"FunctionVersion": version, "FunctionWeight": weight} for version, weight in alias.weights.items() if weight
    ]
    properties = {
        "FunctionName": resource_ref(key, "Function"),
        "FunctionVersion": resource_att(key, "FunctionVersion", "Version"),
        "Name": alias.name,
        "Description": scope.value(alias.description),
        "ProvisionedConcurrencyConfig": _provisioned(function.provisioned_concurrency),
        "RoutingConfig": {"AdditionalVersionWeights": weights} if weights else None,
    }
    return resource("AWS::Lambda::Alias", properties)


def _provisioned(number: int | None) -> Value:
    return None if number is None else {"ProvisionedConcurrentExecutions": number}
