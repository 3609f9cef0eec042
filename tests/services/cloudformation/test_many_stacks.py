"""Listings of more stacks than a page has room for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.cloud.store.unit_of_work import Transaction
from lambent.testing.platform import LocalPlatform
from lambent.testing.pytest_plugin import ClientFactory

BODY = json.dumps({"Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}})


def copies(platform: LocalPlatform, stack_id: str, count: int) -> None:
    """Keep further stacks like one: to make so many takes too long."""

    def work(transaction: Transaction) -> None:
        for number in range(count):
            name = f"copy-{number:03}"
            transaction.execute(
                "INSERT INTO cloudformation_stack (id, account, region, name, status, parent_id, body)"
                " SELECT id || ?1, account, region, ?1, status, parent_id,"
                " json_set(body, '$.id', id || ?1, '$.name', ?1) FROM cloudformation_stack WHERE id = ?2",
                (name, stack_id),
            )

    async def write(inside: Any) -> None:  # Any: the platform inside
        await inside.registry.service("cloudformation")._store.write(work)

    platform.on_loop(write)


def test_stacks_come_newest_first_page_by_page_while_more_are_made(aws: ClientFactory, platform: LocalPlatform) -> None:
    stacks = aws("cloudformation")
    made = stacks.create_stack(StackName="first", TemplateBody=BODY)["StackId"]
    stacks.get_waiter("stack_create_complete").wait(StackName="first", WaiterConfig={"Delay": 0.02})
    copies(platform, made, 120)
    newest_first = [*(f"copy-{number:03}" for number in reversed(range(120))), "first"]
    for call, member in ((stacks.describe_stacks, "Stacks"), (stacks.list_stacks, "StackSummaries")):
        page = call()
        assert [each["StackName"] for each in page[member]] == newest_first[:100]
        stacks.create_stack(StackName=f"later-{member}", TemplateBody=BODY)
        rest = call(NextToken=page["NextToken"])
        assert [each["StackName"] for each in rest[member]] == newest_first[100:]
        assert "NextToken" not in rest
        newest_first.insert(0, f"later-{member}")
    stacks.get_waiter("stack_create_complete").wait(StackName="later-Stacks", WaiterConfig={"Delay": 0.02})
    stacks.delete_stack(StackName="later-Stacks")
    stacks.get_waiter("stack_delete_complete").wait(StackName="later-Stacks", WaiterConfig={"Delay": 0.02})
    gone = stacks.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
    assert [each["StackName"] for each in gone] == ["later-Stacks"]


@pytest.mark.parametrize("token", ["odd", "²", "٣", "-1", "1\n"])
def test_tokens_of_no_listing_are_refused(aws: ClientFactory, token: str) -> None:
    stacks = aws("cloudformation")
    for call in (stacks.list_stacks, stacks.describe_stacks):
        with pytest.raises(ClientError, match="Invalid NextToken") as refused:
            call(NextToken=token)
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_token_behind_the_last_stack_leads_nowhere(aws: ClientFactory) -> None:
    stacks = aws("cloudformation")
    assert stacks.list_stacks(NextToken="9" * 40)["StackSummaries"] == []
