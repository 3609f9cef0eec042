"""The arrows between packages hold, and the contracts that say so cannot quietly lose their grip."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from tests.architecture.sources import PACKAGE
from tests.requirements import ROOT, require_tool

_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
_CONTRACTS: list[dict[str, Any]] = _PROJECT["tool"]["importlinter"]["contracts"]  # Any: each kind has its own keys

_STARTS_PROCESSES = {
    "create_subprocess_exec", "create_subprocess_shell", "fork", "forkpty", "popen", "posix_spawn", "posix_spawnp",
    "subprocess_exec", "subprocess_shell", "system",
}  # fmt: skip


def test_every_import_contract_is_kept() -> None:
    command = [str(require_tool("lint-imports")), "--no-logo"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=55, check=False)
    assert ran.returncode == 0, ran.stdout
    assert f"{len(_CONTRACTS)} kept, 0 broken" in ran.stdout


def test_a_door_that_is_no_part_of_the_layout_has_a_decision_record() -> None:
    # The doors that were there from the first day; any other is a decision, and its record names it.
    laid_out = {
        "lambent.aws.clients -> botocore",
        "lambent.aws.service_models -> botocore",
        "lambent.cloud.bridge.moto -> moto",
        "lambent.cloud.store.database -> sqlite3",
    }
    records = "\n".join(path.read_text() for path in (ROOT / "docs" / "decisions").glob("*.md"))
    doors = {door for contract in _CONTRACTS for door in contract.get("ignore_imports", [])}
    assert sorted(door for door in doors - laid_out if f"`{door}`" not in records) == []


def test_processes_start_behind_their_doors_alone() -> None:
    # asyncio and os start processes too, and no import shows it.
    doors = {
        "cloud/bridge/process.py",
        "cloud/services/cloudformation/transforms/sam.py",
        "cli/launching.py",
        "deploy/packaging/programs.py",
    }
    behind = [
        f"{name}:{node.lineno} {node.attr}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if (name := path.relative_to(PACKAGE).as_posix()) not in doors
        if not name.startswith(("dataplane/supervision/", "guest/"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in _STARTS_PROCESSES
        # A manifest's `system` is no process.
        if node.attr != "system" or (isinstance(node.value, ast.Name) and node.value.id == "os")
    ]
    assert behind == []


def test_modules_marked_as_still_to_come_have_not_come() -> None:
    come = [
        f"{container}.{name}"
        for contract in _CONTRACTS
        if contract["type"] == "layers"
        for container in contract["containers"]
        for layer in contract["layers"]
        for name in re.findall(r"\((\w+)\)", layer)
        if _exists(f"{container}.{name}")
    ]
    assert come == []


def test_every_package_says_what_it_is() -> None:
    silent = [
        str(folder.relative_to(PACKAGE.parent))
        for folder in (PACKAGE, *PACKAGE.rglob("*"))
        if folder.is_dir() and any(folder.glob("*.py")) and not _docstring(folder / "__init__.py")
    ]
    assert silent == []


def _exists(module: str) -> bool:
    path = PACKAGE.parent.joinpath(*module.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()


def _docstring(init: Path) -> bool:
    return init.exists() and init.read_text().startswith('"""')
