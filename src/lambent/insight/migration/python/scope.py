"""What the names within one function stand for: its locals and what they are bound to, and names from outside."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property

from lambent.insight.migration.python.modules import Class, Function, Meaning, Module, Package, Variable

_DEEPEST = 6


class Scope:
    """The names of a function, nested ones included, or of a module's own statements, where `function` is None."""

    def __init__(self, package: Package, module: Module, function: Function | None) -> None:
        self.package = package
        self.module = module
        self.function = function
        self.globals: set[str] = set()
        self.bindings: dict[str, list[ast.expr]] = {}
        self.loops: dict[str, list[ast.expr]] = {}
        self.locals: set[str] = set()
        if function is not None:
            self._gather(function.node)

    @cached_property
    def body(self) -> list[ast.AST]:
        """Every node that runs with it: of a module, what runs when it is imported."""
        if self.function is not None:
            node = self.function.node
            parts = [node.body] if isinstance(node, ast.Lambda) else node.body
            return [inner for part in parts for inner in ast.walk(part)]
        return list(_at_import(self.module.tree))

    @property
    def receiver(self) -> str:
        """The name of the parameter that is the object itself, "" where there is none."""
        if self.function is None or not self.function.is_bound or not self.function.parameters:
            return ""
        return self.function.parameters[0]

    def is_local(self, name: str) -> bool:
        """Whether a name is the function's own."""
        return name in self.locals and name not in self.globals

    def meaning(self, name: str) -> Meaning | None:
        """Return what a name from outside the function stands for."""
        return None if self.is_local(name) else self.package.meaning(self.module, name)

    def meaning_of(self, node: ast.expr) -> Meaning | None:
        """Return what a name, or attributes of a module, stand for."""
        if isinstance(node, ast.Name):
            return self.meaning(node.id)
        if isinstance(node, ast.Attribute):
            return self.package.attribute(self.meaning_of(node.value), node.attr)
        return None

    def full_name(self, node: ast.expr, depth: int = 0) -> str:
        """Return what an expression is called by where it was defined, whatever it is called here.

        `s.client` after `s = boto3.Session()` is `boto3.Session().client`; "" where it is not known.
        """
        if depth > _DEEPEST:
            return ""
        match node:
            case ast.Name(id=name):
                return self._name(name, depth)
            case ast.Attribute(value=value, attr=attr):
                found = self.meaning_of(node)
                if isinstance(found, str):
                    return found
                if isinstance(found, Variable):
                    return self._of_variable(found, depth)
                if own := self._own_attribute(node, depth):
                    return own
                base = self.full_name(value, depth + 1)
                return f"{base}.{attr}" if base else ""
            case ast.Call(func=func):
                base = self.full_name(func, depth + 1)
                return f"{base}()" if base else ""
            case ast.Await(value=value) | ast.NamedExpr(value=value):
                return self.full_name(value, depth + 1)
            case _:
                return ""

    def class_of(self, node: ast.expr, depth: int = 0) -> Class | None:
        """Return the function's own class that an expression is an object of, where that can be seen."""
        if depth > _DEEPEST:
            return None
        match node:
            case ast.Call(func=func):
                found = self.meaning_of(func)
                return found if isinstance(found, Class) else self._made_by(func, depth)
            case ast.Name(id=name) if self.is_local(name):
                if name == self.receiver and self.function is not None:
                    return self.function.owner
                return self.first_class(self.bindings.get(name, ()), depth)
            case ast.Name() | ast.Attribute():
                found = self.meaning_of(node)
                if isinstance(found, Variable):
                    values = found.module.assigned[found.name]
                    return Scope(self.package, found.module, None).first_class(values, depth)
                if isinstance(node, ast.Attribute):
                    return self.first_class(self.attribute_values(node), depth)
                return None
            case ast.NamedExpr(value=value) | ast.Await(value=value):
                return self.class_of(value, depth + 1)
            case _:
                return None

    def attribute_values(self, node: ast.Attribute) -> list[ast.expr]:
        """Return what the object's own methods, and its class, assign to an attribute of it."""
        if not isinstance(node.value, ast.Name) or self.function is None or self.function.owner is None:
            return []
        if node.value.id not in {self.receiver, self.function.owner.node.name}:
            return []
        return list(assigned_attributes(self.package, self.function.owner, node.attr))

    def _made_by(self, func: ast.expr, depth: int) -> Class | None:
        """Return the class of what a function of one's own returns, where it says `return Class(…)`."""
        found = self.meaning_of(func)
        if not isinstance(found, Function) or isinstance(found.node, ast.Lambda):
            return None
        inner = Scope(self.package, found.module, found)
        returned = [one.value for one in inner.body if isinstance(one, ast.Return) and one.value is not None]
        return inner.first_class(returned, depth)

    def first_class(self, values: object, depth: int) -> Class | None:
        """Return the class of the first expression that has one."""
        for value in values if isinstance(values, list | tuple) else ():
            found = self.class_of(value, depth + 1)
            if found is not None:
                return found
        return None

    def _own_attribute(self, node: ast.Attribute, depth: int) -> str:
        names = {self.full_name(value, depth + 1) for value in self.attribute_values(node)} - {""}
        return names.pop() if len(names) == 1 else ""

    def _name(self, name: str, depth: int) -> str:
        if self.is_local(name):
            names = {self.full_name(value, depth + 1) for value in self.bindings.get(name, ())} - {""}
            return names.pop() if len(names) == 1 else ""
        found = self.package.meaning(self.module, name)
        if isinstance(found, Variable):
            return self._of_variable(found, depth)
        if isinstance(found, Function | Class):
            return f"{found.module.name}.{name}"
        if isinstance(found, Module):
            return found.name
        return name if found is None else found

    def _of_variable(self, found: Variable, depth: int) -> str:
        there = Scope(self.package, found.module, None)
        names = {there.full_name(value, depth + 1) for value in found.module.assigned[found.name]} - {""}
        return names.pop() if len(names) == 1 else ""

    def _gather(self, function: ast.AST) -> None:
        for node in ast.walk(function):
            match node:
                case ast.arg(arg=name):
                    self.locals.add(name)
                case ast.Global(names=names):
                    self.globals.update(names)
                case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                    self.locals.add(name)
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    if node is not function:
                        self.locals.add(name)
                case ast.ExceptHandler(name=str() as name):
                    self.locals.add(name)
                case _:
                    pass
            self._bind(node)

    def _bind(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._bind_target(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._bind_target(target, value)
            case ast.NamedExpr(target=target, value=value):
                self._bind_target(target, value)
            case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
                self._bind_target(target, value)
            case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
                self._loop(target, value)
            case ast.comprehension(target=target, iter=value):
                self._loop(target, value)
            case _:
                pass

    def _bind_target(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.bindings.setdefault(target.id, []).append(value)
        elif isinstance(target, ast.Tuple | ast.List):
            same = isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts)
            for index, one in enumerate(target.elts):
                part = value.elts[index] if isinstance(value, ast.Tuple | ast.List) and same else _item(value, index)
                self._bind_target(one.value if isinstance(one, ast.Starred) else one, part)

    def _loop(self, target: ast.expr, iterated: ast.expr) -> None:
        for inner in ast.walk(target):
            if isinstance(inner, ast.Name):
                self.loops.setdefault(inner.id, []).append(iterated)


def assigned_attributes(package: Package, owner: Class, name: str) -> Iterator[ast.expr]:
    """Yield what the class and its methods, and those of its own bases, assign to an attribute."""
    for one in family(package, owner):
        for node in ast.walk(one.node):
            match node:
                case ast.Assign(targets=targets, value=value):
                    if any(_is_attribute(target, name) for target in targets):
                        yield value
                case ast.AnnAssign(target=target, value=ast.expr() as value) if _is_attribute(target, name):
                    yield value
                case _:
                    pass


def family(package: Package, owner: Class) -> list[Class]:
    """Return the class, its own bases and the classes that are made of it."""
    everything = [one for module in package.modules.values() for one in module.classes.values()]
    found = [owner]
    for one in found:
        found += [base for base in bases(package, one) if base not in found]
    found += [one for one in everything if one not in found and owner in bases(package, one)]
    return found


def bases(package: Package, of: Class) -> list[Class]:
    """Return the bases of a class that are the function's own."""
    scope = Scope(package, of.module, None)
    found = (scope.meaning_of(node) for node in of.node.bases)
    return [one for one in found if isinstance(one, Class)]


def _is_attribute(target: ast.expr, name: str) -> bool:
    """Return whether it is `self.name`, or `name` in the class's own body."""
    if isinstance(target, ast.Attribute):
        return target.attr == name and isinstance(target.value, ast.Name)
    return isinstance(target, ast.Name) and target.id == name


def _item(value: ast.expr, index: int) -> ast.expr:
    made = ast.Subscript(value, ast.Constant(index), ast.Load())
    return ast.fix_missing_locations(ast.copy_location(made, value))


def _at_import(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the nodes that run when a module is imported: bodies of functions do not, those of classes do."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop(0)
        yield node
        for field, value in ast.iter_fields(node):
            if field == "body" and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            inner = value if isinstance(value, list) else [value]
            waiting += [one for one in inner if isinstance(one, ast.AST)]
