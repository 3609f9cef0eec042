"""Project Planton's manifests: their six validation rules with their messages, and what they become."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from lambent.compiler.compile import compile_system
from lambent.manifest.load import Loaded, load
from tests.requirements import ROOT

Document = dict[str, Any]  # Any: a Planton manifest


def manifest(**spec: Any) -> Document:  # Any: fields of the specification; None takes one away
    """Return a sound manifest with other fields."""
    fields = {
        "functionName": "greeter",
        "roleArn": {"value": "arn:aws:iam::000000000000:role/greeter"},
        "codeSourceType": "CODE_SOURCE_TYPE_S3",
        "runtime": "python3.13",
        "handler": "index.handler",
        "s3": {"bucket": "artifacts", "key": "greeter.zip"},
        **spec,
    }
    return {
        "apiVersion": "aws.project-planton.org/v1",
        "kind": "AwsLambda",
        "metadata": {"name": "greeter", "id": "awslmd-1", "org": "acme", "env": "prod"},
        "spec": {name: value for name, value in fields.items() if value is not None},
    }


def read(*documents: Document) -> Loaded:
    """Read manifests as one file."""
    return load("---\n".join(yaml.safe_dump(one) for one in documents), "greeter.yaml")


@pytest.mark.parametrize(
    ("spec", "rule", "message"),
    [
        ({"codeSourceType": None}, "code_source_type_required", "code_source_type must be set"),
        (
            {"handler": None},
            "s3_requires_runtime_handler_and_excludes_image",
            "when code_source_type is S3, set s3, runtime, and handler; image_uri must be empty",
        ),
        (
            {"codeSourceType": "CODE_SOURCE_TYPE_IMAGE", "imageUri": "x.dkr.ecr.us-east-1.amazonaws.com/a:b"},
            "image_requires_image_uri_and_excludes_s3",
            "when code_source_type is IMAGE, set image_uri and do not set s3",
        ),
        ({"memoryMb": 64}, "memory_range_or_default", "memory_mb must be between 128 and 10240 when set"),
        ({"timeoutSeconds": 901}, "timeout_range_or_default", "timeout_seconds must be between 1 and 900 when set"),
        (
            {"reservedConcurrency": -2},
            "reserved_concurrency_semantics",
            "reserved_concurrency must be -1, 0, or a positive integer",
        ),
    ],
)
def test_each_of_the_six_rules_is_told_with_its_message(spec: Document, rule: str, message: str) -> None:
    assert [(one.rule, one.message) for one in read(manifest(**spec)).diagnostics] == [
        (f"planton/{rule}", f"spec: {message}")
    ]


def test_a_function_gets_its_own_name_six_tags_a_log_group_and_outputs() -> None:
    loaded = read(manifest(memoryMb=256, reservedConcurrency=-1, layerArns=[{"value": "arn:aws:lambda:us-east-1:000000000000:layer:a:1"}]))  # fmt: skip  # noqa: E501 - one call
    assert loaded.system is not None, loaded.diagnostics
    compiled = compile_system(loaded.system)
    function = compiled.template["Resources"]["FunctionFunction"]["Properties"]
    assert function["FunctionName"] == "greeter"
    assert "ReservedConcurrentExecutions" not in function
    assert "VpcConfig" not in function
    assert compiled.tags == {
        "resource": "true",
        "organization": "acme",
        "environment": "prod",
        "resource-kind": "AwsLambda",
        "resource-id": "awslmd-1",
        "name": "greeter",
    }
    group = compiled.template["Resources"]["FunctionFunctionLogGroup"]["Properties"]
    assert (group["LogGroupName"], group["RetentionInDays"]) == ("/aws/lambda/greeter", 30)
    assert sorted(compiled.output_names.values()) == [
        "function_arn",
        "function_name",
        "layer_arns",
        "log_group_name",
        "role_arn",
    ]


def test_fields_may_be_in_snake_case_and_values_plain_or_references() -> None:
    spec = manifest()["spec"]
    snake = {
        "function_name": "greeter",
        "role_arn": {"value_from": {"kind": "AwsIamRole", "name": "its-role", "field_path": "status.outputs.role_arn"}},
        "code_source_type": "CODE_SOURCE_TYPE_S3",
        "runtime": "python3.13",
        "handler": "index.handler",
        "s3": spec["s3"],
        "subnets": [{"value": "subnet-1"}, {"value": "subnet-2"}],
        "security_groups": [{"value": "sg-1"}],
    }
    loaded = read({**manifest(), "spec": snake})
    assert loaded.system is not None, loaded.diagnostics
    role = loaded.system.functions["function"].role
    assert str(role) == "${stacks.its-role.role_arn}"


def test_a_reference_to_a_resource_in_the_same_file_is_its_output() -> None:
    role = {
        "apiVersion": "aws.project-planton.org/v1",
        "kind": "AwsIamRole",
        "metadata": {"name": "its-role"},
        "status": {"outputs": {"role_arn": "arn:aws:iam::000000000000:role/there"}},
    }
    wanted = {"valueFrom": {"kind": "AwsIamRole", "name": "its-role"}}
    loaded = read(manifest(roleArn=wanted), role)
    assert loaded.system is not None, loaded.diagnostics
    assert str(loaded.system.functions["function"].role) == "arn:aws:iam::000000000000:role/there"


def test_a_stack_input_brings_credentials() -> None:
    given = {"access_key_id": "AKIA", "secret_access_key": "hush", "session_token": "t", "region": "eu-west-1"}
    loaded = read({"target": manifest(), "provider_config": given})
    assert loaded.credentials is not None
    assert (loaded.credentials.access_key_id, loaded.credentials.region) == ("AKIA", "eu-west-1")
    assert loaded.system is not None


def test_an_unknown_field_is_told() -> None:
    assert [one.rule for one in read(manifest(memory=1)).diagnostics] == ["planton/field"]


@pytest.mark.parametrize("path", sorted((ROOT / "examples" / "planton").glob("*.yaml")), ids=lambda path: path.name)
def test_the_examples_are_sound_and_compile(path: Any) -> None:  # Any: pytest's own Path
    loaded = load(path.read_text(), path.name)
    assert loaded.is_sound, loaded.diagnostics
    assert loaded.system is not None
    assert compile_system(loaded.system).template["Resources"]
