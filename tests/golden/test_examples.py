"""The manifests of examples/, compiled as they stand."""

from __future__ import annotations

import yaml

from lambent.compiler.compile import compile_system
from lambent.compiler.result import ProviderNetwork
from lambent.manifest.load import load
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


def test_the_fibonacci_system_on_managed_instances_has_its_provider_s_network_and_role_besides() -> None:
    manifest = ROOT / "examples" / "fibonacci" / "managed.yaml"
    loaded = load(manifest.read_text(), str(manifest), settings={"max_vcpus": "64"})
    assert loaded.diagnostics == ()
    assert loaded.system is not None
    networks = {"pool": ProviderNetwork("vpc-1", ("subnet-1", "subnet-2"))}
    resources = compile_system(loaded.system, networks=networks).template["Resources"]
    assert [resource["Type"] for resource in resources.values()] == [
        "AWS::IAM::Role",
        "AWS::EC2::SecurityGroup",
        "AWS::Lambda::CapacityProvider",
        "AWS::Logs::LogGroup",
        "AWS::IAM::Role",
        "AWS::Lambda::Function",
        "AWS::Lambda::Version",
        "AWS::Lambda::Alias",
    ]
    provider = resources["PoolCapacityProvider"]["Properties"]
    assert provider["CapacityProviderScalingConfig"] == {"MaxVCpuCount": 64}
    function, on_demand = resources["FibonacciFunction"]["Properties"], _on_demand()
    assert function["LoggingConfig"] == {"LogFormat": "JSON"}
    same = ("Runtime", "Handler", "Timeout", "Description", "Code")
    assert [function.get(name) for name in same] == [on_demand.get(name) for name in same]


def _on_demand() -> dict[str, object]:
    """Return the function's properties in the other model."""
    text = (ROOT / "examples" / "fibonacci" / "lambent.yaml").read_text()
    compiled = compile_system(System.model_validate(yaml.safe_load(text)))
    properties: dict[str, object] = compiled.template["Resources"]["FibonacciFunction"]["Properties"]
    return properties
