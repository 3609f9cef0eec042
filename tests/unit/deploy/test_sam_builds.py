"""SAM templates that say how code is built: esbuild is done here, with SAM's options; the rest is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lambent.compiler.result import ArchiveWanted, BundleWanted, CompiledSystem
from lambent.deploy.errors import DeployError
from lambent.deploy.memory import recall, remember
from lambent.deploy.templates import compile_template


def compiled(base: Path, **function: Any) -> CompiledSystem:  # Any: a SAM function
    """Compile a template of one function and one layer, both in `src`."""
    (base / "src").mkdir(parents=True, exist_ok=True)
    metadata = function.pop("Metadata", {"BuildMethod": "esbuild"})
    layer = function.pop("Layer", {})
    said = {"CodeUri": "src", "Runtime": "nodejs22.x", "Handler": "app.lambdaHandler", **function}
    resources = {
        "F": {"Type": "AWS::Serverless::Function", "Metadata": metadata, "Properties": said},
        "L": {"Type": "AWS::Serverless::LayerVersion", **layer},
    }
    resources["L"]["Properties"] = {"ContentUri": "src", **resources["L"].get("Properties", {})}
    document = {"Transform": "AWS::Serverless-2016-10-31", "Resources": resources}
    return compile_template(json.dumps(document), base, stack_name="s", parameters={})


def archive(system: CompiledSystem, name: str = "F") -> ArchiveWanted:
    """Return the archive that is wanted for a resource."""
    return next(one for one in system.archives if one.logical_id == name)


def built(base: Path, **properties: Any) -> BundleWanted | None:  # Any: BuildProperties
    """Return how a function with these BuildProperties is bundled."""
    return archive(compiled(base, Metadata={"BuildMethod": "esbuild", "BuildProperties": properties})).bundle


def test_a_function_is_bundled_and_made_small_as_sam_does(tmp_path: Path) -> None:
    assert built(tmp_path) == BundleWanted("app", "", ("--minify",))


def test_sam_s_properties_are_esbuild_s_options(tmp_path: Path) -> None:
    found = built(
        tmp_path,
        EntryPoints=["handlers/app.ts"],
        Minify=False,
        Target="es2022",
        Sourcemap=True,
        SourcesContent=False,
        External=["sharp", "pg-native"],
        Loader=[".html=text"],
        MainFields=["module", "main"],
        Format="esm",
        OutExtension=[".js=.mjs"],
        Banner=["js=//x"],
        KeepNames=True,
    )
    assert found == BundleWanted(
        "app",
        "handlers/app.ts",
        (
            "--target=es2022",
            "--sourcemap",
            "--sources-content=false",
            "--external:sharp",
            "--external:pg-native",
            "--loader:.html=text",
            "--main-fields=module,main",
            "--format=esm",
            "--banner:js=//x",
            "--keep-names",
        ),
    )


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"EntryPoints": ["a.ts", "b.ts"]}, "F has several EntryPoints"),
        ({"Splitting": True}, "Splitting of BuildProperties is not offered"),
        ({"OutExtension": [".js=.txt"]}, "OutExtension of BuildProperties is not offered"),
        ({"Minify": "yes"}, "Minify of BuildProperties is true or false, not 'yes'"),
        ({"External": {"a": 1}}, "External of BuildProperties is a list of texts"),
    ],
)
def test_what_is_not_offered_is_refused(tmp_path: Path, properties: dict[str, object], words: str) -> None:
    with pytest.raises(DeployError, match=words):
        built(tmp_path, **properties)


@pytest.mark.parametrize("method", ["makefile", "dotnet8", "rust-cargolambda", "python-uv"])
def test_what_only_sam_builds_is_refused(tmp_path: Path, method: str) -> None:
    with pytest.raises(DeployError, match=f"F is built by {method}, which is done by `sam build` alone") as told:
        compiled(tmp_path, Metadata={"BuildMethod": method})
    assert ".aws-sam/build/template.yaml" in told.value.advice
    with pytest.raises(DeployError, match=f"L is built by {method}"):
        compiled(tmp_path, Layer={"Metadata": {"BuildMethod": method}, "Properties": {"CompatibleRuntimes": ["x"]}})


@pytest.mark.parametrize("metadata", [{}, {"BuildMethod": "nodejs22.x"}, {"cfn-lint": {}}])
def test_a_folder_is_packaged_where_nothing_else_is_said(tmp_path: Path, metadata: dict[str, object]) -> None:
    assert archive(compiled(tmp_path, Metadata=metadata)).bundle is None


def test_what_sam_has_built_is_taken_as_it_is(tmp_path: Path) -> None:
    assert archive(compiled(tmp_path / ".aws-sam" / "build")).bundle is None


@pytest.mark.parametrize(
    ("environment", "after"),
    [
        ({}, {"Variables": {"NODE_OPTIONS": "--enable-source-maps"}}),
        ({"Variables": {"A": "1"}}, {"Variables": {"A": "1", "NODE_OPTIONS": "--enable-source-maps"}}),
        ({"Variables": {"NODE_OPTIONS": "--no-warnings"}}, {"Variables": {"NODE_OPTIONS": "--no-warnings"}}),
    ],
)
def test_node_is_told_to_read_source_maps(
    tmp_path: Path, environment: dict[str, object], after: dict[str, object]
) -> None:
    metadata = {"BuildMethod": "esbuild", "BuildProperties": {"Sourcemap": True}}
    system = compiled(tmp_path, Metadata=metadata, Environment=environment)
    assert system.template["Resources"]["F"]["Properties"]["Environment"] == after


def test_a_layer_is_for_what_it_says(tmp_path: Path) -> None:
    found = archive(compiled(tmp_path, Layer={"Metadata": {"BuildMethod": "python3.13"}}), "L")
    assert (found.runtime, found.more_runtimes, found.architecture) == ("python3.13", "", "x86_64")
    said = {"CompatibleRuntimes": ["python3.12", "python3.13"], "CompatibleArchitectures": ["arm64"]}
    found = archive(compiled(tmp_path, Layer={"Properties": said}), "L")
    assert (found.runtime, found.more_runtimes, found.architecture) == ("python3.12", "python3.13", "arm64")


def test_what_is_remembered_of_a_bundle_is_what_was_deployed(tmp_path: Path) -> None:
    system = compiled(tmp_path, Metadata={"BuildMethod": "esbuild", "BuildProperties": {"External": ["a"]}})
    remember(tmp_path / "cache", "key", system, "eu-west-1")
    kept = recall(tmp_path / "cache", "key")
    assert kept is not None
    assert kept[0].archives == system.archives
