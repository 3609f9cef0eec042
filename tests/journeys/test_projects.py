"""Projects as people work on them: real `lambent` processes, what they print, and the codes they end with."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform
from tests.journeys.commands import Commands
from tests.requirements import ROOT

pytestmark = pytest.mark.timeout(120)
TEMPLATE = """
Parameters:
  Answer: {Type: String}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: !Sub ${AWS::StackName}-told
      Runtime: python3.11
      Handler: app.handler
      Role: !GetAtt Role.Arn
      Code: code
      Environment: {Variables: {ANSWER: !Ref Answer}}
Outputs:
  Name: {Value: !Ref Function}
"""

SERVERLESS = """
AWSTemplateFormatVersion: 2010-09-09
Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Parameters:
  Stage: {Type: String}
Globals:
  Function: {Runtime: python3.11, Handler: app.handler}
Resources:
  Fn::ForEach::All:
    - Name
    - [One, Two]
    - ${Name}:
        Type: AWS::Serverless::Function
        Properties:
          FunctionName: !Sub ${AWS::StackName}-${Name}
          CodeUri: code
          Fn::Transform: {Name: AWS::Include, Parameters: {Location: ./more.yaml}}
  App:
    Type: AWS::Serverless::Application
    Properties: {Location: app/template.yaml, Parameters: {Stage: !Ref Stage}}
Outputs:
  Inner: {Value: !GetAtt App.Outputs.Name}
"""
APPLICATION = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String}
Resources:
  F: {Type: AWS::Serverless::Function, Properties: {Runtime: python3.11, Handler: app.handler, CodeUri: code}}
Outputs:
  Name: {Value: !Ref F}
"""


def test_a_new_project_is_checked_deployed_changed_and_removed(
    lambent: Commands, tmp_path: Path, platform: LocalPlatform
) -> None:
    lambent.run("init", "shop")
    manifest = tmp_path / "shop" / "lambent.yaml"
    assert "no findings" in lambent.run("check", "shop").stdout
    assert lambent.run("init", "shop", expect=1).stderr.startswith("Error: lambent.yaml")

    first = lambent.told("up", "shop", "--json")
    assert first["changed"] is True
    assert first["outputs"]["function_name"] == "shop-hello"
    answer = lambent.told("invoke", "shop-hello", "--qualifier", "live", "--event", '{"name": "you"}', "--json")
    assert answer["Payload"] == {"message": "Hello, you!"}
    assert lambent.told("up", "shop", "--json")["changed"] is False
    assert lambent.run("diff", "shop").stdout.startswith("Everything is as it was deployed.")

    manifest.write_text(manifest.read_text().replace("memory: 128", "memory: 256"))
    plan = lambent.told("plan", "shop", "--json")
    function = next(one for one in plan["changes"] if one["logical_id"] == "HelloFunction")
    assert (function["action"], function["properties"]) == (
        "change",
        [{"name": "MemorySize", "before": "128", "after": "256"}],
    )
    lambent.run("plan", "shop", "--out", "saved.plan")
    lambent.run("up", "--plan", "saved.plan")
    functions = platform.client("lambda")
    assert functions.get_function_configuration(FunctionName="shop-hello")["MemorySize"] == 256
    assert functions.get_alias(FunctionName="shop-hello", Name="live")["FunctionVersion"] == "2"
    assert "has moved on since this plan was made" in lambent.run("up", "--plan", "saved.plan", expect=1).stderr

    functions.update_function_configuration(FunctionName="shop-hello", Timeout=99)
    assert "Timeout: deployed 10, now 99" in lambent.run("diff", "shop", expect=1).stdout

    assert "--yes" in lambent.run("down", "shop", expect=2).stderr
    lambent.run("down", "shop", "--yes")
    assert "There is no stack shop" in lambent.run("outputs", "shop", expect=1).stderr


def test_up_starts_a_platform_where_none_runs(lambent: Commands, free_port: int) -> None:
    lambent.run("init", "alone")
    port = str(free_port)
    try:
        done = lambent.run("up", "alone", LAMBENT_PORT=port)
        assert "Started the platform" in done.stderr
        assert "alone-hello" in done.stdout
    finally:
        lambent.run("stop", LAMBENT_PORT=port)
    assert "No platform runs" in lambent.run("plan", "alone", expect=3, LAMBENT_PORT=port).stderr


