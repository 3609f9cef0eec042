"""A capacity provider over three zones with a function on it, as cheap as can be, for tests of what is seen of both."""

from __future__ import annotations

from typing import Any

from lambent.testing.builders import zip_of
from tests.waiting import eventually

Client = Any  # Any: boto3 makes its clients at run time
PUBLISHED = "$LATEST.PUBLISHED"
HANDLER = zip_of(
    {
        "handler.py": """
import pathlib, time

def handler(event, context):
    while event and not pathlib.Path("/tmp", event["until"]).exists():
        time.sleep(0.01)
        if "give_up" in event and context.get_remaining_time_in_millis() < 500:
            return "gave up"
    return "done"
"""
    }
)


def zones(ec2: Client) -> dict[str, str]:
    """Return the zones of the default network's first three subnets, by their ids."""
    found = sorted(ec2.describe_subnets()["Subnets"], key=lambda each: str(each["AvailabilityZone"]))
    return {each["SubnetId"]: each["AvailabilityZone"] for each in found[:3]}


def make_pool(functions: Client, ec2: Client, role: str, name: str = "pool", **more: object) -> str:
    """Return the ARN of a new capacity provider that is active."""
    groups = [each["GroupId"] for each in ec2.describe_security_groups()["SecurityGroups"]][:1]
    wanted: dict[str, object] = {
        "VpcConfig": {"SubnetIds": list(zones(ec2)), "SecurityGroupIds": groups},
        "PermissionsConfig": {"CapacityProviderOperatorRoleArn": role},
        **more,
    }
    made = functions.create_capacity_provider(CapacityProviderName=name, **wanted)["CapacityProvider"]
    state = functions.get_capacity_provider
    eventually(lambda: state(CapacityProviderName=name)["CapacityProvider"]["State"] == "Active")
    return str(made["CapacityProviderArn"])


def publish(functions: Client, role: str, pool: str, *, name: str = "f", slots: int = 1, **more: object) -> None:
    """Make a function with few slots in each environment, and publish it to `$LATEST.PUBLISHED`."""
    config = {"CapacityProviderArn": pool, "PerExecutionEnvironmentMaxConcurrency": slots}
    wanted: dict[str, object] = {
        "Runtime": "python3.13",
        "Handler": "handler.handler",
        "Role": role,
        "Code": {"ZipFile": HANDLER},
        "MemorySize": 2048,
        "Timeout": 10,
        "CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": config},
        "PublishTo": "LATEST_PUBLISHED",
        **more,
    }
    functions.create_function(FunctionName=name, **wanted)
    settled(functions, name)


def settled(functions: Client, name: str = "f", qualifier: str = PUBLISHED) -> dict[str, Any]:  # Any: AWS's shape
    """Return a version's configuration once nothing is under way."""

    def look() -> dict[str, Any] | None:  # Any: as above
        shown = dict(functions.get_function_configuration(FunctionName=name, Qualifier=qualifier))
        is_busy = shown["State"] in {"Pending", "Deactivating"} or shown.get("LastUpdateStatus") == "InProgress"
        return None if is_busy else shown

    return eventually(look)


def instances(ec2: Client, **asked: object) -> list[dict[str, Any]]:  # Any: as above
    """Return the instances that DescribeInstances shows."""
    answer = ec2.describe_instances(**asked)
    return [each for reservation in answer["Reservations"] for each in reservation["Instances"]]
