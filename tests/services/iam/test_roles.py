from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory

BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
INLINE = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
)


def trust(**statement: object) -> str:
    whole = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**whole, **statement}]})


def error(raised: pytest.ExceptionInfo[ClientError]) -> tuple[str, str, int]:
    response: Mapping[str, Any] = raised.value.response  # Any: botocore's own shape
    found, about = response["Error"], response["ResponseMetadata"]
    return str(found["Code"]), str(found["Message"]), int(str(about["HTTPStatusCode"]))


def test_a_role_reads_back_as_it_was_created(aws: ClientFactory, account: str) -> None:
    iam = aws("iam")
    made = iam.create_role(
        RoleName="Runner",
        Path="/team/",
        AssumeRolePolicyDocument=trust(),
        Description="runs",
        MaxSessionDuration=7200,
        Tags=[{"Key": "Team", "Value": "a"}],
    )["Role"]
    assert made["Arn"] == f"arn:aws:iam::{account}:role/team/Runner"
    assert made["RoleId"].startswith("AROA")
    assert len(made["RoleId"]) == 21
    found = iam.get_role(RoleName="Runner")["Role"]
    assert found["AssumeRolePolicyDocument"] == json.loads(trust())
    assert (found["Description"], found["MaxSessionDuration"]) == ("runs", 7200)
    assert found["Tags"] == [{"Key": "Team", "Value": "a"}]
    assert found["CreateDate"] == made["CreateDate"]
    listed = iam.list_roles(PathPrefix="/team/")["Roles"]
    assert [role["RoleName"] for role in listed] == ["Runner"]
    assert iam.list_roles(PathPrefix="/other/")["Roles"] == []


def test_a_second_role_of_a_name_is_refused_whatever_its_case(aws: ClientFactory) -> None:
    iam = aws("iam")
    iam.create_role(RoleName="Runner", AssumeRolePolicyDocument=trust())
    with pytest.raises(ClientError) as raised:
        iam.create_role(RoleName="runner", AssumeRolePolicyDocument=trust())
    assert error(raised) == ("EntityAlreadyExists", "Role with name runner already exists.", 409)


def test_a_role_that_is_not_there_is_no_such_entity(aws: ClientFactory) -> None:
    with pytest.raises(ClientError) as raised:
        aws("iam").get_role(RoleName="nobody")
    assert error(raised) == ("NoSuchEntity", "The role with name nobody cannot be found.", 404)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("not json", "This policy contains invalid Json"),
        (trust(Principal={"Service": "nonsense"}), 'Invalid principal in policy: "SERVICE":"nonsense"'),
        (trust(Resource="*"), "Has prohibited field Resource"),
        (trust(Action="s3:GetObject"), "AssumeRole policy may only specify STS AssumeRole actions."),
        (trust(Effect="Maybe"), "Syntax errors in policy."),
        (
            json.dumps({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]}),
            "Missing required field Principal",
        ),
    ],
)
def test_a_malformed_trust_policy_is_refused(aws: ClientFactory, document: str, message: str) -> None:
    with pytest.raises(ClientError) as raised:
        aws("iam").create_role(RoleName="Runner", AssumeRolePolicyDocument=document)
    assert error(raised) == ("MalformedPolicyDocument", message, 400)


def test_a_trust_policy_must_name_principals_of_the_account_that_exist(aws: ClientFactory, account: str) -> None:
    iam, ghost = aws("iam"), f"arn:aws:iam::{account}:role/ghost"
    with pytest.raises(ClientError) as raised:
        iam.create_role(RoleName="Runner", AssumeRolePolicyDocument=trust(Principal={"AWS": ghost}))
    assert error(raised)[:2] == ("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{ghost}"')
    iam.create_role(RoleName="ghost", AssumeRolePolicyDocument=trust())
    iam.create_role(RoleName="Runner", AssumeRolePolicyDocument=trust(Principal={"AWS": ghost}))


def test_a_role_is_deleted_only_after_what_it_holds(aws: ClientFactory) -> None:
    iam = aws("iam")
    iam.create_role(RoleName="Runner", AssumeRolePolicyDocument=trust())
    iam.attach_role_policy(RoleName="Runner", PolicyArn=BASIC)
    iam.put_role_policy(RoleName="Runner", PolicyName="p", PolicyDocument=INLINE)
    iam.create_instance_profile(InstanceProfileName="profile")
    iam.add_role_to_instance_profile(InstanceProfileName="profile", RoleName="Runner")

    def refused(first: str) -> None:
        with pytest.raises(ClientError) as raised:
            iam.delete_role(RoleName="Runner")
        assert error(raised) == ("DeleteConflict", f"Cannot delete entity, must {first} first.", 409)

    refused("remove roles from instance profile")
    iam.remove_role_from_instance_profile(InstanceProfileName="profile", RoleName="Runner")
    refused("detach all policies")
    iam.detach_role_policy(RoleName="Runner", PolicyArn=BASIC)
    refused("delete policies")
    iam.delete_role_policy(RoleName="Runner", PolicyName="p")
    iam.delete_role(RoleName="Runner")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="Runner")


