"""What runs for a request: the functions that the handler calls, hands on or is registered with, and what they get.

A value that is made of the event or the context is the request's; who is handed one has it too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeGuard

from lambent.insight.migration.python.modules import FUNCTIONS, AnyFunction, Class, Function, Meaning, Package, Variable
from lambent.insight.migration.python.scope import Scope, family

# What decorates a handler's helper for the sake of traces and logs registers nothing.
_NO_REGISTRATION = frozenset({
    "capture_method", "capture_lambda_handler", "inject_lambda_context", "log_metrics", "setter", "getter", "deleter",
    "wraps", "lru_cache", "cache", "cached_property", "contextmanager", "asynccontextmanager", "dataclass",
    "overload", "abstractmethod", "fixture", "retry", "event_source", "singledispatch", "total_ordering",
})  # fmt: skip
_MADE = ("__init__", "__post_init__", "__enter__", "__exit__", "__aenter__", "__aexit__", "__new__")
# Names of methods that everything has tell nothing of whose they are.
_COMMON = frozenset(dir(dict) + dir(list) + dir(str) + dir(set) + ["close", "read", "write", "send", "open", "put"])


@dataclass(frozen=True, slots=True)
class CallSite:
    """Where a function is called, and from whose names the arguments are made."""

    caller: Reached
    call: ast.Call
    skipped: int


@dataclass(frozen=True, eq=False)
class Reached:
    """A function that runs for a request; `is_shared` says that its object outlives the request."""

    function: Function
    is_shared: bool
    scope: Scope
    requested: set[str] = field(default_factory=set)
    sites: list[CallSite] = field(default_factory=list)

    def is_of_request(self, node: ast.AST, attributes: dict[Class, set[str]]) -> bool:
        """Return whether an expression is made of what the request brings."""
        owner = self.function.owner
        known = attributes.get(owner, set()) if owner is not None else set()
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and inner.id in self.requested and inner.id != self.scope.receiver:
                return True
            if (
                isinstance(inner, ast.Attribute)
                and isinstance(inner.value, ast.Name)
                and inner.value.id == self.scope.receiver
                and inner.attr in known
            ):
                return True
        return False


class Reach:
    """All that runs for a request, beginning with the handler; empty where the handler is not found."""

    def __init__(self, package: Package, handler: str) -> None:
        self.package = package
        self.reached: dict[tuple[Function, bool], Reached] = {}
        self.attributes: dict[Class, set[str]] = {}
        self._waiting: list[Reached] = []
        self._handed: set[tuple[Function, bool]] = set()
        name, _, method = handler.rpartition(".")
        self.module = package.modules.get(name.replace("/", "."))
        if self.module is None:
            return
        scope = Scope(package, self.module, None)
        self._enter(package.meaning(self.module, method), scope)
        for function in self._registered():
            self._hand(function, is_shared=False)
        while self._waiting:
            self._follow(self._waiting.pop())

    @property
    def is_found(self) -> bool:
        """Whether there is a function that handles events."""
        return bool(self.reached)

    def _enter(self, found: Meaning | None, scope: Scope) -> None:
        """Begin with what the handler's name stands for: a function, an object that is called, something around one."""
        if isinstance(found, Function):
            self._hand(found, is_shared=False)
        elif isinstance(found, Class):
            self._construct(found)
        elif isinstance(found, Variable):
            there = Scope(self.package, found.module, None)
            for value in found.module.assigned[found.name]:
                self._enter_value(value, there)

    def _enter_value(self, value: ast.expr, scope: Scope) -> None:
        made = scope.class_of(value)
        if made is not None:
            for method in self._methods(made, "__call__"):
                self._hand(method, is_shared=True)
        for inner in ast.walk(value):
            if isinstance(inner, ast.Attribute):
                meant = scope.meaning_of(inner.value)
                holder = meant if isinstance(meant, Class) else scope.class_of(inner.value)
                for method in () if holder is None else self._methods(holder, inner.attr):
                    self._hand(method, is_shared=True)
            if isinstance(inner, ast.Name | ast.Attribute):
                found = scope.meaning_of(inner)
                if isinstance(found, Function):
                    self._hand(found, is_shared=False)
                elif isinstance(found, Variable) and not any(inner is one for one in _called(value)):
                    self._enter(found, scope)

    def _registered(self) -> Iterator[Function]:
        """Yield the functions that decorators register with an object of the module, as routers have them."""
        for module in self.package.modules.values():
            scope = Scope(self.package, module, None)
            everything = [*module.functions.values(), *(m for c in module.classes.values() for m in c.methods.values())]
            for function in everything:
                listed = [] if isinstance(function.node, ast.Lambda) else function.node.decorator_list
                if any(_registers(one, scope) for one in listed):
                    yield function

    def _follow(self, here: Reached) -> None:
        self._spread(here)
        called = {id(node.func) for node in here.scope.body if isinstance(node, ast.Call)}
        for node in here.scope.body:
            if isinstance(node, ast.Call):
                self._call(here, node)
            elif _is_read(node) and id(node) not in called:
                self._mention(here, node)

    def _spread(self, here: Reached) -> None:
        """Find the local names and attributes that hold what the request brings."""
        scope = here.scope
        for node in scope.body:
            if isinstance(node, FUNCTIONS):  # a function within: whoever calls it hands it the request's values
                here.requested.update(one.arg for one in (*node.args.posonlyargs, *node.args.args))
        before = -1
        while before != len(here.requested):
            before = len(here.requested)
            for names in (scope.bindings, scope.loops):
                for name, values in names.items():
                    if any(here.is_of_request(value, self.attributes) for value in values):
                        here.requested.add(name)
        for node in scope.body:
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and node.value is not None:
                self._spread_attributes(here, node, node.value)

    def _spread_attributes(
        self, here: Reached, node: ast.Assign | ast.AnnAssign | ast.AugAssign, value: ast.expr
    ) -> None:
        owner = here.function.owner
        if owner is None or not here.is_of_request(value, self.attributes):
            return
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
                known = self.attributes.setdefault(owner, set())
                if target.value.id == here.scope.receiver and target.attr not in known:
                    known.add(target.attr)
                    self._waiting += [one for one in self.reached.values() if one.function.owner is owner]

    def _call(self, here: Reached, call: ast.Call) -> None:
        for function, is_shared, skipped in self._called(here, call.func):
            reached, is_new = self._reached(function, is_shared=is_shared)
            site = CallSite(here, call, skipped)
            if not any(one.call is call and one.caller is here for one in reached.sites):
                reached.sites.append(site)
            given = {name for name, value in arguments(site, function) if here.is_of_request(value, self.attributes)}
            if is_new or not given <= reached.requested:
                reached.requested.update(given)
                self._waiting.append(reached)

    def _called(self, here: Reached, func: ast.expr) -> Iterator[tuple[Function, bool, int]]:
        """Yield the functions that a call may run, whether on a shared object, and how many parameters it skips."""
        found = here.scope.meaning_of(func)
        if isinstance(found, Function):
            yield found, False, 0
        elif isinstance(found, Class):
            yield from self._constructors(found)
        elif isinstance(func, ast.Attribute):
            yield from self._methods_called(here, func)
        elif (made := here.scope.class_of(func)) is not None:
            for method in self._methods(made, "__call__"):
                yield method, isinstance(found, Variable), 1
        elif isinstance(func, ast.Name) and here.scope.is_local(func.id):
            for value in here.scope.bindings.get(func.id, ()):
                if isinstance(value, ast.Name | ast.Attribute):
                    yield from self._called(here, value) if value is not func else ()

    def _constructors(self, made: Class) -> Iterator[tuple[Function, bool, int]]:
        for name in _MADE:
            for method in self._methods(made, name):
                yield method, False, 1

    def _methods_called(self, here: Reached, func: ast.Attribute) -> Iterator[tuple[Function, bool, int]]:
        holder = self._holder(here, func.value)
        if holder is not None:
            made, is_shared = holder
            for method in self._methods(made, func.attr):
                yield method, is_shared, 1 if method.is_bound else 0
        elif not here.scope.full_name(func.value) and func.attr not in _COMMON:
            yield from ((method, False, 1) for method in self._by_name(func.attr))

    def _holder(self, here: Reached, value: ast.expr) -> tuple[Class, bool] | None:
        """Return the class of the object that a method is called on, and whether the object outlives the request."""
        scope, owner = here.scope, here.function.owner
        if isinstance(value, ast.Name) and value.id == scope.receiver and owner is not None:
            return owner, here.is_shared
        is_super = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "super"
        if is_super and owner is not None:
            return owner, here.is_shared
        found = scope.meaning_of(value)
        if isinstance(found, Class):
            return found, False
        made = scope.class_of(value)
        if made is None:
            return None
        of_self = isinstance(value, ast.Attribute) and bool(scope.attribute_values(value))
        return made, isinstance(found, Variable) or (of_self and here.is_shared)

    def _mention(self, here: Reached, node: ast.Name | ast.Attribute) -> None:
        """Follow a function that is handed on, and the functions in a table that is looked into."""
        found = here.scope.meaning_of(node)
        if isinstance(found, Function):
            self._hand(found, is_shared=False)
        elif isinstance(found, Variable):
            there = Scope(self.package, found.module, None)
            for value in found.module.assigned[found.name]:
                for inner in _handed_on(value):
                    kept = there.meaning_of(inner)
                    if isinstance(kept, Function):
                        self._hand(kept, is_shared=False)
                    elif isinstance(kept, Class):
                        self._construct(kept)
        elif isinstance(node, ast.Attribute):
            for method, is_shared, _ in self._methods_called(here, node):
                reached, is_new = self._reached(method, is_shared=is_shared)
                if is_new:
                    self._take_all(reached)

    def _construct(self, made: Class) -> None:
        for method, is_shared, _ in self._constructors(made):
            self._hand(method, is_shared=is_shared)

    def _hand(self, function: Function, *, is_shared: bool) -> None:
        """A function is called by somebody who is not seen: all that it gets is the request's."""
        self._take_all(self._reached(function, is_shared=is_shared)[0])

    def _take_all(self, reached: Reached) -> None:
        key = (reached.function, reached.is_shared)
        if key in self._handed:
            return
        self._handed.add(key)
        args = reached.function.node.args
        reached.requested.update({*reached.function.parameters} - {reached.scope.receiver})
        reached.requested.update(one.arg for one in (args.vararg, args.kwarg) if one is not None)
        self._waiting.append(reached)

    def _reached(self, function: Function, *, is_shared: bool) -> tuple[Reached, bool]:
        key = (function, is_shared)
        if key in self.reached:
            return self.reached[key], False
        made = Reached(function, is_shared, Scope(self.package, function.module, function))
        self.reached[key] = made
        self._decorated(function)
        return made, True

    def _decorated(self, function: Function) -> None:
        """Follow what one's own decorators put around a function: what they return runs for each call."""
        scope = Scope(self.package, function.module, None)
        for one in [] if isinstance(function.node, ast.Lambda) else function.node.decorator_list:
            found = scope.meaning_of(one.func if isinstance(one, ast.Call) else one)
            if isinstance(found, Function):
                for inner in _nested(found.node, 2 if isinstance(one, ast.Call) else 1):
                    self._hand(Function(found.module, inner, f"{found.name}.{inner.name}"), is_shared=False)
            elif isinstance(found, Class):
                for method in self._methods(found, "__call__"):
                    self._hand(method, is_shared=True)

    def _methods(self, made: Class, name: str) -> list[Function]:
        return [one.methods[name] for one in family(self.package, made) if name in one.methods]

    def _by_name(self, name: str) -> Iterator[Function]:
        for module in self.package.modules.values():
            for one in module.classes.values():
                if name in one.methods:
                    yield one.methods[name]


