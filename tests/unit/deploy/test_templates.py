"""Existing templates: what they name on this machine is packaged, refused, or found missing; the rest is left alone."""

from __future__ import annotations

import json
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
    text = f"Parameters:\n  Stage: {{Type: String, Default: dev}}\nResources:\n  {resources}\n"
    return compile_template(text, base, stack_name="s", parameters=parameters)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("Resources: {}\n", True),
        ("AWSTemplateFormatVersion: 2010-09-09\n", True),
        ('{"Resources": {}}', True),
        ('{\n  "Description": "x",\n  "Resources": {}\n}', True),
        ('{"Description":"x","Resources":{}}', True),
        ("{Resources: {}, Description: x}", True),
        ("'Resources': {}\r\n", True),
        ('{"stack": "shop", "functions": {}}', False),
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


SAM = "Transform: AWS::Serverless-2016-10-31\n"
NAMED = "Runtime: python3.13, Handler: app.handler"


def serverless(base: Path, text: str, **parameters: str) -> CompiledSystem:
    """Compile a SAM template; its folder has code/ and layer/."""
    for folder in ("code", "layer"):
        (base / folder).mkdir(exist_ok=True)
    return compile_template(SAM + text, base, stack_name="s", parameters=parameters)


def test_parameters_without_a_value_are_told_together_and_how_to_give_one(tmp_path: Path) -> None:
    text = "Parameters: {Stage: {Type: String}, Size: {Type: Number}, Name: {Type: String, Default: n}}\n"
    with pytest.raises(DeployError, match="The template needs a value for Stage, Size") as refused:
        compile_template(text + "Resources: {Q: {Type: AWS::SQS::Queue}}", tmp_path, stack_name="s", parameters={})
    assert refused.value.advice == "Give it: --set Stage=VALUE --set Size=VALUE"


def test_parameters_of_nested_templates_are_given_by_what_nests_them(tmp_path: Path) -> None:
    child = "Parameters: {Stage: {Type: String}}\nResources: {Q: {Type: AWS::SQS::Queue}}"
    (tmp_path / "child.yaml").write_text(child)
    nests = "Resources: {X: {Type: AWS::Serverless::Application, Properties: {Location: child.yaml%s}}}"
    found = serverless(tmp_path, nests % ", Parameters: {Stage: {'Fn::Sub': 'x'}}")
    assert [one.logical_id for one in found.nested] == ["X"]
    with pytest.raises(DeployError, match=r"child\.yaml needs a value for Stage"):
        serverless(tmp_path, nests % "")


def test_references_to_parameters_are_read_where_packaging_depends_on_them(tmp_path: Path) -> None:
    text = """
Parameters:
  Runtime: {Type: String, Default: python3.13}
  Arch: {Type: String}
  Code: {Type: String, Default: ./code}
Globals: {Function: {Runtime: !Ref Runtime, Architectures: [!Ref Arch]}}
Resources:
  F: {Type: AWS::Serverless::Function, Properties: {Handler: app.handler, CodeUri: !Ref Code}}
"""
    (archive,) = serverless(tmp_path, text, Arch="arm64").archives
    assert (archive.source, archive.runtime, archive.architecture) == ("./code", "python3.13", "arm64")


def test_code_of_the_globals_is_not_put_into_functions_that_have_their_own(tmp_path: Path) -> None:
    text = """
Globals: {Function: {Runtime: python3.13, CodeUri: code}}
Resources:
  F: {Type: AWS::Serverless::Function, Properties: {Handler: app.handler}}
  I: {Type: AWS::Serverless::Function, Properties: {Handler: index.handler, InlineCode: x}}
"""
    assert [(one.logical_id, one.source) for one in serverless(tmp_path, text).archives] == [("F", "code")]


def test_absent_code_is_the_template_s_folder_and_a_zip_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "made.zip").write_bytes(b"")
    text = f"""
Resources:
  F: {{Type: AWS::Serverless::Function, Properties: {{{NAMED}}}}}
  Z: {{Type: AWS::Serverless::Function, Properties: {{{NAMED}, CodeUri: made.zip}}}}
"""
    assert [(one.logical_id, one.source) for one in serverless(tmp_path, text).archives] == [
        ("F", "."),
        ("Z", "made.zip"),
    ]


