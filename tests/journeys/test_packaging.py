"""Code with packages, from a folder to an answer: what `lambent up` makes of it is what the platform has and runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from platform import machine
from typing import Any

import pytest

from tests.journeys.commands import Commands
from tests.requirements import require_tool
from tests.unit.deploy.packaging.making import packaged, text_of, wheel, write

pytestmark = pytest.mark.timeout(180)
MANIFEST = """
stack: shop
functions:
  python:
    code: python
    handler: app.handler
    runtime: python3.11
    layers: ["${layers.shared}"]
  node:
    code: node
    handler: src/app.handler
    runtime: nodejs22.x
    architecture: arm64
  typed:
    code: typed
    handler: app.handler
    runtime: nodejs22.x
    bundle: true
layers:
  shared:
    code: shared
    runtimes: [python3.11]
"""
# Stands for esbuild where the contract is what counts: a bundle is what it writes.
BUNDLER = """#!/bin/sh
for option in "$@"; do case "$option" in --outfile=*) out="${option#--outfile=}";; esac; done
echo "exports.handler = async (event) => 'bundled ' + event.n" > "$out"
"""


@pytest.fixture
def shop(tmp_path: Path, lambent: Commands) -> Iterator[Commands]:
    """A project with a Python function, two Node.js functions and a layer; its stack goes with the test."""
    write(tmp_path, "lambent.yaml", text=MANIFEST)
    _python(tmp_path)
    _node(tmp_path)
    yield lambent
    lambent.run("down", "--yes")


def _python(base: Path) -> None:
    wheel(base / "wheels", "tiny", files={"tiny_data/answer.txt": "42"})
    write(base, "python/requirements.txt", text="--no-index\n--find-links ../wheels\ntiny==1.0\n")
    code = (
        "from pathlib import Path\n"
        "import linked, shared, tiny\n"
        "def handler(event, context):\n"
        "    answer = (Path(tiny.__file__).parent / 'tiny_data' / 'answer.txt').read_text()\n"
        "    return {'tag': tiny.TAG, 'answer': answer, 'shared': shared.NAME, 'linked': linked.HERE}\n"
    )
    write(base, "python/app.py", text=code)
    write(base, "python/lib/linked.py", text="HERE = True\n")
    (base / "python" / "linked.py").symlink_to("lib/linked.py")
    write(base, "shared/shared.py", text="NAME = 'from the layer'\n")


def _node(base: Path) -> None:
    npm = str(require_tool("npm"))
    write(base, "leaf/package.json", text=json.dumps({"name": "leaf", "version": "1.0.0"}))
    write(base, "leaf/index.js", text="module.exports = (n) => n + 41\n")
    project = {"name": "node", "version": "1.0.0", "dependencies": {"leaf": "file:../leaf"}}
    write(base, "node/package.json", text=json.dumps(project))
    write(base, "node/src/app.js", text="exports.handler = async (event) => require('leaf')(event.n)\n")
    lock = [npm, "install", "--package-lock-only", "--install-links", "--offline", "--no-audit", "--no-fund"]
    subprocess.run(lock, cwd=base / "node", check=True, capture_output=True, timeout=60)
    write(base, "typed/app.ts", text="export const handler = async (event: { n: number }) => event.n\n")
    write(base, "typed/node_modules/.bin/esbuild", text=BUNDLER)
    (base / "typed" / "node_modules" / ".bin" / "esbuild").chmod(0o755)


def test_functions_with_packages_are_deployed_and_answer(shop: Commands, tmp_path: Path) -> None:
    done = shop.run("up")
    assert "Code: " in done.stderr
    assert "PythonFunction" in done.stderr
    answer = shop.told("invoke", "shop-python", "--event", "{}")
    assert answer == {"tag": "py3-none-any", "answer": "42", "shared": "from the layer", "linked": True}
    assert shop.told("invoke", "shop-node", "--event", '{"n": 1}') == 42
    assert shop.told("invoke", "shop-typed", "--event", '{"n": 1}') == "bundled 1"

    assert shop.told("up", "--json")["changed"] is False
    write(tmp_path, "leaf/index.js", text="module.exports = (n) => n + 1\n")
    plan: Any = shop.told("plan", "--json")  # Any: JSON
    assert [one["logical_id"] for one in plan["changes"]] == ["NodeFunction"]
    assert {one["logical_id"] for one in plan["code"]} == {
        "PythonFunction",
        "NodeFunction",
        "TypedFunction",
        "SharedLayer",
    }


def test_what_cannot_be_packaged_is_told_before_anything_is_made(shop: Commands, tmp_path: Path) -> None:
    write(tmp_path, "python/requirements.txt", text="-e ../leaf\n")
    told = shop.run("up", expect=1).stderr
    assert "requirements.txt:1: -e ../leaf is source, which would have to be built." in told
    write(tmp_path, "python/requirements.txt", text="")
    write(tmp_path, "lambent.yaml", text=MANIFEST.replace("    bundle: true\n", ""))
    told = shop.run("up", expect=1).stderr
    assert "Error: Cannot find module 'app'" in told
    assert "add `bundle: true`" in told
    write(tmp_path, "lambent.yaml", text=MANIFEST)
    write(tmp_path, "python/requirements.txt", text="--no-index\n--find-links ../wheels\ntiny==1.0\n")
    shop.run("up")


def test_machine_code_for_another_architecture_is_packaged_for_this_one_here(tmp_path: Path, lambent: Commands) -> None:
    """The package for AWS is another, and does not change by it."""
    own = machine().lower()
    declared, theirs = ("x86_64", "x86_64") if own in {"arm64", "aarch64"} else ("arm64", "aarch64")
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    for tag in (f"manylinux_2_17_{theirs}", f"linux_{own}"):
        wheel(tmp_path / "wheels", "fast", f"{python}-{python}-{tag}")
    write(tmp_path, "src/requirements.txt", text="--no-index\n--find-links ../wheels\nfast\n")
    write(tmp_path, "src/app.py", text="import fast\ndef handler(event, context):\n    return fast.TAG\n")
    runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
    said = f"{{code: src, handler: app.handler, runtime: {runtime}, architecture: {declared}}}"
    write(tmp_path, "lambent.yaml", text=f"stack: native\nfunctions:\n  f: {said}\n")
    told = lambent.run("up").stderr
    assert f"FFunction has machine code: it is packaged apart for Python {runtime.removeprefix('python')}" in told
    assert lambent.told("invoke", "native-f", "--event", "{}") == f"{python}-{python}-linux_{own}"
    assert lambent.told("up", "--json")["changed"] is False
    for_aws = packaged(tmp_path, runtime=runtime, architecture=declared)
    assert f"manylinux_2_17_{theirs}" in text_of(for_aws, "fast.py")
    lambent.run("down", "--yes")
