"""EC2 beside the bridge: whose instances a request shows, and which of them it may change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from lambent.base.clock import ManualClock
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext, root_of
from lambent.cloud.framework.fallback import ForeignRequest
from lambent.cloud.framework.managed_instances import ManagedInstance
from lambent.cloud.framework.service import LeftToFallback, Parameters, Result
from lambent.cloud.protocol.message import Response
from lambent.cloud.services.ec2.service import Ec2Service
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.sqlite_store import memory_store

SCOPE = Scope("123456789012", "us-east-1")
CONTEXT = RequestContext(scope=SCOPE, caller=root_of(SCOPE.account), request_id="r", now=0.0)
SEEN = {"IncludeManagedResources": True}
Shape = dict[str, Any]  # Any: AWS's shapes


def instance(number: int, **changes: Any) -> ManagedInstance:  # Any: a member
    """Return a running instance."""
    sound: Shape = {
        "scope": SCOPE,
        "instance_id": f"i-{number}",
        "instance_type": "m7i.xlarge",
        "vcpus": 4,
        "architecture": "x86_64",
        "state": "running",
        "zone": f"us-east-1{'abc'[number % 3]}",
        "vpc_id": "vpc-1",
        "subnet_id": f"subnet-{number % 3}",
        "private_address": f"10.0.0.{number}",
        "security_groups": ("sg-1",),
        "launched_at": float(number),
        "operator": "scaler.lambda.amazonaws.com",
        "tags": {"team": "data", "aws:lambda:capacity-provider": "arn:pool"},
    }
    return ManagedInstance(**{**sound, **changes})


class Bridge:
    """Has one instance of the caller's own, and tells what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Parameters]] = []

    async def answer(self, foreign: ForeignRequest) -> Response | None:
        """Not asked here."""
        raise NotImplementedError

    async def call(
        self, context: RequestContext, service: str, operation: str, parameters: Parameters
    ) -> Result | None:
        """Show the one."""
        self.asked.append((operation, parameters))
        return {
            "Reservations": [{"ReservationId": "r-own", "Instances": [{"InstanceId": "i-own"}]}],
            "InstanceStatuses": [{"InstanceId": "i-own"}],
            "Tags": [{"Key": "a", "ResourceId": "vpc-1", "ResourceType": "vpc", "Value": "b"}],
        }


async def asked(found: Sequence[ManagedInstance], name: str, bridge: Bridge, **parameters: object) -> Result:
    """Return the answer of an operation of a new service."""
    async with service_of(found, bridge) as service:
        return await service.operations()[name](CONTEXT, parameters)


@asynccontextmanager
async def service_of(found: Sequence[ManagedInstance], bridge: Bridge) -> AsyncIterator[Ec2Service]:
    """Yield a service that shows these instances."""
    store = memory_store(ManualClock())
    try:
        service = Ec2Service(store, bridge, lambda scope: found if scope == SCOPE else ())
        await service.start()
        yield service
    finally:
        await store.close()


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:  # Any: whatever it returns
    """Run to the end."""
    return asyncio.run(coroutine)


def ids(answer: Result) -> list[str]:
    """Return the ids of an answer's instances."""
    return [each["InstanceId"] for reservation in answer["Reservations"] for each in reservation["Instances"]]


def described(*found: ManagedInstance, **parameters: object) -> list[str]:
    """Return the ids that DescribeInstances shows."""
    return ids(run(asked(found, "DescribeInstances", Bridge(), **SEEN, **parameters)))


def test_hidden_instances_are_left_out_and_the_bridge_is_asked_as_ever() -> None:
    for name in ("DescribeInstances", "DescribeInstanceStatus", "DescribeTags"):
        with pytest.raises(LeftToFallback):
            run(asked([instance(1)], name, Bridge()))
    with pytest.raises(LeftToFallback):
        run(asked([instance(1)], "DescribeInstances", Bridge(), InstanceIds=["i-1"]))
    with pytest.raises(LeftToFallback):
        run(asked([], "DescribeInstances", Bridge(), **SEEN))


def test_instances_stand_beside_the_callers_own_where_they_are_asked_for() -> None:
    bridge = Bridge()
    answer = run(asked([instance(1), instance(2)], "DescribeInstances", bridge, **SEEN))
    assert sorted(ids(answer)) == ["i-1", "i-2", "i-own"]
    shown = next(each for each in answer["Reservations"] if each["ReservationId"] == "r-1")["Instances"][0]
    operator = {"Managed": True, "Principal": "scaler.lambda.amazonaws.com", "HiddenByDefault": True}
    assert shown["Operator"] == operator
    assert shown["State"] == {"Code": 16, "Name": "running"}
    assert shown["PrivateDnsName"] == "ip-10-0-0-1.ec2.internal"
    assert shown["CpuOptions"] == {"CoreCount": 2, "ThreadsPerCore": 2}
    assert {"Key": "team", "Value": "data"} in shown["Tags"]
    assert bridge.asked == [("DescribeInstances", {})]


