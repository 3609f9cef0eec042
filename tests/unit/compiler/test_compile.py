"""What goes with a template: capabilities, parameters, archives; and CloudFormation's limits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lambent.cloud.services import iam
from lambent.compiler.compile import compile_system, vpcs_wanted
from lambent.compiler.errors import CompileError
from lambent.compiler.resources.policies import PATH_OF_POLICY
from lambent.compiler.result import ArchiveKind
from lambent.manifest.system import System

Said = dict[str, Any]  # Any: a manifest as YAML gives it
FUNCTION: Said = {"code": "src", "runtime": "python3.13", "handler": "app.handler"}
GIVEN = {"role": "arn:aws:iam::123456789012:role/shared", "logs": {"group": "/shared"}}


def system(**parts: object) -> System:
    return System.model_validate({"stack": "s", "functions": {"f": FUNCTION}, **parts})


@pytest.mark.parametrize(
    ("parts", "capabilities"),
    [
        ({}, ("CAPABILITY_IAM",)),
        ({"defaults": GIVEN}, ()),
        ({"roles": {"r": {}}, "defaults": GIVEN}, ("CAPABILITY_IAM",)),
        ({"roles": {"r": {"name": "own"}}}, ("CAPABILITY_NAMED_IAM",)),
    ],
)
def test_capabilities_are_those_that_the_roles_need(parts: Said, capabilities: tuple[str, ...]) -> None:
    assert compile_system(system(**parts)).capabilities == capabilities


def test_only_parameters_that_are_used_become_parameters_and_a_value_given_goes_over_the_default() -> None:
    secret = {"secret": True}
    parameters = {"given": secret, "by-default": {**secret, "default": "d"}, "open": secret, "unused": secret}
    environment = {
        name.upper().replace("-", "_"): f"${{parameters.{name}}}" for name in ("given", "by-default", "open")
    }
    compiled = compile_system(
        system(parameters=parameters, functions={"f": {**FUNCTION, "environment": environment}}),
        settings={"given": "g", "unused": "u"},
    )
    assert list(compiled.template["Parameters"]) == ["GivenParameter", "ByDefaultParameter", "OpenParameter"]
    assert all(parameter["NoEcho"] for parameter in compiled.template["Parameters"].values())
    assert compiled.parameters == {"GivenParameter": "g", "ByDefaultParameter": "d"}
    assert not any(value in json.dumps(compiled.template) for value in ('"g"', '"d"'))


def test_archives_say_what_to_package_for_which_runtime() -> None:
    compiled = compile_system(
        system(
            layers={"l": {"requirements": "r.txt", "runtimes": ["python3.12"], "architecture": "arm64"}},
            functions={"f": {**FUNCTION, "requirements": "more.txt"}, "g": {**FUNCTION, "code": {"inline": "x"}}},
        )
    )
    layer, function = compiled.archives
    assert (layer.logical_id, layer.property_name, layer.source) == ("LLayer", "Content", "")
    assert (layer.kind, layer.runtime, layer.architecture) == (ArchiveKind.LAYER, "python3.12", "arm64")
    assert (function.logical_id, function.property_name, function.source) == ("FFunction", "Code", "src")
    assert (function.requirements, function.architecture) == ("more.txt", "x86_64")


def test_vpcs_to_be_looked_up_are_named_once() -> None:
    found = {"vpc": {"discover": "vpc-1"}}
    functions = {"f": {**FUNCTION, **found}, "g": {**FUNCTION, **found}, "h": FUNCTION}
    assert vpcs_wanted(system(functions=functions)) == ("vpc-1",)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"functions": {f"f{number}": FUNCTION for number in range(167)}},
            "the template has 501 resources; CloudFormation takes 500 at most",
        ),
        (
            {"outputs": {f"o{number}": "text" for number in range(201)}},
            "the template has 201 outputs; CloudFormation takes 200 at most",
        ),
        (
            {"description": "ü" * 513},
            "the description has 1,026 bytes; CloudFormation takes 1,024 at most",
        ),
    ],
)
def test_what_cloudformation_could_not_hold_is_refused_with_advice(parts: Said, message: str) -> None:
    with pytest.raises(CompileError) as refused:
        compile_system(system(**parts))
    assert refused.value.message == message
    assert refused.value.advice


def test_a_template_of_more_than_a_megabyte_is_refused() -> None:
    functions = {f"f{number}": {**FUNCTION, "environment": {"A": "x" * 3000}} for number in range(400)}
    with pytest.raises(CompileError, match=r"bytes; CloudFormation takes 1,048,576 at most"):
        compile_system(system(functions=functions, defaults=GIVEN))


def test_five_hundred_functions_fit_in_a_stack_where_they_share_a_role_and_a_log_group() -> None:
    functions = {f"f{number}": FUNCTION for number in range(500)}
    assert len(compile_system(system(functions=functions, defaults=GIVEN)).template["Resources"]) == 500


def test_an_error_says_which_function_it_is_about() -> None:
    functions = {"f": FUNCTION, "g": {**FUNCTION, "environment": {"A": "${roles.none}"}}}
    with pytest.raises(CompileError) as refused:
        compile_system(system(functions=functions))
    assert refused.value.path == ("functions", "g")


def test_aws_s_own_policies_are_found_under_their_paths() -> None:
    published = json.loads((Path(iam.__file__).parent / "managed_policies.json").read_text())["policies"]
    usable = {name: policy["path"].lstrip("/") for name, policy in published.items()}
    elsewhere = {name: path for name, path in usable.items() if path and path != "aws-service-role/"}
    assert elsewhere == PATH_OF_POLICY


def test_a_parameter_that_is_no_secret_may_be_seen() -> None:
    functions = {"f": {**FUNCTION, "environment": {"A": "${parameters.stage}"}}}
    compiled = compile_system(system(parameters={"stage": {"default": "dev"}}, functions=functions))
    assert compiled.template["Parameters"] == {"StageParameter": {"Type": "String"}}
    assert compiled.parameters == {"StageParameter": "dev"}


def test_patterns_filters_and_inputs_speak_of_what_else_the_manifest_has() -> None:
    told = {"pattern": {"detail": {"bucket": {"name": ["${buckets.b}"]}}}, "input": {"table": "${tables.t}"}}
    triggers = [{"event": told}, {"sqs": {"queue": "q", "filter": [{"body": {"table": ["${tables.t}", "$${}"]}}]}}]
    compiled = compile_system(
        system(
            functions={"f": {**FUNCTION, "triggers": triggers}},
            buckets={"b": {"name": "named"}},
            tables={"t": {"key": "id"}},
            queues={"q": {}},
        )
    ).template["Resources"]
    rule = compiled["FEventRule"]["Properties"]
    assert rule["EventPattern"] == {"detail": {"bucket": {"name": ["named"]}}}
    assert rule["Targets"][0]["Input"] == {"Fn::Sub": '{"table":"${TTable}"}'}
    (pattern,) = compiled["FQQueueMapping"]["Properties"]["FilterCriteria"]["Filters"]
    assert pattern["Pattern"] == {"Fn::Join": ["", ['{"body":{"table":["', {"Ref": "TTable"}, '","${}"]}}']]}


def test_a_function_is_triggered_by_buckets_of_its_own_manifest_alone() -> None:
    triggers = [{"s3": "arn:aws:s3:::elsewhere"}]
    with pytest.raises(CompileError, match="no bucket of this manifest"):
        compile_system(system(functions={"f": {**FUNCTION, "triggers": triggers}}))
