"""What a manifest names on this machine: whether the folders, files and handlers are there."""

from __future__ import annotations

import ast
import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final, Protocol

from lambent.base.diagnostics import Diagnostic, Severity, SourceSpan
from lambent.deploy.packaging.node_project import SOURCES
from lambent.manifest.checks.rules import RULES
from lambent.manifest.handlers import node_module
from lambent.manifest.system import Function, System

_PYTHON: Final = re.compile(r"python3\.\d+\Z")
# What Node.js takes for a module, in its order.
_RUN_BY_NODE: Final = ("", ".js", ".mjs", ".cjs")


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
        return RULES[rule].found(message, self.sources.span(*self.path, *inside), advice)


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
    handler = _Handler(
        function.handler or system.defaults.handler or "",
        function.runtime or system.defaults.runtime or "",
        is_bundled=function.bundle,
        may_be_elsewhere=bool(function.layers or system.defaults.layers or function.requirements),
    )
    if missing or "." not in handler.name or not handler.runtime.startswith(("python", "nodejs")):
        return
    place = subject.base / path
    if place.is_dir() and handler.runtime.startswith("python"):
        yield from _python_handler(place, handler, subject)
    elif place.is_dir():
        yield from _node_handler(place, handler, subject)
    else:
        yield from _packed_handler(place, handler, subject)


@dataclass(frozen=True, slots=True)
class _Handler:
    """What handles events; `may_be_elsewhere`: a layer or a package may bring it, as monitoring products do."""

    name: str
    runtime: str
    is_bundled: bool
    may_be_elsewhere: bool

    @property
    def module(self) -> str:
        """The module, as the runtime reads it."""
        return self.name.rpartition(".")[0] if self.runtime.startswith("python") else node_module(self.name)

    def not_found(self, subject: _Subject, advice: str) -> Diagnostic:
        """Return the finding for a module that is not there, in the runtime's words."""
        message = f"Error: Cannot find module '{self.module}'"
        if self.runtime.startswith("python"):
            message = f"Unable to import module '{self.module}': No module named '{self.module}'"
        return subject.error("handler-not-found", message, advice, "handler")


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
def _names_in(file: Path, changed_ns: int, minor: int) -> frozenset[str]:
    """Return the names that a file defines for Python 3.`minor`, read once for all its functions.

    Raises SyntaxError, ValueError.
    """
    del changed_ns  # a part of the key alone: a file that changes is read again
    return frozenset(_names(ast.parse(file.read_bytes(), str(file), feature_version=(3, minor))))


def _python_handler(folder: Path, handler: _Handler, subject: _Subject) -> Iterator[Diagnostic]:
    """Look for the module and the name in it; what is assigned or imported there counts as well as what is defined."""
    stem = folder / handler.module.replace(".", "/")
    file = next((path for path in (stem.with_name(stem.name + ".py"), stem / "__init__.py") if path.is_file()), None)
    if file is None:
        is_compiled = any(path.suffix in {".so", ".pyc"} for path in stem.parent.glob(f"{stem.name}.*"))
        if not (is_compiled or handler.may_be_elsewhere or (folder / "requirements.txt").is_file()):
            advice = f"Name a file of {folder.name}/, as file.function. It has: {_python_files(folder)}."
            yield handler.not_found(subject, advice)
        return
    declared = int(handler.runtime.removeprefix("python3.")) if _PYTHON.match(handler.runtime) else 0
    own = sys.version_info.minor
    try:
        names = _names_in(file, file.stat().st_mtime_ns, min(declared or own, own))
    except (SyntaxError, ValueError) as error:
        message = f"Syntax error in module '{handler.module}': {error}"
        found = subject.error("handler-syntax", message, "", "handler")
        if declared > own:
            advice = f"So says Python 3.{own}, which checks; {handler.runtime} may know better."
            found = replace(found, severity=Severity.WARNING, advice=advice)
        yield found
        return
    name = handler.name.rpartition(".")[2]
    if name not in names and "*" not in names:
        defined = ", ".join(sorted(one for one in names if not one.startswith("_"))) or "none"
        yield subject.error(
            "handler-not-found",
            f"Handler '{name}' missing on module '{handler.module}'",
            f"Names in {file.name}: {defined}.",
            "handler",
        )


def _node_handler(folder: Path, handler: _Handler, subject: _Subject) -> Iterator[Diagnostic]:
    """Look for the module; names are not looked for, since what a module exports shows when it is run."""
    if _is_brought(handler):
        return
    stem = handler.module
    suffixes = SOURCES if handler.is_bundled else _RUN_BY_NODE
    if any((folder / f"{stem}{suffix}").is_file() for suffix in suffixes):
        return
    has_typescript = any((folder / f"{stem}{suffix}").is_file() for suffix in SOURCES)
    advice = f"Name a file of {folder.name}/, as file.function. It has: {_node_files(folder)}."
    if has_typescript:
        advice = "Lambda runs JavaScript: add `bundle: true`, or compile it and name the folder of what comes out."
    yield handler.not_found(subject, advice)


def _packed_handler(file: Path, handler: _Handler, subject: _Subject) -> Iterator[Diagnostic]:
    """Look for the module in a zip, or in one file that is a package by itself."""
    if _is_brought(handler):
        return
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        names = [file.name]
    stem = handler.module.removeprefix("./")
    if handler.runtime.startswith("python"):
        stem = stem.replace(".", "/")
        is_there = any(name.startswith((f"{stem}.", f"{stem}/__init__.")) for name in names)
    else:
        is_there = any(f"{stem}{suffix}" in names for suffix in _RUN_BY_NODE)
    if not is_there:
        tops = ", ".join([name for name in names if "/" not in name][:8]) or "none"
        yield handler.not_found(
            subject, f"The handler is named file.function. Files at the top of {file.name}: {tops}."
        )


def _is_brought(handler: _Handler) -> bool:
    """Return whether the module may be that of a layer or a package."""
    return handler.may_be_elsewhere or handler.name.startswith("/") or "node_modules/" in handler.name


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


def _node_files(folder: Path) -> str:
    files = (path.name for path in folder.iterdir() if path.suffix in SOURCES)
    return ", ".join(sorted(files)[:8]) or "no JavaScript file"
