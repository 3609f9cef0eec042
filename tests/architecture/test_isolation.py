"""What runs inside a function's sandbox needs nothing of ours: not in its imports, and not when it is loaded."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGE
from tests.requirements import require_python

# Imports every module named in argv, and prints what else of Lambent came along.
_PROBE = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
wanted = set(sys.argv[2:])
for name in sorted(wanted):
    importlib.import_module(name)
packages = {"lambent"} | {name.rpartition(".")[0] for name in wanted}
print(*sorted(name for name in sys.modules if name.split(".")[0] == "lambent" and name not in wanted | packages))
"""


def _modules(package: str) -> list[str]:
    files = [path.relative_to(PACKAGE.parent).with_suffix("") for path in (PACKAGE / package).rglob("*.py")]
    return sorted(
        ".".join(parts[:-1] if parts[-1] == "__init__" else parts) for parts in (file.parts for file in files)
    )


@pytest.mark.parametrize("package", ["guest", "kit"])
def test_sandboxed_code_loads_alone_under_the_bare_interpreter(package: str) -> None:
    command = [sys.executable, "-I", "-S", "-c", _PROBE, str(PACKAGE.parent), *_modules(package)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == []


@pytest.mark.parametrize("package", ["guest", "kit"])
def test_sandboxed_code_imports_the_standard_library_alone_at_its_top(package: str) -> None:
    strangers = [
        f"{path.relative_to(PACKAGE)}:{node.lineno} {name}"
        for path in sorted((PACKAGE / package).rglob("*.py"))
        for node in ast.parse(path.read_text()).body
        for name in _imported(node)
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith(f"lambent.{package}")
    ]
    assert strangers == []


@pytest.mark.parametrize("package", ["guest", "kit"])
def test_sandboxed_code_is_understood_by_the_oldest_runtime(package: str) -> None:
    oldest = require_python("3.9")
    files: list[Path] = sorted((PACKAGE / package).rglob("*.py"))
    code = "import sys\nfor path in sys.argv[1:]: compile(open(path).read(), path, 'exec')"
    ran = subprocess.run([oldest, "-I", "-c", code, *files], capture_output=True, text=True, timeout=30, check=False)
    assert ran.returncode == 0, ran.stderr


def _imported(node: ast.stmt) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module)):
            return [module]
        case _:
            return []
