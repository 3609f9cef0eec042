"""Schedule groups and their tags."""

from __future__ import annotations

from tests.services.scheduler.owner import Owner
from tests.services.scheduler.test_schedules import FAR, refusal
from tests.waiting import eventually


def test_default_group_is_there_from_the_beginning(owner: Owner) -> None:
    (group,) = owner.scheduler.list_schedule_groups()["ScheduleGroups"]
    assert group == {
        "Arn": f"arn:aws:scheduler:us-east-1:{owner.account}:schedule-group/default",
        "Name": "default",
        "State": "ACTIVE",
    }
    assert refusal(owner.scheduler.delete_schedule_group, Name="default")[1] == "ValidationException"


def test_deleted_group_takes_its_schedules_with_it(owner: Owner) -> None:
    owner.scheduler.create_schedule_group(Name="jobs")
    assert refusal(owner.scheduler.create_schedule_group, Name="jobs") == (
        409, "ConflictException", "Schedule group jobs already exists.",
    )  # fmt: skip
    owner.create("in", FAR, GroupName="jobs")
    owner.create("out", FAR)

    owner.scheduler.delete_schedule_group(Name="jobs")

    def names() -> list[str]:
        return [group["Name"] for group in owner.scheduler.list_schedule_groups()["ScheduleGroups"]]

    eventually(lambda: names() == ["default"])
    assert [one["Name"] for one in owner.scheduler.list_schedules()["Schedules"]] == ["out"]
    missing = (404, "ResourceNotFoundException", "Schedule group jobs does not exist.")
    assert refusal(owner.scheduler.get_schedule_group, Name="jobs") == missing
    assert refusal(owner.scheduler.get_schedule, Name="in", GroupName="jobs") == missing


def test_groups_are_listed_in_pages_and_by_prefix(owner: Owner) -> None:
    for name in ("b", "a1", "a2"):
        owner.scheduler.create_schedule_group(Name=name)

    def names(**asked: object) -> list[str]:
        pages = owner.scheduler.get_paginator("list_schedule_groups")
        found = pages.paginate(**asked, PaginationConfig={"PageSize": 2})
        return [group["Name"] for page in found for group in page["ScheduleGroups"]]

    assert names() == ["a1", "a2", "b", "default"]
    assert names(NamePrefix="a") == ["a1", "a2"]


def test_group_has_tags_that_come_and_go(owner: Owner) -> None:
    made = owner.scheduler.create_schedule_group(Name="tagged", Tags=[{"Key": "team", "Value": "a"}])
    arn = made["ScheduleGroupArn"]

    def tags() -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in owner.scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"]}

    owner.scheduler.tag_resource(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "test"}])
    assert tags() == {"team": "a", "stage": "test"}
    owner.scheduler.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert tags() == {"stage": "test"}
    reserved = [{"Key": "aws:x", "Value": "y"}]
    assert refusal(owner.scheduler.tag_resource, ResourceArn=arn, Tags=reserved)[1] == "ValidationException"
