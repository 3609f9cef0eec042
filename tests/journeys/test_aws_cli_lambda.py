"""Every command of `aws lambda`, as it is typed: shorthand, JSON, files, queries, pages and waiters."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambent.testing.builders import ensure_role, zip_of
from lambent.testing.platform import LocalPlatform
from tests.journeys.aws_shell import AwsShell, aws_shell

ACCOUNT = "111122223333"
REGION = "us-west-2"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}"
SIGNER = f"arn:aws:signer:{REGION}:{ACCOUNT}:/signing-profiles/shop/abcdefghij"
NAME = ("--function-name", "f")
# What the platform does not offer (docs/coverage.md), so nothing of it is typed here.
DURABLE = {
    "checkpoint-durable-execution", "get-durable-execution", "get-durable-execution-history",
    "get-durable-execution-state", "list-durable-executions-by-function", "send-durable-execution-callback-failure",
    "send-durable-execution-callback-heartbeat", "send-durable-execution-callback-success", "stop-durable-execution",
}  # fmt: skip
COMMANDS = """
from awscli.clidriver import create_clidriver
command = create_clidriver()._get_command_table()["lambda"]
command.create_help_command()
print(*command._get_command_table())
"""


@pytest.fixture
def aws(platform: LocalPlatform, tmp_path: Path) -> Iterator[AwsShell]:
    """The CLI, in a folder with two packages."""
    for number in ("1", "2"):
        code = f"def handler(event, context):\n    print('said')\n    return [{number}, event]\n"
        (tmp_path / f"{number}.zip").write_bytes(zip_of({"handler.py": code}))
    with aws_shell(platform.endpoint_url, ACCOUNT, tmp_path) as shell:
        yield shell


@pytest.mark.timeout(240)
def test_every_command_answers_as_it_is_typed(aws: AwsShell, platform: LocalPlatform) -> None:
    role = ensure_role(platform.client("iam", account=ACCOUNT))
    layer(aws)
    function(aws, role)
    invocations(aws)
    updates(aws)
    versions_and_aliases(aws)
    who_may_invoke(aws)
    concurrency(aws)
    events(aws, platform)
    code_signing(aws)
    tags_and_account(aws)
    capacity_providers(aws, platform, role)
    what_is_made_is_deleted(aws)

    listed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", COMMANDS], capture_output=True, text=True, timeout=60, check=True
    )
    assert {f"lambda {name}" for name in listed.stdout.split()} - aws.used == {f"lambda {name}" for name in DURABLE}


def layer(aws: AwsShell) -> None:
    shared = ("--layer-name", "shared")
    made = aws(
        "lambda", "publish-layer-version", *shared, "--zip-file", "fileb://1.zip", "--description", "what all need",
        "--compatible-runtimes", "python3.12", "python3.13", "--compatible-architectures", "x86_64", "arm64",
    )  # fmt: skip
    assert (made["Version"], made["CompatibleArchitectures"]) == (1, ["x86_64", "arm64"])
    aws("lambda", "publish-layer-version", *shared, "--zip-file", "fileb://2.zip", "--license-info", "MIT")
    assert aws("lambda", "get-layer-version", *shared, "--version-number", "1")["Description"] == "what all need"
    by_arn = aws("lambda", "get-layer-version-by-arn", "--arn", f"{ARN}:layer:shared:2")
    assert by_arn["LicenseInfo"] == "MIT"
    versions = ("lambda", "list-layer-versions", *shared, "--query", "LayerVersions[].Version", "--output", "text")
    assert aws(*versions, text=True).split() == ["2", "1"]
    found = aws("lambda", "list-layers", "--compatible-runtime", "python3.13", "--query", "Layers[].LayerName")
    assert found == ["shared"]
    version = (*shared, "--version-number", "2")
    granted = aws(
        "lambda", "add-layer-version-permission", *version, "--statement-id", "all", "--principal", "*",
        "--action", "lambda:GetLayerVersion", "--organization-id", "o-abcdefghij",
    )  # fmt: skip
    assert json.loads(granted["Statement"])["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}
    policy = aws("lambda", "get-layer-version-policy", *version, "--query", "Policy")
    assert [one["Sid"] for one in json.loads(policy)["Statement"]] == ["all"]
    aws("lambda", "remove-layer-version-permission", *version, "--statement-id", "all")
    aws("lambda", "delete-layer-version", *version)


def function(aws: AwsShell, role: str) -> None:
    made = aws(
        "lambda", "create-function", *NAME, "--runtime", "python3.12", "--role", role, "--handler", "handler.handler",
        "--zip-file", "fileb://1.zip", "--timeout", "10", "--memory-size", "256", "--description", "counts",
        "--environment", "Variables={STAGE=test,REGION=here}", "--tags", "team=numbers,stage=test",
        "--layers", f"{ARN}:layer:shared:1", "--tracing-config", "Mode=Active", "--ephemeral-storage", '{"Size": 1024}',
        "--logging-config", "LogFormat=JSON,ApplicationLogLevel=INFO", "--architectures", "x86_64",
        "--dead-letter-config", "TargetArn=",
    )  # fmt: skip
    assert (made["State"], made["Environment"]["Variables"]) == ("Pending", {"STAGE": "test", "REGION": "here"})
    for waiter in ("function-exists", "function-active-v2", "function-active"):
        assert aws("lambda", "wait", waiter, *NAME, text=True) == ""
    from_json = {"FunctionName": "g", "Runtime": "python3.13", "Role": role, "Handler": "handler.handler"}
    (aws.folder / "g.json").write_text(json.dumps(from_json))
    aws("lambda", "create-function", "--cli-input-json", "file://g.json", "--zip-file", "fileb://2.zip")
    aws("lambda", "wait", "function-active-v2", "--function-name", "g")

    whole = aws("lambda", "get-function", *NAME)
    assert (whole["Tags"], whole["Code"]["RepositoryType"]) == ({"team": "numbers", "stage": "test"}, "S3")
    handler = aws("lambda", "get-function-configuration", *NAME, "--query", "[Handler,MemorySize]", "--output", "text",
                  text=True)  # fmt: skip
    assert handler.split() == ["handler.handler", "256"]
    first = aws("lambda", "list-functions", "--max-items", "1")
    rest = aws("lambda", "list-functions", "--starting-token", first["NextToken"], "--page-size", "1")
    assert [one["FunctionName"] for one in first["Functions"] + rest["Functions"]] == ["f", "g"]
    assert "|  FunctionName |  g " in aws("lambda", "list-functions", "--no-paginate", "--output", "table", text=True)
    missing = aws("lambda", "get-function", "--function-name", "none", fails=True)
    assert missing.strip().endswith(
        "An error occurred (ResourceNotFoundException) when calling the GetFunction operation: "
        f"Function not found: {ARN}:function:none"
    )


def invocations(aws: AwsShell) -> None:
    out = aws.folder / "out.json"
    answer = aws("lambda", "invoke", *NAME, "--payload", '{"n": "größer"}', "--log-type", "Tail", "out.json")
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert json.loads(out.read_text()) == [1, {"n": "größer"}]
    assert "said" in base64.b64decode(answer["LogResult"]).decode()
    (aws.folder / "event.json").write_text('{"from": "a file"}')
    context = base64.b64encode(b'{"custom": {}}').decode()
    given = ("--payload", "fileb://event.json", "--client-context", context)
    aws("lambda", "invoke", *NAME, "--invocation-type", "RequestResponse", *given, "out.json")
    assert json.loads(out.read_text()) == [1, {"from": "a file"}]
    accepted = aws("lambda", "invoke", *NAME, "--invocation-type", "Event", "--payload", "{}", "out.json")
    assert (accepted["StatusCode"], out.read_text()) == (202, "")
    assert aws("lambda", "invoke", *NAME, "--invocation-type", "DryRun", "out.json")["StatusCode"] == 204
    assert aws("lambda", "invoke-async", *NAME, "--invoke-args", "event.json")["Status"] == 202
    refused = aws("lambda", "invoke", *NAME, "--payload", "{nothing", "out.json", fails=True)
    assert "(InvalidRequestContentException) when calling the Invoke operation: Could not parse request body" in refused


def updates(aws: AwsShell) -> None:
    settings = ("--environment", "Variables={}", "--layers", "--timeout", "20")
    changed = aws("lambda", "update-function-configuration", *NAME, *settings)
    assert ("Layers" not in changed, changed["Timeout"]) == (True, 20)
    for waiter in ("function-updated-v2", "function-updated"):
        aws("lambda", "wait", waiter, *NAME, text=True)
    dry = aws("lambda", "update-function-code", *NAME, "--zip-file", "fileb://2.zip", "--dry-run")
    assert dry["CodeSha256"] != aws("lambda", "get-function", *NAME)["Configuration"]["CodeSha256"]
    published = aws("lambda", "update-function-code", *NAME, "--zip-file", "fileb://2.zip", "--publish")
    assert (published["Version"], published["CodeSha256"]) == ("1", dry["CodeSha256"])
    aws("lambda", "wait", "function-updated-v2", *NAME)
    aws("lambda", "wait", "published-version-active", *NAME, "--qualifier", "1")
    aws("lambda", "invoke", *NAME, "--qualifier", "1", "out.json")
    assert json.loads((aws.folder / "out.json").read_text()) == [2, {}]


def versions_and_aliases(aws: AwsShell) -> None:
    aws("lambda", "update-function-configuration", *NAME, "--description", "second")
    aws("lambda", "wait", "function-updated-v2", *NAME)
    revision = aws("lambda", "get-function-configuration", *NAME, "--query", "RevisionId")
    stale = aws("lambda", "publish-version", *NAME, "--revision-id", "0" * 8, fails=True)
    assert "(PreconditionFailedException)" in stale
    assert aws("lambda", "publish-version", *NAME, "--revision-id", revision)["Version"] == "2"
    listed = aws("lambda", "list-versions-by-function", *NAME, "--query", "Versions[].Version")
    assert listed == ["$LATEST", "1", "2"]
    live = (*NAME, "--name", "live")
    made = aws(
        "lambda", "create-alias", *live, "--function-version", "2", "--description", "callers",
        "--routing-config", "AdditionalVersionWeights={1=0.3}",
    )  # fmt: skip
    assert made["RoutingConfig"] == {"AdditionalVersionWeights": {"1": 0.3}}
    every = aws("lambda", "update-alias", *live, "--routing-config", '{"AdditionalVersionWeights": {"1": 1}}')
    assert every["RoutingConfig"] == {"AdditionalVersionWeights": {"1": 1.0}}
    assert aws("lambda", "invoke", *NAME, "--qualifier", "live", "out.json")["ExecutedVersion"] == "1"
    assert "RoutingConfig" not in aws(
        "lambda", "update-alias", *live, "--routing-config", "AdditionalVersionWeights={}"
    )
    assert aws("lambda", "get-alias", *live)["FunctionVersion"] == "2"
    assert aws("lambda", "list-aliases", *NAME, "--function-version", "1")["Aliases"] == []


def who_may_invoke(aws: AwsShell) -> None:
    granted = aws(
        "lambda", "add-permission", *NAME, "--qualifier", "live", "--statement-id", "rule", "--principal",
        "events.amazonaws.com", "--action", "lambda:InvokeFunction", "--source-arn", f"arn:aws:events:{REGION}::rule/r",
    )  # fmt: skip
    assert json.loads(granted["Statement"])["Resource"] == f"{ARN}:function:f:live"
    policy = aws(
        "lambda", "get-policy", *NAME, "--qualifier", "live", "--query", "Policy", "--output", "text", text=True
    )
    assert [one["Sid"] for one in json.loads(policy)["Statement"]] == ["rule"]
    aws("lambda", "remove-permission", *NAME, "--qualifier", "live", "--statement-id", "rule")
    made = aws(
        "lambda", "create-function-url-config", *NAME, "--auth-type", "NONE",
        "--cors", "AllowOrigins=https://a.example,AllowMethods=GET,POST,MaxAge=60", "--invoke-mode", "BUFFERED",
    )  # fmt: skip
    assert made["Cors"] == {"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET", "POST"], "MaxAge": 60}
    assert aws("lambda", "update-function-url-config", *NAME, "--auth-type", "AWS_IAM")["AuthType"] == "AWS_IAM"
    address = aws("lambda", "get-function-url-config", *NAME, "--query", "FunctionUrl")
    assert aws("lambda", "list-function-url-configs", *NAME)["FunctionUrlConfigs"][0]["FunctionUrl"] == address
    aws("lambda", "delete-function-url-config", *NAME)


def concurrency(aws: AwsShell) -> None:
    aws("lambda", "put-function-concurrency", *NAME, "--reserved-concurrent-executions", "5")
    assert aws("lambda", "get-function-concurrency", *NAME) == {"ReservedConcurrentExecutions": 5}
    live = (*NAME, "--qualifier", "live")
    aws("lambda", "put-provisioned-concurrency-config", *live, "--provisioned-concurrent-executions", "1")
    shown = ("lambda", "get-provisioned-concurrency-config", *live, "--query", "Status")
    while (status := aws(*shown)) == "IN_PROGRESS":
        pass
    assert status == "READY"
    assert len(aws("lambda", "list-provisioned-concurrency-configs", *NAME)["ProvisionedConcurrencyConfigs"]) == 1
    aws("lambda", "delete-provisioned-concurrency-config", *live)
    aws("lambda", "delete-function-concurrency", *NAME)
    assert aws("lambda", "get-function-concurrency", *NAME) in (None, {})


def events(aws: AwsShell, platform: LocalPlatform) -> None:
    destination = f"OnFailure={{Destination={ARN}:function:g}}"
    put = aws(
        "lambda", "put-function-event-invoke-config", *NAME, "--maximum-retry-attempts", "0",
        "--destination-config", destination,
    )  # fmt: skip
    assert put["DestinationConfig"]["OnFailure"] == {"Destination": f"{ARN}:function:g"}
    changed = aws("lambda", "update-function-event-invoke-config", *NAME, "--maximum-event-age-in-seconds", "60")
    assert (changed["MaximumRetryAttempts"], changed["MaximumEventAgeInSeconds"]) == (0, 60)
    assert aws("lambda", "get-function-event-invoke-config", *NAME)["MaximumEventAgeInSeconds"] == 60
    assert len(aws("lambda", "list-function-event-invoke-configs", *NAME)["FunctionEventInvokeConfigs"]) == 1
    aws("lambda", "delete-function-event-invoke-config", *NAME)
    aws("lambda", "put-function-recursion-config", *NAME, "--recursive-loop", "Allow")
    assert aws("lambda", "get-function-recursion-config", *NAME) == {"RecursiveLoop": "Allow"}
    aws("lambda", "put-runtime-management-config", *NAME, "--update-runtime-on", "FunctionUpdate")
    assert aws("lambda", "get-runtime-management-config", *NAME)["UpdateRuntimeOn"] == "FunctionUpdate"

    # Version 1 of the CLI has addresses of its own for queues, which go before the environment's.
    endpoint = ("--endpoint-url", platform.endpoint_url)
    queue = aws("sqs", "create-queue", "--queue-name", "jobs", *endpoint)["QueueUrl"]
    attribute = ("--attribute-names", "QueueArn", "--query", "Attributes.QueueArn")
    jobs = aws("sqs", "get-queue-attributes", "--queue-url", queue, *attribute, *endpoint)
    role = aws("lambda", "get-function-configuration", *NAME, "--query", "Role").rpartition("/")[2]
    aws(
        "iam", "attach-role-policy", "--role-name", role, "--policy-arn",
        "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole",
    )  # fmt: skip
    made = aws(
        "lambda", "create-event-source-mapping", *NAME, "--event-source-arn", jobs, "--batch-size", "5",
        "--filter-criteria", '{"Filters": [{"Pattern": "{\\"body\\": {\\"n\\": [1]}}"}]}',
        "--function-response-types", "ReportBatchItemFailures", "--scaling-config", "MaximumConcurrency=2",
    )  # fmt: skip
    mapping = ("--uuid", made["UUID"])
    while aws("lambda", "get-event-source-mapping", *mapping, "--query", "State") != "Enabled":
        pass
    assert aws("lambda", "update-event-source-mapping", *mapping, "--batch-size", "6", "--no-enabled")["BatchSize"] == 6
    listed = aws("lambda", "list-event-source-mappings", "--event-source-arn", jobs, "--query", "length(*[0])")
    assert listed == 1
    while aws("lambda", "get-event-source-mapping", *mapping, "--query", "State") != "Disabled":
        pass
    assert aws("lambda", "delete-event-source-mapping", *mapping)["State"] == "Deleting"


def code_signing(aws: AwsShell) -> None:
    made = aws(
        "lambda", "create-code-signing-config", "--allowed-publishers", f"SigningProfileVersionArns={SIGNER}",
        "--code-signing-policies", "UntrustedArtifactOnDeployment=Warn",
    )["CodeSigningConfig"]  # fmt: skip
    config = ("--code-signing-config-arn", made["CodeSigningConfigArn"])
    policy = ("--code-signing-policies", "UntrustedArtifactOnDeployment=Enforce")
    assert aws("lambda", "update-code-signing-config", *config, *policy, "--description", "strict")
    assert aws("lambda", "get-code-signing-config", *config)["CodeSigningConfig"]["Description"] == "strict"
    assert len(aws("lambda", "list-code-signing-configs")["CodeSigningConfigs"]) == 1
    aws("lambda", "put-function-code-signing-config", *config, *NAME)
    assert aws("lambda", "get-function-code-signing-config", *NAME)["CodeSigningConfigArn"] == config[1]
    assert aws("lambda", "list-functions-by-code-signing-config", *config)["FunctionArns"] == [f"{ARN}:function:f"]
    unsigned = aws("lambda", "update-function-code", *NAME, "--zip-file", "fileb://1.zip", fails=True)
    assert "(CodeVerificationFailedException)" in unsigned
    aws("lambda", "delete-function-code-signing-config", *NAME)
    aws("lambda", "delete-code-signing-config", *config)


def tags_and_account(aws: AwsShell) -> None:
    resource = ("--resource", f"{ARN}:function:f")
    aws("lambda", "tag-resource", *resource, "--tags", "stage=live,owner=me")
    aws("lambda", "untag-resource", *resource, "--tag-keys", "owner", "team")
    assert aws("lambda", "list-tags", *resource) == {"Tags": {"stage": "live"}}
    assert aws("lambda", "get-account-settings")["AccountUsage"]["FunctionCount"] == 2


def capacity_providers(aws: AwsShell, platform: LocalPlatform, role: str) -> None:
    ec2 = platform.client("ec2", account=ACCOUNT, region=REGION)
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    pool = ("--capacity-provider-name", "pool")
    made = aws(
        "lambda", "create-capacity-provider", *pool,
        "--vpc-config", f"SubnetIds=[{subnet}],SecurityGroupIds=[{group}]",
        "--permissions-config", f"CapacityProviderOperatorRoleArn={role}",
    )["CapacityProvider"]  # fmt: skip
    while aws("lambda", "get-capacity-provider", *pool, "--query", "CapacityProvider.State") != "Active":
        pass
    aws("lambda", "update-capacity-provider", *pool, "--capacity-provider-scaling-config", "MaxVCpuCount=40")
    assert aws("lambda", "list-capacity-providers", "--query", "length(CapacityProviders)") == 1
    config = f"LambdaManagedInstancesCapacityProviderConfig={{CapacityProviderArn={made['CapacityProviderArn']}}}"
    name = ("--function-name", "managed")
    aws(
        "lambda", "create-function", *name, "--runtime", "python3.13", "--role", role, "--handler", "handler.handler",
        "--zip-file", "fileb://1.zip", "--memory-size", "2048", "--capacity-provider-config", config, "--publish",
    )  # fmt: skip
    aws("lambda", "wait", "published-version-active", *name, "--qualifier", "1")
    found = aws("lambda", "list-function-versions-by-capacity-provider", *pool, "--query", "FunctionVersions[].State")
    assert found == ["Active"]
    version = (*name, "--qualifier", "1")
    bounds = ("--function-scaling-config", "MinExecutionEnvironments=3,MaxExecutionEnvironments=6")
    aws("lambda", "put-function-scaling-config", *version, *bounds)
    applied = ("--query", "AppliedFunctionScalingConfig.MaxExecutionEnvironments")
    while aws("lambda", "get-function-scaling-config", *version, *applied) != 6:
        pass
    aws("lambda", "delete-function", *name)
    while aws("lambda", "list-functions", "--query", "Functions[?FunctionName=='managed'].FunctionArn"):
        pass
    assert aws("lambda", "delete-capacity-provider", *pool)["CapacityProvider"]["State"] == "Deleting"


def what_is_made_is_deleted(aws: AwsShell) -> None:
    held = aws("lambda", "delete-function", *NAME, "--qualifier", "2", fails=True)
    assert "(ResourceConflictException)" in held
    aws("lambda", "delete-alias", *NAME, "--name", "live")
    aws("lambda", "delete-function", *NAME, "--qualifier", "2")
    for name in ("f", "g"):
        aws("lambda", "delete-function", "--function-name", name)
    assert aws("lambda", "list-functions")["Functions"] == []
