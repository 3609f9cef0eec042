"""Which packages of the AWS SDK a function's files name without bringing them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lambent.dataplane.sandbox import node_sdk
from lambent.dataplane.sandbox.node_sdk.installation import prune
from lambent.dataplane.sandbox.node_sdk.lock import select
from lambent.dataplane.sandbox.node_sdk.wanted import missing

LOCK = Path(node_sdk.__file__).parent / "package-lock.json"


def code(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("const { S3Client } = require('@aws-sdk/client-s3');", {"@aws-sdk/client-s3"}),
        ('import { DynamoDBClient } from "@aws-sdk/client-dynamodb";', {"@aws-sdk/client-dynamodb"}),
        ("import{a}from'@aws-sdk/lib-dynamodb'", {"@aws-sdk/lib-dynamodb"}),
        ("await import('@aws-sdk/client-sqs/dist-cjs/index.js')", {"@aws-sdk/client-sqs"}),
        ("import '@smithy/types'; require ( \"@aws-crypto/sha256-js\" )", {"@smithy/types", "@aws-crypto/sha256-js"}),
        # What a bundle carries along says its own name, and imports nothing.
        ('var name = "@aws-sdk/client-s3"; require("node:fs")', set()),
    ],
)
def test_imports_are_found_however_they_are_written(tmp_path: Path, text: str, names: set[str]) -> None:
    assert missing(code(tmp_path, {"src/app.mjs": text}), ()) == names


def test_what_the_function_or_a_layer_brings_is_not_missing(tmp_path: Path) -> None:
    text = "require('@aws-sdk/client-s3'); require('@aws-sdk/client-sqs'); require('@aws-sdk/client-sns')"
    function = code(
        tmp_path / "function",
        {"src/app.js": text, "node_modules/@aws-sdk/client-s3/index.js": "require('@smithy/types')"},
    )
    layer = code(tmp_path / "layer", {"nodejs/node20/node_modules/@aws-sdk/client-sqs/index.js": ""})
    assert missing(function, (layer,)) == {"@aws-sdk/client-sns"}


def test_the_lock_names_no_place_and_vouches_for_every_package() -> None:
    text = LOCK.read_text(encoding="utf-8")
    packages = json.loads(text)["packages"]
    assert ("resolved" in text, "://" in text) == (False, False)
    assert all(one["integrity"].startswith("sha512-") for place, one in packages.items() if place)
    assert {"node_modules/@aws-sdk/lib-dynamodb", "node_modules/@aws-sdk/s3-request-presigner"} <= set(packages)


def test_a_selection_has_what_its_packages_need_where_node_looks_for_it() -> None:
    packages = {
        "": {"dependencies": {"a": "*", "b": "*"}},
        "node_modules/a": {"version": "1.0.0", "dependencies": {"shared": "1", "own": "1"}},
        "node_modules/a/node_modules/own": {"version": "1.0.0", "dependencies": {"deep": "1", "shared": "2"}},
        "node_modules/a/node_modules/shared": {"version": "2.0.0"},
        "node_modules/b": {"version": "3.0.0", "dependencies": {"shared": "1"}, "peerDependencies": {"nobody": "1"}},
        "node_modules/deep": {"version": "1.0.0"},
        "node_modules/shared": {"version": "1.0.0"},
        "node_modules/unrelated": {"version": "1.0.0"},
    }
    first = select({"packages": packages}, ["a"])
    assert first.manifest["dependencies"] == {"a": "1.0.0"}
    assert list(first.lock["packages"]) == [
        "",
        "node_modules/a",
        "node_modules/a/node_modules/own",
        "node_modules/a/node_modules/shared",
        "node_modules/deep",
    ]
    assert list(select({"packages": packages}, ["b"]).lock["packages"]) == ["", "node_modules/b", "node_modules/shared"]


def test_sets_that_were_superseded_a_month_ago_are_removed(tmp_path: Path) -> None:
    month_s = 30 * 86_400
    for name, age_s in (("v-new", month_s + 1), ("v-old", month_s + 1), ("v-late", month_s - 1), ("building-x", 0)):
        (tmp_path / name / "node_modules").mkdir(parents=True)
        os.utime(tmp_path / name, (10_000_000 - age_s,) * 2)
    (tmp_path / "v").symlink_to("v-new")
    prune(tmp_path, 10_000_000)
    assert {each.name for each in tmp_path.iterdir()} == {"v", "v-new", "v-late", "building-x"}
