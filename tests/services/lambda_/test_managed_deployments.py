"""Publishing on a capacity provider brings environments up or says why not, and what is deployed outlives a restart."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lambent.cloud.services.lambda_.capacity_providers import every_capacity_provider, put_provider
from lambent.cloud.store.unit_of_work import Transaction
from lambent.testing.builders import ensure_role, zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from lambent.testing.pytest_plugin import ClientFactory
from tests.services.lambda_.conftest import Client, refusal
from tests.services.lambda_.test_capacity_providers import in_store
from tests.services.managed import PUBLISHED, instances, make_pool, publish, settled, zones
from tests.waiting import eventually

pytestmark = pytest.mark.local_only("its capacity providers start EC2 instances, which cost money")
SEEN = {"IncludeManagedResources": True}
WHERE = {"FunctionName": "f", "Qualifier": PUBLISHED}
BROKEN = zip_of({"handler.py": "raise RuntimeError('no')\n"})
NEEDY = zip_of(
    {
        "handler.py": """
import boto3
boto3.client("s3").head_bucket(Bucket="needed")

def handler(event, context):
    return "done"
"""
    }
)
OTHER = zip_of({"handler.py": "def handler(event, context):\n    return 'other'\n"})


def answer(functions: Client, **named: str) -> Any:  # Any: what the handler returns
    """Return what the function answers."""
    return json.loads(functions.invoke(FunctionName="f", **named)["Payload"].read())


def bounds(least: int, most: int) -> dict[str, int]:
    """Return a FunctionScalingConfig."""
    return {"MinExecutionEnvironments": least, "MaxExecutionEnvironments": most}


def test_version_that_finds_no_room_fails_and_says_why(aws: ClientFactory, role: str) -> None:
    functions = aws("lambda")
    pool = make_pool(functions, aws("ec2"), role, CapacityProviderScalingConfig={"MaxVCpuCount": 4})
    publish(functions, role, pool, MemorySize=8192)
    shown = settled(functions)
    assert (shown["State"], shown["StateReasonCode"], shown["LastUpdateStatus"]) == (
        "Failed",
        "VcpuLimitExceeded",
        "Failed",
    )
    assert shown["StateReason"]
    refused = refusal(functions.invoke, FunctionName="f")
    assert (refused.status, refused.code) == (409, "ResourceConflictException")
    scaled = refusal(functions.put_function_scaling_config, **WHERE, FunctionScalingConfig=bounds(1, 1))
    assert (scaled.status, scaled.code) == (409, "ResourceConflictException")
    eventually(lambda: instances(aws("ec2"), **SEEN) == [])


def test_version_fails_where_no_type_that_is_allowed_can_be_had(aws: ClientFactory, role: str) -> None:
    functions = aws("lambda")
    of_arm = {"Architectures": ["x86_64"], "AllowedInstanceTypes": ["m7g.*"]}
    publish(functions, role, make_pool(functions, aws("ec2"), role, InstanceRequirements=of_arm))
    shown = settled(functions)
    assert (shown["State"], shown["StateReasonCode"]) == ("Failed", "InsufficientCapacity")


def test_instances_keep_the_tags_they_were_launched_with(aws: ClientFactory, role: str) -> None:
    functions, ec2 = aws("lambda"), aws("ec2")
    publish(functions, role, make_pool(functions, ec2, role))
    tags = {"Mode": "Explicit", "ExplicitTags": {"team": "data"}}
    functions.update_capacity_provider(CapacityProviderName="pool", PropagateTags=tags)
    before = instances(ec2, **SEEN)
    assert {tag["Key"] for each in before for tag in each["Tags"]} == {"aws:lambda:capacity-provider"}
    functions.put_function_scaling_config(**WHERE, FunctionScalingConfig=bounds(0, 0))
    settled(functions)


def test_failed_version_is_published_again_once_there_is_room(aws: ClientFactory, role: str) -> None:
    functions = aws("lambda")
    pool = make_pool(functions, aws("ec2"), role, CapacityProviderScalingConfig={"MaxVCpuCount": 4})
    publish(functions, role, pool, MemorySize=8192)
    assert settled(functions)["State"] == "Failed"
    functions.update_capacity_provider(CapacityProviderName="pool", CapacityProviderScalingConfig={"MaxVCpuCount": 400})
    functions.publish_version(FunctionName="f", PublishTo="LATEST_PUBLISHED")
    assert settled(functions)["State"] == "Active"
    assert answer(functions) == "done"


def test_version_whose_init_fails_is_failed_with_the_functions_error(aws: ClientFactory, role: str) -> None:
    functions = aws("lambda")
    publish(functions, role, make_pool(functions, aws("ec2"), role), Code={"ZipFile": BROKEN})
    shown = settled(functions)
    assert (shown["State"], shown["StateReasonCode"]) == ("Failed", "FunctionError.RuntimeInitError")


def test_failed_update_leaves_what_was_published_before_serving(aws: ClientFactory, role: str) -> None:
    functions = aws("lambda")
    publish(functions, role, make_pool(functions, aws("ec2"), role))
    functions.update_function_code(FunctionName="f", ZipFile=BROKEN)
    settled(functions, qualifier="$LATEST")
    functions.publish_version(FunctionName="f", PublishTo="LATEST_PUBLISHED")
    shown = settled(functions)
    assert (shown["State"], shown["LastUpdateStatus"]) == ("Active", "Failed")
    assert shown["LastUpdateStatusReasonCode"] == "FunctionError.RuntimeInitError"
    assert answer(functions) == "done"
    functions.update_function_code(FunctionName="f", ZipFile=OTHER)
    settled(functions, qualifier="$LATEST")
    functions.publish_version(FunctionName="f", PublishTo="LATEST_PUBLISHED")
    assert settled(functions)["LastUpdateStatus"] == "Successful"
    assert answer(functions) == "other"


def test_sleeping_version_has_no_instances_until_it_is_woken(aws: ClientFactory, role: str) -> None:
    functions, ec2 = aws("lambda"), aws("ec2")
    publish(functions, role, make_pool(functions, ec2, role))
    functions.put_function_scaling_config(**WHERE, FunctionScalingConfig=bounds(0, 0))
    assert settled(functions)["State"] == "Deactivated"
    assert refusal(functions.invoke, FunctionName="f").code == "ResourceConflictException"
    functions.put_function_scaling_config(**WHERE, FunctionScalingConfig=bounds(1, 2))
    assert settled(functions)["State"] == "Active"
    assert answer(functions) == "done"


def test_function_moves_to_another_capacity_provider_without_a_gap(aws: ClientFactory, role: str) -> None:
    functions, ec2 = aws("lambda"), aws("ec2")
    publish(functions, role, make_pool(functions, ec2, role))
    arn = make_pool(functions, ec2, role, "other", InstanceRequirements={"AllowedInstanceTypes": ["r7i.large"]})
    config = {"CapacityProviderArn": arn, "PerExecutionEnvironmentMaxConcurrency": 1}
    functions.update_function_configuration(
        FunctionName="f", CapacityProviderConfig={"LambdaManagedInstancesCapacityProviderConfig": config}
    )
    settled(functions, qualifier="$LATEST")
    functions.publish_version(FunctionName="f", PublishTo="LATEST_PUBLISHED")
    settled(functions)
    assert answer(functions) == "done"
    of_other = [{"Name": "tag:aws:lambda:capacity-provider", "Values": [arn]}]
    assert {each["InstanceType"] for each in instances(ec2, **SEEN, Filters=of_other)} == {"r7i.large"}
    eventually(lambda: _versions(functions, "pool") == [])
    assert _versions(functions, "other") == [PUBLISHED]


def _versions(functions: Client, pool: str) -> list[str]:
    found = functions.list_function_versions_by_capacity_provider(CapacityProviderName=pool)["FunctionVersions"]
    return [each["FunctionArn"].rpartition(":f:")[2] for each in found]


def environments(platform: LocalPlatform) -> dict[str, int]:
    """Return how many environments each version has."""

    async def look(inside: Any) -> dict[str, int]:  # Any: the platform inside
        found: dict[str, int] = {}
        for each in inside._plane.environments():
            found[each.spec.version] = found.get(each.spec.version, 0) + 1
        return found

    return platform.on_loop(look)


def test_what_was_active_serves_again_after_a_restart_and_what_slept_sleeps(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path) as first:
        functions, role = first.client("lambda"), ensure_role(first.client("iam"))
        pool = make_pool(functions, first.client("ec2"), role)
        publish(functions, role, pool)
        functions.put_function_scaling_config(**WHERE, FunctionScalingConfig=bounds(2, 2))
        publish(functions, role, pool, name="asleep")
        asleep = {"FunctionName": "asleep", "Qualifier": PUBLISHED}
        functions.put_function_scaling_config(**asleep, FunctionScalingConfig=bounds(0, 0))
        settled(functions, "asleep")
        eventually(lambda: "RequestedFunctionScalingConfig" not in functions.get_function_scaling_config(**WHERE))
    with local_platform(data_dir=tmp_path) as second:
        functions = second.client("lambda")
        assert answer(functions) == "done"  # at once: it waits until the version serves
        assert settled(functions)["State"] == "Active"
        eventually(lambda: environments(second) == {PUBLISHED: 2})
        assert settled(functions, "asleep")["State"] == "Deactivated"
        assert refusal(functions.invoke, FunctionName="asleep").code == "ResourceConflictException"
        zones = {each["Placement"]["AvailabilityZone"] for each in instances(second.client("ec2"), **SEEN)}
        assert len(zones) == 2


def test_provider_of_a_version_that_kept_no_zones_is_located_at_the_next_start(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path) as first:
        functions, ec2, role = first.client("lambda"), first.client("ec2"), ensure_role(first.client("iam"))
        make_pool(functions, ec2, role)
        lost = make_pool(functions, ec2, role, "lost")

        def work(transaction: Transaction) -> None:
            for each in every_capacity_provider(transaction):
                subnets = each.subnets if each.name == "pool" else ("subnet-0",)
                put_provider(transaction, replace(each, places=(), default_group=None, subnets=subnets))

        in_store(first, work)
    with local_platform(data_dir=tmp_path) as second:
        functions, ec2 = second.client("lambda"), second.client("ec2")
        publish(functions, role, lost.replace(":lost", ":pool"))
        found = {each["SubnetId"]: each["Placement"]["AvailabilityZone"] for each in instances(ec2, **SEEN)}
        assert found == zones(ec2)


def test_what_serves_after_a_publication_that_failed_serves_after_a_restart_too(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path) as first:
        functions, ec2, role = first.client("lambda"), first.client("ec2"), ensure_role(first.client("iam"))
        publish(functions, role, make_pool(functions, ec2, role))
        functions.update_function_code(FunctionName="f", ZipFile=BROKEN)
        settled(functions, qualifier="$LATEST")
        functions.publish_version(FunctionName="f", PublishTo="LATEST_PUBLISHED")
        assert settled(functions)["LastUpdateStatus"] == "Failed"
    with local_platform(data_dir=tmp_path) as second:
        functions = second.client("lambda")
        assert answer(functions) == "done"
        assert settled(functions)["LastUpdateStatus"] == "Failed"
        functions.update_function_code(FunctionName="f", ZipFile=OTHER)
        settled(functions, qualifier="$LATEST")
        functions.publish_version(FunctionName="f", PublishTo="LATEST_PUBLISHED")
        assert settled(functions)["LastUpdateStatus"] == "Successful"
        assert answer(functions) == "other"


def test_version_that_cannot_be_deployed_after_a_restart_is_tried_at_each_invocation(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path) as first:
        functions, ec2, role = first.client("lambda"), first.client("ec2"), ensure_role(first.client("iam"))
        first.client("s3").create_bucket(Bucket="needed")
        publish(functions, role, make_pool(functions, ec2, role), Code={"ZipFile": NEEDY})
        assert answer(functions) == "done"
        first.client("s3").delete_bucket(Bucket="needed")
    with local_platform(data_dir=tmp_path) as second:
        functions = second.client("lambda")
        for _ in range(2):
            assert "errorType" in answer(functions)
        second.client("s3").create_bucket(Bucket="needed")
        eventually(lambda: answer(functions) == "done")
