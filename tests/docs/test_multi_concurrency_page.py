"""The code of docs/operations/multi-concurrency.md, on Managed Instances: as right and as wrong as the page says."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from lambent.testing.platform import LocalPlatform, local_platform
from tests.requirements import ROOT, require_tool
from tests.services.lambda_.conftest import Client
from tests.services.lambda_.managed import Managed
from tests.waiting import eventually

PAGE = ROOT / "docs" / "operations" / "multi-concurrency.md"
BLOCKS = re.findall(r"^```(python|js)\n(?:#|//) (.+?)\n(.+?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
USERS = ["ada", "grace"]


@pytest.fixture
def platform() -> Iterator[LocalPlatform]:
    with local_platform() as started:
        yield started


@pytest.fixture
def managed(platform: LocalPlatform) -> Managed:
    functions, ec2, iam = platform.client("lambda"), platform.client("ec2"), platform.client("iam")
    role = str(iam.create_role(RoleName="operator", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"])

    def make_provider(name: str = "pool", **parameters: object) -> str:
        subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"]][:2]
        groups = [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]]
        made = functions.create_capacity_provider(
            CapacityProviderName=name,
            VpcConfig={"SubnetIds": subnets, "SecurityGroupIds": groups},
            PermissionsConfig={"CapacityProviderOperatorRoleArn": role},
            **parameters,
        )["CapacityProvider"]
        eventually(
            lambda: functions.get_capacity_provider(CapacityProviderName=name)["CapacityProvider"]["State"] == "Active"
        )
        return str(made["CapacityProviderArn"])

    def client(service: str, region: str = "us-east-1") -> Client:
        return platform.client(service, region=region)

    return Managed(client, functions, make_provider, role)


TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", '
    '"Principal": {"Service": "lambda.amazonaws.com"}}]}'
)


def is_right(managed: Managed) -> bool:
    return managed.at_once([{"user": user} for user in USERS]) == USERS


@pytest.mark.parametrize(("language", "claim", "source"), BLOCKS, ids=[f"{each[0]}-{each[1]}" for each in BLOCKS])
def test_the_code_does_what_the_page_says(managed: Managed, language: str, claim: str, source: str) -> None:
    timeout_s = 1 if claim == "gives up in time" else 20
    if language == "python":
        managed.publish("python3.13", {"handler.py": source}, most=2, Timeout=timeout_s)
    else:
        require_tool("node")
        one_thread = {"AWS_LAMBDA_NODEJS_WORKER_COUNT": "1"}
        managed.publish("nodejs22.x", {"handler.mjs": source}, most=2, variables=one_thread)
    if claim == "gives up in time":
        assert managed.call({}) == "gave up in time"
    elif claim == "right":
        assert all(is_right(managed) for _ in range(3))
    else:
        assert claim == "wrong where requests meet"
        eventually(lambda: not is_right(managed))


def test_the_page_shows_what_is_wrong_and_what_is_right() -> None:
    assert [(language, claim) for language, claim, _ in BLOCKS] == [
        ("python", "wrong where requests meet"),
        ("python", "right"),
        ("js", "wrong where requests meet"),
        ("js", "right"),
        ("python", "gives up in time"),
    ]
