"""The data plane's instances as EC2 shows them: with addresses, groups and tags of the capacity provider's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lambent.aws.instance_types import instance_type
from lambent.cloud.framework.managed_instances import ManagedInstance
from lambent.cloud.services.lambda_.capacity_providers import capacity_provider
from lambent.cloud.services.lambda_.dependencies import Dependencies, Plane
from lambent.cloud.services.lambda_.model.capacity_provider import CapacityProvider, Place, named
from lambent.cloud.store.scope import Scope
from lambent.dataplane import Instance, InstanceState, ProviderStatus

OPERATOR = "scaler.lambda.amazonaws.com"
PROVIDER_TAG = "aws:lambda:capacity-provider"
# https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html: the first four and the last are AWS's.
_FIRST_ADDRESS = 4


class Showing:
    """Gives instances what EC2 would: each has an address of its subnet's for as long as it is there."""

    def __init__(self, dependencies: Dependencies) -> None:
        self._dependencies = dependencies
        self._addresses: dict[str, tuple[str, str]] = {}
        """The subnet and address of every instance that was shown, by its id."""
        self._tags: dict[str, Mapping[str, str]] = {}
        """The tags that instances were launched with, which later changes of their capacity provider leave alone."""

    def launched(self, provider: CapacityProvider, instance: Instance) -> None:
        """Note the tags of an instance that is being launched."""
        self._tags[instance.instance_id] = provider.propagated_tags

    def instances(self, scope: Scope) -> Sequence[ManagedInstance]:
        """Return the instances of an account and region."""
        return list(self._instances(scope))

    def _instances(self, scope: Scope) -> Iterator[ManagedInstance]:
        statuses = self._dependencies.plane.capacity()
        self._forget({each.instance_id for status in statuses for each in status.instances})
        for status in statuses:
            owner, name = named(status.provider.arn, scope)
            if owner != scope:
                continue
            provider = capacity_provider(self._dependencies.store.read, scope, name)
            if provider is not None:
                yield from (self._shown(provider, status, each) for each in status.instances)

    def _shown(self, provider: CapacityProvider, status: ProviderStatus, instance: Instance) -> ManagedInstance:
        place = next(each for each in provider.places if each.subnet_id == instance.subnet.subnet_id)
        kind = instance_type(instance.instance_type)
        return ManagedInstance(
            scope=provider.scope,
            instance_id=instance.instance_id,
            instance_type=instance.instance_type,
            vcpus=1 if kind is None else kind.vcpus,
            architecture=status.provider.architecture,
            state=instance.state.value,
            zone=place.zone,
            vpc_id=place.vpc_id,
            subnet_id=place.subnet_id,
            private_address=self._address(place, instance),
            security_groups=tuple(provider.groups_in_effect),
            launched_at=instance.launched_at,
            operator=OPERATOR,
            tags={**self._tags.get(instance.instance_id, {}), PROVIDER_TAG: provider.arn},
        )

    def _address(self, place: Place, instance: Instance) -> str:
        known = self._addresses.get(instance.instance_id)
        if known is not None:
            return known[1]
        if instance.state is InstanceState.TERMINATED:
            return ""
        from ipaddress import IPv4Network  # noqa: PLC0415 - 3 ms of every start, for what few ask

        taken = {address for subnet, address in self._addresses.values() if subnet == place.subnet_id}
        hosts = (str(each) for number, each in enumerate(IPv4Network(place.cidr)) if number >= _FIRST_ADDRESS)
        address = next(each for each in hosts if each not in taken)
        self._addresses[instance.instance_id] = (place.subnet_id, address)
        return address

    def _forget(self, there: set[str]) -> None:
        for table in (self._addresses, self._tags):
            for gone in table.keys() - there:
                del table[gone]


def capacity_view(plane: Plane) -> Mapping[str, object]:
    """Return capacity providers with their instances and environments, as JSON-able values."""
    return {"capacityProviders": [_provider_view(status) for status in plane.capacity()]}


def _provider_view(status: ProviderStatus) -> dict[str, object]:
    return {
        "arn": status.provider.arn,
        "name": status.provider.name,
        "maxVCpuCount": status.provider.max_vcpus,
        "instances": [
            {
                "instanceId": each.instance_id,
                "instanceType": each.instance_type,
                "zone": each.subnet.zone,
                "state": each.state.value,
                "launchedAt": each.launched_at,
            }
            for each in status.instances
        ],
        "environments": [
            {
                "environmentId": each.environment_id,
                "functionName": deployed.spec.function_name,
                "version": deployed.spec.version,
                "instanceId": each.instance_id,
                "state": each.state.value,
                "slots": each.slots,
                "busySlots": each.busy,
                "vcpus": deployed.spec.vcpus,
                "memoryMb": deployed.spec.memory_mb,
                "cpu": round(each.cpu, 4),
                "memory": round(each.memory, 4),
            }
            for each in status.environments
            for deployed in [status.deployments.get(each.deployment)]
            if deployed is not None
        ],
    }
