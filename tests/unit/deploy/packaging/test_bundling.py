"""Bundles: the project's own esbuild is asked for one file under the handler's name."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from lambent.compiler.result import BundleWanted
from lambent.deploy.errors import DeployError
from lambent.deploy.packaging.bundling import find_esbuild
from tests.unit.deploy.packaging.making import names, packaged, text_of, write

# Stands for esbuild: takes its options as it does, and writes them to where it is told.
PROGRAM = f"""#!{sys.executable}
import json, os, sys
from pathlib import Path

entry, *options = sys.argv[1:]
if "import nothing" in Path(entry).read_text():
    sys.exit('\\u2718 [ERROR] Could not resolve "nothing"')
out = next(one.partition("=")[2] for one in options if one.startswith("--outfile="))
Path(out).parent.mkdir(parents=True, exist_ok=True)
said = sorted(one for one in options if not one.startswith("--outfile="))
Path(out).write_text(json.dumps({{"entry": entry, "folder": os.path.basename(os.getcwd()), "options": said}}))
"""
ESM = "--banner:js=import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"
SDK = ["--external:@aws-sdk/*", "--external:@smithy/*"]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A project with an esbuild of its own."""
    write(tmp_path, "node_modules/.bin/esbuild", text=PROGRAM)
    (tmp_path / "node_modules" / ".bin" / "esbuild").chmod(0o755)
    return tmp_path


def told(base: Path, name: str, module: str = "app", runtime: str = "nodejs22.x") -> dict[str, object]:
    """Bundle and return what esbuild was told; `name` is that of the one file in the package."""
    package = packaged(base, runtime=runtime, bundle=BundleWanted(module))
    assert names(package) == [name]
    found = json.loads(text_of(package, name))
    assert isinstance(found, dict)
    return found


def test_a_typescript_handler_becomes_one_file_for_its_node(base: Path) -> None:
    write(base, "src/app.ts", "src/readme.md")
    found = told(base, "app.js", runtime="nodejs24.x")
    assert (found["entry"], found["folder"]) == ("app.ts", "src")
    assert found["options"] == [
        "--bundle",
        "--color=false",
        *SDK,
        "--format=cjs",
        "--log-level=warning",
        "--platform=node",
        "--target=node24",
    ]


@pytest.mark.parametrize("suffix", [".ts", ".tsx", ".js", ".jsx", ".cts", ".cjs"])
def test_any_kind_of_source_can_be_bundled(base: Path, suffix: str) -> None:
    write(base, f"src/deep/app{suffix}")
    assert told(base, "deep/app.js", "deep/app")["entry"] == f"deep/app{suffix}"


@pytest.mark.parametrize(
    ("file", "kind"), [("app.mts", ""), ("app.mjs", ""), ("app.ts", "module"), ("app.js", "module")]
)
def test_an_es_module_stays_one_and_can_still_require(base: Path, file: str, kind: str) -> None:
    write(base, f"src/{file}")
    write(base, "package.json", text=json.dumps({"type": kind or "commonjs"}))
    options = told(base, "app.mjs")["options"]
    assert isinstance(options, list)
    assert {"--format=esm", ESM} <= set(options)


def test_the_sdk_is_the_runtime_s_unless_the_project_brings_its_own(base: Path) -> None:
    write(base, "src/app.ts")
    write(base, "package.json", text=json.dumps({"devDependencies": {"@aws-sdk/client-s3": "3"}}))
    options = told(base, "app.js")["options"]
    assert isinstance(options, list)
    assert set(SDK) <= set(options)
    write(base, "package.json", text=json.dumps({"dependencies": {"@aws-sdk/client-s3": "3"}}))
    options = told(base, "app.js")["options"]
    assert isinstance(options, list)
    assert not set(SDK) & set(options)


def test_what_esbuild_says_is_told(base: Path) -> None:
    write(base, "src/app.ts", text="import nothing")
    with pytest.raises(DeployError, match=r'app\.ts cannot be bundled: ✘ \[ERROR\] Could not resolve "nothing"'):
        told(base, "app.js")
    assert not list((base / "cache").glob("bundle-*"))


def test_a_handler_that_is_not_there_is_told(base: Path) -> None:
    write(base, "src/other.ts")
    with pytest.raises(DeployError, match=r"There is no app\.ts or \.js in .*src to bundle"):
        told(base, "app.js")


def test_other_runtimes_and_files_are_not_bundled(base: Path) -> None:
    write(base, "src/app.ts")
    with pytest.raises(DeployError, match=r"Node\.js functions are bundled, not those of python3\.12"):
        told(base, "app.js", runtime="python3.12")
    with pytest.raises(DeployError, match="is no folder to bundle from"):
        packaged(base, "src/app.ts", runtime="nodejs22.x", bundle=BundleWanted("app"))


def test_the_nearest_esbuild_of_the_project_is_taken(base: Path) -> None:
    write(base, "src/node_modules/.bin/esbuild", "src/deep/x")
    assert find_esbuild(base / "src" / "deep") == str(base / "src/node_modules/.bin/esbuild")
    assert find_esbuild(base / "other") == str(base / "node_modules/.bin/esbuild")


def test_without_an_esbuild_there_is_no_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "src/app.ts")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeployError, match="neither in its node_modules nor on PATH") as told:
        packaged(tmp_path, runtime="nodejs22.x", bundle=BundleWanted("app"))
    assert told.value.advice == "Add it to the project: npm install --save-dev esbuild"
    write(tmp_path, "esbuild", text=PROGRAM)
    (tmp_path / "esbuild").chmod(0o755)
    assert names(packaged(tmp_path, runtime="nodejs22.x", bundle=BundleWanted("app"))) == ["app.js"]
