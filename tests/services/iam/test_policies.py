from __future__ import annotations

import json
from importlib.resources import files

import pytest
from botocore.exceptions import ClientError

from lambent.testing.builders import ensure_role
from lambent.testing.pytest_plugin import ClientFactory

ASSUME = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [ASSUME]})


def allow(action: object, **statement: object) -> str:
    whole = {"Effect": "Allow", "Action": action, "Resource": "*", **statement}
    return json.dumps({"Version": "2012-10-17", "Statement": [whole]})


def test_a_policy_has_versions_of_which_one_is_the_default(aws: ClientFactory, account: str) -> None:
    iam = aws("iam")
    policy = iam.create_policy(PolicyName="p", PolicyDocument=allow("s3:GetObject"), Description="d")["Policy"]
    arn = policy["Arn"]
    assert arn == f"arn:aws:iam::{account}:policy/p"
    assert (policy["DefaultVersionId"], policy["AttachmentCount"]) == ("v1", 0)
    second = iam.create_policy_version(PolicyArn=arn, PolicyDocument=allow("s3:PutObject"), SetAsDefault=True)
    assert second["PolicyVersion"]["VersionId"] == "v2"
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [(one["VersionId"], one["IsDefaultVersion"]) for one in versions] == [("v2", True), ("v1", False)]
    found = iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"]
    assert found == json.loads(allow("s3:PutObject"))
    with pytest.raises(ClientError, match=r"Cannot delete the default version of a policy\."):
        iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    third = iam.create_policy_version(PolicyArn=arn, PolicyDocument=allow("s3:*"))
    assert third["PolicyVersion"]["VersionId"] == "v3"
    described = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (described["Description"], described["DefaultVersionId"]) == ("d", "v1")


def test_a_policy_has_five_versions_at_most(aws: ClientFactory) -> None:
    iam = aws("iam")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=allow("s3:*"))["Policy"]["Arn"]
    for _ in range(4):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=allow("s3:*"))
    with pytest.raises(iam.exceptions.LimitExceededException, match="can have up to 5 versions"):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=allow("s3:*"))


def test_a_policy_is_deleted_only_when_nothing_uses_it(aws: ClientFactory) -> None:
    iam = aws("iam")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=allow("s3:*"))["Policy"]["Arn"]
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]
    iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    assert entities["PolicyRoles"] == [{"RoleName": "r", "RoleId": role["RoleId"]}]
    with pytest.raises(ClientError, match=r"Cannot delete a policy attached to entities\."):
        iam.delete_policy(PolicyArn=arn)
    iam.detach_role_policy(RoleName="r", PolicyArn=arn)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=allow("s3:*"))
    with pytest.raises(ClientError, match="This policy has more than one version"):
        iam.delete_policy(PolicyArn=arn)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    iam.delete_policy(PolicyArn=arn)
    with pytest.raises(ClientError, match=f"Policy {arn} was not found."):
        iam.get_policy(PolicyArn=arn)


def test_policies_are_listed_by_whose_they_are(aws: ClientFactory) -> None:
    iam = aws("iam")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=allow("s3:*"))["Policy"]["Arn"]
    assert [policy["Arn"] for policy in iam.list_policies(Scope="Local")["Policies"]] == [arn]
    pages = iam.get_paginator("list_policies").paginate(Scope="AWS")
    of_aws = [policy["Arn"].removeprefix("arn:aws:iam::aws:policy/") for page in pages for policy in page["Policies"]]
    known = files("lambent.aws").joinpath("managed_policies.txt").read_text(encoding="utf-8").split()
    assert (sorted(of_aws), len(of_aws) > 1500) == (known, True)
    assert iam.list_policies(OnlyAttached=True)["Policies"] == []


def test_aws_managed_policies_have_their_documents_and_cannot_be_changed(aws: ClientFactory) -> None:
    iam, arn = aws("iam"), "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    assert "logs:PutLogEvents" in document["Statement"][0]["Action"]
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.delete_policy(PolicyArn=arn)


def test_a_version_that_is_no_number_of_ours_is_no_such_entity(aws: ClientFactory) -> None:
    iam = aws("iam")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=allow("s3:*"))["Policy"]["Arn"]
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_policy_version(PolicyArn=arn, VersionId="v" + "9" * 5000)


def test_a_permissions_boundary_counts_as_use_of_its_policy(aws: ClientFactory) -> None:
    iam = aws("iam")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=allow("s3:*"))["Policy"]["Arn"]
    iam.create_policy(PolicyName="other", PolicyDocument=allow("s3:*"))
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=arn)
    iam.create_user(UserName="u", PermissionsBoundary=arn)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["PermissionsBoundaryUsageCount"] == 2
    bounding = iam.list_policies(Scope="Local", PolicyUsageFilter="PermissionsBoundary")["Policies"]
    assert [policy["Arn"] for policy in bounding] == [arn]
    entities = iam.list_entities_for_policy(PolicyArn=arn, PolicyUsageFilter="PermissionsBoundary")
    assert ([each["RoleName"] for each in entities["PolicyRoles"]], len(entities["PolicyUsers"])) == (["r"], 1)
    with pytest.raises(ClientError, match="used as a permissions boundary"):
        iam.delete_policy(PolicyArn=arn)


@pytest.mark.parametrize("name", ["service-role/AWSLambdaVPCAccessExecutionRole", "AmazonRoute53FullAccess"])
def test_every_managed_policy_of_aws_can_be_attached(aws: ClientFactory, name: str) -> None:
    iam, arn = aws("iam"), f"arn:aws:iam::aws:policy/{name}"
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    assert [one["PolicyArn"] for one in iam.list_attached_role_policies(RoleName="r")["AttachedPolicies"]] == [arn]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    with pytest.raises(ClientError, match="does not exist or is not attachable"):
        iam.attach_role_policy(RoleName="r", PolicyArn="arn:aws:iam::aws:policy/None")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "Syntax errors in policy."),
        ('{"Statement": []}', "Policy document must be version 2012-10-17 or greater."),
        (allow("s3:*", Principal="*"), "Policy document should not specify a principal."),
        (allow("GetObject"), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        (allow("s3:*", Resource="bucket"), 'Resource bucket must be in ARN format or "*".'),
        (allow("s3:*", Condition={"Sometimes": {"a": "b"}}), "Syntax errors in policy."),
    ],
)
def test_a_malformed_policy_is_refused(aws: ClientFactory, document: str, message: str) -> None:
    with pytest.raises(ClientError) as raised:
        aws("iam").create_policy(PolicyName="p", PolicyDocument=document)
    assert raised.value.response["Error"]["Code"] == "MalformedPolicyDocument"
    assert raised.value.response["Error"]["Message"] == message


def test_a_policy_has_tags(aws: ClientFactory) -> None:
    iam = aws("iam")
    tags = [{"Key": "a", "Value": "1"}]
    arn = iam.create_policy(PolicyName="p", PolicyDocument=allow("s3:*"), Tags=tags)["Policy"]["Arn"]
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    iam.untag_policy(PolicyArn=arn, TagKeys=["a"])
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_an_inline_policy_needs_no_version_as_sam_s_have_none(aws: ClientFactory) -> None:
    iam = aws("iam")
    ensure_role(iam, "worker")
    document = json.dumps({"Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}]})
    iam.put_role_policy(RoleName="worker", PolicyName="p", PolicyDocument=document)
    assert iam.get_role_policy(RoleName="worker", PolicyName="p")["PolicyDocument"] == json.loads(document)
