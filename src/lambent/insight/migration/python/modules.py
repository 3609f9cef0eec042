"""The function's own modules: what each defines, imports and assigns, and what a name in one of them stands for."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from lambent.insight.migration.code_files import CodeFiles, vendored_names

AnyFunction: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True, eq=False)
class Class:
    """A class at the top of a module, with its methods by name."""

    module: Module
    node: ast.ClassDef
    methods: Mapping[str, Function]


@dataclass(frozen=True, eq=False)
class Function:
    """A function at the top of a module, or a method of a class there; functions within it are parts of it."""

    module: Module
    node: AnyFunction
    name: str
    owner: Class | None = None

    @property
    def parameters(self) -> list[str]:
        """The names of its parameters, in order, `self` included."""
        given = self.node.args
        return [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]

    @property
    def is_bound(self) -> bool:
        """Whether its first parameter is the object that it is called on."""
        return self.owner is not None and not _has_decorator(self.node, "staticmethod")


@dataclass(frozen=True, eq=False)
class Module:
    """A module: imports are by local name, as `package.module` or `package.module.name`."""

    name: str
    file: str
    tree: ast.Module
    lines: tuple[str, ...]
    imports: dict[str, str] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    classes: dict[str, Class] = field(default_factory=dict)
    assigned: dict[str, list[ast.expr]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Variable:
    """A name at the top of a module that stands for a value."""

    module: Module
    name: str


Meaning: TypeAlias = Function | Class | Module | Variable | str  # a text: something that is imported, by its full name


@dataclass(frozen=True, slots=True)
class Package:
    """All modules by name, and the files that Python cannot read, with what it says of them."""

    modules: Mapping[str, Module]
    faults: Mapping[str, SyntaxError]

    def meaning(self, module: Module, name: str, depth: int = 0) -> Meaning | None:
        """Return what a name at the top of a module stands for; None for what it does not have."""
        if name in module.functions:
            return module.functions[name]
        if name in module.classes:
            return module.classes[name]
        if name in module.assigned:
            return Variable(module, name)
        if name in module.imports and depth < 8:
            return self._imported(module.imports[name], depth)
        return self._starred(module, name, depth)

    def attribute(self, of: Meaning | None, name: str) -> Meaning | None:
        """Return what an attribute of a module or of something imported stands for."""
        if isinstance(of, Module):
            found = self.meaning(of, name)
            return found if found is not None else self.modules.get(f"{of.name}.{name}")
        return f"{of}.{name}" if isinstance(of, str) else None

    def _imported(self, full: str, depth: int) -> Meaning:
        if full in self.modules:
            return self.modules[full]
        holder, _, name = full.rpartition(".")
        if holder in self.modules:
            found = self.meaning(self.modules[holder], name, depth + 1)
            if found is not None:
                return found
        return full

    def _starred(self, module: Module, name: str, depth: int) -> Meaning | None:
        for key, full in module.imports.items():
            if key.startswith("*") and full in self.modules and depth < 8:
                found = self.meaning(self.modules[full], name, depth + 1)
                if found is not None:
                    return found
        return None


def read_package(files: CodeFiles) -> Package:
    """Return the function's own modules: vendored packages and tests are left out."""
    vendored = vendored_names(files)
    modules: dict[str, Module] = {}
    faults: dict[str, SyntaxError] = {}
    for file, text in sorted(files.texts.items()):
        stem = file.removesuffix(".py")
        if not file.endswith(".py") or _is_foreign(stem, vendored):
            continue
        name = stem.replace("/", ".").removesuffix(".__init__")
        try:
            tree = ast.parse(text, file)
        except (SyntaxError, ValueError) as error:
            faults[file] = error if isinstance(error, SyntaxError) else SyntaxError(str(error))
            continue
        modules[name] = _module(name, file, tree, text)
    return Package(modules, faults)


def _is_foreign(stem: str, vendored: frozenset[str]) -> bool:
    parts = stem.split("/")
    return any("/".join(parts[:end]) in vendored for end in range(1, len(parts) + 1)) or "site-packages" in parts


def _module(name: str, file: str, tree: ast.Module, text: str) -> Module:
    module = Module(name, file, tree, tuple(text.splitlines()))
    package = name if file.endswith("__init__.py") else name.rpartition(".")[0]
    for node in _statements(tree.body):
        _declare(module, node, package)
    # An import within a function counts for the whole module: it makes the same name known.
    for inner in ast.walk(tree):
        if isinstance(inner, ast.Import | ast.ImportFrom):
            for local, full in _imports(inner, package):
                module.imports.setdefault(local, full)
    return module


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run when the module is imported, those in conditions and the like included."""
    for node in body:
        yield node
        for name in ("body", "orelse", "finalbody"):
            if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield from _statements(getattr(node, name, []))
        for handler in getattr(node, "handlers", []):
            yield from _statements(handler.body)


def _declare(module: Module, node: ast.stmt, package: str) -> None:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            module.functions[node.name] = Function(module, node, node.name)
        case ast.ClassDef():
            module.classes[node.name] = _class(module, node)
        case ast.Import() | ast.ImportFrom():
            module.imports.update(_imports(node, package))
        case ast.Assign():
            for target in node.targets:
                _assign(module, target, node.value)
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            module.assigned.setdefault(name, []).append(value)
        case ast.With() | ast.AsyncWith():
            for item in node.items:
                if item.optional_vars is not None:
                    _assign(module, item.optional_vars, item.context_expr)
        case _:
            pass


def _assign(module: Module, target: ast.expr, value: ast.expr) -> None:
    if isinstance(target, ast.Name):
        if isinstance(value, ast.Lambda):
            module.functions[target.id] = Function(module, value, target.id)
        module.assigned.setdefault(target.id, []).append(value)
    elif isinstance(target, ast.Tuple | ast.List):
        same = isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts)
        parts = value.elts if isinstance(value, ast.Tuple | ast.List) and same else [value] * len(target.elts)
        for one, part in zip(target.elts, parts, strict=True):
            _assign(module, one, part)


def _class(module: Module, node: ast.ClassDef) -> Class:
    methods: dict[str, Function] = {}
    made = Class(module, node, methods)
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            methods[inner.name] = Function(module, inner, f"{node.name}.{inner.name}", made)
    return made


def _imports(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[str, str]]:
    """Yield the names that an import makes known, and what each stands for."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield (alias.asname, alias.name) if alias.asname else (alias.name.partition(".")[0],) * 2
        return
    base = node.module or ""
    if node.level:
        parts = package.split(".") if package else []
        parts = parts[: len(parts) - node.level + 1]
        base = ".".join([*parts, *([node.module] if node.module else [])])
    for alias in node.names:
        if alias.name == "*":
            yield f"*{base}", base
        else:
            yield alias.asname or alias.name, f"{base}.{alias.name}" if base else alias.name


def _has_decorator(node: AnyFunction, name: str) -> bool:
    listed = [] if isinstance(node, ast.Lambda) else node.decorator_list
    return any(isinstance(one, ast.Name) and one.id == name for one in listed)
