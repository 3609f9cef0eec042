# ruff: noqa: E501 - AWS's messages stand in one piece
"""Templates judged by the rules of Managed Instances; the rules themselves are tried with manifests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lambent.base.diagnostics import Diagnostic, Severity
from lambent.deploy.managed_templates import managed_findings
from lambent.template.codec import parse

Said = dict[str, Any]  # Any: CloudFormation's values
FILE = Path("template.yaml")
TRUST = {
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
}
POLICY = "arn:aws:iam::aws:policy/AWSLambdaManagedEC2ResourceOperator"
# The first document's configuration as it stands there, in CloudFormation's words.
AS_DESIGNED = """
Resources:
  OperatorRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]}
      ManagedPolicyArns: ["arn:aws:iam::aws:policy/service-role/AWSLambdaManagedInstancesOperatorRole"]
  Provider:
    Type: AWS::Lambda::CapacityProvider
    Properties:
      CapacityProviderName: fibonacci-generator-capacity-provider
      VpcConfig: {SubnetIds: [subnet-1, subnet-2, subnet-3], SecurityGroupIds: [sg-1]}
      PermissionsConfig: {CapacityProviderOperatorRoleArn: !GetAtt OperatorRole.Arn}
      InstanceRequirements:
        Architectures: [X86_64]
      CapacityProviderScalingConfig:
        ScalingMode: AUTO
  Fibonacci:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: fibonacci-generator
      Runtime: python3.13
      Handler: lambda_function.lambda_handler
      MemorySize: 128
      Timeout: 10
      Code: src
      Role: arn:aws:iam::123456789012:role/lambda
      CapacityProviderConfig: {LambdaManagedInstancesCapacityProviderConfig: {CapacityProviderArn: !GetAtt Provider.Arn}}
"""


def found(text: str) -> list[Diagnostic]:
    """Return what is found in a template."""
    return list(managed_findings(parse(text), text, FILE))


def template(provider: Said | None = None, function: Said | None = None, **more: Said) -> str:
    """Return a template with a sound capacity provider and function, but for what is given."""
    pool = {
        "VpcConfig": {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]},
        "PermissionsConfig": {"CapacityProviderOperatorRoleArn": {"Fn::GetAtt": ["Role", "Arn"]}},
    }
    own = {
        "Runtime": "python3.13",
        "MemorySize": 2048,
        "CapacityProviderConfig": {
            "LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": {"Fn::GetAtt": ["Pool", "Arn"]}}
        },
    }
    resources = {
        "Pool": {"Type": "AWS::Lambda::CapacityProvider", "Properties": {**pool, **(provider or {})}},
        "F": {"Type": "AWS::Lambda::Function", "Properties": {**own, **(function or {})}},
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": TRUST, "ManagedPolicyArns": [POLICY]},
        },
    }
    parameters = more.pop("Parameters", {})
    return yaml.safe_dump({"Parameters": parameters, "Resources": {**resources, **more}}, sort_keys=False)


def test_what_the_first_document_designs_is_told_mistake_by_mistake() -> None:
    told = {(one.rule, one.span.line if one.span else 0, one.advice) for one in found(AS_DESIGNED)}
    lines = {text.split(":")[0].strip(): number for number, text in enumerate(AS_DESIGNED.splitlines(), 1)}
    assert told == {
        ("managed-policy", lines["ManagedPolicyArns"], f"Write {POLICY}."),
        ("provider-architecture", lines["Architectures"], "Write x86_64: in small letters."),
        ("provider-scaling", lines["ScalingMode"], "Write Auto."),
        ("managed-memory", lines["MemorySize"], "Write `MemorySize: 2048` or more."),
    }
    assert all(one.severity is Severity.ERROR for one in found(AS_DESIGNED))
    messages = {one.message for one in found(AS_DESIGNED)}
    assert (
        "Value '[X86_64]' at 'instanceRequirements.architectures' failed to satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64]]"
        in messages
    )
    assert "Lambda Managed Instance functions must have memory size greater than or equal to 2048" in messages
    older = found(AS_DESIGNED.replace("python3.13", "python3.11"))
    assert "managed-runtime" in {one.rule for one in older}


def test_a_template_without_managed_instances_is_not_spoken_of() -> None:
    assert (
        found("Resources: {F: {Type: AWS::Lambda::Function, Properties: {MemorySize: 128, Runtime: python3.9}}}") == []
    )


@pytest.mark.parametrize(
    "text",
    [
        template(),
        template({"VpcConfig": {"SubnetIds": {"Ref": "Subnets"}, "SecurityGroupIds": [{"Ref": "Group"}]}}),
        template({"VpcConfig": {"SubnetIds": {"Fn::Split": [",", "a,b"]}, "SecurityGroupIds": []}}),
        template({"InstanceRequirements": {"Architectures": [{"Ref": "Cpu"}]}}, {"Architectures": [{"Ref": "Cpu"}]}),
        template(function={"MemorySize": {"Ref": "Memory"}}, Parameters={"Memory": {"Type": "Number", "Default": "4096"}}),
        template(function={"PublishToLatestPublished": False}, V={"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "F"}}}),
        template({"CapacityProviderScalingConfig": {"ScalingMode": "Manual", "ScalingPolicies": [{"PredefinedMetricType": "LambdaCapacityProviderAverageCPUUtilization", "TargetValue": "70"}]}}),
        template({"PropagateTags": {"Mode": "Explicit", "ExplicitTags": [{"Key": "a", "Value": "b"}]}}),
    ],
)  # fmt: skip
def test_what_is_sound_or_known_to_cloudformation_alone_is_not_found_wrong(text: str) -> None:
    assert found(text) == []


def a_url() -> Said:
    """Return a function URL of the template's function."""
    return {"Type": "AWS::Lambda::Url", "Properties": {"TargetFunctionArn": {"Ref": "F"}, "AuthType": "AWS_IAM"}}


