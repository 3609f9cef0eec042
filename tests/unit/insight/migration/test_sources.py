"""A function is the same candidate wherever it is read from; what is not there is said with what is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lambent.insight.migration.candidate import Candidate, Compute, Network
from lambent.insight.migration.sources.choosing import FunctionChoiceError, SourceUnreadableError
from lambent.insight.migration.sources.manifest import of_system
from lambent.insight.migration.sources.template import of_template
from lambent.insight.migration.sources.terraform import is_state, of_state
from lambent.manifest.load import load

ARN = "arn:aws:lambda:eu-west-1:111122223333:function:"
QUEUE = "arn:aws:sqs:eu-west-1:111122223333:jobs"

MANIFEST = """
stack: shop
defaults: {runtime: python3.11, memory: 512}
functions:
  resize:
    code: src
    handler: app.handler
    timeout: 30s
    environment: {TABLE: "${tables.images.name}"}
    vpc: {subnets: [subnet-0a, subnet-0b], security_groups: [sg-0a]}
    snap_start: true
    alias: live
    url: {auth: none}
    triggers:
      - sqs: jobs
      - schedule: rate(5 minutes)
tables:
  images: {key: id}
queues:
  jobs: {}
"""


def of_manifest(text: str, wanted: str, base: Path = Path()) -> Candidate:
    loaded = load(text, "lambent.yaml")
    assert loaded.system is not None
    return of_system(loaded.system, wanted, loaded.sources, base)


def test_a_function_of_a_manifest_is_read_with_its_defaults_triggers_and_places(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "requirements.txt").write_text("boto3\n")
    found = of_manifest(MANIFEST, "resize", tmp_path)
    assert (found.name, found.runtime, found.memory_mb, found.timeout_s) == ("shop-resize", "python3.11", 512, 30)
    assert found.vpc == Network(("subnet-0a", "subnet-0b"), ("sg-0a",))
    assert found.snap_start
    assert [one.name for one in found.aliases] == ["live"]
    assert [(one.kind, one.source, one.qualifier) for one in found.triggers] == [
        ("sqs", "jobs", "live"),
        ("schedule", "rate(5 minutes)", "live"),
        ("url", "auth none", "live"),
    ]
    assert found.environment == {"TABLE": "${tables.images.name}"}
    assert found.code is not None
    assert found.code.requirements == tmp_path / "src" / "requirements.txt"
    assert found.compute is Compute.ON_DEMAND
    assert {name: found.places[name].line for name in ("runtime", "snap_start", "handler")} == {
        "runtime": 3,
        "snap_start": 11,
        "handler": 7,
    }
    assert of_manifest(MANIFEST, "shop-resize", tmp_path) == found


def test_a_function_that_is_not_in_the_manifest_is_said_with_those_that_are() -> None:
    with pytest.raises(FunctionChoiceError, match=r"lambent.yaml has no function resise") as raised:
        of_manifest(MANIFEST, "resise")
    assert raised.value.advice == "It has resize (shop-resize)."


def test_managed_instances_of_a_manifest_are_seen() -> None:
    text = """
stack: shop
functions:
  a:
    code: src
    runtime: python3.13
    handler: a.b
    memory: 4096
    capacity_provider: {provider: "${capacity_providers.x}", memory_per_vcpu: 4, max_concurrency: 10}
capacity_providers:
  x: {subnets: [subnet-0a, subnet-0b]}
