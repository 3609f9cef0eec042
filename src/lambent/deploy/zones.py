"""Whether the subnets of capacity providers lie in two Availability Zones at least, asked of the target.

Lambda spreads the instances of a capacity provider over zones, and takes subnets of one zone alone as well: then that
zone's failure is the function's. https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-best-practices.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lambent.aws.clients import AwsCallError, Target
from lambent.compiler.result import CompiledSystem
from lambent.deploy.document import resources_of
from lambent.deploy.provider_networks import LEAST_ZONES, Subnet, by_id, told
from lambent.template.document import Value

_PROVIDERS = frozenset({"AWS::Lambda::CapacityProvider", "AWS::Serverless::CapacityProvider"})


@dataclass(frozen=True, slots=True)
class Spread:
    """What is known of where a capacity provider's subnets lie; `problem` is "" where nothing speaks against them.

    `subnets` are those that are there already; what the template makes is in `told` alone.
    """

    logical_id: str
    told: str
    problem: str = ""
    subnets: tuple[Subnet, ...] = ()


def spreads(compiled: CompiledSystem, target: Target) -> tuple[Spread, ...]:
    """Return how each capacity provider of a system, and of what it nests, is spread over zones, as far as is known.

    A provider is left out where a subnet of it is known to CloudFormation alone. The subnets that are asked for are
    those named by their ids; of subnets of the template, the zone is what the template says.
    """
    document = _Document(compiled)
    asked = dict(document.providers())
    ids = sorted({one for subnets in asked.values() for one in subnets if isinstance(one, str)})
    there: Mapping[str, Subnet] = {one.id: one for one in by_id(target.client("ec2"), ids)} if ids else {}
    made = (_spread(name, subnets, there, document.vpcs_of_groups(name)) for name, subnets in asked.items())
    own = tuple(found for found in made if found is not None)
    return (*own, *(found for nested in compiled.nested for found in spreads(nested.system, target)))


def spreads_or_reason(compiled: CompiledSystem, target: Target) -> tuple[Spread, ...] | str:
    """Return what `spreads` does, or in words why the target does not tell it: not everybody may describe subnets."""
    try:
        return spreads(compiled, target)
    except AwsCallError as error:
        if "nauthorized" not in error.code and "AccessDenied" not in error.code:
            raise
        return f"the Availability Zones of subnets are not known: {error.message}"


@dataclass(frozen=True, slots=True)
class _Declared:
    """A subnet that the template makes: its logical id, and the zone as the template says it."""

    name: str
    zone: str


def _spread(
    name: str, subnets: Sequence[str | _Declared], there: Mapping[str, Subnet], groups: Iterable[str]
) -> Spread | None:
    known = [there[one] for one in subnets if isinstance(one, str) and one in there]
    missing = [one for one in subnets if isinstance(one, str) and one not in there]
    if missing:
        return Spread(name, told(known), f"{name}: The subnet ID '{missing[0]}' does not exist")
    vpcs = sorted({*(one.vpc for one in known), *groups})
    if known and len(vpcs) > 1:
        problem = f"{name}: its subnets and security groups are in different VPCs: {', '.join(vpcs)}."
        return Spread(name, told(known), problem, tuple(known))
    declared = [one for one in subnets if isinstance(one, _Declared)]
    zones = {one.zone for one in known} | {one.zone for one in declared}
    if declared and known:
        return None  # whether `Fn::GetAZs` means a zone that another subnet is in, shows when it is evaluated
    words = ", ".join(filter(None, (told(known) if known else "", *(f"{one.name} ({one.zone})" for one in declared))))
    if len(zones) >= LEAST_ZONES:
        return Spread(name, words, subnets=tuple(known))
    return Spread(name, words, f"{name}: its subnets lie in one Availability Zone: {words}.", tuple(known))


class _Document:
    """A template with the values of its parameters."""

    def __init__(self, compiled: CompiledSystem) -> None:
        self._resources = dict(resources_of(compiled.template))
        declared = compiled.template.get("Parameters") or {}
        usual = {name: one.get("Default") for name, one in declared.items() if isinstance(one, Mapping)}
        self._parameters = {**usual, **compiled.parameters}

    def providers(self) -> Iterator[tuple[str, list[str | _Declared]]]:
        """Yield the capacity providers whose subnets are all known, with them."""
        for name, resource in self._resources.items():
            if resource.get("Type") in _PROVIDERS:
                network = (resource.get("Properties") or {}).get("VpcConfig")
                subnets = self._subnets(network.get("SubnetIds")) if isinstance(network, Mapping) else None
                if subnets:
                    yield name, subnets

    def vpcs_of_groups(self, provider: str) -> set[str]:
        """Return the VPCs, where ids name them, of security groups that the template makes for a provider."""
        network = (self._resources[provider].get("Properties") or {}).get("VpcConfig")
        groups = network.get("SecurityGroupIds") if isinstance(network, Mapping) else None
        found: list[Value] = []
        for one in groups if isinstance(groups, list) else ():
            match one:
                case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), "GroupId"]} if name in self._resources:
                    found.append(self._plain((self._resources[name].get("Properties") or {}).get("VpcId")))
        return {one for one in found if isinstance(one, str)}

    def _subnets(self, value: Value) -> list[str | _Declared] | None:
        plain = self._plain(value)
        listed = [one.strip() for one in plain.split(",")] if isinstance(plain, str) else plain
        if not isinstance(listed, list):
            return None
        found = [self._subnet(self._plain(one)) for one in listed]
        return [one for one in found if one is not None] if None not in found else None

    def _subnet(self, value: Value) -> str | _Declared | None:
        if isinstance(value, str):
            return value
        match value:
            case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), "SubnetId"]} if name in self._resources:
                resource = self._resources[name]
                zone = (resource.get("Properties") or {}).get("AvailabilityZone")
                if resource.get("Type") != "AWS::EC2::Subnet" or zone is None:
                    return None
                return _Declared(name, zone if isinstance(zone, str) else json.dumps(zone, sort_keys=True))
            case _:
                return None

    def _plain(self, value: Value) -> Value:
        match value:
            case {"Ref": str(name)} if self._parameters.get(name) is not None:
                return self._parameters[name]
            case _:
                return value
