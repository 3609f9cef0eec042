"""The AWS CLI, pointed at the platform by the variables that `lambent env` prints."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambent.testing.platform import LocalPlatform
from tests.journeys.aws_shell import AwsShell, aws_shell, environment
from tests.journeys.test_terraform import package
from tests.requirements import require_tool

ACCOUNT = "111122223333"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


@pytest.fixture(scope="module")
def aws(platform: LocalPlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsShell]:
    """Runs AWS CLI commands one by one."""
    with aws_shell(platform.endpoint_url, ACCOUNT, tmp_path_factory.mktemp("aws")) as shell:
        yield shell


def test_the_program_needs_nothing_but_its_environment(platform: LocalPlatform) -> None:
    done = subprocess.run(
        [require_tool("aws"), "sts", "get-caller-identity", "--output", "text"],
        env=environment(platform.endpoint_url, ACCOUNT),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout.split()[:2], done.stderr) == ([ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"], "")


@pytest.mark.timeout(180)
def test_the_aws_cli_creates_invokes_updates_publishes_aliases_lists_and_deletes(aws: AwsShell, tmp_path: Path) -> None:
    assert aws("sts", "get-caller-identity")["Account"] == ACCOUNT
    role = aws("iam", "create-role", "--role-name", "numbers", "--assume-role-policy-document", TRUST)["Role"]["Arn"]
    created = aws(
        "lambda", "create-function", "--function-name", "numbers", "--runtime", "python3.12", "--role", role,
        "--handler", "lambda_function.lambda_handler", "--zip-file", f"fileb://{package(tmp_path, 'cli')}",
    )  # fmt: skip
    assert created["State"] == "Pending"
    aws("lambda", "wait", "function-active-v2", "--function-name", "numbers")

    out = tmp_path / "out.json"
    answer = aws(
        "lambda", "invoke", "--function-name", "numbers", "--payload", '{"n": 3}', "--log-type", "Tail",
        str(out),
    )  # fmt: skip
    assert json.loads(json.loads(out.read_text())["body"]) == {"n": 3, "sequence": [0, 1, 1, 2]}
    assert "REPORT RequestId:" in base64.b64decode(answer["LogResult"]).decode()

    aws("lambda", "update-function-configuration", "--function-name", "numbers", "--memory-size", "192")
    aws("lambda", "wait", "function-updated-v2", "--function-name", "numbers")
    assert aws("lambda", "publish-version", "--function-name", "numbers")["Version"] == "1"
    alias = aws("lambda", "create-alias", "--function-name", "numbers", "--name", "live", "--function-version", "1")
    assert alias["AliasArn"] == f"arn:aws:lambda:us-west-2:{ACCOUNT}:function:numbers:live"
    listed = aws("lambda", "list-functions", "--query", "Functions[?FunctionName=='numbers'].[FunctionName,MemorySize]")
    assert listed == [["numbers", 192]]

    # The group comes with the first lines, which come in batches, a moment after the answer.
    while not aws("logs", "describe-log-groups", "--log-group-name-prefix", "/aws/lambda/numbers")["logGroups"]:
        pass
    pattern = ("--log-group-name", "/aws/lambda/numbers", "--filter-pattern", "computing")
    while not (found := aws("logs", "filter-log-events", *pattern)["events"]):
        pass
    assert "computing the sequence up to F(3)" in found[0]["message"]

    aws("lambda", "delete-function", "--function-name", "numbers")
    refused = aws("lambda", "get-function", "--function-name", "numbers", fails=True)
    assert f"Function not found: arn:aws:lambda:us-west-2:{ACCOUNT}:function:numbers" in refused
    aws("iam", "delete-role", "--role-name", "numbers")
    aws("logs", "delete-log-group", "--log-group-name", "/aws/lambda/numbers")


def test_code_comes_from_a_bucket_that_the_bridge_keeps(aws: AwsShell, tmp_path: Path) -> None:
    role = aws("iam", "create-role", "--role-name", "from-s3", "--assume-role-policy-document", TRUST)["Role"]["Arn"]
    aws("s3", "mb", "s3://deployment-packages", text=True)
    aws("s3", "cp", str(package(tmp_path, "s3")), "s3://deployment-packages/numbers.zip", text=True)
    aws(
        "lambda", "create-function", "--function-name", "from-s3", "--runtime", "python3.12", "--role", role,
        "--handler", "lambda_function.lambda_handler",
        "--code", "S3Bucket=deployment-packages,S3Key=numbers.zip",
    )  # fmt: skip
    aws("lambda", "wait", "function-active-v2", "--function-name", "from-s3")
    refused = aws(
        "lambda", "update-function-code", "--function-name", "from-s3", "--s3-bucket", "deployment-packages",
        "--s3-key", "nothing.zip", fails=True,
    )  # fmt: skip
    assert (
        "Error occurred while GetObject. S3 Error Code: NoSuchKey. "
        "S3 Error Message: The specified key does not exist." in refused
    )


@pytest.mark.timeout(120)
def test_the_developer_guides_first_steps_with_managed_instances(
    aws: AwsShell, tmp_path: Path, platform: LocalPlatform
) -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-getting-started.html
    ec2, iam = (platform.client(name, account=ACCOUNT, region="us-west-2") for name in ("ec2", "iam"))
    role = iam.create_role(RoleName="operator", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    iam.attach_role_policy(RoleName="operator", PolicyArn="arn:aws:iam::aws:policy/AWSLambdaManagedEC2ResourceOperator")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    pool = ("--capacity-provider-name", "pool")
    aws(
        "lambda", "create-capacity-provider", *pool,
        "--vpc-config", f"SubnetIds=[{subnet}],SecurityGroupIds=[{group}]",
        "--permissions-config", f"CapacityProviderOperatorRoleArn={role}",
        "--instance-requirements", "Architectures=[x86_64]",
        "--capacity-provider-scaling-config", "MaxVCpuCount=30",
    )  # fmt: skip
    state = ("lambda", "get-capacity-provider", *pool, "--query", "CapacityProvider.State")
    while aws(*state) == "Pending":
        pass
    arn = f"arn:aws:lambda:us-west-2:{ACCOUNT}:capacity-provider:pool"
    name = ("--function-name", "managed")
    aws(
        "lambda", "create-function", *name, "--package-type", "Zip", "--runtime", "python3.13",
        "--handler", "lambda_function.lambda_handler", "--zip-file", f"fileb://{package(tmp_path, 'managed')}",
        "--role", role, "--architectures", "x86_64", "--memory-size", "2048", "--ephemeral-storage", "Size=512",
        "--capacity-provider-config", f"LambdaManagedInstancesCapacityProviderConfig={{CapacityProviderArn={arn}}}",
    )  # fmt: skip
    while (made := aws("lambda", "get-function-configuration", *name))["State"] == "Pending":
        pass
    assert made["State"] == "ActiveNonInvocable"
    assert aws("lambda", "publish-version", *name)["State"] == "Pending"
    aws("lambda", "wait", "published-version-active", *name, "--qualifier", "1", text=True)
    out = tmp_path / "out.json"
    answer = aws("lambda", "invoke", "--function-name", "managed:1", "--payload", '{"n": 3}', str(out))
    assert answer == {"StatusCode": 200, "ExecutedVersion": "1"}
    assert json.loads(json.loads(out.read_text())["body"])["sequence"] == [0, 1, 1, 2]
    published = aws("lambda", "publish-version", *name, "--publish-to", "LATEST_PUBLISHED")
    assert published["Version"] == "$LATEST.PUBLISHED"
    in_use = aws("lambda", "delete-capacity-provider", *pool, fails=True)
    assert "The capacity provider is currently in use by 1 functions." in in_use
    aws("lambda", "delete-function", *name)
    while aws("lambda", "list-functions", "--query", "Functions[?FunctionName=='managed'].FunctionArn"):
        pass
    assert aws("lambda", "delete-capacity-provider", *pool)["CapacityProvider"]["State"] == "Deleting"
