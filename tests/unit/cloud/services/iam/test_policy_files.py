"""AWS's policies are read once, in a thread of their own, and only by the operations that need them."""

from __future__ import annotations

import threading

import pytest

from lambent.cloud.framework.context import RequestContext, root_of
from lambent.cloud.framework.service import Parameters, Result
from lambent.cloud.services.iam import policy_repository
from lambent.cloud.services.iam.policy_files import PolicyFiles
from lambent.cloud.store.scope import Scope

CONTEXT = RequestContext(Scope("000000000000", "us-east-1"), root_of("000000000000"), "id", 0.0)
RARE = "arn:aws:iam::aws:policy/AmazonRoute53FullAccess"
USUAL = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def threads() -> set[threading.Thread]:
    """Those that read policies, in this process; platforms that other tests share have theirs."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("iam-policy-files")}


async def told(_: RequestContext, __: Parameters) -> Result:
    """What the operation finds at hand when its turn comes."""
    return {arn: policy_repository.is_at_hand(arn) for arn in (USUAL, RARE)}


@pytest.fixture(autouse=True)
def _unread() -> None:
    for read in ("_aws_policies", "_other_aws_policies", "aws_policies"):
        vars(policy_repository)[read].cache_clear()


@pytest.mark.parametrize(
    ("name", "parameters", "found"),
    [
        ("GetPolicy", {"PolicyArn": RARE}, {USUAL: True, RARE: True}),
        ("AttachRolePolicy", {"PolicyArn": USUAL}, {USUAL: True, RARE: False}),
        ("CreateRole", {"PermissionsBoundary": RARE}, {USUAL: True, RARE: True}),
        ("ListPolicies", {}, {USUAL: True, RARE: True}),
    ],
)
async def test_an_operation_finds_read_what_it_needs(name: str, parameters: Parameters, found: Result) -> None:
    files, before = PolicyFiles(), threads()
    assert await files.before(name, told)(CONTEXT, parameters) == found
    assert len(threads() - before) == 1
    await files.stop()
    assert threads() <= before


async def test_what_needs_no_policy_of_aws_reads_none() -> None:
    files, before = PolicyFiles(), threads()
    own = {"PolicyArn": "arn:aws:iam::000000000000:policy/p"}
    for name, parameters in (("GetPolicy", own), ("CreateRole", {"PermissionsBoundary": None}), ("ListRoles", {})):
        assert await files.before(name, told)(CONTEXT, parameters) == {USUAL: False, RARE: False}
    assert threads() <= before


async def test_what_is_read_costs_no_turn_of_the_loop() -> None:
    files, before = PolicyFiles(), threads()
    operation = files.before("GetPolicy", told)
    await operation(CONTEXT, {"PolicyArn": RARE})
    await files.stop()
    with pytest.raises(StopIteration) as answered:
        operation(CONTEXT, {"PolicyArn": RARE}).__await__().__next__()
    assert answered.value.value == {USUAL: True, RARE: True}
    assert threads() <= before