def test_a_system_in_python_is_deployed_with_a_line_for_each_resource(lambent: Commands, tmp_path: Path) -> None:
    lambent.run("init", "py")
    (tmp_path / "py" / "lambent.py").write_text(
        "from lambent.manifest.system import System\n"
        "system = System.model_validate({'stack': 'py', 'functions': {'f': {'code': 'src', 'handler': 'app.handler',"
        " 'runtime': 'python3.11', 'alias': 'live', 'environment': {'GREETING': 'Hi'}}}})\n"
    )
    done = lambent.run("up", "py/lambent.py")
    assert done.stderr.count("✓ created") == 5
    assert lambent.told("invoke", "py-f", "--event", '{"name": "x"}') == {"message": "Hi, x!"}
    assert lambent.run("down", "py/lambent.py", "--yes").stderr.count("✓ deleted") == 4  # the version is retained


def test_a_template_with_code_beside_it_is_deployed_as_it_is(
    lambent: Commands, tmp_path: Path, platform: LocalPlatform
) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "app.py").write_text("import os\ndef handler(e, c):\n    return os.environ['ANSWER']\n")
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    assert "Name it with --stack" in lambent.run("up", "template.yaml", expect=2).stderr
    assert "The template needs a value for Answer" in lambent.run("up", "--stack", "told", expect=1).stderr
    found = lambent.told("up", "--stack", "told", "--set", "Answer=42", "--json")
    assert found["outputs"] == {"Name": "told-told"}
    assert platform.client("lambda").invoke(FunctionName="told-told")["Payload"].read() == b'"42"'
    lambent.run("down", "--stack", "told", "--yes")


def test_a_sam_template_is_deployed_with_its_loops_snippets_and_applications(
    lambent: Commands, platform: LocalPlatform, tmp_path: Path
) -> None:
    for folder in ("code", "app/code"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "app.py").write_text(f"def handler(event, context):\n    return {folder!r}\n")
    (tmp_path / "more.yaml").write_text("MemorySize: 192\n")
    (tmp_path / "app" / "template.yaml").write_text(APPLICATION)
    (tmp_path / "template.yaml").write_bytes(b"\xef\xbb\xbf" + SERVERLESS.replace("\n", "\r\n").encode())

    missing = lambent.run("up", ".", "--stack", "serverless", expect=1).stderr
    assert "The template needs a value for Stage" in missing
    assert "--set Stage=VALUE" in missing
    up = ("up", ".", "--stack", "serverless", "--set", "Stage=dev", "--json")
    outputs = lambent.told(*up)["outputs"]
    told = platform.client("lambda").get_function_configuration(FunctionName="serverless-Two")
    assert told["MemorySize"] == 192
    answers = [lambent.told("invoke", name, "--json")["Payload"] for name in ("serverless-Two", outputs["Inner"])]
    assert answers == ["code", "app/code"]

    assert lambent.told(*up)["changed"] is False
    (tmp_path / "more.yaml").write_text("MemorySize: 256\n")
    assert lambent.told(*up)["changed"] is True
    lambent.run("down", "--stack", "serverless", "--yes")


def test_a_deployment_that_fails_tells_the_first_cause_and_is_rolled_back(
    lambent: Commands, tmp_path: Path, platform: LocalPlatform
) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "app.py").write_text("def handler(e, c): return 1\n")
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    platform.create_function("bad-told", zip_of({"app.py": "def handler(e, c): return 0\n"}))
    done = lambent.run("up", "--stack", "bad", "--set", "Answer=1", expect=1)
    assert "Error: Function (AWS::Lambda::Function) failed: Function already exist: bad-told" in done.stderr
    assert "Stack bad is in ROLLBACK_COMPLETE." in done.stderr
    platform.client("lambda").delete_function(FunctionName="bad-told")
    again = lambent.run("up", "--stack", "bad", "--set", "Answer=1")
    assert "The remains of an earlier creation of bad that failed were removed." in again.stderr
    lambent.run("down", "--stack", "bad", "--yes")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("check", "nowhere"), 2, "There is no nowhere."),
        (("check",), 2, "There is no lambent.yaml and no template.yaml"),
        (("check", "--explain", "memry"), 2, "Did you mean memory"),
        (("up", "--profile", "p"), 2, "--profile is for --target aws."),
        (("check", str(ROOT / "examples" / "fibonacci"), "--set", "x"), 2, "--set x names no value."),
        (("up", "--plan", "nowhere"), 1, "The plan cannot be read"),
    ],
)
def test_bad_input_gets_one_clear_error(lambent: Commands, arguments: tuple[str, ...], code: int, words: str) -> None:
    assert words in lambent.run(*arguments, expect=code).stderr


