"""The network that a function is attached to."""

from __future__ import annotations

from lambent.compiler.errors import CompileError
from lambent.compiler.intrinsics import Value
from lambent.compiler.resources.scope import Scope
from lambent.compiler.result import DiscoveredVpc
from lambent.manifest.system import Function, Vpc

_NOTHING = DiscoveredVpc((), ())


def vpc_config(scope: Scope, key: str, function: Function) -> Value:
    """Return the VpcConfig of function `key`; None where both lists are empty, since AWS refuses empty ones."""
    vpc = function.vpc
    if vpc is None:
        return None
    found = _discovered(scope, key, vpc)
    subnets = scope.references.values(vpc.subnets) or list(found.subnets)
    security_groups = scope.references.values(vpc.security_groups) or list(found.security_groups)
    if not subnets and not security_groups:
        return None
    config: dict[str, Value] = {"SubnetIds": subnets, "SecurityGroupIds": security_groups}
    return {**config, "Ipv6AllowedForDualStack": True} if vpc.ipv6 else config


def _discovered(scope: Scope, key: str, vpc: Vpc) -> DiscoveredVpc:
    if vpc.discover is None:
        return _NOTHING
    path = ("functions", key, "vpc", "discover")
    identifier = vpc.discover.literal
    if identifier is None:
        advice = "Name the VPC by its id, or give `subnets` and `security_groups`."
        raise CompileError(
            f"functions.{key}: a VPC to be looked up has a reference in its id", advice=advice, path=path
        )
    if identifier not in scope.vpcs:
        advice = "Plan or deploy the system: what stands in a VPC is looked up at the target."
        raise CompileError(f"functions.{key}: {identifier} has not been looked up", advice=advice, path=path)
    return scope.vpcs[identifier]
