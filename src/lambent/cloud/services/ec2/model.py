"""Managed instances in EC2's shapes, and which of them its filters choose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from lambent.cloud.framework.managed_instances import ManagedInstance

Shape = dict[str, Any]  # Any: AWS's shapes
Filters = Sequence[Mapping[str, Any]]  # Any: as above

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html
_CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48}
_OPERATOR_FILTERS = "operator."
_STATE_REASON = {"Code": "Server.ServiceInitiatedShutdown", "Message": "Server.ServiceInitiatedShutdown"}


def instance_shape(instance: ManagedInstance, *, is_hidden: bool) -> Shape:
    """Return an Instance as DescribeInstances shows it; `is_hidden`: only who asks for managed resources sees it."""
    groups = [{"GroupId": group, "GroupName": group} for group in instance.security_groups]
    has_ended = instance.state in {"shutting-down", "terminated"}
    shape: Shape = {
        "InstanceId": instance.instance_id,
        "InstanceType": instance.instance_type,
        "Architecture": instance.architecture,
        "State": _state(instance),
        "LaunchTime": instance.launched_at,
        "Placement": {"AvailabilityZone": instance.zone, "GroupName": "", "Tenancy": "default"},
        "CpuOptions": _cpu_options(instance),
        "Monitoring": {"State": "disabled"},
        "SubnetId": instance.subnet_id,
        "VpcId": instance.vpc_id,
        "PrivateIpAddress": instance.private_address,
        "PrivateDnsName": private_name(instance),
        "SecurityGroups": groups,
        "Hypervisor": "xen",
        "VirtualizationType": "hvm",
        "EnaSupport": True,
        "EbsOptimized": True,
        "Operator": {"Managed": True, "Principal": instance.operator, "HiddenByDefault": is_hidden},
        "Tags": tags_of(instance),
    }
    if has_ended:
        shape["StateReason"] = dict(_STATE_REASON)
    return shape


def reservation_of(instance: ManagedInstance, *, is_hidden: bool) -> Shape:
    """Return the Reservation that an instance alone makes up: each is launched by a request of its own."""
    return {
        "ReservationId": f"r-{instance.instance_id.removeprefix('i-')}",
        "OwnerId": instance.scope.account,
        "RequesterId": instance.operator,
        "Groups": [],
        "Instances": [instance_shape(instance, is_hidden=is_hidden)],
    }


def status_of(instance: ManagedInstance, *, is_hidden: bool) -> Shape:
    """Return an InstanceStatus: checks pass once an instance runs."""
    found = {"running": "ok", "pending": "initializing"}.get(instance.state, "not-applicable")
    detail = {"ok": "passed", "initializing": "initializing"}.get(found)
    summary: Shape = {"Status": found}
    if detail is not None:
        summary["Details"] = [{"Name": "reachability", "Status": detail}]
    return {
        "InstanceId": instance.instance_id,
        "AvailabilityZone": instance.zone,
        "InstanceState": _state(instance),
        "InstanceStatus": summary,
        "SystemStatus": dict(summary),
        "Operator": {"Managed": True, "Principal": instance.operator, "HiddenByDefault": is_hidden},
    }


def tags_of(instance: ManagedInstance) -> list[Shape]:
    """Return an instance's tags, by key."""
    return [{"Key": key, "Value": value} for key, value in sorted(instance.tags.items())]


def tag_descriptions(instance: ManagedInstance) -> list[Shape]:
    """Return an instance's tags as DescribeTags shows them."""
    return [
        {"Key": tag["Key"], "ResourceId": instance.instance_id, "ResourceType": "instance", "Value": tag["Value"]}
        for tag in tags_of(instance)
    ]


def private_name(instance: ManagedInstance) -> str:
    """Return an instance's private DNS name, which follows from its address.

    https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html
    """
    region = instance.scope.region
    domain = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
    return f"ip-{instance.private_address.replace('.', '-')}.{domain}"


def is_chosen(instance: ManagedInstance, filters: Filters, *, is_hidden: bool) -> bool:
    """Whether every filter names a value of the instance's; one that managed instances have no value for does not."""
    return all(
        any(
            fnmatchcase(value, str(pattern))
            for value in _values(instance, str(each["Name"]), is_hidden=is_hidden)
            for pattern in each.get("Values") or ()
        )
        for each in filters
    )


def is_tag_chosen(tag: Mapping[str, Any], filters: Filters) -> bool:  # Any: AWS's shape
    """Whether every filter of DescribeTags chooses a tag as `tag_descriptions` returns it."""
    names = {"key": "Key", "resource-id": "ResourceId", "resource-type": "ResourceType", "value": "Value"}
    for each in filters:
        name, _, key = str(each["Name"]).partition(":")
        if name == "tag" and tag["Key"] != key:
            return False
        found = tag["Value"] if name == "tag" else tag.get(names.get(name, ""), "")
        if not any(fnmatchcase(str(found), str(pattern)) for pattern in each.get("Values") or ()):
            return False
    return True


def without_operators(filters: Filters) -> tuple[Filters, bool]:
    """Return the filters that speak of no operator, and whether the others let unmanaged instances through."""
    about = [each for each in filters if str(each["Name"]).startswith(_OPERATOR_FILTERS)]
    lets_through = all(
        each["Name"] != "operator.principal" and "false" in [str(value) for value in each.get("Values") or ()]
        for each in about
    )
    return [each for each in filters if each not in about], lets_through


def _values(instance: ManagedInstance, name: str, *, is_hidden: bool) -> Iterator[str]:
    """Yield what a filter of that name looks at."""
    if name.startswith("tag:"):
        key = name.removeprefix("tag:")
        if key in instance.tags:
            yield instance.tags[key]
        return
    if name == "tag-key":
        yield from instance.tags
        return
    if name in {"instance.group-id", "network-interface.group-id", "instance.group-name"}:
        yield from instance.security_groups
        return
    found = {
        "architecture": instance.architecture,
        "availability-zone": instance.zone,
        "instance-id": instance.instance_id,
        "instance-state-code": str(_CODES[instance.state]),
        "instance-state-name": instance.state,
        "instance-type": instance.instance_type,
        "network-interface.subnet-id": instance.subnet_id,
        "network-interface.vpc-id": instance.vpc_id,
        "operator.managed": "true",
        "operator.principal": instance.operator,
        "operator.hidden-by-default": str(is_hidden).lower(),
        "owner-id": instance.scope.account,
        "private-dns-name": private_name(instance),
        "private-ip-address": instance.private_address,
        "requester-id": instance.operator,
        "subnet-id": instance.subnet_id,
        "tenancy": "default",
        "vpc-id": instance.vpc_id,
    }.get(name)
    if found is not None:
        yield found


def _state(instance: ManagedInstance) -> Shape:
    return {"Code": _CODES[instance.state], "Name": instance.state}


def _cpu_options(instance: ManagedInstance) -> Shape:
    # Graviton has a thread for each core; on the others two share one, and the smallest .large has one core.
    threads = 1 if instance.architecture == "arm64" or instance.vcpus < 2 else 2
    return {"CoreCount": instance.vcpus // threads, "ThreadsPerCore": threads}
