"""Files in /tmp that Node.js functions write under names that another request at the same time writes, too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lambent.insight.migration.node.source import JsFile
from lambent.insight.migration.node.tokens import Token
from lambent.insight.migration.python.temporary import judged, shown
from lambent.insight.migration.python.texts import Hole, Text, merged

# What writes, by the last part of its name, and which argument says where.
_WRITERS = {
    "writeFile": 0, "writeFileSync": 0, "appendFile": 0, "appendFileSync": 0, "createWriteStream": 0, "copyFile": 1,
    "copyFileSync": 1, "rm": 0, "rmSync": 0, "unlink": 0, "unlinkSync": 0, "truncate": 0, "truncateSync": 0, "cp": 1,
    "cpSync": 1, "writeJson": 0, "writeJSON": 0, "outputFile": 0, "outputJson": 0, "symlink": 1, "symlinkSync": 1,
    "rename": 1, "renameSync": 1, "toFile": 0, "saveAs": 0, "outputFileSync": 0, "writeJsonSync": 0,
}  # fmt: skip
_OPENERS = {"open": 1, "openSync": 1}
_PROGRAMS = frozenset({"exec", "execSync", "spawn", "spawnSync", "execFile", "execFileSync", "execa", "execaSync"})
_UNIQUE = re.compile(
    r"(randomUUID|uuid|uuidv4|v4|v1|v7|nanoid|ulid|randomBytes|random|awsRequestId|requestId|messageId|mkdtemp|"
    r"mkdtempSync|cuid|createId|eventID|invocationId|hrtime|tmpNameSync|dirSync|fileSync)\Z"
)
_TIME = frozenset({"Date", "now"})
_JOIN = re.compile(r"(path\.)?(posix\.)?(join|resolve)\Z")
_IN_COMMAND = re.compile(r"(?:^|[\s=<>'\"])(/tmp/[^\s'\";|&<>]+)")
_DEEPEST = 6


def written(file: JsFile, index: int, requested: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the rule and the name of each file in /tmp that the call at `index` writes."""
    name = file.full(index).rpartition(".")[2]
    if name not in _WRITERS and name not in _OPENERS and name not in _PROGRAMS:
        return
    given = file.arguments(index + 1)
    reader = _Texts(file, requested)
    if name in _PROGRAMS:
        if "child_process" in file.full(index) or name.startswith("execa"):
            yield from _commanded(given, reader, index)
        return
    if name in _OPENERS and not (
        len(given) > 1 and any(re.search("[wax+]", one.value) for one in given[1] if one.kind == "text")
    ):
        return
    place = given[_WRITERS.get(name, 0)] if len(given) > _WRITERS.get(name, 0) else []
    text = reader.of(place, index)
    rule = judged(text, is_relative_to_tmp=False) if text else None
    if rule is not None:
        yield rule, shown(text)


def _commanded(given: Sequence[Sequence[Token]], reader: _Texts, index: int) -> Iterator[tuple[str, str]]:
    for one in given:
        parts = [part for part in one if part.kind in {"text", "template"}] or list(one)
        for part in parts:
            text = reader.of([part], index)
            if text and all(isinstance(each, str) for each in text):
                for match in _IN_COMMAND.finditer("".join(str(each) for each in text)):
                    yield "fixed-tmp-name", match[1]


class _Texts:
    """Reads what a name of a file can be."""

    def __init__(self, file: JsFile, requested: set[str]) -> None:
        self._file = file
        self._requested = requested

    def of(self, value: Sequence[Token], index: int, depth: int = 0) -> Text:
        """Return the text of an expression; holes stand for what is not known."""
        if not value or depth > _DEEPEST:
            return (Hole.UNKNOWN,)
        terms: list[list[Token]] = []
        current: list[Token] = []
        level = 0
        for token in value:
            is_sign = token.kind == "sign"
            level += 1 if is_sign and token.value in "([{" else -1 if is_sign and token.value in ")]}" else 0
            if level == 0 and is_sign and token.value == "+":
                terms.append(current)
                current = []
            else:
                current.append(token)
        parts = [self._term(term, index, depth) for term in (*terms, current) if term]
        return merged([piece for part in parts for piece in part])

    def _term(self, term: list[Token], index: int, depth: int) -> Text:
        first = term[0]
        if len(term) == 1 and first.kind in {"text", "number"}:
            return (first.value,)
        if len(term) == 1 and first.kind == "template":
            pieces = [(part,) if isinstance(part, str) else self.of(part, index, depth + 1) for part in first.parts]
            return merged([piece for one in pieces for piece in one if piece != ""])
        names = [one.value for one in term if one.kind == "name"]
        if any(_UNIQUE.match(name) for name in names):
            return (Hole.UNIQUE,)
        call = self._call(term, names, index, depth)
        if call is not None:
            return call
        if len(names) == 1 and len(term) == 1:
            return self._name(names[0], index, depth)
        if set(names) & _TIME:
            return (Hole.TIME,)
        if names[:3] == ["process", "pid"]:
            return ("pid",)  # one process for all worker threads
        return (Hole.REQUEST,) if set(names) & self._requested else (Hole.UNKNOWN,)

    def _call(self, term: list[Token], names: list[str], index: int, depth: int) -> Text | None:
        """Return what `path.join(…)`, `os.tmpdir()` and the like come to, None for other calls."""
        opening = next((at for at, one in enumerate(term) if one.value == "(" and one.kind == "sign"), None)
        if opening is None:
            return None
        called = ".".join(one.value for one in term[:opening] if one.kind == "name")
        inside = term[opening + 1 : -1]
        if called.endswith("tmpdir"):
            return ("/tmp",)
        if called in {"String", "encodeURIComponent", "decodeURIComponent"} or called.endswith("basename"):
            return self.of(inside, index, depth + 1)
        if not _JOIN.search(called):
            return None
        pieces: list[str | Hole] = []
        for one in _split(inside):
            pieces += [*(["/"] if pieces else []), *self.of(one, index, depth + 1)]
        return merged(pieces)

    def _name(self, name: str, index: int, depth: int) -> Text:
        """Return what a constant of the function, or of the module, stands for."""
        file = self._file
        if file.is_local(name, index):
            for at in range(index, 0, -1):
                token = file.tokens[at]
                if token.kind == "name" and token.value in {"const", "let", "var"} and name in file.declared(at):
                    return self.of(file.value_of(at), at, depth + 1)
        elif name in file.top:
            return self.of(file.top[name][1], index, depth + 1)
        return (Hole.REQUEST,) if name in self._requested else (Hole.UNKNOWN,)


def _split(value: Sequence[Token]) -> list[list[Token]]:
    found: list[list[Token]] = [[]]
    level = 0
    for token in value:
        is_sign = token.kind == "sign"
        level += 1 if is_sign and token.value in "([{" else -1 if is_sign and token.value in ")]}" else 0
        if level == 0 and is_sign and token.value == ",":
            found.append([])
        else:
            found[-1].append(token)
    return [one for one in found if one]