def arguments(site: CallSite, function: Function) -> Iterator[tuple[str, ast.expr]]:
    """Yield the parameters that a call gives values to, with the values."""
    yield from given(site.call, site.skipped, function)


def given(call: ast.Call, skipped: int, function: Function) -> Iterator[tuple[str, ast.expr]]:
    """Yield the parameters that a call, wherever it stands, gives values to, with the values."""
    named = function.parameters[skipped:]
    for name, value in zip(named, call.args, strict=False):
        if isinstance(value, ast.Starred):
            yield from ((rest, value.value) for rest in named[named.index(name) :])
            break
        yield name, value
    for keyword in call.keywords:
        if keyword.arg is None:
            yield from ((name, keyword.value) for name in named)
        else:
            yield keyword.arg, keyword.value


def _nested(node: AnyFunction, level: int) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the functions that are defined so many levels within a function."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and inner is not node:
            if level == 1 and any(inner is one for one in _bodies_of(node)):
                yield inner
            elif level > 1 and any(inner is one for one in _bodies_of(node)):
                yield from _nested(inner, level - 1)


def _bodies_of(node: AnyFunction) -> list[ast.stmt]:
    return [] if isinstance(node, ast.Lambda) else node.body


def _is_read(node: ast.AST) -> TypeGuard[ast.Name | ast.Attribute]:
    return isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load)


def _called(node: ast.AST) -> Iterator[ast.expr]:
    """Yield what is called in a node, and the objects whose methods are."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call):
            yield inner.func


def _handed_on(value: ast.expr) -> Iterator[ast.expr]:
    """Yield the names in a value that are not called where it is made."""
    called = {id(one) for one in _called(value)}
    for inner in ast.walk(value):
        if isinstance(inner, ast.Name | ast.Attribute) and id(inner) not in called:
            yield inner


def _registers(decorator: ast.expr, scope: Scope) -> bool:
    """Return whether a decorator is a method of an object of the module: `@app.get("/x")`."""
    func = decorator.func if isinstance(decorator, ast.Call) else decorator
    if not isinstance(func, ast.Attribute) or func.attr in _NO_REGISTRATION:
        return False
    return isinstance(scope.meaning_of(func.value), Variable)
