"""What a text, such as a file's name, can be at the place where it is used, as far as the code shows it.

A text is a sequence of parts: known characters, and holes. What makes a name unique (a request's id, a UUID, the
process's id, `tempfile`) is one kind of hole; what the request brings is another: two requests may bring the same.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from lambent.insight.migration.python.modules import Class, Function, Variable
from lambent.insight.migration.python.reach import CallSite, Reach, Reached, arguments, given
from lambent.insight.migration.python.scope import Scope, family

_DEEPEST, _MOST = 12, 16


class Hole(Enum):
    """A part of a text that is not known."""

    UNIQUE = "unique"
    """Never the same for two requests at a time."""
    REQUEST = "request"
    """What the request brings."""
    TIME = "time"
    """The moment: the same for all requests of that moment."""
    UNKNOWN = "unknown"


Text: TypeAlias = tuple[str | Hole, ...]

_UNIQUE_CALLS = (
    "uuid.", "secrets.", "tempfile.mk", "tempfile.NamedTemporaryFile", "tempfile.TemporaryDirectory", "os.getpid",
    "tempfile.TemporaryFile", "tempfile.SpooledTemporaryFile", "tempfile._get", "random.", "os.urandom", "time.time_ns",
    "time.perf_counter", "time.monotonic", "multiprocessing.current_process", "ulid.", "nanoid.", "shortuuid.",
    "numpy.random", "id", "os.times", "ksuid.", "xid.", "bson.ObjectId", "bson.objectid.ObjectId",
)  # fmt: skip
_TIME_CALLS = ("time.", "datetime.", "arrow.", "pendulum.")
_REQUEST_IDS = frozenset({
    "aws_request_id", "awsRequestId", "requestId", "request_id", "requestID", "messageId", "message_id", "MessageId",
    "eventID", "eventId", "event_id", "invocationId", "invocation_id", "correlation_id", "correlationId",
    "receiptHandle", "sequenceNumber", "uuid", "pid",
})  # fmt: skip
_JOINED = frozenset({"os.path.join", "posixpath.join"})
_WRAPPED = frozenset({
    "pathlib.Path", "pathlib.PosixPath", "pathlib.PurePath", "pathlib.PurePosixPath", "str", "os.fspath", "os.fsdecode",
    "os.fsencode", "os.path.abspath", "os.path.normpath", "os.path.realpath", "os.path.expanduser",
    "os.path.expandvars", "typing.cast", "int", "float", "round", "repr", "format", "hex", "urllib.parse.unquote_plus",
    "os.path.basename", "urllib.parse.unquote", "urllib.parse.quote",
})  # fmt: skip
_ENVIRONMENT = frozenset({"os.environ.get", "os.getenv", "os.environ.setdefault"})
_SAME = frozenset({
    "resolve", "absolute", "as_posix", "expanduser", "strip", "lstrip", "rstrip", "lower", "upper", "encode",
    "replace", "removesuffix", "removeprefix", "__str__", "decode",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class View:
    """Where a text is looked at: the names of a function, and, of one that runs for a request, who calls it."""

    scope: Scope
    reached: Reached | None = None
    bound: Mapping[str, tuple[Text, ...]] = field(default_factory=dict)


class Texts:
    """Reads texts; `environment` has the function's variables as it is configured."""

    def __init__(self, reach: Reach, environment: Mapping[str, str]) -> None:
        self._reach = reach
        self._environment = environment
        self._within: set[tuple[int, int]] = set()

    def of(self, node: ast.expr, view: View, depth: int = 0) -> tuple[Text, ...]:
        """Return what an expression can be, each once; one that is not known is a single hole."""
        key = (id(node), id(view.scope))
        if depth > _DEEPEST or key in self._within:
            return ((Hole.UNKNOWN,),)
        self._within.add(key)
        try:
            found = tuple(dict.fromkeys(itertools.islice(self._read(node, view, depth + 1), _MOST)))
        finally:
            self._within.discard(key)
        return found or (self._hole(node, view),)

    def _hole(self, node: ast.expr, view: View) -> Text:
        reached = view.reached
        if reached is not None and reached.is_of_request(node, self._reach.attributes):
            return (Hole.REQUEST,)
        return (Hole.UNKNOWN,)

    def _read(self, node: ast.expr, view: View, depth: int) -> Iterator[Text]:
        match node:
            case ast.Constant(value=str() | bytes() | int() as value):
                yield (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value),)
            case ast.JoinedStr(values=values):
                yield from self._joined(values, view, depth)
            case ast.BinOp():
                yield from self._operation(node, view, depth)
            case ast.Call():
                yield from self._call(node, view, depth)
            case ast.Name(id=name):
                yield from self._name(name, view, depth)
            case ast.Attribute():
                yield from self._attribute(node, view, depth)
            case ast.Subscript():
                yield from self._subscript(node, view, depth)
            case _:
                for inner in _alternatives(node):
                    yield from self.of(inner, view, depth)

    def _joined(self, nodes: Sequence[ast.expr], view: View, depth: int, between: str = "") -> Iterator[Text]:
        parts = [self.of(one, view, depth) for one in nodes]
        for chosen in itertools.islice(itertools.product(*parts), _MOST):
            pieces: list[str | Hole] = []
            for index, one in enumerate(chosen):
                if between and index:
                    starts_anew = between == "/" and isinstance(one[0], str) and one[0].startswith("/")
                    pieces = [] if starts_anew else [*pieces, between]
                pieces += one
            yield merged(pieces)

    def _operation(self, node: ast.BinOp, view: View, depth: int) -> Iterator[Text]:
        if isinstance(node.op, ast.Add):
            yield from self._joined([node.left, node.right], view, depth)
        elif isinstance(node.op, ast.Div):
            yield from self._joined([node.left, node.right], view, depth, "/")
        elif isinstance(node.op, ast.Mod):
            values = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
            for text in self.of(node.left, view, depth):
                yield self._filled(_split_format(_known(text), "%"), values, view, depth)

    def _filled(self, between: Sequence[str], values: Sequence[ast.expr], view: View, depth: int) -> Text:
        """Return a format with the first reading of each value put in."""
        pieces: list[str | Hole] = [between[0]]
        waiting = list(values)
        for part in between[1:]:
            pieces += self.of(waiting.pop(0), view, depth)[0] if waiting else (Hole.UNKNOWN,)
            pieces.append(part)
        return merged(pieces)

    def _call(self, node: ast.Call, view: View, depth: int) -> Iterator[Text]:
        name = view.scope.full_name(node.func)
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name in _JOINED:
            yield from self._joined(node.args, view, depth, "/")
        elif name in _WRAPPED and node.args:
            nodes = [node.args[-1]] if name == "typing.cast" else node.args
            yield from self._joined(nodes, view, depth, "/" if name.startswith("pathlib.") else "")
        elif name == "tempfile.gettempdir":
            yield ("/tmp",)
        elif name in _ENVIRONMENT and node.args:
            yield from self._variable(node.args, view, depth)
        elif _is_one_of(name, _UNIQUE_CALLS):
            yield (Hole.UNIQUE,)
        elif _is_one_of(name, _TIME_CALLS):
            yield (Hole.TIME,)
        elif isinstance(node.func, ast.Attribute) and method:
            yield from self._method(node, node.func, view, depth)
        else:
            yield from self._own(node, view, depth)

    def _method(self, node: ast.Call, func: ast.Attribute, view: View, depth: int) -> Iterator[Text]:
        method = func.attr
        if method == "joinpath":
            yield from self._joined([func.value, *node.args], view, depth, "/")
        elif method == "join" and len(node.args) == 1 and isinstance(node.args[0], ast.List | ast.Tuple):
            for separator in self.of(func.value, view, depth):
                between = separator[0] if isinstance(separator[0], str) else ""
                yield from self._joined(node.args[0].elts, view, depth, between)
        elif method in {"with_suffix", "with_name", "with_stem"}:
            yield from self._renamed(node, func, view, depth)
        elif method == "format":
            for text in self.of(func.value, view, depth):
                values = [*node.args, *(keyword.value for keyword in node.keywords)]
                yield self._filled(_split_format(_known(text), "{"), values, view, depth)
        elif method in _SAME:
            yield from self.of(func.value, view, depth)
        elif method in {"isoformat", "strftime", "timestamp"} or func.attr in {"hexdigest", "hex", "digest"}:
            inner = self.of(func.value, view, depth)
            yield inner[0] if inner[0] != (Hole.UNKNOWN,) else self._hole(node, view)
        else:
            yield from self._own(node, view, depth)

    def _renamed(self, node: ast.Call, func: ast.Attribute, view: View, depth: int) -> Iterator[Text]:
        for base in self.of(func.value, view, depth):
            if func.attr == "with_suffix" or not node.args:
                yield base
                continue
            head = base[0].rpartition("/")[0] if len(base) == 1 and isinstance(base[0], str) else None
            for name in self.of(node.args[0], view, depth):
                yield merged([Hole.UNKNOWN if head is None else f"{head}/", *name])

    def _variable(self, nodes: Sequence[ast.expr], view: View, depth: int) -> Iterator[Text]:
        """Yield an environment variable's value: as it is configured, as Lambda sets it, or the default."""
        names = {text[0] for text in self.of(nodes[0], view, depth) if len(text) == 1}
        given = next((self._environment[str(name)] for name in names if str(name) in self._environment), None)
        if given is not None:
            yield (given,) if "${" not in given else (Hole.UNKNOWN,)
        elif len(nodes) > 1:
            yield from self.of(nodes[1], view, depth)
        elif names & {"TMPDIR", "TEMP", "TMP"}:
            yield ("/tmp",)

    def _own(self, node: ast.Call, view: View, depth: int) -> Iterator[Text]:
        """Yield what a function of one's own returns for these arguments."""
        found = view.scope.meaning_of(node.func)
        if isinstance(found, Class) or not isinstance(found, Function):
            return
        inner = Scope(self._reach.package, found.module, found)
        reached = self._reach.reached.get((found, False))
        site = CallSite(reached, node, 0) if reached is not None else None
        bound = {} if site is None else {name: self.of(one, view, depth) for name, one in arguments(site, found)}
        there = View(inner, reached, bound)
        if isinstance(found.node, ast.Lambda):
            yield from self.of(found.node.body, there, depth)
            return
        for one in inner.body:
            if isinstance(one, ast.Return | ast.Yield) and one.value is not None:
                yield from self.of(one.value, there, depth)

    def _name(self, name: str, view: View, depth: int) -> Iterator[Text]:
        scope = view.scope
        if name in view.bound:
            yield from view.bound[name]
        elif scope.is_local(name):
            for value in scope.bindings.get(name, ()):
                yield from self.of(value, view, depth)
            for iterated in scope.loops.get(name, ()):
                yield from self._turn(iterated, view, depth)
            yield from self._parameter(name, view, depth)
        else:
            found = scope.meaning(name)
            if isinstance(found, Variable):
                yield from self._module_variable(found, depth)
            elif name == "__file__":
                yield ("/var/task/", Hole.UNKNOWN)

    def _module_variable(self, found: Variable, depth: int) -> Iterator[Text]:
        there = View(Scope(self._reach.package, found.module, None))
        for value in found.module.assigned[found.name]:
            yield from self.of(value, there, depth)

    def _turn(self, iterated: ast.expr, view: View, depth: int) -> Iterator[Text]:
        """Yield what a loop's variable can be: of a list each item, of a count a number, which is nobody's own."""
        if isinstance(iterated, ast.List | ast.Tuple | ast.Set):
            for one in iterated.elts:
                yield from self.of(one, view, depth)
        elif isinstance(iterated, ast.Call) and view.scope.full_name(iterated.func) in {"range", "enumerate"}:
            yield ("0",)
        elif isinstance(iterated, ast.Name) and isinstance(found := view.scope.meaning(iterated.id), Variable):
            there = View(Scope(self._reach.package, found.module, None))
            for value in found.module.assigned[found.name]:
                yield from self._turn(value, there, depth)
        else:
            yield self._hole(iterated, view)

    def _parameter(self, name: str, view: View, depth: int) -> Iterator[Text]:
        function, reached = view.scope.function, view.reached
        if function is None or name not in function.parameters:
            return
        sites = (
            [(dict(arguments(one, function)), View(one.caller.scope, one.caller)) for one in reached.sites]
            if reached
            else []
        )
        sites += self._made_at_import(function)
        if not sites or any(name not in values for values, _ in sites):
            yield from self._default(name, function, depth)
        for values, there in sites:
            if name in values:
                yield from self.of(values[name], there, depth)
        if reached is not None and name in reached.requested and not sites:
            yield (Hole.REQUEST,)

    def _made_at_import(self, function: Function) -> list[tuple[dict[str, ast.expr], View]]:
        """Return what a constructor is given where modules make their objects: `writer = Writer("/tmp")`."""
        owner, package = function.owner, self._reach.package
        if owner is None or owner.methods.get("__init__") is not function:
            return []
        found: list[tuple[dict[str, ast.expr], View]] = []
        for module in package.modules.values():
            view = View(Scope(package, module, None))
            for node in view.scope.body:
                made = view.scope.meaning_of(node.func) if isinstance(node, ast.Call) else None
                if isinstance(node, ast.Call) and isinstance(made, Class) and owner in family(package, made):
                    found.append((dict(given(node, 1, function)), view))
        return found

    def _default(self, name: str, function: Function, depth: int) -> Iterator[Text]:
        """Yield a parameter's default."""
        args = function.node.args
        placed = [*args.posonlyargs, *args.args]
        pairs = [
            *zip(placed[len(placed) - len(args.defaults) :], args.defaults, strict=True),
            *zip(args.kwonlyargs, args.kw_defaults, strict=True),
        ]
        for one, value in pairs:
            if one.arg == name and value is not None:
                yield from self.of(value, View(Scope(self._reach.package, function.module, None)), depth)

    def _attribute(self, node: ast.Attribute, view: View, depth: int) -> Iterator[Text]:
        if node.attr in _REQUEST_IDS:
            yield (Hole.UNIQUE,)
            return
        found = view.scope.meaning_of(node)
        if isinstance(found, Variable):
            yield from self._module_variable(found, depth)
            return
        owner = view.scope.class_of(node.value)
        meant = view.scope.meaning_of(node.value)
        owner = meant if isinstance(meant, Class) else owner
        if owner is not None:
            yield from self._of_object(owner, node.attr, depth)
        elif node.attr in {"name", "parent", "path", "value"}:  # of a temporary file, of a path, of an enumeration
            inner = self.of(node.value, view, depth)
            yield from (text for text in inner if node.attr != "parent" or Hole.UNIQUE in text)

    def _of_object(self, owner: Class, name: str, depth: int) -> Iterator[Text]:
        """Yield what methods of a class assign to an attribute, each looked at from the method it stands in."""
        for body in owner.node.body:
            match body:
                case ast.Assign(targets=[ast.Name(id=given)], value=value) if given == name:
                    yield from self.of(value, View(Scope(self._reach.package, owner.module, None)), depth)
                case ast.AnnAssign(target=ast.Name(id=given), value=ast.expr() as value) if given == name:
                    yield from self.of(value, View(Scope(self._reach.package, owner.module, None)), depth)
                case _:
                    pass
        for method in owner.methods.values():
            if method.name.endswith(f".{name}"):  # a property
                yield from self._returned(method, depth)
            yield from self._assigned_in(method, name, depth)

    def _view_of(self, method: Function) -> View:
        reached = self._reach.reached.get((method, False)) or self._reach.reached.get((method, True))
        return View(Scope(self._reach.package, method.module, method) if reached is None else reached.scope, reached)

    def _returned(self, method: Function, depth: int) -> Iterator[Text]:
        view = self._view_of(method)
        for one in view.scope.body:
            if isinstance(one, ast.Return) and one.value is not None:
                yield from self.of(one.value, view, depth)

    def _assigned_in(self, method: Function, name: str, depth: int) -> Iterator[Text]:
        view = self._view_of(method)
        for one in view.scope.body:
            if not isinstance(one, ast.Assign | ast.AnnAssign) or one.value is None:
                continue
            for target in one.targets if isinstance(one, ast.Assign) else [one.target]:
                if isinstance(target, ast.Attribute) and target.attr == name:
                    yield from self.of(one.value, view, depth)

    def _subscript(self, node: ast.Subscript, view: View, depth: int) -> Iterator[Text]:
        if isinstance(node.slice, ast.Constant) and str(node.slice.value) in _REQUEST_IDS | {"id"}:
            yield (Hole.UNIQUE,)
        elif view.scope.full_name(node.value) == "os.environ":
            yield from self._variable([node.slice], view, depth)
        elif isinstance(node.slice, ast.Constant):
            yield from self._item(node.value, node.slice.value, view, depth)
        elif (inner := self.of(node.value, view, depth)) and Hole.UNIQUE in inner[0]:
            yield inner[0]  # a part of a UUID

    def _item(self, of: ast.expr, key: object, view: View, depth: int) -> Iterator[Text]:
        """Yield an item of a dict, a list or a tuple that is written out."""
        values = [of]
        if isinstance(of, ast.Name):
            found = view.scope.meaning(of.id)
            values = view.scope.bindings.get(of.id, [])
            if isinstance(found, Variable):
                values, view = found.module.assigned[found.name], View(Scope(self._reach.package, found.module, None))
        for value in values:
            match value:
                case ast.Dict(keys=keys, values=items):
                    chosen = [item for one, item in zip(keys, items, strict=True) if _is_constant(one, key)]
                case ast.List(elts=items) | ast.Tuple(elts=items) if isinstance(key, int):
                    chosen = items[key : key + 1]
                case ast.Call() if view.scope.full_name(value.func).startswith("tempfile.mk"):
                    chosen = [value]
                case _:
                    chosen = []
            for one in chosen:
                yield from self.of(one, view, depth)