def test_findings_point_into_the_manifest(lambent: Commands, tmp_path: Path) -> None:
    lambent.run("init", "shop")
    manifest = tmp_path / "shop" / "lambent.yaml"
    manifest.write_text(manifest.read_text().replace("memory: 128", "memory: 64").replace("app.handler", "app.hander"))
    found = lambent.told("check", "shop", "--json", expect=1)
    assert [(one["rule"], one["line"]) for one in found] == [("memory", 6), ("handler-not-found", 12)]
    shown = lambent.run("check", "shop", expect=1).stderr
    assert "6 |   memory: 64" in shown
    assert "^^" in shown
    assert "Nothing was changed." in lambent.run("up", "shop", expect=1).stderr


def test_the_planton_example_runs(lambent: Commands, platform: LocalPlatform, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "greeter.zip", "w") as archive:
        archive.write(ROOT / "examples" / "planton" / "src" / "index.py", "index.py")
    s3, iam = platform.client("s3"), platform.client("iam")
    s3.create_bucket(Bucket="greeter-artifacts")
    s3.put_object(Bucket="greeter-artifacts", Key="greeter.zip", Body=(tmp_path / "greeter.zip").read_bytes())
    trust = (ROOT / "examples" / "planton" / "trust.json").read_text()
    iam.create_role(RoleName="greeter", AssumeRolePolicyDocument=trust)
    found = lambent.told("up", str(ROOT / "examples" / "planton" / "zip.yaml"), "--json")["outputs"]
    assert found["function_name"] == "greeter"
    assert found["log_group_name"] == "/aws/lambda/greeter"
    assert found["role_arn"] == "arn:aws:iam::000000000000:role/greeter"
    tags = platform.client("lambda").get_function(FunctionName="greeter")["Tags"]
    ours = {key: value for key, value in tags.items() if not key.startswith("aws:")}
    assert ours == {
        "resource": "true",
        "organization": "acme",
        "environment": "dev",
        "resource-kind": "AwsLambda",
        "resource-id": "awslmd-greeter",
        "name": "greeter",
    }
    assert platform.client("lambda").invoke(FunctionName="greeter", Payload=b"{}")["StatusCode"] == 200
    lambent.run("down", str(ROOT / "examples" / "planton" / "zip.yaml"), "--yes")


MANAGED = """
stack: fleet
capacity_providers:
  pool:
    subnets: [SUBNETS]
    max_vcpus: MOST
    tags: {team: data}
functions:
  latest:
    code: src
    runtime: python3.11
    handler: app.handler
    memory: 2048
    timeout: 1h
    capacity_provider: {provider: "${capacity_providers.pool}", min_environments: 1, max_environments: 6}
  steady:
    code: src
    runtime: python3.13
    handler: app.handler
    memory: 4096
    alias: live
    capacity_provider:
      provider: ${capacity_providers.pool.arn}
      memory_per_vcpu: 4
      min_environments: 3
      max_environments: 12
"""


def test_a_fleet_on_a_capacity_provider_is_deployed_changed_and_removed(
    lambent: Commands, tmp_path: Path, platform: LocalPlatform
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("def handler(event, context):\n    return context.function_version\n")
    subnets = [each["SubnetId"] for each in platform.client("ec2").describe_subnets()["Subnets"]][:2]
    manifest = tmp_path / "lambent.yaml"

    def write(most: int) -> None:
        text = MANAGED.replace("SUBNETS", ", ".join(subnets)).replace("MOST", str(most))
        manifest.write_text(text.replace("python3.11", "python3.13" if most > 30 else "python3.11"))

    write(30)
    findings = lambent.told("check", "--json", expect=1)
    assert [one["rule"] for one in findings if one["severity"] == "error"] == ["managed-runtime"]
    write(40)
    lambent.run("up")
    functions = platform.client("lambda")
    assert lambent.told("invoke", "fleet-steady", "--qualifier", "live") == "1"
    assert functions.get_function_scaling_config(FunctionName="fleet-steady", Qualifier="1")[
        "AppliedFunctionScalingConfig"
    ] == {"MinExecutionEnvironments": 3, "MaxExecutionEnvironments": 12}
    latest = functions.get_function_configuration(FunctionName="fleet-latest", Qualifier="$LATEST.PUBLISHED")
    assert (latest["State"], latest["Timeout"]) == ("Active", 3600)
    write(50)
    lambent.run("up")
    pool = functions.get_capacity_provider(CapacityProviderName="fleet-pool")["CapacityProvider"]
    assert pool["CapacityProviderScalingConfig"] == {"MaxVCpuCount": 50, "ScalingMode": "Auto"}
    lambent.run("down", "--yes")
    assert functions.list_capacity_providers()["CapacityProviders"] == []