"""
    found = of_manifest(text, "a")
    assert found.compute is Compute.MANAGED_INSTANCES
    assert found.capacity is not None
    assert (found.capacity.memory_per_vcpu, found.capacity.max_concurrency) == (4, 10)
    assert found.log_format == "JSON"  # which is what is deployed there where nothing is said


def lambda_function(name: str, **more: Any) -> dict[str, Any]:  # Any: attributes of a state
    return {
        "function_name": name,
        "arn": ARN + name,
        "runtime": "python3.11",
        "handler": "app.handler",
        "memory_size": 256,
        "timeout": 20,
        "architectures": ["arm64"],
        "role": "arn:aws:iam::111122223333:role/r",
        "filename": f"{name}.zip",
        "environment": [{"variables": {"MODE": "fast"}}],
        "layers": [],
        "vpc_config": [],
        "snap_start": [],
        "reserved_concurrent_executions": -1,
        "logging_config": [{"log_format": "Text", "log_group": f"/aws/lambda/{name}"}],
        "ephemeral_storage": [{"size": 1024}],
        "tracing_config": [{"mode": "Active"}],
        "tags": {"team": "x"},
        **more,
    }


def resource(kind: str, name: str, *instances: dict[str, Any], **more: Any) -> dict[str, Any]:  # Any: a state's values
    found = [one if "attributes" in one else {"attributes": one} for one in instances]
    return {"mode": "managed", "type": kind, "name": name, "instances": found, **more}


def state(*resources: dict[str, Any]) -> str:  # Any: as above
    return json.dumps({"version": 4, "terraform_version": "1.9.0", "lineage": "x", "resources": list(resources)})


STATE = state(
    resource("aws_lambda_function", "plain", lambda_function("plain", snap_start=[{"apply_on": "PublishedVersions"}])),
    resource(
        "aws_lambda_function",
        "counted",
        {"index_key": 0, "attributes": lambda_function("c-0")},
        {"index_key": 1, "attributes": lambda_function("c-1")},
    ),
    resource(
        "aws_lambda_function",
        "each",
        {"index_key": "eu", "attributes": lambda_function("e-eu")},
        {"index_key": "us", "attributes": lambda_function("e-us")},
    ),
    resource(
        "aws_lambda_function",
        "plain",
        lambda_function(
            "inner",
            reserved_concurrent_executions=7,
            vpc_config=[{"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}],
        ),
        module='module.jobs["a"]',
    ),
    resource(
        "aws_lambda_alias",
        "live",
        {
            "name": "live",
            "function_name": "plain",
            "function_version": "3",
            "routing_config": [{"additional_version_weights": {"4": 0.1}}],
        },
    ),
    resource(
        "aws_lambda_event_source_mapping",
        "jobs",
        {
            "function_arn": ARN + "plain:live",
            "function_name": ARN + "plain:live",
            "event_source_arn": QUEUE,
            "uuid": "u-1",
        },
    ),
    resource(
        "aws_lambda_permission",
        "s3",
        {
            "function_name": "plain",
            "principal": "s3.amazonaws.com",
            "source_arn": "arn:aws:s3:::b",
            "statement_id": "s3",
            "action": "lambda:InvokeFunction",
            "qualifier": "",
        },
    ),
    resource(
        "aws_lambda_provisioned_concurrency_config",
        "p",
        {"function_name": "plain", "qualifier": "live", "provisioned_concurrent_executions": 5},
    ),
    resource(
        "aws_lambda_function_event_invoke_config",
        "i",
        {
            "function_name": "plain",
            "maximum_retry_attempts": 0,
            "maximum_event_age_in_seconds": 60,
            "destination_config": [{"on_failure": [{"destination": QUEUE}], "on_success": []}],
        },
    ),
    resource(
        "aws_s3_bucket_notification",
        "n",
        {"bucket": "uploads", "lambda_function": [{"lambda_function_arn": ARN + "plain", "id": "n1"}]},
    ),
    resource(
        "aws_scheduler_schedule",
        "s",
        {"name": "hourly", "schedule_expression": "rate(1 hour)", "target": [{"arn": ARN + "plain"}]},
    ),
    resource("archive_file", "zip", {"source_dir": "source", "output_path": "plain.zip"}, mode="data"),
)


def test_a_function_of_a_terraform_state_is_read_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    found = of_state(STATE, "terraform.tfstate", "aws_lambda_function.plain", tmp_path)
    assert (found.name, found.memory_mb, found.architecture, found.ephemeral_storage_mb) == (
        "plain",
        256,
        "arm64",
        1024,
    )
    assert found.snap_start
    assert found.provisioned_concurrency == 5
    assert found.reserved_concurrency is None
    assert found.source.region == "eu-west-1"
    assert found.log_group == ""
    assert found.code is not None
    assert found.code.path == tmp_path / "source"
    assert [(one.name, one.version, one.weights) for one in found.aliases] == [("live", "3", {"4": 0.1})]
    assert [(one.kind, one.source, one.identifier, one.qualifier) for one in found.triggers] == [
        ("sqs", QUEUE, "u-1", "live"),
        ("s3", "uploads", "n1", ""),
        ("schedule", "rate(1 hour)", "hourly", ""),
    ]
    assert [(one.principal, one.source_arn) for one in found.permissions] == [("s3.amazonaws.com", "arn:aws:s3:::b")]
    assert (found.on_failure, found.retry_attempts, found.max_event_age_s) == (QUEUE, 0, 60)


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("aws_lambda_function.counted[1]", "c-1"),
        ("counted[0]", "c-0"),
        ("c-0", "c-0"),
        ('aws_lambda_function.each["us"]', "e-us"),
        ('module.jobs["a"].aws_lambda_function.plain', "inner"),
        ("inner", "inner"),
        (ARN + "e-eu", "e-eu"),
    ],
)
def test_a_function_of_a_state_is_found_by_address_and_by_name(wanted: str, name: str) -> None:
    found = of_state(STATE, "terraform.tfstate", wanted, Path())
    assert found.name == name
    assert found.code is not None
    assert found.code.path == Path(f"{name}.zip")


def test_what_is_ambiguous_in_a_state_is_said_with_the_addresses() -> None:
    with pytest.raises(FunctionChoiceError, match="has 2 functions that are called counted") as raised:
        of_state(STATE, "terraform.tfstate", "counted", Path())
    assert raised.value.advice == "Name one of aws_lambda_function.counted[0], aws_lambda_function.counted[1]."
    with pytest.raises(FunctionChoiceError, match="has no function nope") as missing:
        of_state(STATE, "terraform.tfstate", "nope", Path())
    assert 'aws_lambda_function.each["eu"] (e-eu)' in missing.value.advice
    with pytest.raises(FunctionChoiceError) as empty:
        of_state(state(), "terraform.tfstate", "nope", Path())
    assert empty.value.advice == "It has no function at all."


def test_states_of_other_versions_are_refused() -> None:
    with pytest.raises(SourceUnreadableError, match="no Terraform state of version 4"):
        of_state('{"version": 3, "modules": []}', "old.tfstate", "x", Path())
    with pytest.raises(SourceUnreadableError, match="is not JSON"):
        of_state("resource {", "main.tf", "x", Path())
    assert is_state(STATE)
    assert not is_state("{}")
    assert not is_state("stack: x")


SAM = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Memory: {Type: Number, Default: 1024}
Globals:
  Function:
    Runtime: nodejs20.x
    MemorySize: !Ref Memory
    Environment: {Variables: {A: "1"}}
Resources:
  Jobs: {Type: AWS::SQS::Queue}
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: worker/
      Handler: index.handler
      Environment: {Variables: {B: !GetAtt Jobs.Arn}}
      AutoPublishAlias: live
      ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 3}
      ReservedConcurrentExecutions: 10
      Events:
        Queue: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn}}
        Hourly: {Type: Schedule, Properties: {Schedule: rate(1 hour)}}
  Plain:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: !Sub "${AWS::StackName}-plain"
      Code: plain
      Handler: app.handler
      Runtime: python3.12
      Role: !GetAtt Role.Arn
      SnapStart: {ApplyOn: PublishedVersions}
  Role: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !Ref Plain, EventSourceArn: !GetAtt Jobs.Arn}
"""


