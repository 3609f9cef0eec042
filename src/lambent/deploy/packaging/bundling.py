"""A Node.js function in one file: its handler with all that it imports, TypeScript or JavaScript, by esbuild.

https://docs.aws.amazon.com/lambda/latest/dg/typescript-package.html and https://esbuild.github.io/api/
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from lambent.compiler.result import BundleWanted
from lambent.deploy.errors import DeployError
from lambent.deploy.packaging import programs
from lambent.deploy.packaging.node_project import MANIFEST, MODULES, SOURCES, Project

# Every managed runtime brings the SDK along: https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html
_SDK = ("@aws-sdk/*", "@smithy/*")
# Packages in the old format ask for their own by `require`, which a module of the new one has to make itself.
_REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is to be bundled: a handler in a folder, for a runtime."""

    folder: Path
    wanted: BundleWanted
    runtime: str

    @property
    def module(self) -> str:
        """The handler's module: the bundle's name, without what follows the dot."""
        return self.wanted.module

    def entry(self) -> Path:
        """Return the file that is begun with. Raises DeployError where there is none."""
        if self.wanted.entry:
            named = self.folder / self.wanted.entry
            if not named.is_file():
                raise DeployError(f"There is no {named} to bundle.", "Entry points are relative to the code's folder.")
            return named
        for suffix in SOURCES:
            file = self.folder / f"{self.module}{suffix}"
            if file.is_file():
                return file
        raise DeployError(
            f"There is no {self.module}.ts or .js in {self.folder} to bundle.", "The handler is named file.function."
        )


def bundle(wanted: Bundle, esbuild: str, target: Path) -> None:
    """Write the bundle into the folder `target`, under its handler's name. Raises DeployError with esbuild's words."""
    entry = wanted.entry()
    given = wanted.wanted.options
    is_module = "--format=esm" in given or ("--format=cjs" not in given and _is_module(entry))
    out = target / f"{wanted.module}{'.mjs' if is_module else '.js'}"
    folder = Path(os.path.abspath(wanted.folder))  # noqa: PTH100 - links stay links
    command = [
        esbuild, os.path.relpath(entry, wanted.folder), "--bundle",
        "--platform=node", f"--target={_node(wanted.runtime)}", f"--format={'esm' if is_module else 'cjs'}",
        f"--outfile={out}", "--log-level=warning", "--color=false",
    ]  # fmt: skip
    if is_module and not any(option.startswith("--banner:js=") for option in given):
        command.append(f"--banner:js={_REQUIRE}")
    if not _brings_sdk(wanted.folder):
        command += [f"--external:{name}" for name in _SDK]
    command += [option for option in given if not option.startswith("--format=")]  # of two, esbuild takes the last
    done = programs.run(command, folder)
    if done.code != 0 or not out.is_file():
        raise DeployError(
            f"{entry} cannot be bundled: {done.words()}", "Packages are taken from node_modules: npm install."
        )


def find_esbuild(folder: Path) -> str:
    """Return the esbuild of the project that a folder belongs to, or the one on PATH. Raises DeployError."""
    absolute = Path(os.path.abspath(folder))  # noqa: PTH100 - links stay links
    for parent in (absolute, *absolute.parents):
        for name in ("esbuild", "esbuild.cmd"):
            if (parent / MODULES / ".bin" / name).is_file():
                return str(parent / MODULES / ".bin" / name)
    found = programs.on_path("esbuild")
    if found is None:
        raise DeployError(
            f"{folder} is to be bundled, and there is no esbuild, neither in its node_modules nor on PATH.",
            "Add it to the project: npm install --save-dev esbuild",
        )
    return found


def _node(runtime: str) -> str:
    match = re.match(r"nodejs(\d+)\.x\Z", runtime)
    if match is None:
        raise DeployError(f"Node.js functions are bundled, not those of {runtime or 'no runtime'}.", "Drop `bundle`.")
    return f"node{match[1]}"


def _is_module(entry: Path) -> bool:
    """Return whether Node.js takes a file for an ES module: by its suffix, else as the nearest package.json says."""
    if entry.suffix in {".mjs", ".mts"}:
        return True
    if entry.suffix in {".cjs", ".cts"}:
        return False
    nearest = next((one / MANIFEST for one in entry.absolute().parents if (one / MANIFEST).is_file()), None)
    if nearest is None:
        return False
    try:
        body = json.loads(nearest.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DeployError(f"{nearest} cannot be read: {error}", "It is an object in JSON.") from error
    return isinstance(body, dict) and body.get("type") == "module"


def _brings_sdk(folder: Path) -> bool:
    projects = (Project.of(one) for one in (folder, *folder.absolute().parents))
    nearest = next((project for project in projects if project is not None), None)
    return nearest is not None and any(name.startswith("@aws-sdk/") for name in nearest.needed)
