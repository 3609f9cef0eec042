"""A Node.js function's code → what in it breaks, or costs more, where requests of a worker thread interleave."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lambent.base.diagnostics import SourceSpan
from lambent.insight.migration.code_files import CodeFiles
from lambent.insight.migration.findings import Finding
from lambent.insight.migration.node.source import JsFile, read_files
from lambent.insight.migration.node.temporary import written
from lambent.insight.migration.node.tokens import Body, Token
from lambent.insight.migration.python.spots import is_ignored
from lambent.insight.migration.rules import RULES

_MUTATORS = frozenset(
    {"push", "unshift", "splice", "pop", "shift", "add", "set", "delete", "clear", "sort", "reverse", "fill"}
)
_ASSIGNING = frozenset({"+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=", "**="})
_CONSTANT = frozenset({"true", "false", "null", "undefined"})
_CONTAINER = frozenset({"{", "["})
_AWS_CLIENT = re.compile(r"@aws-sdk/(client-[a-z0-9-]+|lib-dynamodb)\.(?!.*Command\Z)[A-Z]\w*\Z|aws-sdk(\.\w+)+\Z")
_HTTP_CLIENT = re.compile(
    r"(axios\.create|https?\.Agent|undici\.(Agent|Pool|Client)|got\.extend|got\.default\.extend)\Z"
)
_CONNECTION = re.compile(
    r"(pg\.(Client|Pool)|pg|mysql2?(/promise)?\.(createConnection|createPool)|redis\.createClient|ioredis(\.Redis)?|"
    r"mongodb\.MongoClient(\.connect)?|mongoose\.(connect|createConnection)|@prisma/client\.PrismaClient|knex|"
    r"sequelize\.Sequelize|net\.(connect|createConnection)|tls\.connect|kafkajs\.Kafka|amqplib\.connect|postgres|"
    r"mssql\.connect|oracledb\.getConnection|nodemailer\.createTransport|ws|ssh2\.Client|pg\.default\.Client)\Z"
)
_MADE_BY_NEW = re.compile(r"(pg|ioredis|ws)\Z")
_HOLDS = "holds what this request brought; other requests of the thread change it at every await"
_IN_THREADS = {
    "process.chdir": "process.chdir() throws in a worker thread",
    "process.exit": "process.exit() ends the worker thread, and with it all requests that it handles",
    "process.abort": "process.abort() throws in a worker thread",
    "process.setuid": "process.setuid() throws in a worker thread",
    "process.umask": "process.umask() throws in a worker thread when it sets the mask",
    "process.initgroups": "process.initgroups() throws in a worker thread",
}
_BLOCKING = re.compile(
    r"(child_process\.)?(execSync|spawnSync|execFileSync)\Z|crypto\.(pbkdf2Sync|scryptSync)\Z|Atomics\.wait\Z"
)


@dataclass(frozen=True, slots=True)
class _Spot:
    rule: str
    what: str
    token: Token


def examine(files: CodeFiles, handler: str) -> list[Finding]:
    """Return what is found in the handler's file and those of its own that it imports."""
    read = read_files(files, handler)
    if not read:
        return _no_handler(files, handler)
    found: list[Finding] = []
    kept = {name for file in read for name in file.made_at_top}
    for file in read:
        reader = _Reader(file, handler.rpartition(".")[2] if file is read[0] else "", kept)
        for spot in reader.spots():
            said = RULES[spot.rule]
            if is_ignored(file.lines, spot.token.line, spot.rule):
                continue
            token = spot.token
            end = token.column + max(len(token.value), 1)
            span = SourceSpan(files.shown(file.name), token.line, token.column, token.line, end)
            found.append(Finding(spot.rule, said.severity, spot.what, span, said.remedy))
    return list(dict.fromkeys(found))


def _no_handler(files: CodeFiles, handler: str) -> list[Finding]:
    if handler.startswith("/") or "node_modules/" in handler:
        return []  # a package that wraps the handler
    said = RULES["handler"]
    known = ", ".join(sorted(name for name in files.texts if "/" not in name)[:8]) or "none"
    return [Finding(said.name, said.severity, f"{handler} is not in the code; its files: {known}", None, said.remedy)]