def test_code_in_loops_is_packaged_once_for_all_that_they_make(tmp_path: Path) -> None:
    text = f"""
Resources:
  Fn::ForEach::All:
    - Name
    - [One, Two]
    - F${{Name}}: {{Type: AWS::Serverless::Function, Properties: {{{NAMED}, CodeUri: code}}}}
"""
    assert [(one.logical_id, one.source) for one in serverless(tmp_path, text).archives] == [("F${Name}", "code")]


def test_an_image_that_is_not_built_is_told(tmp_path: Path) -> None:
    text = """
Resources:
  F:
    Type: AWS::Serverless::Function
    Metadata: {DockerContext: ./code, Dockerfile: Dockerfile}
    Properties: {PackageType: Image%s}
"""
    with pytest.raises(DeployError, match=r"F is a container image, to be built from \./code: images are") as refused:
        serverless(tmp_path, text % "")
    assert "ImageUri" in refused.value.advice
    assert serverless(tmp_path, text % ", ImageUri: 1.dkr.ecr.us-east-1.amazonaws.com/x").archives == ()


def test_a_layer_is_built_for_the_architecture_of_its_metadata(tmp_path: Path) -> None:
    text = """
Resources:
  L:
    Type: AWS::Serverless::LayerVersion
    Metadata: {BuildMethod: python3.13, BuildArchitecture: arm64}
    Properties: {ContentUri: layer}
"""
    assert [one.architecture for one in serverless(tmp_path, text).archives] == ["arm64"]


def test_snippets_on_this_machine_are_put_where_they_are_named(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "more.yaml").write_bytes(b"\xef\xbb\xbfMemorySize: 256\r\nCodeUri: code\r\n")
    (tmp_path / "top.json").write_text('{"Mappings": {"A": {"B": {"C": 1}}}}')
    text = f"""
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      {{{NAMED}, "Fn::Transform": {{Name: AWS::Include, Parameters: {{Location: parts/more.yaml}}}}}}
"""
    top = "Transform: [{Name: AWS::Include, Parameters: {Location: top.json}}, AWS::Serverless-2016-10-31]"
    (tmp_path / "code").mkdir()
    found = compile_template(top + text, tmp_path, stack_name="s", parameters={})
    assert set(found.included) == {"top.json", "parts/more.yaml"}
    assert found.template["Transform"] == ["AWS::Serverless-2016-10-31"]
    assert found.template["Mappings"] == {"A": {"B": {"C": 1}}}
    assert found.template["Resources"]["F"]["Properties"]["MemorySize"] == 256
    assert [one.source for one in found.archives] == ["code"]


@pytest.mark.parametrize("place", ["s3://b/k.yaml", {"Fn::Sub": "s3://${AWS::StackName}/k"}])
def test_snippets_that_are_elsewhere_stay_there(tmp_path: Path, place: object) -> None:
    include = {"Name": "AWS::Include", "Parameters": {"Location": place}}
    document = {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"Fn::Transform": include}}}}
    found = compile_template(json.dumps(document), tmp_path, stack_name="s", parameters={})
    assert found.template == document
    assert found.included == ()


@pytest.mark.parametrize(("snippet", "words"), [(None, "more.yaml cannot be read"), ("a: [", "more.yaml: .*YAML not")])
def test_a_snippet_that_cannot_be_taken_in_is_told(tmp_path: Path, snippet: str | None, words: str) -> None:
    if snippet is not None:
        (tmp_path / "more.yaml").write_text(snippet)
    include = "{Fn::Transform: {Name: AWS::Include, Parameters: {Location: more.yaml}}}"
    with pytest.raises(DeployError, match=words):
        compiled(tmp_path, f"Q: {{Type: AWS::SQS::Queue, Properties: {include}}}")


def test_dates_line_ends_and_marks_of_windows_are_read(tmp_path: Path) -> None:
    text = "\ufeffAWSTemplateFormatVersion: 2010-09-09\r\nResources:\r\n  Q:\r\n    Type: AWS::SQS::Queue\r\n"
    found = compile_template(text, tmp_path, stack_name="s", parameters={})
    assert found.template["AWSTemplateFormatVersion"] == "2010-09-09"