@pytest.mark.parametrize(
    ("text", "rule", "message"),
    [
        (template(function={"PublishToLatestPublished": False}), "managed-unpublished", "nothing publishes this function"),
        (template(A={"Type": "AWS::Lambda::Alias", "Properties": {"FunctionName": {"Ref": "F"}, "FunctionVersion": "$LATEST", "Name": "live"}}), "managed-unpublished", "leads to $LATEST"),
        (template(function={"Timeout": 1000}, Q={"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 900}}, M={"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"FunctionName": {"Ref": "F"}, "EventSourceArn": {"Fn::GetAtt": ["Q", "Arn"]}}}), "queue-visibility", "Queue visibility timeout: 900 seconds is less than Function timeout: 1000 seconds"),
        (template(function={"ReservedConcurrentExecutions": 5}), "managed-exclusions", "ReservedConcurrentExecutions"),
        (template(function={"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}), "managed-exclusions", "VpcConfig"),
        (template(function={"SnapStart": {"ApplyOn": "PublishedVersions"}}), "managed-exclusions", "SnapStart"),
        (template(function={"FileSystemConfigs": [{"Arn": "a", "LocalMountPath": "/mnt/a"}]}), "managed-exclusions", "FileSystemConfigs"),
        (template(V={"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "F"}, "ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 1}}}), "managed-exclusions", "ProvisionedConcurrencyConfig"),
        (template(function={"LoggingConfig": {"LogFormat": "Text"}}), "managed-log-format", "LogFormat Text is not supported"),
        (template(function={"Timeout": 1000}, U=a_url()), "managed-timeout", "a call of its URL ends after 900 s"),
        (template(function={"Timeout": 1000}, M={"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"FunctionName": {"Ref": "F"}, "Queues": ["q"]}}), "managed-timeout", "an event source mapping of Amazon MQ"),
        (template(function={"Timeout": 1000}, M={"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"FunctionName": {"Ref": "F"}, "DocumentDBEventSourceConfig": {}}}), "managed-timeout", "an event source mapping of DocumentDB"),
        (template({"InstanceRequirements": {"Architectures": ["x86_64", "arm64"]}}), "provider-architecture", "Member must have length less than or equal to 1"),
        (template({"InstanceRequirements": {"Architectures": ["arm64"]}}), "managed-architecture", "The function's architecture x86_64 doesn't match the capacity provider's architecture arm64."),
        (template({"CapacityProviderScalingConfig": {"ScalingPolicies": [{"PredefinedMetricType": "CPU", "TargetValue": 70}], "ScalingMode": "Manual"}}), "provider-scaling", "Value 'CPU' at 'predefinedMetricType'"),
        (template({"CapacityProviderScalingConfig": {"MaxVCpuCount": 4}}), "provider-capacity", "the first version launches 3 instances"),
        (template({"CapacityProviderScalingConfig": {"MaxVCpuCount": 1}}), "provider-vcpus", "at 'maxVCpuCount' failed to satisfy constraint: Member must have value greater than or equal to 2"),
        (template({"PropagateTags": {"Mode": "Explicit"}}), "tags", "ExplicitTags must be specified"),
        (template({"PropagateTags": {"Mode": "None", "ExplicitTags": [{"Key": "a", "Value": "b"}]}}), "tags", "ExplicitTags can't be specified"),
        (template({"TelemetryConfig": {"LoggingConfig": {"SystemLogLevel": "INFORM"}}}), "provider-logs", "Value 'INFORM' at 'telemetryConfig.loggingConfig.systemLogLevel'"),
        (template({"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": []}}), "provider-zones", "one subnet lies in one Availability Zone"),
        (template(Role={"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": []}, "ManagedPolicyArns": [POLICY]}}), "provider-operator-role", "Lambda cannot assume the operator role"),
        (template(Role={"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}), "provider-operator-role", "The operator role is invalid or doesn't have sufficient permissions."),
        (template(Role={"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST, "ManagedPolicyArns": [POLICY.replace("policy/", "policy/service-role/")]}}), "managed-policy", "does not exist or is not attachable"),
    ],
)  # fmt: skip
def test_what_aws_refuses_is_found_in_templates_too(text: str, rule: str, message: str) -> None:
    (one,) = found(text)
    assert one.rule == rule
    assert message in one.message
    assert one.span is not None


def test_sam_s_resources_are_judged_in_sam_s_words() -> None:
    text = """
Globals: {Function: {Runtime: python3.12, MemorySize: 2048}}
Resources:
  Pool:
    Type: AWS::Serverless::CapacityProvider
    Properties:
      VpcConfig: {SubnetIds: [subnet-1, subnet-2]}
      InstanceRequirements: {AllowedTypes: [t3.large]}
      ScalingConfig: {AverageCPUUtilization: 120}
  F:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src, CapacityProviderConfig: {Arn: !GetAtt Pool.Arn, PerExecutionEnvironmentMaxConcurrency: 65}}
"""
    assert {one.rule for one in found(text)} == {
        "provider-instance-types",
        "provider-scaling",
        "managed-runtime",
        "managed-concurrency",
    }
