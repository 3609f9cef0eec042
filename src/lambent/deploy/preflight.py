"""What a manifest names on this machine: whether the folders, files and handlers are there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from lambent.base.diagnostics import Diagnostic, Severity, SourceSpan
from lambent.manifest.system import Function, System


class Places(Protocol):
    """Where values stand in the manifest."""

    def span(self, *path: str | int, key: bool = False) -> SourceSpan | None:
        """Return the place of the value at `path`, or the nearest one known."""


@dataclass(frozen=True, slots=True)
class _Subject:
    """One thing whose files are looked for, and where it stands in the manifest."""

    path: tuple[str, ...]
    base: Path
    sources: Places

    def error(self, rule: str, message: str, advice: str, *inside: str) -> Diagnostic:
        return Diagnostic(Severity.ERROR, rule, message, self.sources.span(*self.path, *inside), advice)


def preflight(system: System, sources: Places, base: Path) -> list[Diagnostic]:
    """Return what the manifest names and `base`, its folder, does not have."""
    found: list[Diagnostic] = []
    for key, function in system.functions.items():
        found.extend(_function(system, function, _Subject(("functions", key), base, sources)))
    for key, layer in system.layers.items():
        subject = _Subject(("layers", key), base, sources)
        if layer.code is not None and layer.code.path is not None:
            found.extend(_code_path(layer.code.path, subject))
        found.extend(_requirements(layer.requirements, subject))
    return found


def _function(system: System, function: Function, subject: _Subject) -> Iterator[Diagnostic]:
    yield from _requirements(function.requirements, subject)
    path = function.code.path
    if path is None:
        return
    missing = list(_code_path(path, subject))
    yield from missing
    runtime = function.runtime or system.defaults.runtime or ""
    handler = function.handler or system.defaults.handler or ""
    folder = subject.base / path
    if not missing and folder.is_dir() and runtime.startswith("python") and "." in handler:
        yield from _python_handler(folder, handler, subject)


def _code_path(path: str, subject: _Subject) -> Iterator[Diagnostic]:
    if (subject.base / path).exists():
        return
    yield subject.error("code-not-found", f"There is no {path} beside the manifest.", _nearby(subject.base), "code")


def _requirements(path: str | None, subject: _Subject) -> Iterator[Diagnostic]:
    if path is not None and not (subject.base / path).is_file():
        yield subject.error(
            "requirements-not-found", f"There is no file {path} beside the manifest.", "", "requirements"
        )


@cache
def _names_in(file: Path, changed_ns: int) -> frozenset[str]:
    """Return the names that a file defines, read once for all its functions. Raises SyntaxError, ValueError."""
    del changed_ns  # a part of the key alone: a file that changes is read again
    return frozenset(_names(ast.parse(file.read_text(encoding="utf-8"), str(file))))


def _python_handler(folder: Path, handler: str, subject: _Subject) -> Iterator[Diagnostic]:
    """Look for the module and the name in it; what is assigned or imported there counts as well as what is defined."""
    module, _, name = handler.rpartition(".")
    stem = folder / module.replace(".", "/")
    file = next((path for path in (stem.with_name(stem.name + ".py"), stem / "__init__.py") if path.is_file()), None)
    if file is None:
        advice = f"Name a file of {folder.name}/, as file.function. It has: {_python_files(folder)}."
        yield subject.error(
            "handler-not-found", f"Unable to import module '{module}': No module named '{module}'", advice, "handler"
        )
        return
    try:
        names = _names_in(file, file.stat().st_mtime_ns)
    except (SyntaxError, ValueError) as error:
        yield subject.error("handler-syntax", f"Syntax error in module '{module}': {error}", "", "handler")
        return
    if name not in names and "*" not in names:
        defined = ", ".join(sorted(one for one in names if not one.startswith("_"))) or "none"
        yield subject.error(
            "handler-not-found",
            f"Handler '{name}' missing on module '{module}'",
            f"Names in {file.name}: {defined}.",
            "handler",
        )


def _names(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Import() | ast.ImportFrom():
                names.update(alias.asname or alias.name for alias in node.names)
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
            case _:
                pass
    return names


def _nearby(base: Path) -> str:
    folders = sorted(path.name for path in base.iterdir() if path.is_dir() and not path.name.startswith("."))
    return f"Paths are relative to {base}. Folders there: {', '.join(folders[:8]) or 'none'}."


def _python_files(folder: Path) -> str:
    return ", ".join(sorted(path.name for path in folder.glob("*.py"))[:8]) or "no Python file"
