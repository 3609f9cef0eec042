"""Existing templates: what they name on this machine is packaged, refused, or found missing; the rest is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambent.compiler.result import ArchiveKind, CompiledSystem
from lambent.deploy.errors import DeployError
from lambent.deploy.templates import compile_template, is_template

FUNCTION = "Type: AWS::Lambda::Function, Properties: {Runtime: python3.12, Handler: app.handler, Role: r, Code: "


def compiled(base: Path, resources: str, **parameters: str) -> CompiledSystem:
    """Compile a template of these resources; the folder has code/ and layer/."""
    for folder in ("code", "layer"):
        (base / folder).mkdir(exist_ok=True)
    text = f"Parameters:\n  Stage: {{Type: String}}\nResources:\n  {resources}\n"
    return compile_template(text, base, stack_name="s", parameters=parameters)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("Resources: {}\n", True),
        ("AWSTemplateFormatVersion: 2010-09-09\n", True),
        ('{"Resources": {}}', True),
        ('{\n  "Description": "x",\n  "Resources": {}\n}', True),
        ("stack: shop\nfunctions: {}\n", False),
        ("stack: Resources\n", False),
    ],
)
def test_a_template_is_told_from_a_manifest(
    text: str,
    is_one: bool,  # noqa: FBT001 - a table's column
) -> None:
    assert is_template(text) is is_one


def test_folders_of_functions_and_layers_are_packaged(tmp_path: Path) -> None:
    layer = "Type: AWS::Lambda::LayerVersion, Properties: {Content: layer, CompatibleRuntimes: [python3.12]}"
    found = compiled(tmp_path, f"F: {{{FUNCTION}code}}}}\n  L: {{{layer}}}")
    assert [(one.logical_id, one.source, one.kind, one.runtime) for one in found.archives] == [
        ("F", "code", ArchiveKind.FUNCTION, "python3.12"),
        ("L", "layer", ArchiveKind.LAYER, "python3.12"),
    ]


@pytest.mark.parametrize("code", ["{ZipFile: 'x'}", "{S3Bucket: b, S3Key: k}", "s3://b/k"])
def test_code_that_is_elsewhere_stays_there(tmp_path: Path, code: str) -> None:
    assert compiled(tmp_path, f"F: {{{FUNCTION}{code}}}}}").archives == ()


def test_code_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="F: there is no nowhere beside the template"):
        compiled(tmp_path, f"F: {{{FUNCTION}nowhere}}}}")


def test_a_parameter_that_the_template_does_not_have_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="The template has no parameter Sage") as refused:
        compiled(tmp_path, "Q: {Type: AWS::SQS::Queue}", Sage="prod")
    assert refused.value.advice == "Its parameters: Stage."


def test_what_is_no_template_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="At least one Resources member must be defined"):
        compile_template("AWSTemplateFormatVersion: '2010-09-09'\n", tmp_path, stack_name="s", parameters={})


@pytest.mark.parametrize(
    ("kind", "properties", "words"),
    [
        ("AWS::Serverless::Api", "DefinitionUri: api.yaml", "DefinitionUri names api.yaml"),
        ("AWS::Glue::Job", "Command: {ScriptLocation: job.py}", "Command.ScriptLocation names job.py"),
    ],
)
def test_a_file_that_would_not_be_uploaded_is_refused_before_anything_is_made(
    tmp_path: Path, kind: str, properties: str, words: str
) -> None:
    with pytest.raises(DeployError, match=f"X: {words} on this machine") as refused:
        compiled(tmp_path, f"X: {{Type: {kind}, Properties: {{{properties}}}}}")
    assert "aws cloudformation package" in refused.value.advice


def test_a_nested_template_is_taken_along_with_its_own_code(tmp_path: Path) -> None:
    (tmp_path / "parts" / "src").mkdir(parents=True)
    (tmp_path / "parts" / "child.yaml").write_text(
        "Resources: {F: {Type: AWS::Lambda::Function, Properties: {Code: src, Runtime: python3.13}}}"
    )
    found = compiled(tmp_path, "X: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ./parts/child.yaml}}")
    assert [(one.logical_id, one.property_name, one.folder) for one in found.nested] == [("X", "TemplateURL", "parts")]
    assert [one.source for one in found.nested[0].system.archives] == ["src"]


@pytest.mark.parametrize(
    ("child", "words"),
    [
        (None, "X: child.yaml cannot be read"),
        ("Resources: {}", "child.yaml: .*At least one Resources member"),
        ("Resources: {X: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: child.yaml}}}", "nests itself"),
    ],
)
def test_a_nested_template_that_cannot_be_taken_along_is_told(tmp_path: Path, child: str | None, words: str) -> None:
    if child is not None:
        (tmp_path / "child.yaml").write_text(child)
    with pytest.raises(DeployError, match=words):
        compiled(tmp_path, "X: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: child.yaml}}")


@pytest.mark.parametrize("url", ["'https://b.s3.amazonaws.com/k'", "'s3://b/k'", "{Ref: Stage}"])
def test_a_file_that_is_elsewhere_is_left_alone(tmp_path: Path, url: str) -> None:
    found = compiled(tmp_path, f"X: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: {url}}}}}")
    assert found.template["Resources"]["X"]["Properties"].keys() == {"TemplateURL"}