class _Reader:
    def __init__(self, file: JsFile, handler: str, kept: set[str]) -> None:
        self.file = file
        self.tokens = file.tokens
        self.handler = handler
        self.requested = self._requested()
        self.setup = self._setup()
        self.kept = [file.classes[name] for name in kept if name in file.classes]

    def spots(self) -> Iterator[_Spot]:
        yield from self._callbacks()
        for index, token in enumerate(self.tokens):
            if token.kind != "name":
                continue
            body = self.file.owners[index]
            if body is None or any(one in self.setup for one in body.within()):
                if self._is_called(index):
                    yield from self._writes(index, is_init=body is None)
                continue
            yield from self._state(index, body)
            yield from self._own(index, body)
            if self._is_called(index) or self._is_made(index):
                yield from self._calls(index, body)
                yield from self._writes(index, is_init=False)

    def _requested(self) -> set[str]:
        """Return the names that may hold what a request brings: parameters, and what is made of them."""
        names = {name for body in self.file.bodies for name in body.parameters}
        inner = [
            index
            for index, token in enumerate(self.tokens)
            if token.kind == "name" and token.value in {"const", "let", "var"} and self.file.owners[index] is not None
        ]
        for _ in range(4):
            for index in inner:
                if self._mentions(self.file.value_of(index), names):
                    names.update(self.file.declared(index))
        return names

    def _setup(self) -> list[Body]:
        """Return the functions that only run while the module is loaded: called at the top alone, and not exported."""
        found = []
        for body in self.file.bodies:
            if not body.name or body.around is not None or body.name == self.handler:
                continue
            uses = [
                index
                for index, token in enumerate(self.tokens)
                if token.kind == "name" and token.value == body.name and not self._is_declared(index)
            ]
            called_at_top = [one for one in uses if self.file.owners[one] is None and self._is_called(one)]
            if called_at_top and len(called_at_top) == len(uses):
                found.append(body)
        return found

    def _is_declared(self, index: int) -> bool:
        before = self.tokens[index - 1].value if index else ""
        close = self.file.partner.get(index + 1, len(self.tokens))
        is_method = close + 1 < len(self.tokens) and self.tokens[close + 1].value == "{"
        return is_method or before in {"function", "*", "const", "let", "var"}

    def _callbacks(self) -> Iterator[_Spot]:
        for body in self.file.bodies:
            if body.name != self.handler or not self.handler or body.around is not None:
                continue
            inside = range(body.start, body.end)
            if len(body.parameters) >= 3 and not body.is_async:
                name = body.parameters[2]
                yield _Spot("callback-handler", f"{self.handler} takes a callback ({name})", self.tokens[body.start])
            for index in inside:
                if self.tokens[index].kind == "name" and self.file.dotted(index) in {
                    "context.done", "context.succeed", "context.fail",
                }:  # fmt: skip
                    what = f"{self.handler} answers by {self.file.dotted(index)}()"
                    yield _Spot("callback-handler", what, self.tokens[index])

    def _state(self, index: int, body: Body) -> Iterator[_Spot]:
        token = self.tokens[index]
        name = token.value
        previous = self.tokens[index - 1].value if index else ""
        if previous in {".", "?."} or self.file.is_local(name, index):
            return
        is_ours = name in self.file.top
        is_imported = self.file.imports.get(name, "").startswith(".")
        if not (is_ours or is_imported or name in {"globalThis", "global"}):
            return
        after = self.tokens[index + 1].value if index + 1 < len(self.tokens) else ""
        if after in _ASSIGNING or after in {"++", "--"} or previous in {"++", "--"}:
            yield _Spot(
                "shared-state", f"{name} counts on from request to request, in each worker thread by itself", token
            )
        elif after in {"=", "??=", "||="} and is_ours:
            yield from self._assigned(index, name, body)
        elif after in {".", "[", "?."}:
            yield from self._member(index, name, body)
        elif is_ours and self._mentions(self._taken_apart(index), self.requested - {name}):
            yield _Spot("shared-state", f"{name} {_HOLDS}", token)

    def _taken_apart(self, index: int) -> list[Token]:
        """Return the value of which a name takes a part: `({ name } = …)`, `[name] = …`; nothing elsewhere."""
        at = index - 1
        while at > 0 and self.tokens[at].value not in {"{", "[", "(", ";"}:
            at = self.file.partner.get(at, at) - 1 if self.tokens[at].kind == "sign" else at - 1
        before, close = self.tokens[at - 1], self.file.partner.get(at, len(self.tokens))
        is_pattern = self.tokens[at].value in {"{", "["} and before.kind == "sign" and before.value not in {")", "]"}
        if not is_pattern or close + 1 >= len(self.tokens) or self.tokens[close + 1].value != "=":
            return []
        return self.file.value_of(close + 1)

    def _own(self, index: int, body: Body) -> Iterator[_Spot]:
        """Look at what methods change of an object that outlives the request, and at the environment."""
        name = self.tokens[index].value
        if name == "process" and self.file.dotted(index + 2) == "process.env":
            end = index + 4 if self.tokens[index + 3].value == "." else self.file.partner.get(index + 3, index)
            if self.tokens[end + 1].value == "=" and self._mentions(self.file.value_of(end + 1), self.requested):
                what = "the environment of the worker thread holds what this request brought"
                yield _Spot("process-setting", what, self.tokens[index])
        is_kept = any(start < index < end for start, end in self.kept)
        outermost = [*body.within()][-1].name
        if name == "this" and is_kept and outermost != "constructor" and self.tokens[index + 1].value == ".":
            yield from self._of_this(index)

    def _of_this(self, index: int) -> Iterator[_Spot]:
        said = f"this.{self.tokens[index + 2].value}"
        at, token = index + 3, self.tokens[index]
        after = self.tokens[at].value
        if after in _ASSIGNING or after in {"++", "--"}:
            yield _Spot("shared-state", f"{said} counts on from request to request, in each worker thread", token)
        elif after == "=" and self._mentions(self.file.value_of(at), self.requested):
            yield _Spot("shared-state", f"{said} {_HOLDS}", token)
        elif (
            after == "."
            and self.tokens[at + 1].value in _MUTATORS - {"set", "delete"}
            and self.tokens[at + 2].value == "("
        ):
            yield _Spot("shared-state", f"{said}, which all requests of the thread share, is changed by each", token)

    def _assigned(self, index: int, name: str, body: Body) -> Iterator[_Spot]:
        value = self.file.value_of(index)
        if self.file.top[name][0] == "const" or (len(value) == 1 and value[0].value in _CONSTANT | {"0"}):
            return
        if len(value) == 1 and value[0].kind in {"text", "number"}:
            return
        if self._mentions(value, {name}) and not any(one.value in {"??", "||"} for one in value):
            yield _Spot(
                "shared-state", f"{name} counts on from request to request, in each worker thread", self.tokens[index]
            )
        elif self._mentions(value, self.requested - {name}):
            yield _Spot("shared-state", f"{name} {_HOLDS}", self.tokens[index])
        elif any(one.value in {"Date", "randomUUID", "random"} for one in value) and not self._is_guarded(
            name, body, index
        ):
            yield _Spot(
                "shared-state", f"{name} is set anew by each request, for all of the thread", self.tokens[index]
            )

    def _member(self, index: int, name: str, body: Body) -> Iterator[_Spot]:
        """Look at `name.x = …`, `name[x] = …` and `name.push(…)`, through as many members as there are."""
        at, member = index + 1, ""
        while at < len(self.tokens) and self.tokens[at].value in {".", "?.", "["}:
            if self.tokens[at].value == "[":
                at = self.file.partner.get(at, at) + 1
                member = "[]"
            else:
                member = self.tokens[at + 1].value
                at += 2
        after = self.tokens[at].value if at < len(self.tokens) else ""
        token = self.tokens[index]
        is_container = name in self.file.imports or name in {"globalThis", "global"} or self._is_container(name)
        if after == "(" and member in _MUTATORS and is_container:
            yield from self._mutated(index, name, member, at)
        elif after in _ASSIGNING or after in {"++", "--"}:
            yield _Spot("shared-state", f"{name} counts on from request to request, in each worker thread", token)
        elif after == "=" and (is_container or self._mentions(self.file.value_of(at), self.requested)):
            value = self.tokens[at + 1 : self.file.end_of(at + 1)]
            key = self.tokens[index + 1 : at]
            if self._is_memo(name, body):
                if self._mentions(key, self.requested):
                    yield _Spot("worker-cache", f"{name} grows with every new key, in each worker thread", token)
                return
            if self._mentions(value, self.requested) or self._mentions(key, self.requested):
                yield _Spot("shared-state", f"{name} holds what this request brought, for all of the thread", token)

    def _mutated(self, index: int, name: str, member: str, opening: int) -> Iterator[_Spot]:
        body = self.file.owners[index]
        given = [token for one in self.file.arguments(opening) for token in one]
        token = self.tokens[index]
        if member == "set" and body is not None and self._is_memo(name, body):
            if self._mentions(given, self.requested):
                yield _Spot("worker-cache", f"{name} grows with every new key, in each worker thread", token)
        elif member != "set" or self._mentions(given, self.requested):
            yield _Spot("shared-state", f"{name}, which all requests of the thread share, is changed by each", token)

    def _is_container(self, name: str) -> bool:
        value = self.file.top.get(name, ("", []))[1]
        if not value:
            return False
        is_made = (
            value[0].value == "new"
            and len(value) > 1
            and value[1].value in {"Map", "Set", "Array", "WeakMap", "Object"}
        )
        return value[0].value in _CONTAINER or is_made

    def _is_memo(self, name: str, body: Body) -> bool:
        """Return whether what is kept is looked up first, and handed out again."""
        asks = reads = False
        for index in range(body.start, body.end):
            if self.tokens[index].value != name or index + 2 >= len(self.tokens):
                continue
            member = self.tokens[index + 2].value
            asks = asks or (self.tokens[index + 1].value == "." and member in {"has", "get"})
            if self.tokens[index + 1].value == "." and member == "get":
                reads = True
            if self.tokens[index + 1].value == "[":
                close = self.file.partner.get(index + 1, index + 1)
                if self.tokens[close + 1].value != "=":
                    asks = reads = True
            if self.tokens[index - 1].value == "in":
                asks = True
        return asks and reads

    def _is_guarded(self, name: str, body: Body, index: int) -> bool:
        """Return whether a condition before it in the function asks for the name."""
        for at in range(body.start, index):
            if self.tokens[at].value == "if" and at + 1 in self.file.partner:
                inside = self.tokens[at + 2 : self.file.partner[at + 1]]
                if any(one.value == name or one.value in self.file.top for one in inside if one.kind == "name"):
                    return True
        return False

    def _calls(self, index: int, body: Body) -> Iterator[_Spot]:
        full, token = self.file.full(index), self.tokens[index]
        is_new = self._is_made(index)
        if full in _IN_THREADS and not (full == "process.umask" and self.tokens[index + 2].value == ")"):
            yield _Spot("worker-thread", _IN_THREADS[full], token)
        elif _BLOCKING.match(full):
            yield _Spot("blocking-call", f"{token.value} holds up all requests of the worker thread", token)
        elif full == "setInterval":
            yield _Spot("background-work", "setInterval goes on after the answer", token)
        elif self._is_kept(index, body):
            return
        elif (_CONNECTION.match(full) and (is_new or not _MADE_BY_NEW.match(full))) or (
            is_new and _MADE_BY_NEW.match(full)
        ):
            yield _Spot("connection-per-request", f"{token.value} opens a connection for each request", token)
        elif (is_new and _AWS_CLIENT.match(full)) or _HTTP_CLIENT.match(full):
            yield _Spot("client-per-request", f"{token.value} makes a client for each request", token)

    def _is_kept(self, index: int, body: Body) -> bool:
        """Return whether what is made is assigned to a name, or put into a container, of the module."""
        at = index
        while at > body.start and self.tokens[at].value not in {"=", "??=", "||=", ";", "{", "return"}:
            at -= 1
        sign = self.tokens[at].value
        if sign in {"??=", "||="}:
            return True
        if sign != "=":
            return any(self.tokens[one].value == "set" for one in range(max(at, index - 8), index))
        name_at = at - 1
        if self.tokens[name_at].value == "]" and name_at in self.file.partner:
            name_at = self.file.partner[name_at] - 1
        first = self.file.dotted(name_at).partition(".")[0]
        if first in self.file.top and not self.file.is_local(first, name_at):
            return True
        # A local name that is put into a container or name of the module afterwards.
        local = self.tokens[name_at].value
        for later in range(index, body.end):
            if self.tokens[later].value == local and self.tokens[later - 1].value in {"=", ","}:
                start = later
                while start > index and self.tokens[start].value not in {";", "{", "}"}:
                    start -= 1
                if any(one.value in self.file.top for one in self.tokens[start:later] if one.kind == "name"):
                    return True
        return False

    def _writes(self, index: int, *, is_init: bool) -> Iterator[_Spot]:
        for rule, name in written(self.file, index, self.requested):
            who = "every worker thread writes it as it starts" if is_init else "requests at the same time write it, too"
            if rule == "tmp-name-of-request":
                who = "two requests may bring the same name"
            yield _Spot(rule, f"{self.tokens[index].value} changes {name}: {who}", self.tokens[index])

    def _is_called(self, index: int) -> bool:
        return index + 1 < len(self.tokens) and self.tokens[index + 1].value == "(" and not self._is_made(index)

    def _is_made(self, index: int) -> bool:
        begin = index - 2 * self.file.dotted(index).count(".")
        return begin > 0 and self.tokens[begin - 1].value == "new" and self.tokens[index + 1].value not in {".", "?."}

    def _mentions(self, value: list[Token], names: set[str]) -> bool:
        for place, one in enumerate(value):
            if one.kind == "name" and one.value in names and (place == 0 or value[place - 1].value not in {".", "?."}):
                return True
            inner = [part for part in one.parts if isinstance(part, tuple)]
            if any(self._mentions(list(part), names) for part in inner):
                return True
        return False
