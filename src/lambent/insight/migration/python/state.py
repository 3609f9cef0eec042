"""State that outlives a request: names of a module, attributes of its objects and classes, defaults, the process.

A worker handles one request at a time and has memory of its own, so nothing is torn here; what is kept for the request
is found by the next one on the same worker, and what is meant for all requests is known to one worker in many.

What is kept because it is the same for all requests (a client, a configuration, a value by its key) is no such state.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from lambent.insight.migration.python.modules import Class, Function, Variable
from lambent.insight.migration.python.reach import Reach, Reached
from lambent.insight.migration.python.scope import assigned_attributes

_MUTATORS = frozenset({
    "append", "extend", "insert", "add", "update", "setdefault", "pop", "popitem", "remove", "discard", "clear",
    "appendleft", "extendleft", "popleft", "subtract", "push", "put", "put_nowait", "intersection_update", "sort",
    "difference_update", "symmetric_difference_update", "reverse", "rotate", "move_to_end", "set", "__setitem__",
})  # fmt: skip
# What hands out a part of what is kept, which is changed with it.
_HANDED_OUT = frozenset({"setdefault", "get", "values", "items", "__getitem__"})
# What makes something that is changed in place.
_CONTAINERS = frozenset({
    "dict", "list", "set", "bytearray", "collections.defaultdict", "collections.deque", "collections.Counter",
    "collections.OrderedDict", "queue.Queue", "queue.SimpleQueue", "queue.LifoQueue", "itertools.count", "defaultdict",
    "contextvars.ContextVar", "threading.local", "types.SimpleNamespace", "weakref.WeakValueDictionary", "array.array",
    "collections.ChainMap", "collections.UserDict", "cachetools.TTLCache", "cachetools.LRUCache", "cachetools.Cache",
    "weakref.WeakKeyDictionary", "argparse.Namespace", "multiprocessing.Manager", "asyncio.Queue",
})  # fmt: skip
_BOUNDED_CACHES = ("cachetools.",)
_MOMENTS = ("time.", "datetime.", "uuid.", "random.", "secrets.", "os.urandom")
_SETTINGS = {
    "locale.setlocale": "the locale", "os.chdir": "the working directory", "os.umask": "the file mode mask",
    "random.seed": "the random seed", "numpy.random.seed": "the random seed", "os.nice": "the priority",
    "socket.setdefaulttimeout": "the default timeout of sockets", "time.tzset": "the time zone",
    "decimal.setcontext": "the decimal context", "signal.signal": "a signal's handler", "signal.alarm": "the alarm",
    "sys.setrecursionlimit": "the recursion limit", "os.setuid": "the user", "os.putenv": "the environment",
    "warnings.simplefilter": "the warnings filter", "signal.setitimer": "the timer",
}  # fmt: skip
_PER_REQUEST_SETTINGS = frozenset({"os.chdir", "locale.setlocale", "os.umask", "time.tzset"})


@dataclass(frozen=True, slots=True)
class State:
    """One change of what outlives the request: the rule, what is said of it, and where it is made."""

    rule: str
    what: str
    node: ast.AST
    remedy: str = ""


def changes(here: Reached, reach: Reach) -> Iterator[State]:
    """Yield what a function that runs for a request changes beyond it."""
    reader = _Reader(here, reach)
    for node in here.scope.body:
        yield from reader.node(node)
    yield from reader.defaults()


class _Reader:
    def __init__(self, here: Reached, reach: Reach) -> None:
        self.here = here
        self.reach = reach
        self.scope = here.scope
        self._asked: set[str] = set()
        self.parents = {id(child): node for node in self.scope.body for child in ast.iter_child_nodes(node)}

    def node(self, node: ast.AST) -> Iterator[State]:
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                for one in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
                    yield from self._assigned(one, node.value, node)
        elif isinstance(node, ast.AugAssign):
            yield from self._added(node.target, node.value, node)
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                if isinstance(target, ast.Subscript) and (name := self._kept(target.value)):
                    yield State("module-state", f"takes something out of {name}, which outlives the request", node)
        elif isinstance(node, ast.Call):
            yield from self._called(node)

    def _assigned(self, target: ast.expr, value: ast.expr, node: ast.AST) -> Iterator[State]:
        if isinstance(target, ast.Name):
            if target.id in self.scope.globals:
                yield from self._rebound(target.id, value, node)
        elif isinstance(target, ast.Attribute):
            yield from self._attribute(target, value, node)
        elif isinstance(target, ast.Subscript):
            yield from self._item(target, value, node)

    def _rebound(self, name: str, value: ast.expr, node: ast.AST) -> Iterator[State]:
        if self._mentions(value, name):
            yield State("module-state", f"{name} counts on from request to request: {_PER_WORKER}", node, _COUNT)
        elif self._is_requests(value):
            yield State("module-state", f"{name}, a name of the module, holds what this request brought: {_NEXT}", node)
        elif self._is_momentary(value) and not self._is_guarded(node, name):
            yield State("module-state", f"{name}, a name of the module, is set anew by each request: {_NEXT}", node)

    def _attribute(self, target: ast.Attribute, value: ast.expr, node: ast.AST) -> Iterator[State]:
        full = self.scope.full_name(target)
        if full in {"sys.argv", "sys.path"} or full.startswith("decimal.getcontext()."):
            if self._is_requests(value):
                yield State("process-setting", f"{full.replace('()', '')} is the whole worker's: {_NEXT}", node)
            return
        name = self._shared_object(target.value)
        if not name:
            return
        said = f"{name}.{target.attr}"
        if self._mentions_attribute(value, target):
            yield State("module-state", f"{said} counts on from request to request: {_PER_WORKER}", node, _COUNT)
        elif self._is_requests(value) and not self._is_cached_by_key(value):
            yield State("module-state", f"{said} outlives the request and holds what it brought: {_NEXT}", node)
        elif self._is_momentary(value) and not self._is_guarded(node, target.attr):
            yield State("module-state", f"{said} outlives the request and is set anew by each: {_NEXT}", node)

    def _item(self, target: ast.Subscript, value: ast.expr, node: ast.AST) -> Iterator[State]:
        full = self.scope.full_name(target.value)
        if full == "os.environ":
            if self._is_requests(value):
                yield State("process-setting", "the environment of the process holds what this request brought", node)
            return
        if full == "globals()" and self._is_requests(value):
            yield State("module-state", f"a name of the module holds what this request brought: {_NEXT}", node)
            return
        if (name := self._of_session(target.value)) and self._is_requests(value):
            yield State("module-state", f"{name} outlives the request and holds what it brought: {_NEXT}", node)
        elif name := self._kept(target.value):
            yield from self._put(name, target, value, node)

    def _put(self, name: str, target: ast.Subscript, value: ast.expr, node: ast.AST) -> Iterator[State]:
        if self._mentions(value, name):
            yield State("module-state", f"{name} counts on from request to request: {_PER_WORKER}", node, _COUNT)
        elif self._is_memo(target, name):
            if self._is_requests(target.slice) and not self._is_bounded(target.value):
                yield State("worker-cache", f"{name} grows with every new key, in each worker by itself", node)
            elif self._is_requests(value) and not self._is_requests(target.slice):
                yield State("module-state", f"{name} keeps what the first request brought: {_NEXT}", node)
        elif self._is_requests(value) or self._is_requests(target.slice) or self._is_momentary(value):
            yield State("module-state", f"{name}, which outlives the request, holds what it brought: {_NEXT}", node)

    def _added(self, target: ast.expr, value: ast.expr, node: ast.AST) -> Iterator[State]:
        name = ""
        if isinstance(target, ast.Name) and target.id in self.scope.globals:
            name = target.id
        elif isinstance(target, ast.Name) and self.scope.bindings.get(target.id):
            name = self._kept(target) if isinstance(value, ast.List | ast.ListComp) else ""
        elif isinstance(target, ast.Subscript):
            name = self._kept(target.value)
        elif isinstance(target, ast.Attribute) and (holder := self._shared_object(target.value)):
            name = f"{holder}.{target.attr}"
        if name:
            yield State("module-state", f"{name} counts on from request to request: {_PER_WORKER}", node, _COUNT)

    def _called(self, call: ast.Call) -> Iterator[State]:
        full = self.scope.full_name(call.func)
        if full in _SETTINGS:
            yield from self._setting(call, full)
        elif full in {"os.environ.update", "os.environ.setdefault"} and self._is_requests(call):
            yield State("process-setting", "the environment of the process holds what this request brought", call)
        elif full in {"setattr", "next"} and call.args:
            yield from self._builtin(call, full)
        elif full in {"sys.path.append", "sys.path.insert"} and self._is_requests(call):
            yield State("process-setting", f"sys.path is the whole worker's: {_NEXT}", call)
        elif isinstance(call.func, ast.Attribute) and call.func.attr in {"addHandler", "addFilter"}:
            yield from self._logs(call, call.func)
        elif isinstance(call.func, ast.Attribute) and call.func.attr in _MUTATORS:
            if (name := self._of_session(call.func.value)) and self._is_requests(call):
                yield State("module-state", f"{name} outlives the request and holds what it brought: {_NEXT}", call)
            else:
                yield from self._mutated(call, call.func)

    def _logs(self, call: ast.Call, func: ast.Attribute) -> Iterator[State]:
        """Yield what each request hangs on a logger, and does not take away: loggers are the whole worker's."""
        removes = func.attr.replace("add", "remove")
        is_removed = any(isinstance(one, ast.Attribute) and one.attr == removes for one in self.scope.body)
        is_logger = self.scope.full_name(func.value).startswith(("logging.getLogger", "logging.root"))
        is_new = not isinstance(given := call.args[0] if call.args else call, ast.Name) or self.scope.is_local(given.id)
        if is_logger and is_new and not is_removed and not self._is_guarded(call, ""):
            yield State("module-state", f"{ast.unparse(func.value)} keeps what each request adds: {_PER_WORKER}", call)

    def _of_session(self, node: ast.expr) -> str:
        """Return the name of what an HTTP session of the module sends with every request, "" for all else."""
        if not isinstance(node, ast.Attribute) or node.attr not in {"headers", "cookies", "params", "proxies"}:
            return ""
        is_session = self.scope.full_name(node.value).endswith(("ession()", "Client()"))
        name = self._shared_object(node.value) if is_session else ""
        return f"{name}.{node.attr}" if name else ""

    def _builtin(self, call: ast.Call, full: str) -> Iterator[State]:
        name = self._shared_object(call.args[0]) if full == "setattr" else self._kept(call.args[0])
        if name and (full == "next" or self._is_requests(call)):
            yield State("module-state", f"{name} outlives the request and is changed by it: {_NEXT}", call)

    def _mutated(self, call: ast.Call, func: ast.Attribute) -> Iterator[State]:
        name = self._kept(func.value)
        if not name or self._is_context_variable(func.value):
            return
        if func.attr == "setdefault" and len(call.args) == 2 and not self._is_requests(call.args[1]):
            parent = self.parents.get(id(call))
            if not isinstance(parent, ast.Attribute):  # CACHE.setdefault(key, client), and nothing put into it
                return
        if func.attr in {"clear", "sort", "reverse", "pop", "popitem", "popleft", "remove", "discard", "move_to_end"}:
            if self._is_bounded(func.value) or self._is_memo_kept_small(func):
                return
            yield State("module-state", f"{name}, which outlives the request, is changed by it: {_NEXT}", call)
            return
        what = f"{name}, which outlives the request, grows with each: {_PER_WORKER}"
        if not self._is_bounded(func.value):
            yield State("module-state", what, call)

    def _setting(self, call: ast.Call, full: str) -> Iterator[State]:
        if full in _PER_REQUEST_SETTINGS or self._is_requests(call):
            yield State("process-setting", f"{_SETTINGS[full]} is the whole worker's: {_NEXT}", call)

    def defaults(self) -> Iterator[State]:
        """Yield the default values that the function changes."""
        args = self.here.function.node.args
        placed = [*args.posonlyargs, *args.args]
        pairs = [
            *zip(placed[len(placed) - len(args.defaults) :], args.defaults, strict=True),
            *zip(args.kwonlyargs, args.kw_defaults, strict=True),
        ]
        for one, value in pairs:
            if value is not None and self._makes_container(value, self.scope) and self._changes(one.arg):
                yield State("mutable-default", f"the default of {one.arg} is changed, and is the next request's", value)

    def _changes(self, name: str) -> bool:
        for node in self.scope.body:
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id=given), attr=method)):
                    if given == name and method in _MUTATORS:
                        return True
                case ast.Subscript(value=ast.Name(id=given), ctx=ast.Store() | ast.Del()):
                    if given == name:
                        return True
                case ast.AugAssign(target=ast.Name(id=given)):
                    if given == name:
                        return True
                case ast.Assign(targets=[ast.Name(id=given)]):
                    if given == name:
                        return False  # it is made anew before
                case _:
                    pass
        return False

    def _kept(self, node: ast.expr) -> str:
        """Return the name of what outlives the request and is changed in place, "" for what does not."""
        if isinstance(node, ast.Subscript):
            return self._kept(node.value)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _HANDED_OUT:
            return self._kept(node.func.value)
        if isinstance(node, ast.Call):
            return self._kept_answer(node)
        if isinstance(node, ast.Name) and self.scope.is_local(node.id):
            return self._kept_alias(node.id)
        found = self.scope.meaning_of(node) if isinstance(node, ast.Name | ast.Attribute) else None
        if isinstance(found, Variable):
            values = found.module.assigned[found.name]
            there = type(self.scope)(self.scope.package, found.module, None)
            return found.name if any(self._makes_container(one, there) for one in values) else ""
        return self._kept_attribute(node) if isinstance(node, ast.Attribute) else ""

    def _kept_answer(self, call: ast.Call) -> str:
        """Return the name of a function with a cache, whose one answer all callers get, and which they change."""
        found = self.scope.meaning_of(call.func)
        if not isinstance(found, Function) or isinstance(found.node, ast.Lambda):
            return ""
        there = type(self.scope)(self.scope.package, found.module, found)
        around = type(self.scope)(self.scope.package, found.module, None)
        listed = [one.func if isinstance(one, ast.Call) else one for one in found.node.decorator_list]
        if not any(around.full_name(one) in {"functools.lru_cache", "functools.cache"} for one in listed):
            return ""
        answers = [one.value for one in there.body if isinstance(one, ast.Return) and one.value is not None]
        answers += [v for one in answers if isinstance(one, ast.Name) for v in there.bindings.get(one.id, ())]
        return f"what {found.name}() keeps" if any(self._makes_container(one, there) for one in answers) else ""

    def _kept_alias(self, name: str) -> str:
        """Return what a local name is another name of, or a part of: of all that it is bound to."""
        values = [*self.scope.bindings.get(name, ()), *self.scope.loops.get(name, ())]
        if not values or name in self._asked:
            return ""
        self._asked.add(name)
        parts = ast.Name | ast.Call | ast.Subscript | ast.Attribute
        names = {self._kept(one) if isinstance(one, parts) else "" for one in values}
        self._asked.discard(name)
        return names.pop() if len(names) == 1 else ""

    def _kept_attribute(self, node: ast.Attribute) -> str:
        """Return the name of an attribute of a shared object, or of a class, that holds something changed in place."""
        holder = self._shared_object(node.value)
        owner = self._class(node.value)
        if owner is None:
            return ""
        in_class = [
            one.value
            for one in owner.node.body
            if isinstance(one, ast.Assign | ast.AnnAssign) and one.value is not None and _names(one, node.attr)
        ]
        assigned = assigned_attributes(self.scope.package, owner, node.attr) if holder else ()
        of_self = [one for one in assigned if one not in in_class]
        if not holder and self._sets_in_init(owner, node.attr):
            return ""
        if not holder:  # a dataclass's field: each object has its own
            in_class = [one for one in in_class if not isinstance(one, ast.Call) or not self._is_field(one)]
        containers = [one for one in (*in_class, *of_self) if self._makes_container(one, self.scope)]
        return f"{holder or owner.node.name}.{node.attr}" if containers else ""

    def _is_field(self, node: ast.Call) -> bool:
        return self.scope.full_name(node.func) in {"dataclasses.field", "pydantic.Field", "attr.ib", "attrs.field"}

    def _sets_in_init(self, owner: Class, name: str) -> bool:
        """Return whether each object gets an attribute of its own, whatever the class has."""
        init = owner.methods.get("__init__")
        return init is not None and any(
            isinstance(one, ast.Attribute) and one.attr == name and isinstance(one.ctx, ast.Store)
            for one in ast.walk(init.node)
        )

    def _shared_object(self, node: ast.expr) -> str:
        """Return the name of an object, class or module that outlives the request, "" for others."""
        if isinstance(node, ast.Name) and node.id == self.scope.receiver:
            owner = self.here.function.owner
            function = self.here.function.node
            is_class = not isinstance(function, ast.Lambda) and any(
                isinstance(one, ast.Name) and one.id == "classmethod" for one in function.decorator_list
            )
            return owner.node.name if owner is not None and (self.here.is_shared or is_class) else ""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "type":
            return node.func.id
        if not isinstance(node, ast.Name | ast.Attribute):
            return ""
        if isinstance(node, ast.Attribute) and node.attr == "__class__":
            return "the class"
        found = self.scope.meaning_of(node)
        if isinstance(found, Class):
            return found.node.name
        if isinstance(found, Variable):
            return found.name
        if found is not None and not isinstance(found, str):
            return ast.unparse(node)  # a module of one's own, or a function
        return ""

    def _class(self, node: ast.expr) -> Class | None:
        found = self.scope.meaning_of(node)
        return found if isinstance(found, Class) else self.scope.class_of(node)

    def _makes_container(self, node: ast.expr, scope: object) -> bool:
        if isinstance(node, ast.Dict | ast.List | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp):
            return True
        named = getattr(scope, "full_name", self.scope.full_name)
        if not isinstance(node, ast.Call):
            return False
        if self._is_field(node):
            return any(one.arg == "default_factory" for one in node.keywords)
        return named(node.func) in _CONTAINERS

    def _is_bounded(self, node: ast.expr) -> bool:
        return self.scope.full_name(node).startswith(_BOUNDED_CACHES)

    def _is_context_variable(self, node: ast.expr) -> bool:
        return self.scope.full_name(node).startswith("contextvars.ContextVar")

    def _is_memo_kept_small(self, func: ast.Attribute) -> bool:
        """Return whether a cache's entries are taken out where its length is looked at."""
        return any(
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "len"
            and node.args
            and ast.dump(node.args[0]) == ast.dump(func.value)
            for node in self.scope.body
        )

    def _is_requests(self, node: ast.AST) -> bool:
        return self.here.is_of_request(node, self.reach.attributes)

    def _is_cached_by_key(self, value: ast.expr) -> bool:
        return isinstance(value, ast.Dict) and not value.keys

    def _is_momentary(self, value: ast.expr) -> bool:
        return any(
            isinstance(one, ast.Call) and self.scope.full_name(one.func).startswith(_MOMENTS) for one in ast.walk(value)
        )

    def _is_guarded(self, node: ast.AST, name: str) -> bool:
        """Return whether a condition around the statement asks for the module's own state: a cache is filled anew."""
        parent = self.parents.get(id(node))
        while parent is not None:
            if isinstance(parent, ast.If | ast.IfExp | ast.While) and self._asks_state(parent.test, name):
                return True
            parent = self.parents.get(id(parent))
        return False

    def _asks_state(self, test: ast.expr, name: str) -> bool:
        for one in ast.walk(test):
            if isinstance(one, ast.Name) and (one.id == name or isinstance(self.scope.meaning(one.id), Variable)):
                return True
            if isinstance(one, ast.Attribute) and (one.attr == name or self._shared_object(one.value)):
                return True
        return False

    def _mentions(self, value: ast.expr, name: str) -> bool:
        last = name.rpartition(".")[2]
        return any(
            (isinstance(one, ast.Name) and one.id == last) or (isinstance(one, ast.Attribute) and one.attr == last)
            for one in ast.walk(value)
        )

    def _mentions_attribute(self, value: ast.expr, target: ast.Attribute) -> bool:
        return any(
            (
                isinstance(one, ast.Attribute)
                and one.attr == target.attr
                and ast.dump(one.value) == ast.dump(target.value)
            )
            or _is_getattr(one, target.attr)
            for one in ast.walk(value)
        )

    def _is_memo(self, target: ast.Subscript, name: str) -> bool:
        """Return whether what is stored is looked up, by a key, before it is made, and handed out again."""
        last = name.rpartition(".")[2]
        asks, reads = False, False
        for one in self.scope.body:
            if isinstance(one, ast.Compare) and any(isinstance(op, ast.In | ast.NotIn) for op in one.ops):
                asks = asks or any(self._mentions(each, last) for each in one.comparators)
            if isinstance(one, ast.Subscript) and isinstance(one.ctx, ast.Load) and self._mentions(one.value, last):
                reads = True
            if isinstance(one, ast.Call) and _is_get(one) and self._mentions(one.func, last):
                asks = reads = True
            if isinstance(one, ast.ExceptHandler) and one.type is not None and "KeyError" in ast.unparse(one.type):
                asks = True
        return asks and reads


def _is_getattr(node: ast.AST, name: str) -> bool:
    """Return whether it is `getattr(…, "name")`."""
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr"
    return is_call and any(isinstance(one, ast.Constant) and one.value == name for one in ast.walk(node))


def _is_get(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "get"


def _names(node: ast.Assign | ast.AnnAssign, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(one, ast.Name) and one.id == name for one in targets)


_NEXT = "the next request on the same worker finds it, and those on other workers do not"
_PER_WORKER = "each worker process has one of its own, and none knows of all requests"
_COUNT = "Keep what is meant for all requests in a store (DynamoDB, ElastiCache); of one request, in local variables."
