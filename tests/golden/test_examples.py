"""The manifests of examples/, compiled as they stand."""

from __future__ import annotations

import yaml

from lambent.compiler.compile import compile_system
from lambent.manifest.system import System
from tests.requirements import ROOT


def test_the_fibonacci_system_has_its_role_its_log_group_and_a_live_alias() -> None:
    manifest = ROOT / "examples" / "fibonacci" / "lambent.yaml"
    compiled = compile_system(System.model_validate(yaml.safe_load(manifest.read_text())))
    resources = compiled.template["Resources"]
    assert [resource["Type"] for resource in resources.values()] == [
        "AWS::Logs::LogGroup",
        "AWS::IAM::Role",
        "AWS::Lambda::Function",
        "AWS::Lambda::Version",
        "AWS::Lambda::Alias",
    ]
    assert resources["FibonacciFunction"]["Properties"]["FunctionName"] == "fibonacci"
    assert resources["FibonacciFunctionLogGroup"]["Properties"] == {
        "LogGroupName": "/aws/lambda/fibonacci",
        "RetentionInDays": 30,
    }
    assert list(compiled.output_names.values()) == ["function_name", "function_arn", "log_group_name"]
    (archive,) = compiled.archives
    assert (manifest.parent / archive.source / "lambda_function.py").is_file()