def _alternatives(node: ast.expr) -> list[ast.expr]:
    """Return the expressions one of which an expression is."""
    match node:
        case ast.FormattedValue(value=value) | ast.Await(value=value) | ast.NamedExpr(value=value):
            return [value]
        case ast.IfExp(body=one, orelse=other):
            return [one, other]
        case ast.BoolOp(values=values):
            return values
        case _:
            return []


def _is_constant(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value == value


def _is_one_of(name: str, listed: Sequence[str]) -> bool:
    """Return whether a full name is listed, or begins with one that ends in a dot or says how names begin."""
    return any(name == one or (len(one) > 2 and name.startswith(one)) for one in listed)


def _known(text: Text) -> str:
    return "".join(part for part in text if isinstance(part, str))


def _split_format(text: str, opening: str) -> list[str]:
    """Return what stands between the places of a format, of `%s` or of `{}`.

    >>> _split_format("/tmp/%s-%03d.csv", "%")
    ['/tmp/', '-', '.csv']
    """
    place = re.compile(r"%(?:\(\w+\))?[-+ 0#]*[\d.*]*[a-zA-Z]" if opening == "%" else r"\{[^{}]*\}")
    kept = text.replace(opening * 2, "\0")
    return [part.replace("\0", opening) for part in place.split(kept)]


def merged(pieces: Sequence[str | Hole]) -> Text:
    """Return a text whose known parts that stand side by side are one, and slashes are not doubled."""
    found: list[str | Hole] = []
    for piece in pieces:
        if isinstance(piece, str) and found and isinstance(found[-1], str):
            found[-1] = f"{found[-1]}{piece}"
        else:
            found.append(piece)
    return tuple(one.replace("//", "/") if isinstance(one, str) and one.startswith("/") else one for one in found)