def test_a_function_of_a_sam_template_is_read_with_its_globals(tmp_path: Path) -> None:
    found = of_template(SAM, "template.yaml", "Worker", tmp_path, {})
    assert (found.runtime, found.memory_mb, found.reserved_concurrency) == ("nodejs20.x", 1024, 10)
    assert found.provisioned_concurrency == 3
    assert found.environment == {"A": "1", "B": "${Jobs.Arn}"}
    assert found.code is not None
    assert found.code.path == tmp_path / "worker"
    assert [one.name for one in found.aliases] == ["live"]
    assert [(one.kind, one.source) for one in found.triggers] == [("sqs", "${Jobs.Arn}"), ("schedule", "rate(1 hour)")]
    assert found.places["runtime"].line == 12
    assert of_template(SAM, "template.yaml", "Worker", tmp_path, {"Memory": "2048"}).memory_mb == 2048


def test_a_function_of_a_cloudformation_template_is_read(tmp_path: Path) -> None:
    found = of_template(SAM, "template.yaml", "Plain", tmp_path, {})
    assert found.name == "${AWS::StackName}-plain"
    assert (found.snap_start, found.role) == (True, "${Role.Arn}")
    assert [(one.kind, one.source) for one in found.triggers] == [("sqs", "${Jobs.Arn}")]
    with pytest.raises(FunctionChoiceError) as raised:
        of_template(SAM, "template.yaml", "Nope", tmp_path, {})
    assert raised.value.advice == "It has Worker, Plain (${AWS::StackName}-plain)."
    with pytest.raises(SourceUnreadableError):
        of_template("- a\n- b\n", "template.yaml", "Nope", tmp_path, {})


INLINE = """
Resources:
  Hello:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Code:
        ZipFile: |
          def handler(event, context):
              return 1
"""


def test_code_that_stands_in_a_template_is_kept(tmp_path: Path) -> None:
    found = of_template(INLINE, "template.yaml", "Hello", tmp_path, {})
    assert found.code is None
    assert found.inline == "def handler(event, context):\n    return 1\n"


def test_an_event_of_sam_has_no_uuid_and_is_of_the_published_alias(tmp_path: Path) -> None:
    (pulled, scheduled) = of_template(SAM, "template.yaml", "Worker", tmp_path, {}).triggers
    assert (pulled.identifier, pulled.qualifier, scheduled.identifier) == ("", "live", "")
