"""Parameters: the values given with `--set`, and their place in the rest of the manifest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lambent.base.diagnostics import Diagnostic, Severity
from lambent.manifest.sources import Path, Sources
from lambent.manifest.words import did_you_mean

Value = Any  # Any: text, numbers, booleans, None, lists and mappings of them
_REFERENCE = re.compile(r"(?<!\$)\$\{\s*parameters\.([A-Za-z0-9_-]+)\s*\}")


def chosen(declared: Value, given: Mapping[str, str], sources: Sources, found: list[Diagnostic]) -> dict[str, Value]:
    """Return the value of every parameter that has one; what is wrong with them goes to `found`.

    Secret ones are left out: they stay references, and become parameters of the template.
    """
    declarations = declared if isinstance(declared, dict) else {}
    for name in given:
        if name not in declarations:
            known = ", ".join(declarations) or "none"
            advice = did_you_mean(name, declarations, otherwise=f"Parameters of this manifest: {known}.")
            message = f"--set {name}: there is no parameter of that name"
            found.append(Diagnostic(Severity.ERROR, "unknown-parameter", message, sources.span("parameters"), advice))
    values: dict[str, Value] = {}
    for name, body in declarations.items():
        if not isinstance(body, dict):
            continue  # the model says what is wrong with it
        value = _value(name, body, given, sources, found)
        if value is not None and body.get("secret") is not True:
            values[name] = value
    return values


def _value(
    name: str, body: dict[str, Value], given: Mapping[str, str], sources: Sources, found: list[Diagnostic]
) -> Value:
    kind = body.get("type", "string")
    text = given.get(name)
    if text is None and body.get("default") is None:
        advice = f"Give it with --set {name}=VALUE, or give it a default."
        found.append(
            _error("missing-parameter", f"parameter {name} has no value", sources, ("parameters", name), advice)
        )
        return None
    try:
        value = body["default"] if text is None else _typed(text, kind)
    except ValueError:
        found.append(
            _error(
                "bad-parameter", f"parameter {name}: {_shown(text, body)} is no {kind}", sources, ("parameters", name)
            )
        )
        return None
    found.extend(
        _error("bad-parameter", f"parameter {name}: {_shown(value, body)} {problem}", sources, ("parameters", name))
        for problem in _problems(value, body)
    )
    return value


def _shown(value: Value, body: dict[str, Value]) -> str:
    return "its value" if _is_hidden(body) else repr(value)


def _is_hidden(body: dict[str, Value]) -> bool:
    # A finding ends up in terminals and in logs of builds. A `secret` that is not yet rightly written is meant as one.
    return body.get("secret", False) is not False


def _typed(text: str, kind: str) -> Value:
    match kind:
        case "number":
            return float(text) if "." in text else int(text)
        case "boolean":
            if text.lower() not in {"true", "false"}:
                raise ValueError(text)
            return text.lower() == "true"
        case "list":
            return [part.strip() for part in text.split(",")] if text else []
        case _:
            return text


def _problems(value: Value, body: dict[str, Value]) -> Iterator[str]:
    allowed = body.get("allowed")
    if isinstance(allowed, list) and value not in allowed:
        known = ", ".join(str(one) for one in allowed)
        yield "is none of those allowed" if _is_hidden(body) else f"is not one of {known}"
    pattern = body.get("pattern")
    if isinstance(pattern, str):
        try:
            if not re.fullmatch(pattern, str(value)):
                yield f"does not match {pattern}"
        except re.error as error:
            yield f"cannot be checked: {pattern} is no regular expression ({error})"


def substituted(value: Value, values: Mapping[str, Value]) -> Value:
    """Return the value with its parameters put in; a text that is nothing but a reference takes the value's type."""
    if isinstance(value, str):
        return _in_text(value, values) if "${" in value else value
    if isinstance(value, list):
        return [substituted(one, values) for one in value]
    if isinstance(value, dict):
        return {key: substituted(inner, values) for key, inner in value.items()}
    return value


def _in_text(text: str, values: Mapping[str, Value]) -> Value:
    whole = _REFERENCE.fullmatch(text)
    if whole and whole[1] in values:
        return values[whole[1]]

    def put(match: re.Match[str]) -> str:
        if match[1] not in values:
            return match[0]  # a secret one, or one that the references' check knows nothing of
        value = values[match[1]]
        return ("true" if value else "false") if isinstance(value, bool) else str(value)

    return _REFERENCE.sub(put, text)


def _error(rule: str, message: str, sources: Sources, path: Path, advice: str = "") -> Diagnostic:
    return Diagnostic(Severity.ERROR, rule, message, sources.span(*path, key=True), advice)