def test_ids_choose_of_both_and_only_the_others_are_asked_of_the_bridge() -> None:
    bridge = Bridge()
    run(asked([instance(1)], "DescribeInstances", bridge, **SEEN, InstanceIds=["i-1", "i-own"]))
    assert bridge.asked == [("DescribeInstances", {"InstanceIds": ["i-own"]})]
    bridge = Bridge()
    assert ids(run(asked([instance(1)], "DescribeInstances", bridge, **SEEN, InstanceIds=["i-1"]))) == ["i-1"]
    assert bridge.asked == []


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("instance-type", "m7i.*", ["i-1", "i-2"]),
        ("availability-zone", "us-east-1c", ["i-2"]),
        ("tag:aws:lambda:capacity-provider", "*pool", ["i-1", "i-2"]),
        ("tag:team", "other", []),
        ("tag-key", "team", ["i-1", "i-2"]),
        ("subnet-id", "subnet-1", ["i-1"]),
        ("instance-state-name", "running", ["i-1", "i-2"]),
        ("instance.group-id", "sg-1", ["i-1", "i-2"]),
        ("image-id", "ami-1", []),
    ],
)
def test_filters_choose_managed_instances(name: str, value: str, shown: list[str]) -> None:
    found = [instance(1), instance(2)]
    filters = [{"Name": name, "Values": [value]}]
    if not shown:
        with pytest.raises(LeftToFallback):
            described(*found, Filters=filters)
    else:
        assert [each for each in described(*found, Filters=filters) if each != "i-own"] == shown


def test_filters_by_operator_part_managed_instances_from_others() -> None:
    managed = [{"Name": "operator.managed", "Values": ["true"]}]
    assert described(instance(1), Filters=managed) == ["i-1"]
    others = [{"Name": "operator.managed", "Values": ["false"]}]
    assert described(instance(1), Filters=others) == ["i-own"]
    principal = [{"Name": "operator.principal", "Values": ["scaler.*"]}]
    assert described(instance(1), Filters=principal) == ["i-1"]


def test_pages_hold_both_and_end() -> None:
    bridge, found = Bridge(), [instance(number) for number in range(1, 4)]
    shown: list[str] = []
    more: Shape = {}
    for _ in range(4):
        answer = run(asked(found, "DescribeInstances", bridge, **SEEN, MaxResults=1, **more))
        shown += ids(answer)
        more = {"NextToken": answer["NextToken"]} if "NextToken" in answer else {}
    assert sorted(shown) == ["i-1", "i-2", "i-3", "i-own"]
    assert more == {}
    with pytest.raises(ServiceError, match="pagination token"):
        run(asked(found, "DescribeInstances", bridge, **SEEN, NextToken="none of ours"))


def test_statuses_are_of_running_instances_unless_all_are_asked_for() -> None:
    found = [instance(1), instance(2, state="pending"), instance(3, state="terminated")]
    answer = run(asked(found, "DescribeInstanceStatus", Bridge(), **SEEN))
    assert [each["InstanceId"] for each in answer["InstanceStatuses"]] == ["i-1", "i-own"]
    every = run(asked(found, "DescribeInstanceStatus", Bridge(), **SEEN, IncludeAllInstances=True))
    statuses = {each["InstanceId"]: each.get("InstanceStatus", {}).get("Status") for each in every["InstanceStatuses"]}
    assert statuses == {"i-1": "ok", "i-2": "initializing", "i-3": "not-applicable", "i-own": None}


def test_tags_of_instances_are_shown_by_id_and_where_instances_are_visible() -> None:
    filters = [{"Name": "resource-id", "Values": ["i-1"]}, {"Name": "key", "Values": ["team"]}]
    answer = run(asked([instance(1)], "DescribeTags", Bridge(), Filters=filters))
    tag = {"Key": "team", "ResourceId": "i-1", "ResourceType": "instance", "Value": "data"}
    assert tag in answer["Tags"]


def test_account_makes_managed_resources_visible_and_hides_them_again() -> None:
    async def act() -> list[object]:
        told: list[object] = []
        async with service_of([instance(1)], Bridge()) as service:
            operations = service.operations()
            for visibility in ("visible", "hidden"):
                told.append(await operations["GetManagedResourceVisibility"](CONTEXT, {}))
                await operations["ModifyManagedResourceVisibility"](CONTEXT, {"DefaultVisibility": visibility})
                try:
                    told.append(sorted(ids(await operations["DescribeInstances"](CONTEXT, {}))))
                except LeftToFallback:
                    told.append("left")
        return told

    hidden, visible = ({"Visibility": {"DefaultVisibility": each}} for each in ("hidden", "visible"))
    assert run(act()) == [hidden, ["i-1", "i-own"], visible, "left"]


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("TerminateInstances", "InstanceIds"),
        ("StopInstances", "InstanceIds"),
        ("ModifyInstanceAttribute", "InstanceId"),
        ("DeleteTags", "Resources"),
    ],
)
def test_changes_of_managed_instances_are_refused_and_others_left_alone(name: str, member: str) -> None:
    def named(instance_id: str) -> Shape:
        return {member: instance_id if member == "InstanceId" else [instance_id]}

    with pytest.raises(ServiceError) as caught:
        run(asked([instance(1)], name, Bridge(), **named("i-1")))
    assert (caught.value.code, caught.value.status) == ("UnauthorizedOperation", 403)
    assert caught.value.message == (
        "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:root is not authorized to "
        f"perform: ec2:{name} on resource: arn:aws:ec2:us-east-1:123456789012:instance/i-1 with an explicit deny in a "
        "resource-based policy"
    )
    with pytest.raises(LeftToFallback):
        run(asked([instance(1)], name, Bridge(), **named("i-own")))
