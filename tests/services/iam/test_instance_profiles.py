from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)


def test_an_instance_profile_has_one_role(aws: ClientFactory) -> None:
    iam = aws("iam")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    profile = iam.create_instance_profile(InstanceProfileName="p", Tags=[{"Key": "a", "Value": "1"}])
    assert profile["InstanceProfile"]["Roles"] == []
    iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
    with pytest.raises(iam.exceptions.LimitExceededException, match="InstanceSessionsPerInstanceProfile: 1"):
        iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
    found = iam.get_instance_profile(InstanceProfileName="p")["InstanceProfile"]
    assert [role["RoleName"] for role in found["Roles"]] == ["r"]
    of_role = iam.list_instance_profiles_for_role(RoleName="r")["InstanceProfiles"]
    assert [one["InstanceProfileName"] for one in of_role] == ["p"]
    with pytest.raises(ClientError, match="must remove roles from instance profile first"):
        iam.delete_instance_profile(InstanceProfileName="p")
    iam.remove_role_from_instance_profile(InstanceProfileName="p", RoleName="r")
    iam.delete_instance_profile(InstanceProfileName="p")
    with pytest.raises(ClientError, match=r"Instance Profile p cannot be found\."):
        iam.get_instance_profile(InstanceProfileName="p")
