"""A file of a Node.js function: its tokens, functions, imports, what it declares at the top, and who runs when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from posixpath import dirname, join, normpath

from lambent.insight.migration.code_files import CodeFiles
from lambent.insight.migration.node.tokens import Body, Token, bodies, pairs, tokens

SUFFIXES = ("", ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", "/index.js", "/index.mjs", "/index.cjs", "/index.ts")
_DECLARED = frozenset({"let", "var", "const"})


@dataclass(eq=False)
class JsFile:
    """A file; `imports` are names by what they stand for: `pg.Client`, `@aws-sdk/client-s3.S3Client`, `./state`."""

    name: str
    lines: tuple[str, ...]
    tokens: list[Token]
    imports: dict[str, str] = field(default_factory=dict)

    @cached_property
    def partner(self) -> dict[int, int]:
        """Where each bracket closes or opens."""
        return pairs(self.tokens)

    @cached_property
    def bodies(self) -> list[Body]:
        """The functions, each with the names that are its own."""
        listed = bodies(self.tokens, self.partner)
        for body in listed:
            body.names.update(body.parameters)
        for index, token in enumerate(self.tokens):
            here = body_at(listed, index)
            if here is not None and token.value in _DECLARED and token.kind == "name":
                here.names.update(self.declared(index))
        return listed

    @cached_property
    def owners(self) -> list[Body | None]:
        """The innermost function of each token, None at the top."""
        found: list[Body | None] = [None] * len(self.tokens)
        for body in self.bodies:  # in the order in which they begin: inner ones overwrite
            for index in range(body.start, body.end + 1):
                found[index] = body
        return found

    @cached_property
    def top(self) -> dict[str, tuple[str, list[Token]]]:
        """The names that are declared at the top: by which word, and the tokens of their value."""
        found: dict[str, tuple[str, list[Token]]] = {}
        for index, token in enumerate(self.tokens):
            if token.value in _DECLARED and token.kind == "name" and self.owners[index] is None:
                value = self.value_of(index)
                for name in self.declared(index):
                    found[name] = (token.value, value)
        return found

    @cached_property
    def classes(self) -> dict[str, tuple[int, int]]:
        """The classes, by name, with where their bodies begin and end."""
        found: dict[str, tuple[int, int]] = {}
        for index, token in enumerate(self.tokens[:-1]):
            if token.kind == "name" and token.value == "class" and self.tokens[index + 1].kind == "name":
                at = index + 2
                while at < len(self.tokens) and self.tokens[at].value != "{":
                    at += 1
                if at in self.partner:
                    found[self.tokens[index + 1].value] = (at, self.partner[at])
        return found

    @cached_property
    def made_at_top(self) -> set[str]:
        """The names of which `new` makes an object while the module is loaded."""
        return {
            self.tokens[index + 1].value
            for index, token in enumerate(self.tokens[:-1])
            if token.kind == "name" and token.value == "new" and self.owners[index] is None
        }

    def declared(self, index: int) -> Iterator[str]:
        """Yield the names that a declaration at `index` makes known."""
        at = index + 1
        if at < len(self.tokens) and self.tokens[at].value in {"{", "["} and at in self.partner:
            inside = self.tokens[at + 1 : self.partner[at]]
            yield from (
                one.value
                for place, one in enumerate(inside)
                if one.kind == "name" and (place + 1 == len(inside) or inside[place + 1].value != ":")
            )
        elif at < len(self.tokens) and self.tokens[at].kind == "name":
            yield self.tokens[at].value
            end = self.end_of(at + 1)
            if end < len(self.tokens) and self.tokens[end].value == ",":  # let a = 1, b = 2
                yield from self.declared(end)

    def value_of(self, index: int) -> list[Token]:
        """Return the tokens of the value that a declaration or an assignment at `index` gives."""
        at = index
        while at < len(self.tokens) and self.tokens[at].value not in {"=", "??=", "||=", ";", "of", "in"}:
            at = self.partner[at] + 1 if self.tokens[at].value in {"{", "["} and at in self.partner else at + 1
        return self.tokens[at + 1 : self.end_of(at + 1)]

    def end_of(self, at: int) -> int:
        """Return where the expression at `at` ends: a comma, a semicolon, a bracket, or a line that begins anew."""
        start = at
        while at < len(self.tokens):
            token = self.tokens[at]
            if token.kind == "sign" and token.value in {",", ";", ")", "]", "}"}:
                return at
            if at > start and token.line > self.tokens[at - 1].line and self._begins_anew(at):
                return at
            is_open = token.kind == "sign" and token.value in {"(", "[", "{"}
            at = self.partner.get(at, at) + 1 if is_open else at + 1
        return at

    def _begins_anew(self, at: int) -> bool:
        before, token = self.tokens[at - 1], self.tokens[at]
        ends = before.kind != "sign" or before.value in {")", "]", "}"}
        return ends and (token.kind == "name" or token.value in {"++", "--"}) and token.value not in {"in", "of", "as"}

    def arguments(self, opening: int) -> list[list[Token]]:
        """Return the arguments of a call whose bracket opens at `opening`."""
        found: list[list[Token]] = []
        at, close = opening + 1, self.partner.get(opening, opening)
        while at < close:
            begin = at
            while at < close and self.tokens[at].value != ",":
                is_open = self.tokens[at].kind == "sign" and self.tokens[at].value in {"(", "[", "{"}
                at = self.partner.get(at, at) + 1 if is_open else at + 1
            found.append(self.tokens[begin:at])
            at += 1
        return found

    def is_local(self, name: str, index: int) -> bool:
        """Return whether a name at `index` is that of a function around it."""
        here = self.owners[index]
        return here is not None and any(name in one.names for one in here.within())

    def dotted(self, index: int) -> str:
        """Return the names before and at `index` that dots put together: `this.client`, `fs.promises.writeFile`."""
        found = self.tokens[index].value
        at = index - 1
        while at > 0 and self.tokens[at].value in {".", "?."} and self.tokens[at - 1].kind == "name":
            found = f"{self.tokens[at - 1].value}.{found}"
            at -= 2
        return found

    def full(self, index: int) -> str:
        """Return what a dotted name stands for where it was imported from."""
        name = self.dotted(index)
        first, dot, rest = name.partition(".")
        begin = index - 2 * name.count(".")
        if self.is_local(first, begin):
            return name
        return f"{self.imports.get(first, first)}{dot}{rest}".replace("node:", "")


def body_at(listed: list[Body], index: int) -> Body | None:
    """Return the innermost function that a token is of."""
    found = [one for one in listed if one.start <= index <= one.end]
    return max(found, key=lambda one: one.start, default=None)


def read_files(files: CodeFiles, handler: str) -> list[JsFile]:
    """Return the handler's file and those of its own that it imports; nothing where there is none."""
    folder, slash, last = handler.rpartition("/")
    stem = f"{folder}{slash}{last.partition('.')[0]}"
    first = _resolved(files, stem)
    found: list[JsFile] = []
    waiting = [first] if first else []
    for name in waiting:
        text = files.texts[name]
        file = JsFile(name, tuple(text.splitlines()), tokens(text))
        file.imports.update(_imports(file))
        found.append(file)
        for full in file.imports.values():
            if full.startswith("."):
                path = (
                    re.sub(r"(?<=\w)\.[A-Za-z_$][\w$]*\Z", "", full)
                    if _resolved(files, _beside(name, full)) is None
                    else full
                )
                inner = _resolved(files, _beside(name, path))
                if inner is not None and inner not in waiting:
                    waiting.append(inner)
    return found