def test_a_role_can_be_changed(aws: ClientFactory) -> None:
    iam = aws("iam")
    iam.create_role(RoleName="Runner", AssumeRolePolicyDocument=trust())
    iam.update_role(RoleName="Runner", Description="new", MaxSessionDuration=3601)
    iam.update_assume_role_policy(RoleName="Runner", PolicyDocument=trust(Sid="b"))
    iam.put_role_permissions_boundary(RoleName="Runner", PermissionsBoundary=BASIC)
    iam.tag_role(RoleName="Runner", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.tag_role(RoleName="Runner", Tags=[{"Key": "A", "Value": "3"}])
    iam.untag_role(RoleName="Runner", TagKeys=["b"])
    role = iam.get_role(RoleName="Runner")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("new", 3601)
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Sid"] == "b"
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == BASIC
    assert iam.list_role_tags(RoleName="Runner")["Tags"] == [{"Key": "A", "Value": "3"}]
    iam.delete_role_permissions_boundary(RoleName="Runner")
    assert "PermissionsBoundary" not in iam.get_role(RoleName="Runner")["Role"]


def test_roles_come_in_pages(aws: ClientFactory) -> None:
    iam = aws("iam")
    names = [f"role-{number}" for number in range(5)]
    for name in names:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust())
    pages = list(iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["Roles"]) for page in pages] == [2, 2, 1]
    assert [role["RoleName"] for page in pages for role in page["Roles"]] == names


def test_pages_of_roles_hold_one_path_and_go_on_behind_the_last_that_was_given(aws: ClientFactory) -> None:
    iam = aws("iam")
    for name, path in (("b", "/x/"), ("A", "/x/y/"), ("c", "/"), ("D", "/x/"), ("e", "/X/")):
        iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trust())
    first = iam.list_roles(PathPrefix="/x/", MaxItems=2)
    assert ([role["RoleName"] for role in first["Roles"]], first["IsTruncated"]) == (["A", "b"], True)
    iam.delete_role(RoleName="b")
    rest = iam.list_roles(PathPrefix="/x/", MaxItems=2, Marker=first["Marker"])
    assert ([role["RoleName"] for role in rest["Roles"]], rest["IsTruncated"]) == (["D"], False)
    with pytest.raises(ClientError, match="Invalid Marker"):
        iam.list_roles(Marker="odd")


def test_inline_policies_are_kept_by_name(aws: ClientFactory) -> None:
    iam = aws("iam")
    iam.create_role(RoleName="Runner", AssumeRolePolicyDocument=trust())
    iam.put_role_policy(RoleName="Runner", PolicyName="read", PolicyDocument=INLINE)
    assert iam.list_role_policies(RoleName="Runner")["PolicyNames"] == ["read"]
    found = iam.get_role_policy(RoleName="Runner", PolicyName="read")
    assert found["PolicyDocument"] == json.loads(INLINE)
    iam.delete_role_policy(RoleName="Runner", PolicyName="read")
    with pytest.raises(ClientError) as raised:
        iam.get_role_policy(RoleName="Runner", PolicyName="read")
    assert error(raised)[:2] == ("NoSuchEntity", "The role policy with name read cannot be found.")


def test_a_managed_policy_must_exist_to_be_attached(aws: ClientFactory, account: str) -> None:
    iam, missing = aws("iam"), f"arn:aws:iam::{account}:policy/missing"
    iam.create_role(RoleName="Runner", AssumeRolePolicyDocument=trust())
    with pytest.raises(ClientError) as raised:
        iam.attach_role_policy(RoleName="Runner", PolicyArn=missing)
    assert error(raised)[:2] == ("NoSuchEntity", f"Policy {missing} does not exist or is not attachable.")
    with pytest.raises(ClientError) as raised:
        iam.detach_role_policy(RoleName="Runner", PolicyArn=missing)
    assert error(raised)[:2] == ("NoSuchEntity", f"Policy {missing} was not found.")
    with pytest.raises(ClientError) as raised:
        iam.attach_role_policy(RoleName="Runner", PolicyArn="arn:of:no-policy-at-all")
    assert error(raised)[:2] == ("InvalidInput", "ARN arn:of:no-policy-at-all is not valid.")


def test_a_service_linked_role_is_its_services_alone(aws: ClientFactory) -> None:
    iam = aws("iam")
    role = iam.create_service_linked_role(AWSServiceName="lambda.amazonaws.com")["Role"]
    assert role["RoleName"] == "AWSServiceRoleForLambda"
    with pytest.raises(iam.exceptions.UnmodifiableEntityException):
        iam.delete_role(RoleName=role["RoleName"])
    with pytest.raises(iam.exceptions.InvalidInputException):
        iam.create_service_linked_role(AWSServiceName="lambda.amazonaws.com")
    task = iam.delete_service_linked_role(RoleName=role["RoleName"])["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName=role["RoleName"])
