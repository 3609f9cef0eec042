"""A document → System: what pydantic says is wrong, told with its place, in words, with what would be right."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from lambent.base.diagnostics import Diagnostic, Severity
from lambent.manifest.checks.providers import architecture_problem, scaling_problem
from lambent.manifest.checks.rules import RULES
from lambent.manifest.sources import Path, Sources
from lambent.manifest.system import System
from lambent.manifest.words import did_you_mean

# What AWS calls the members that hold words from a list; its message names them.
_AWS_NAMES = {"architecture": "architectures"}
# Words whose message is not that of every list of words.
_OWN_PROBLEMS = {
    ("capacity_providers", "architecture"): architecture_problem,
    ("capacity_providers", "scaling"): scaling_problem,
}
_WANTED = {
    "int_type": "a whole number", "int_parsing": "a whole number", "int_from_float": "a whole number",
    "float_type": "a number", "bool_type": "true or false", "string_type": "text", "text_type": "text",
    "list_type": "a list", "tuple_type": "a list", "dict_type": "a mapping", "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}  # fmt: skip


def parse(document: Mapping[str, Any], sources: Sources) -> tuple[System | None, list[Diagnostic]]:  # Any: YAML values
    """Return the system that the document is, or None with everything that is wrong with it."""
    try:
        return System.model_validate(document), []
    except ValidationError as error:
        found = [_diagnostic(one, document, sources) for one in error.errors(include_url=False)]
        return None, list(dict.fromkeys(found))


def _diagnostic(error: Any, document: Mapping[str, Any], sources: Sources) -> Diagnostic:  # Any: pydantic's and YAML's
    kind, path = str(error["type"]), document_path(error["loc"], document)
    name = str(path[-1]) if path else "the manifest"
    if kind == "missing":
        return _missing(path, name, sources)
    if kind == "extra_forbidden":
        return _unknown(path, name, sources)
    if kind == "literal_error":
        return _word(path, name, error, sources)
    span = sources.span(*path)
    if kind == "bad_reference":
        advice = "Write ${functions.NAME.arn}, ${parameters.NAME}, ${stacks.STACK.OUTPUT} …, or $${ for a literal ${."
        return Diagnostic(Severity.ERROR, "bad-reference", f"`{name}`: {error['msg']}", span, advice)
    wanted = _WANTED.get(kind)
    if wanted is None:
        return Diagnostic(Severity.ERROR, "value", f"`{name}`: {error['msg']}", span)
    return Diagnostic(Severity.ERROR, "type", f"`{name}` is {_told(error['input'])}, but has to be {wanted}", span)


def document_path(location: Path, document: Any) -> Path:  # Any: YAML values
    """Return the location as the document has it: pydantic's own names of union members are left out."""
    found: list[str | int] = []
    value: Any = document  # Any: JSON-shaped values
    for index, part in enumerate(location):
        is_there = (isinstance(value, dict) and part in value) or (
            isinstance(value, list) and isinstance(part, int) and part < len(value)
        )
        if is_there:
            value = value[part]
        elif not (isinstance(value, dict) and index == len(location) - 1):
            continue
        found.append(part)
    return tuple(found)


def _missing(path: Path, name: str, sources: Sources) -> Diagnostic:
    where = ".".join(str(part) for part in path[:-1]) or "the manifest"
    advice = {"stack": "Name it at the top: `stack: NAME`.", "code": "Name a folder: `code: src`."}.get(name, "")
    message = f"{where} needs `{name}`"
    return Diagnostic(Severity.ERROR, "missing-key", message, sources.span(*path[:-1], key=True), advice)


def _unknown(path: Path, name: str, sources: Sources) -> Diagnostic:
    known = _known_keys(path[:-1])
    advice = did_you_mean(name, known, otherwise=f"Keys here: {', '.join(sorted(known))}.")
    where = f" of {'.'.join(str(part) for part in path[:-1])}" if len(path) > 1 else ""
    return Diagnostic(
        Severity.ERROR, "unknown-key", f"`{name}` is no key{where}", sources.span(*path, key=True), advice
    )


def _word(path: Path, name: str, error: Any, sources: Sources) -> Diagnostic:  # Any: pydantic's
    allowed = [word.strip().strip("'") for word in str(error["ctx"]["expected"]).replace(" or ", ", ").split(", ")]
    given = str(error["input"])
    own = _OWN_PROBLEMS.get((str(path[0]), name)) if len(path) == 3 else None
    if own is not None:
        rule, message, advice = own(given)
        return RULES[rule].found(message, sources.span(*path), advice)
    listed = ", ".join(allowed)
    advice = did_you_mean(given, allowed, otherwise=f"Write one of {listed}.").replace("Did you mean", "Write")
    message = (
        f"Value '{given}' at '{_AWS_NAMES.get(name, name)}' failed to satisfy constraint: Member must satisfy enum value "  # noqa: E501 - in one piece, to be searched for
        f"set: [{listed}]"
    )
    return Diagnostic(Severity.ERROR, "word", message, sources.span(*path), advice.replace("`?", "`."))


def _known_keys(path: Path) -> list[str]:
    """Return the keys of the model that stands at a path of the manifest."""
    kind: Any = System  # Any: a type of the model
    for part in path:
        kind = _inside(kind, part)
    kind = _bare(kind)
    return list(kind.model_fields) if _is_model(kind) else []


def _inside(kind: Any, part: str | int) -> Any:  # Any: a type of the model
    """Return the type of what stands at `part` in a value of type `kind`."""
    kind = _bare(kind)
    if _is_model(kind):
        field = kind.model_fields.get(part)
        return None if field is None else field.annotation
    arguments = get_args(kind)
    return arguments[-1] if get_origin(kind) is dict else arguments[0] if arguments else None


def _bare(kind: Any) -> Any:  # Any: a type of the model
    """Return a type without what stands around it: the model or mapping of a union, the type of an Annotated."""
    while get_origin(kind) is Annotated or get_origin(kind) in {Union, UnionType}:
        arguments = get_args(kind)[:1] if get_origin(kind) is Annotated else get_args(kind)
        kind = next((one for one in arguments if _is_model(one) or get_origin(one) is dict), arguments[0])
    return kind


def _is_model(kind: Any) -> bool:  # Any: as above
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _told(value: object) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return "true" if value else "false"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case str():
            return f"the text {value!r}"
        case _:
            return f"the number {value}"
