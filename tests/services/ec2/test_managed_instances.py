"""What EC2 shows of the instances that Lambda manages, and what it refuses to do to them."""

from __future__ import annotations

from typing import Any

import pytest

from lambent.testing.platform import LocalPlatform
from lambent.testing.pytest_plugin import ClientFactory
from tests.services.lambda_.conftest import Client, refusal
from tests.services.managed import instances, make_pool, publish, zones
from tests.waiting import eventually

pytestmark = pytest.mark.local_only("its capacity providers start EC2 instances, which cost money")
SEEN = {"IncludeManagedResources": True}
TAGS: dict[str, Any] = {"PropagateTags": {"Mode": "Explicit", "ExplicitTags": {"team": "data"}}}  # Any: AWS's shape


@pytest.fixture
def ec2(aws: ClientFactory) -> Client:
    return aws("ec2")


@pytest.fixture
def pool(aws: ClientFactory, ec2: Client, role: str) -> str:
    """The ARN of a capacity provider with a function on it, and so three instances."""
    functions = aws("lambda")
    arn = make_pool(functions, ec2, role, **TAGS)
    publish(functions, role, arn)
    return arn


def test_published_version_has_an_instance_in_each_zone_which_only_who_asks_sees(
    ec2: Client, pool: str, account: str
) -> None:
    assert instances(ec2) == []
    found = instances(ec2, **SEEN)
    subnets = zones(ec2)
    assert {each["SubnetId"]: each["Placement"]["AvailabilityZone"] for each in found} == subnets
    groups = [each["GroupId"] for each in ec2.describe_security_groups()["SecurityGroups"]][:1]
    for each in found:
        assert each["InstanceId"].startswith("i-")
        assert len(each["InstanceId"]) == 19
        assert each["State"] == {"Code": 16, "Name": "running"}
        assert each["Architecture"] == "x86_64"
        assert [group["GroupId"] for group in each["SecurityGroups"]] == groups
        assert each["Operator"] == {
            "Managed": True,
            "Principal": "scaler.lambda.amazonaws.com",
            "HiddenByDefault": True,
        }
        tags = {tag["Key"]: tag["Value"] for tag in each["Tags"]}
        assert tags == {"aws:lambda:capacity-provider": pool, "team": "data"}
    assert len({each["PrivateIpAddress"] for each in found}) == 3
    again = instances(ec2, **SEEN)
    assert [each["PrivateIpAddress"] for each in again] == [each["PrivateIpAddress"] for each in found]
    owners = {each["OwnerId"] for each in ec2.describe_instances(**SEEN)["Reservations"]}
    assert owners == {account}


@pytest.mark.usefixtures("pool")
def test_instances_stand_among_the_callers_own_and_filters_choose_of_all(ec2: Client) -> None:
    image = ec2.describe_images()["Images"][0]["ImageId"]
    own = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    assert [each["InstanceId"] for each in instances(ec2)] == [own]
    everything = {each["InstanceId"] for each in instances(ec2, **SEEN)}
    managed = everything - {own}
    assert len(managed) == 3
    by_tag = [{"Name": "tag:aws:lambda:capacity-provider", "Values": ["*:pool"]}]
    assert {each["InstanceId"] for each in instances(ec2, **SEEN, Filters=by_tag)} == managed
    by_operator = [{"Name": "operator.managed", "Values": ["false"]}]
    assert [each["InstanceId"] for each in instances(ec2, **SEEN, Filters=by_operator)] == [own]
    one = min(managed)
    assert {each["InstanceId"] for each in instances(ec2, **SEEN, InstanceIds=[one, own])} == {one, own}
    pages = ec2.get_paginator("describe_instances").paginate(**SEEN, PaginationConfig={"PageSize": 2})
    listed = [each["InstanceId"] for page in pages for some in page["Reservations"] for each in some["Instances"]]
    assert sorted(listed) == sorted(everything)


@pytest.mark.usefixtures("pool")
def test_hidden_instance_is_not_found_by_its_id_unless_asked_for(ec2: Client) -> None:
    one = instances(ec2, **SEEN)[0]["InstanceId"]
    refused = refusal(ec2.describe_instances, InstanceIds=[one])
    assert (refused.status, refused.code) == (400, "InvalidInstanceID.NotFound")
    assert refused.message == f"The instance ID '{one}' does not exist"


@pytest.mark.usefixtures("pool")
def test_account_makes_them_visible(ec2: Client) -> None:
    assert ec2.get_managed_resource_visibility()["Visibility"] == {"DefaultVisibility": "hidden"}
    changed = ec2.modify_managed_resource_visibility(DefaultVisibility="visible")
    assert changed["Visibility"] == {"DefaultVisibility": "visible"}
    shown = instances(ec2)
    assert len(shown) == 3
    assert {each["Operator"]["HiddenByDefault"] for each in shown} == {False}
    assert len(ec2.describe_instance_status()["InstanceStatuses"]) == 3
    ec2.modify_managed_resource_visibility(DefaultVisibility="hidden")
    assert instances(ec2) == []


def test_statuses_and_tags_are_shown_likewise(ec2: Client, pool: str) -> None:
    assert ec2.describe_instance_status()["InstanceStatuses"] == []
    statuses = ec2.describe_instance_status(**SEEN)["InstanceStatuses"]
    assert {each["InstanceStatus"]["Status"] for each in statuses} == {"ok"}
    assert {each["Operator"]["Principal"] for each in statuses} == {"scaler.lambda.amazonaws.com"}
    one = statuses[0]["InstanceId"]
    tags = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [one]}])["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"aws:lambda:capacity-provider": pool, "team": "data"}


@pytest.mark.usefixtures("pool")
def test_nobody_but_lambda_ends_or_changes_them(ec2: Client, account: str) -> None:
    one = instances(ec2, **SEEN)[0]["InstanceId"]
    for call, action, named in (
        (ec2.terminate_instances, "TerminateInstances", {"InstanceIds": [one]}),
        (ec2.stop_instances, "StopInstances", {"InstanceIds": [one]}),
        (ec2.create_tags, "CreateTags", {"Resources": [one], "Tags": [{"Key": "a", "Value": "b"}]}),
    ):
        refused = refusal(call, **named)
        assert (refused.status, refused.code) == (403, "UnauthorizedOperation")
        assert refused.message == (
            f"You are not authorized to perform this operation. User: arn:aws:iam::{account}:root is not authorized to "
            f"perform: ec2:{action} on resource: arn:aws:ec2:us-east-1:{account}:instance/{one} with an explicit deny "
            "in a resource-based policy"
        )
    assert len(instances(ec2, **SEEN)) == 3


@pytest.mark.usefixtures("pool")
def test_they_go_with_their_capacity_provider(aws: ClientFactory, ec2: Client) -> None:
    functions = aws("lambda")
    functions.delete_function(FunctionName="f")
    eventually(lambda: functions.list_functions()["Functions"] == [])
    functions.delete_capacity_provider(CapacityProviderName="pool")
    eventually(lambda: instances(ec2, **SEEN) == [])
    eventually(lambda: functions.list_capacity_providers()["CapacityProviders"] == [])


@pytest.mark.usefixtures("pool")
def test_other_accounts_and_regions_see_nothing_of_them(aws: ClientFactory, platform: LocalPlatform) -> None:
    assert instances(aws("ec2", "eu-west-1"), **SEEN) == []
    assert instances(platform.client("ec2", account="999999999999"), **SEEN) == []