def _beside(name: str, path: str) -> str:
    return normpath(join(dirname(name), path))


def _resolved(files: CodeFiles, stem: str) -> str | None:
    stem = stem.removeprefix("./")
    candidates = [f"{stem}{suffix}" for suffix in SUFFIXES]
    if stem.endswith((".js", ".mjs")):  # TypeScript names what it is compiled to
        candidates += [re.sub(r"\.(m?)js\Z", r".\1ts", stem)]
    return next((one for one in candidates if one in files.texts), None)


def _imports(file: JsFile) -> Iterator[tuple[str, str]]:
    """Yield the names that imports and requires make known, with what they stand for."""
    listed = file.tokens
    for index, token in enumerate(listed):
        if token.value == "import" and token.kind == "name":
            end = next((at for at in range(index, min(index + 200, len(listed))) if listed[at].kind == "text"), None)
            if end is not None and all(one.value not in {";", "("} for one in listed[index:end]):
                yield from _named(listed[index + 1 : end], listed[end].value, "as")
                if end == index + 1:
                    yield f" {listed[end].value}", listed[end].value
        elif token.value == "require" and index + 2 < len(listed) and listed[index + 2].kind == "text":
            module = listed[index + 2].value
            start = index - 1
            while start > 0 and listed[start].value not in _DECLARED and listed[start].value not in {";", "("}:
                start -= 1
            rest = file.tokens[index + 4 : index + 6]
            if len(rest) == 2 and rest[0].value == ".":
                module = f"{module}.{rest[1].value}"
            yield from _named(listed[start + 1 : index - 1], module, ":")
            yield f" {module}", module


def _named(clause: list[Token], module: str, rename: str) -> Iterator[tuple[str, str]]:
    is_inside, at = False, 0
    while at < len(clause):
        token = clause[at]
        if token.value in {"{", "}"}:
            is_inside = token.value == "{"
        elif token.value == "*" and at + 2 < len(clause):
            yield clause[at + 2].value, module
            at += 2
        elif token.kind == "name" and token.value not in {"type", "from"}:
            local, full = token.value, f"{module}.{token.value}" if is_inside else module
            if at + 2 < len(clause) and clause[at + 1].value == rename:
                local = clause[at + 2].value
                at += 2
            yield local, full
        at += 1
