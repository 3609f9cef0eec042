"""When a version is published anew: when something that it freezes has changed, and only then."""

from __future__ import annotations

from typing import Any

import pytest

from lambent.compiler.compile import compile_system
from lambent.compiler.versions import with_version_digests
from lambent.manifest.system import System

Said = dict[str, Any]  # Any: a manifest as YAML gives it, or a template
BASE: Said = {
    "stack": "s",
    "parameters": {"token": {"secret": True}},
    "layers": {"utils": {"code": {"s3": {"bucket": "artifacts-bucket", "key": "layer-1.zip"}}}},
    "roles": {"worker": {"path": "/"}},
    "log_groups": {"shared": {"retention": 30}},
    "functions": {
        "other": {"code": {"s3": {"bucket": "artifacts-bucket", "key": "other.zip"}}, "alias": "live"},
        "resize": {
            "code": {"s3": {"bucket": "artifacts-bucket", "key": "code-1.zip"}},
            "runtime": "python3.13",
            "handler": "app.handler",
            "alias": "live",
            "role": "${roles.worker}",
            "layers": "${layers.utils}",
            "logs": {"group": "${log_groups.shared}"},
            "environment": {"TOKEN": "${parameters.token}", "OTHER": "calls ${functions.other.version}"},
            "tags": {"team": "data"},
            "reserved_concurrency": 5,
        },
    },
    "outputs": {"version": "${functions.resize.version}", "text": "version ${functions.resize.version}"},
}


def published(changes: Said | None = None, given: str = "t") -> str:
    """The logical id of the version of `resize`, after changes given by their dotted places."""
    template = filled(changes, given)
    found = [name for name in template["Resources"] if name.startswith("ResizeFunctionVersion")]
    assert len(found) == 1
    return str(found[0])


def filled(changes: Said | None = None, given: str = "t") -> Said:
    compiled = compile_system(System.model_validate(changed(BASE, changes or {})), settings={"token": given})
    return with_version_digests(compiled.template, compiled.versions, compiled.parameters)


def changed(tree: object, changes: Said, place: str = "") -> object:
    if place in changes:
        return changes[place]
    if not isinstance(tree, dict):
        return tree
    return {key: changed(value, changes, f"{place}.{key}".lstrip(".")) for key, value in tree.items()}


@pytest.mark.parametrize(
    "changes",
    [
        {"functions.resize.code": {"s3": {"bucket": "artifacts-bucket", "key": "code-2.zip"}}},
        {"functions.resize.handler": "app.other"},
        {"functions.resize.environment": {}},
        {"layers.utils.code": {"s3": {"bucket": "artifacts-bucket", "key": "layer-2.zip"}}},
        {"roles.worker": {"path": "/other/"}},
        {"log_groups.shared": {"name": "/elsewhere"}},
        {"functions.other.code": {"s3": {"bucket": "artifacts-bucket", "key": "other-2.zip"}}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_change_of_what_a_version_freezes_publishes_one(changes: Said) -> None:
    assert published(changes) != published()


@pytest.mark.parametrize(
    "changes",
    [
        {"functions.resize.tags": {"team": "web"}},
        {"functions.resize.reserved_concurrency": 9},
        {"functions.resize.alias": "blue"},
        {"log_groups.shared": {"retention": 7}},
        {"roles.worker": {"path": "/", "managed_policies": ["AmazonS3ReadOnlyAccess"]}},
        {"outputs": {}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_change_of_anything_else_publishes_none(changes: Said) -> None:
    assert published(changes) == published()


def test_a_new_secret_publishes_a_version() -> None:
    assert published(given="new") != published(given="old")


def test_the_same_system_has_the_same_versions_every_time() -> None:
    assert filled() == filled()


def test_everything_that_speaks_of_a_version_follows_its_new_name() -> None:
    template = filled()
    version = published()
    assert template["Resources"]["ResizeFunctionAlias"]["Properties"]["FunctionVersion"] == {
        "Fn::GetAtt": [version, "Version"]
    }
    assert template["Outputs"]["Version"]["Value"] == {"Fn::GetAtt": [version, "Version"]}
    assert template["Outputs"]["Text"]["Value"] == {"Fn::Sub": f"version ${{{version}.Version}}"}
    other = template["Resources"]["ResizeFunction"]["Properties"]["Environment"]["Variables"]["OTHER"]
    assert other["Fn::Sub"].removeprefix("calls ${").split(".")[0] in template["Resources"]
    assert "ResizeFunctionVersion" not in template["Resources"]
